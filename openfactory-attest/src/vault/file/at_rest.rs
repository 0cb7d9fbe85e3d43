//! How private keys are kept: as they are, or under a passphrase.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::key::{DecryptKeyError, Ed25519Key, KeyId, ParseKeyError, Passphrase, Signer as _};
use crate::vault::VaultError;

/// The passphrase, where there is one, and the keys that it has decrypted: that takes long enough to do it once.
#[derive(Default)]
pub(super) struct AtRest {
    passphrase: Option<Passphrase>,
    decrypted: Mutex<HashMap<KeyId, Arc<Ed25519Key>>>,
}

impl AtRest {
    pub(super) fn encrypted(passphrase: Passphrase) -> Self {
        Self { passphrase: Some(passphrase), decrypted: Mutex::default() }
    }

    /// A key as it is going to lie on the disk.
    pub(super) fn write(&self, key: &Ed25519Key) -> Result<Zeroizing<String>, VaultError> {
        let failed = |error| VaultError::unavailable("cannot write a key as PEM", error);
        let plain = key.to_pem().map_err(failed)?;
        Ok(Zeroizing::new(match &self.passphrase {
            None => plain.to_owned(),
            Some(passphrase) => passphrase.encrypt(&plain).map_err(failed)?,
        }))
    }

    /// The key of this id, as `file` gives it.
    pub(super) fn read(
        &self,
        key_id: &KeyId,
        file: impl FnOnce() -> Result<Zeroizing<String>, VaultError>,
    ) -> Result<Arc<Ed25519Key>, VaultError> {
        if let Some(key) = self.decrypted().get(key_id) {
            return Ok(Arc::clone(key));
        }
        let text = file()?;
        if !Passphrase::is_needed(&text) {
            return parse(&text, key_id);
        }
        let Some(passphrase) = &self.passphrase else {
            let message = format!("the key {key_id} cannot be used");
            return Err(VaultError::unavailable(message, ParseKeyError::Encrypted));
        };
        let plain = passphrase.decrypt(&text).map_err(|error| {
            let message = format!("the key {key_id} cannot be decrypted");
            match error {
                DecryptKeyError::WrongPassphrase => VaultError::unavailable(message, error),
                _ => VaultError::damaged(message).because(error),
            }
        })?;
        let key = parse(&plain, key_id)?;
        self.decrypted().insert(*key_id, Arc::clone(&key));
        Ok(key)
    }

    /// A key that signs no more.
    pub(super) fn forget(&self, key_id: &KeyId) {
        self.decrypted().remove(key_id);
    }

    fn decrypted(&self) -> MutexGuard<'_, HashMap<KeyId, Arc<Ed25519Key>>> {
        self.decrypted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(text: &str, key_id: &KeyId) -> Result<Arc<Ed25519Key>, VaultError> {
    let damaged = |reason: &str| VaultError::damaged(format!("the file of the key {key_id} {reason}"));
    let key = Ed25519Key::from_pem(text).map_err(|error| damaged("is no private key").because(error))?;
    if key.key_id() == key_id { Ok(Arc::new(key)) } else { Err(damaged("holds another key")) }
}
