//! What every request goes by and hardly anything changes: the access rules and the data policies, kept ready.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Session, StoreError};
use crate::access::Rules;
use crate::rules::Policy;

/// Tables whose rows are kept ready.
const TABLES: [&str; 3] = ["sys_security_acl", "sys_data_policy2", "sys_data_policy_rule"];

/// What is kept ready, as far as it was asked for since the rows last changed.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    rules: Mutex<Option<Arc<Rules>>>,
    policies: Mutex<Option<Arc<Vec<Policy>>>>,
}

impl Standing {
    /// Forgets it all; what is asked for next is read anew.
    pub(super) fn forget(&self) {
        *lock(&self.rules) = None;
        *lock(&self.policies) = None;
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
