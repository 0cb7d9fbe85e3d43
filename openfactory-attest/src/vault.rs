//! Vaults: where private keys live, sign, and stop signing.
//!
//! A [`Vault`] keeps named keys of which nobody gets the private half: who may sign is given a
//! [`Signer`]. Every use is written down before it happens, and a key that was revoked signs nothing more from that
//! moment on, in whatever process. [`FileVault`] is one in a directory; a hardware module or a key service is another.

mod error;
mod file;
mod record;
mod state;

pub use error::{VaultError, VaultErrorKind};
pub use file::FileVault;
pub use record::UseRecorder;
pub use state::{KeyState, VaultKey};

use std::sync::Arc;
use std::time::SystemTime;

use crate::key::{KeyId, KeyKind, Signer};
use crate::ledger::KeyUse;
use crate::trust::revocation::Reason;

/// Tells the time to a vault: [`SystemTime::now`] is one.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> SystemTime;
}

impl<F: Fn() -> SystemTime + Send + Sync> Clock for F {
    fn now(&self) -> SystemTime {
        self()
    }
}

/// Named keys that sign without leaving.
///
/// A name has one current key, and all that it had before.
///
/// # Contract
/// - Private keys do not leave the vault.
/// - A use is in the ledger, durably, before the signature is given to anybody.
/// - After [`revoke`](Self::revoke) or [`rotate`](Self::rotate) has returned, no [`Signer`] of the old key signs, in
///   this process or any other, whether it was made before or after: each signature asks.
/// - Nothing is forgotten: keys that no longer sign stay listed, with why.
pub trait Vault: Send + Sync {
    /// Makes a key under a name that no key has had yet.
    ///
    /// # Errors
    /// [`VaultErrorKind::NameTaken`]; [`VaultErrorKind::NotASigningKey`] where the kind signs nothing.
    fn create(&self, name: &str, kind: KeyKind) -> Result<VaultKey, VaultError>;

    /// All keys that there ever were, in the order in which they were made.
    ///
    /// # Errors
    /// [`VaultError`] where they could not be read.
    fn keys(&self) -> Result<Vec<VaultKey>, VaultError>;

    /// The signer with this name's current key. It stays with that key: after a rotation a new one is needed.
    ///
    /// # Errors
    /// [`VaultErrorKind::UnknownKey`]; [`VaultErrorKind::Revoked`] where the name has no key that signs.
    fn signer(&self, name: &str) -> Result<Arc<dyn Signer>, VaultError>;

    /// Makes a successor under the same name, which is current from then on; the old key signs no more. Where the old
    /// key was revoked already, it stays revoked and gets its successor.
    ///
    /// `incident` is what the successor is made for, as its tracker numbers it; the key keeps it.
    ///
    /// # Errors
    /// [`VaultErrorKind::UnknownKey`].
    fn rotate(&self, name: &str, incident: Option<&str>) -> Result<VaultKey, VaultError>;

    /// Revokes a key. Revoking it again changes nothing: the first reason stays.
    ///
    /// # Errors
    /// [`VaultErrorKind::UnknownKey`].
    fn revoke(&self, key_id: &KeyId, reason: Reason, incident: Option<&str>) -> Result<VaultKey, VaultError>;

    /// Every use of every key, in the order in which they were made. Order across vaults is the audit log's affair.
    ///
    /// # Errors
    /// [`VaultError`] where they could not be read.
    fn uses(&self) -> Result<Vec<KeyUse>, VaultError>;

    /// The current key of this name: the one that was made last, whether it still signs or not.
    ///
    /// # Errors
    /// [`VaultErrorKind::UnknownKey`].
    fn key(&self, name: &str) -> Result<VaultKey, VaultError>;
}
