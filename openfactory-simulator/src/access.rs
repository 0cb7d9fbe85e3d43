//! Who calls, and what the access rules let them do.
//!
//! The rules are rows of `sys_security_acl`, as on an instance: for a table, for one of its fields, or for a path of the
//! API; with roles, of which one is enough, and a condition on the row. Of the names that fit, the nearest one decides:
//! a table goes before what it extends, and everything before `*`. Without a rule that fits, only an administrator may.

mod check;
mod fields;
mod query;
mod roles;
mod rules;

use std::collections::BTreeSet;

use crate::locale::Locale;
use crate::record::Record;
use crate::store::{Session, StoreError};
pub(crate) use check::Access;
pub(crate) use rules::{Operation, Rules};

/// The role that everyone has who has any.
pub(crate) const INTERNAL_ROLE: &str = "snc_internal";

/// Who calls, with which roles, and how dates are shown to it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) sys_id: String,
    pub(crate) user_name: String,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) locale: Locale,
}

impl Caller {
    /// The instance itself, which fills tables and runs rules.
    pub(crate) fn system() -> Self {
        Self {
            sys_id: String::new(),
            user_name: "system".to_owned(),
            roles: BTreeSet::from(["admin".to_owned()]),
            locale: Locale::default(),
        }
    }

    /// The user of this name, unless there is none or it is inactive or locked out.
    pub(crate) fn active(session: &Session<'_>, user_name: &str) -> Result<Option<Self>, StoreError> {
        let user = session.by("sys_user", "user_name", user_name)?.into_iter().next();
        let Some(user) = user else { return Ok(None) };
        if user.value("active") != "true" || user.value("locked_out") == "true" {
            return Ok(None);
        }
        let roles = roles::of(session, &user)?;
        let locale = Locale::of(session, &user)?;
        Ok(Some(Self { sys_id: user.sys_id, user_name: user_name.to_owned(), roles, locale }))
    }

    /// The roles of a row of `sys_user`.
    pub(crate) fn roles_of(session: &Session<'_>, user: &Record) -> Result<BTreeSet<String>, StoreError> {
        roles::of(session, user)
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.roles.contains("admin")
    }

    pub(crate) fn holds(&self, role: &str) -> bool {
        if role == INTERNAL_ROLE { !self.roles.is_empty() } else { self.roles.contains(role) }
    }

    /// Who may set a change request's approval directly, or answer for an approver.
    pub(crate) fn may_decide(&self) -> bool {
        self.is_admin() || self.roles.contains("change_manager")
    }
}
