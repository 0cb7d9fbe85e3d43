//! `sys_user_group`: who works together.

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
