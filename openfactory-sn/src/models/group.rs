//! `sys_user_group`: who works together.
//!
//! ```
//! use openfactory_sn::Query;
//! use openfactory_sn::models::group::{Group, NAME};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let groups = json!([{"sys_id": "t1", "name": "Line 4 operations", "active": "true"}]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_user_group"), Reply::result(200, groups));
//! let mut groups = client(&instance).table::<Group>().list(&Query::new().and(NAME.is("Line 4 operations")))?;
//! let group = groups.try_next().await?.ok_or("no such group")?;
//! assert_eq!((group.sys_id().as_str(), group.active), ("t1", Some(true)));
//! # Ok(())
//! # }
//! ```

use crate::record::record;
use crate::value::Reference;

record! {
    /// Who works together.
    Group in "sys_user_group" {
        /// Its name.
        NAME name: String,
        /// In words.
        DESCRIPTION description: String,
        /// Who leads it.
        MANAGER manager: Reference,
        /// Whether work may be given to it.
        ACTIVE active: bool,
        /// E-mail address.
        EMAIL email: String,
    }
}
