//! `sys_choice`: the values that a field offers, which are each instance's own.
//!
//! ```
//! use openfactory_sn::Query;
//! use openfactory_sn::models::choice::{Choice, ELEMENT, INACTIVE, TABLE};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let codes = json!([
//!     {"sys_id": "o1", "name": "incident", "element": "close_code", "value": "Solution provided",
//!      "inactive": "false"},
//!     {"sys_id": "o2", "name": "incident", "element": "close_code", "value": "Replaced (RMA)",
//!      "inactive": "false"},
//! ]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_choice"), Reply::result(200, codes));
//! let offered = Query::new().and(TABLE.is("incident")).and(ELEMENT.is("close_code")).and(INACTIVE.is(false));
//! let mut listing = client(&instance).table::<Choice>().list(&offered)?;
//! let mut own = None;
//! while let Some(choice) = listing.try_next().await? {
//!     if choice.value.contains("RMA") {
//!         own = Some(choice.sys_id().clone());
//!     }
//! }
//! assert_eq!(own, Some(openfactory_sn::SysId::new("o2")?));
//! # Ok(())
//! # }
//! ```

use crate::record::record;

record! {
    /// A value that a field offers. Who is no administrator often sees the label alone.
    Choice in "sys_choice" {
        /// The table.
        TABLE name: String,
        /// The field.
        ELEMENT element: String,
        /// The raw value.
        VALUE value: String,
        /// What people read.
        LABEL label: String,
        /// `en` for English.
        LANGUAGE language: String,
        /// Whether it is offered no more.
        INACTIVE inactive: bool,
    }
}
