//! A vault in a directory (`docs/formats/vault.md`).

mod at_rest;
mod disk;
mod signer;
mod uses;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::check_name;
use super::{Clock, KeyState, UseRecorder, Vault, VaultError, VaultErrorKind, VaultKey};
use crate::key::{Ed25519Key, KeyId, KeyKind, Passphrase, Signer};
use crate::ledger::KeyUse;
use crate::trust::revocation::Reason;
use at_rest::AtRest;
use disk::Disk;
use signer::VaultSigner;

/// A vault in a directory: for one machine, or a directory that several share with working locks.
///
/// Private keys are PKCS#8 PEM files of mode 0600: whoever can read the directory has the keys, so it belongs to the
/// one account that signs, or the keys are [encrypted](Self::encrypted_by). Every operation, a signature too, takes a lock on the directory and reads what it needs
/// from the disk: a key that was revoked by one process refuses in all others at once. What changes is replaced
/// atomically, so that a power cut leaves the old or the new.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_attest::trust::revocation::Reason;
/// use openfactory_attest::vault::{FileVault, Vault};
/// use openfactory_attest::KeyKind;
///
/// let directory = tempfile::tempdir()?;
/// let vault = FileVault::open(directory.path(), "build-1", SystemTime::now)?;
/// let key = vault.create("platform", KeyKind::BuildPlatformSigning)?;
/// let signer = vault.signer("platform")?;
/// assert!(key.public_key.verify(b"message", &signer.sign(b"message")?).is_ok());
///
/// vault.revoke(key.key_id(), Reason::KeyCompromise, Some("INC0010001"))?;
/// assert!(signer.sign(b"another message").is_err());
/// assert_eq!(vault.uses()?.len(), 1);
///
/// let successor = vault.rotate("platform", Some("INC0010001"))?;
/// assert_eq!(successor.replaces.as_ref(), Some(key.key_id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileVault {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    disk: Disk,
    who: String,
    clock: Arc<dyn Clock>,
    recorder: Option<Arc<dyn UseRecorder>>,
    at_rest: Arc<AtRest>,
}

impl FileVault {
    /// Opens the vault in this directory, which is made, for the owner alone, if it isn't there.
    ///
    /// `who` stands in the ledger as the one who had something signed; `clock` tells the time for it.
    ///
    /// # Errors
    /// [`VaultErrorKind::Unavailable`] or [`VaultErrorKind::Damaged`].
    pub fn open(
        directory: &Path,
        who: impl Into<String>,
        clock: impl Clock + 'static,
    ) -> Result<Self, VaultError> {
        let disk = Disk::open(directory)?;
        disk.lock()?.begin()?;
        let (who, clock, at_rest) = (who.into(), Arc::new(clock), Arc::default());
        Ok(Self { inner: Arc::new(Inner { disk, who, clock, recorder: None, at_rest }) })
    }

    /// The same vault, which puts every use there too before it signs: an audit log
    /// ([`Log`](crate::audit::Log)), where its index becomes the order.
    #[must_use]
    pub fn recording_in(self, recorder: Arc<dyn UseRecorder>) -> Self {
        Self { inner: Arc::new(Inner { recorder: Some(recorder), ..self.inner.as_ref().clone() }) }
    }

    /// The same vault, whose private keys are encrypted from now on: those that it makes. Keys that are there already stay
    /// as they are until they are rotated, and are read with or without.
    ///
    /// To decrypt a key takes a fifth of a second, once: decrypted it stays in memory as long as it signs, and is wiped with
    /// the last of the vault's handles. That it may still sign is asked for each signature all the same.
    #[must_use]
    pub fn encrypted_by(self, passphrase: Passphrase) -> Self {
        let at_rest = Arc::new(AtRest::encrypted(passphrase));
        Self { inner: Arc::new(Inner { at_rest, ..self.inner.as_ref().clone() }) }
    }

    /// The vault's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.inner.disk.directory()
    }
}

impl Inner {
    /// A new key on the disk, and as it is going to be listed.
    fn make(&self, disk: &disk::Locked<'_>, name: &str, kind: KeyKind) -> Result<VaultKey, VaultError> {
        let key =
            Ed25519Key::generate().map_err(|error| VaultError::unavailable("cannot make a key", error))?;
        disk.write_key(key.key_id(), &self.at_rest.write(&key)?)?;
        Ok(VaultKey::new(name, kind, key.public_key().clone(), self.clock.now()))
    }
}

