//! `sys_user`: who has an account.

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
