//! What every request goes by and hardly anything changes: users with their roles, access rules, data policies and
//! scripted business rules, kept ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Session, StoreError};
use crate::access::{Caller, Rules};
use crate::rules::{Policy, Script};

/// Tables whose rows are kept ready.
const TABLES: [&str; 9] = [
    "sys_security_acl",
    "sys_data_policy2",
    "sys_data_policy_rule",
    "sys_user",
    "sys_user_grmember",
    "sys_user_has_role",
    "sys_group_has_role",
    // Roles and scripts are rows of tables that extend it.
    "sys_metadata",
    "sys_properties",
];

/// At most so many users are kept ready.
const USERS: usize = 10_000;

/// What is kept ready, as far as it was asked for since the rows last changed.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    rules: Mutex<Option<Arc<Rules>>>,
    policies: Mutex<Option<Arc<Vec<Policy>>>>,
    scripts: Mutex<Option<Arc<Vec<Script>>>>,
    users: Mutex<HashMap<String, Arc<Caller>>>,
}

impl Standing {
    /// Forgets it all; what is asked for next is read anew.
    pub(super) fn forget(&self) {
        *lock(&self.rules) = None;
        *lock(&self.policies) = None;
        *lock(&self.scripts) = None;
        lock(&self.users).clear();
    }
}

impl Session<'_> {
    /// The access rules.
    pub(crate) fn access_rules(&self) -> Result<Arc<Rules>, StoreError> {
        kept(&self.standing.rules, || Rules::read(self))
    }

    /// The data policies.
    pub(crate) fn data_policies(&self) -> Result<Arc<Vec<Policy>>, StoreError> {
        kept(&self.standing.policies, || Policy::all(self))
    }

    /// The business rules that stand in `sys_script`.
    pub(crate) fn scripts(&self) -> Result<Arc<Vec<Script>>, StoreError> {
        kept(&self.standing.scripts, || Script::all(self))
    }

    /// The user of this name with its roles, unless there is none or it may not log in.
    pub(crate) fn user(&self, user_name: &str) -> Result<Option<Arc<Caller>>, StoreError> {
        if let Some(user) = lock(&self.standing.users).get(user_name) {
            return Ok(Some(Arc::clone(user)));
        }
        let Some(user) = Caller::active(self, user_name)?.map(Arc::new) else { return Ok(None) };
        let mut users = lock(&self.standing.users);
        if users.len() >= USERS {
            users.clear();
        }
        users.insert(user_name.to_owned(), Arc::clone(&user));
        Ok(Some(user))
    }

    /// Notes that a row of this table changes: what was kept ready of it counts no more, and what is read of it within
    /// this transaction no longer than the transaction.
    pub(super) fn unsettle(&self, root: &str) {
        if TABLES.contains(&root) {
            self.unsettled.set(true);
            self.standing.forget();
        }
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is kept, or else what is read now.
fn kept<T>(
    kept: &Mutex<Option<Arc<T>>>,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<Arc<T>, StoreError> {
    if let Some(kept) = &*lock(kept) {
        return Ok(Arc::clone(kept));
    }
    let read = Arc::new(read()?);
    *lock(kept) = Some(Arc::clone(&read));
    Ok(read)
}