impl Vault for FileVault {
    fn create(&self, name: &str, kind: KeyKind) -> Result<VaultKey, VaultError> {
        check_name(name)?;
        if !kind.signs() {
            let message = format!("a secret of kind {kind} signs nothing; the vault keeps signing keys");
            return Err(VaultError::new(VaultErrorKind::NotASigningKey, message));
        }
        let disk = self.inner.disk.lock()?;
        let mut state = disk.state()?;
        if state.current(name).is_some() {
            let message = format!("the vault has a key {name:?} already");
            return Err(VaultError::new(VaultErrorKind::NameTaken, message));
        }
        let key = self.inner.make(&disk, name, kind)?;
        state.keys.push(key.clone());
        disk.write_state(&state)?;
        Ok(key)
    }

    fn keys(&self) -> Result<Vec<VaultKey>, VaultError> {
        Ok(self.inner.disk.lock()?.state()?.keys)
    }

    fn signer(&self, name: &str) -> Result<Arc<dyn Signer>, VaultError> {
        let state = self.inner.disk.lock()?.state()?;
        let key = state.current(name).ok_or_else(|| VaultError::unknown(format_args!("{name:?}")))?;
        if let Some(reason) = refusal(key) {
            return Err(VaultError::new(VaultErrorKind::Revoked, format!("the key {name:?} {reason}")));
        }
        Ok(Arc::new(VaultSigner::new(Arc::clone(&self.inner), key.public_key.clone())))
    }

    fn rotate(&self, name: &str, incident: Option<&str>) -> Result<VaultKey, VaultError> {
        let disk = self.inner.disk.lock()?;
        let mut state = disk.state()?;
        let old = state.current(name).ok_or_else(|| VaultError::unknown(format_args!("{name:?}")))?.clone();
        let mut key = self.inner.make(&disk, name, old.kind)?;
        key.replaces = Some(*old.key_id());
        key.incident = incident.map(str::to_owned);
        if let Some(there) = state.get_mut(old.key_id()) {
            there.superseded_by = Some(*key.key_id());
            if there.is_active() {
                there.state = revoked(Reason::Superseded, incident, self.inner.clock.as_ref());
            }
        }
        state.keys.push(key.clone());
        disk.write_state(&state)?;
        disk.destroy_unlisted(&state)?;
        Ok(key)
    }

    fn revoke(&self, key_id: &KeyId, reason: Reason, incident: Option<&str>) -> Result<VaultKey, VaultError> {
        let disk = self.inner.disk.lock()?;
        let mut state = disk.state()?;
        let key = state.get_mut(key_id).ok_or_else(|| VaultError::unknown(key_id))?;
        if key.is_active() {
            key.state = revoked(reason, incident, self.inner.clock.as_ref());
        }
        let key = key.clone();
        disk.write_state(&state)?;
        disk.destroy_unlisted(&state)?;
        Ok(key)
    }

    fn uses(&self) -> Result<Vec<KeyUse>, VaultError> {
        self.inner.disk.lock()?.uses()
    }

    fn key(&self, name: &str) -> Result<VaultKey, VaultError> {
        let state = self.inner.disk.lock()?.state()?;
        let key = state.current(name).ok_or_else(|| VaultError::unknown(format_args!("{name:?}")))?;
        Ok(key.clone())
    }
}

fn revoked(reason: Reason, incident: Option<&str>, clock: &dyn Clock) -> KeyState {
    KeyState::Revoked { reason, incident: incident.map(str::to_owned), when: clock.now() }
}

/// Why this key does not sign, if it doesn't.
fn refusal(key: &VaultKey) -> Option<String> {
    let KeyState::Revoked { reason, incident, .. } = &key.state else { return None };
    let incident = incident.as_ref().map(|incident| format!(", {incident}")).unwrap_or_default();
    Some(format!("was revoked ({reason}{incident})"))
}

impl fmt::Debug for FileVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileVault")
            .field("directory", &self.directory())
            .field("who", &self.inner.who)
            .finish_non_exhaustive()
    }
}

/// Where a key's private half is.
fn key_file(directory: &Path, key_id: &KeyId) -> PathBuf {
    directory.join(format!("{key_id}.key"))
}
