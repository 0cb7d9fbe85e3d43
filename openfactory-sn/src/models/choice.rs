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

use crate::client::Client;
use crate::error::{Cause, Error, ErrorKind, QUERY_WIDENED};
use crate::query::Query;
use crate::record::{Record as _, record};

/// Advice where choices cannot be read.
const HIDDEN: &str = "who is no administrator often sees the labels of sys_choice alone, and may not ask by table and field: \
    let the integration user read name, element, value and inactive of sys_choice, or write the raw values into the \
    configuration; a label is not what a field takes";

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

impl Choice {
    /// What a field of a table offers, by the instance's own list. A table that inherits the field may have no list of its
    /// own: then the table above has it.
    ///
    /// ```
    /// use openfactory_sn::ErrorKind;
    /// use openfactory_sn::models::choice::Choice;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// // The instance shows this user nothing but labels.
    /// let labels = json!([{"sys_id": "s1", "label": "Solution provided"}]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_choice"), Reply::result(200, labels));
    /// let error = Choice::offered(&client(&instance), "incident", "close_code").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Forbidden);
    /// assert!(error.advice().contains("a label is not what a field takes"));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] if this user sees labels alone, or may not ask; the kinds of network, availability and
    /// rights.
    pub async fn offered(client: &Client, table: &str, field: &str) -> Result<Vec<Self>, Error> {
        let query = Query::new().and(TABLE.is(table)).and(ELEMENT.is(field)).and(INACTIVE.is(false));
        let hidden = |error: Error| {
            let asked = error.cause() == Some(Cause::QueryAcl) || error.advice() == QUERY_WIDENED;
            if !asked {
                return error;
            }
            let operation = format!("find the choices of {table}.{field}");
            Error::new(ErrorKind::Forbidden, operation, "values of choices are hidden from this user")
                .with_advice(HIDDEN)
                .with_source(error)
        };
        let mut found = client.table::<Self>().list(&query)?;
        let mut choices = Vec::new();
        while let Some(choice) = found.try_next().await.map_err(hidden)? {
            if !choice.row().has(VALUE.name()) {
                let unread = Error::new(ErrorKind::Decode, "read a choice", "it has no value");
                return Err(hidden(unread.with_advice(QUERY_WIDENED)));
            }
            choices.push(choice);
        }
        Ok(choices)
    }
}
