//! Where a vault writes down what its keys sign, beside its own ledger.

use std::error::Error;

use crate::audit::Log;
use crate::ledger::KeyUse;

/// Takes down the use of a key before it happens.
pub trait UseRecorder: Send + Sync {
    /// Takes it down durably. What was taken down before is not taken down again.
    ///
    /// # Errors
    /// Whatever stands against it; nothing is signed then.
    fn record(&self, key_use: &KeyUse) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Into the audit log, where the index becomes the order.
impl UseRecorder for Log {
    fn record(&self, key_use: &KeyUse) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.append(&[key_use.to_entry()])?;
        Ok(())
    }
}
