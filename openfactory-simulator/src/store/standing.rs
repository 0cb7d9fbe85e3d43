//! What every request goes by and hardly anything changes: the access rules, kept ready.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Session, StoreError};
use crate::access::Rules;

/// Tables whose rows are kept ready.
const TABLES: [&str; 1] = ["sys_security_acl"];

/// What is kept ready, as far as it was asked for since the rows last changed.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    rules: Mutex<Option<Arc<Rules>>>,
}

impl Standing {
    /// Forgets it all; what is asked for next is read anew.
    pub(super) fn forget(&self) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Session<'_> {
    /// The access rules.
    pub(crate) fn access_rules(&self) -> Result<Arc<Rules>, StoreError> {
        if let Some(rules) = &*self.standing.rules.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(rules));
        }
        let read = Arc::new(Rules::read(self)?);
        *self.standing.rules.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        Ok(read)
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
