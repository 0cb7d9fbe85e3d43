//! `sys_user`: who has an account.
//!
//! ```
//! use openfactory_sn::Query;
//! use openfactory_sn::models::user::{USER_NAME, User};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = json!([{"sys_id": "u1", "user_name": "svc_openfactory", "active": "true", "locked_out": "true"}]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/sys_user"), Reply::result(200, users));
//! let mut users = client(&instance).table::<User>().list(&Query::new().and(USER_NAME.is("svc_openfactory")))?;
//! let user = users.try_next().await?.ok_or("no such user")?;
//! assert_eq!((user.sys_id().as_str(), user.locked_out), ("u1", Some(true)), "too many failed logins");
//! # Ok(())
//! # }
//! ```

use crate::record::record;

record! {
    /// Who has an account.
    User in "sys_user" {
        /// The name to log in with.
        USER_NAME user_name: String,
        /// The name that people read.
        NAME name: String,
        /// E-mail address.
        EMAIL email: String,
        /// Whether the account can be used.
        ACTIVE active: bool,
        /// Shut out after failed logins.
        LOCKED_OUT locked_out: bool,
        /// For calls alone, not for the pages.
        WEB_SERVICE_ACCESS_ONLY web_service_access_only: bool,
    }
}
