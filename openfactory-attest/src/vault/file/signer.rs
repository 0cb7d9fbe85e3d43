//! A key of a vault, at work.

use std::fmt;
use std::sync::Arc;

use super::{Inner, refusal};
use crate::key::{KeyId, PublicKey, SignError, Signer};
use crate::ledger::KeyUse;
use crate::vault::{VaultError, VaultErrorKind};

/// Signs with one key of the vault. Holds no secret: the key is read for each signature and wiped after
/// it, or, where keys are encrypted, kept decrypted by the vault.
pub(super) struct VaultSigner {
    vault: Arc<Inner>,
    public: PublicKey,
}

impl VaultSigner {
    pub(super) const fn new(vault: Arc<Inner>, public: PublicKey) -> Self {
        Self { vault, public }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, VaultError> {
        let vault = &self.vault;
        // Until the signature is made nobody can revoke; whoever revoked before is seen here.
        let disk = vault.disk.lock()?;
        let state = disk.state()?;
        let key = state.get(self.key_id()).ok_or_else(|| VaultError::unknown(self.key_id()))?;
        if let Some(reason) = refusal(key) {
            vault.at_rest.forget(self.key_id());
            return Err(VaultError::new(VaultErrorKind::Revoked, reason));
        }
        let secret = vault.at_rest.read(self.key_id(), || disk.read_key(self.key_id()))?;
        let key_use = KeyUse::of_signed(*self.key_id(), message, &vault.who, vault.clock.now());
        disk.record(&key_use)?;
        if let Some(recorder) = &vault.recorder {
            recorder
                .record(&key_use)
                .map_err(|error| VaultError::unavailable("the use of the key was not recorded", error))?;
        }
        let signed = secret.sign(message);
        signed.map_err(|error| VaultError::unavailable("cannot sign", error))
    }
}

impl Signer for VaultSigner {
    fn key_id(&self) -> &KeyId {
        self.public.key_id()
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let key_id = *self.key_id();
        self.sign(message).map_err(|error| match error.kind() {
            VaultErrorKind::Revoked | VaultErrorKind::UnknownKey => {
                SignError::Refused { key_id, reason: error.to_string() }
            }
            _ => SignError::Unavailable { key_id, source: Box::new(error) },
        })
    }
}

impl fmt::Debug for VaultSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSigner").field("key_id", self.key_id()).finish_non_exhaustive()
    }
}
