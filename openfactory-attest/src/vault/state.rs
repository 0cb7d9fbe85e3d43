//! What a vault knows of its keys, as it is kept in a file (`docs/formats/vault.md`).

use std::collections::HashSet;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::VaultError;
use crate::canonical::{self, Limits, VersionedError, of_version};
use crate::key::{KeyId, KeyKind, PublicKey};
use crate::trust::TrustedKey;
use crate::trust::registry::RegisteredKey;
use crate::trust::revocation::{Reason, RevokedKey};

/// The version of the file that is written and read here.
const VERSION: u32 = 1;

/// Bytes of the file at most.
pub(super) const MAX_STATE: usize = 4 << 20;

/// Bytes of a key's name at most.
const MAX_NAME: usize = 128;

/// Whether a key signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum KeyState {
    /// It does.
    Active,
    /// It does not any more.
    Revoked {
        /// Why not.
        reason: Reason,
        /// The incident that it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident: Option<String>,
        /// Since when, as the vault says.
        #[serde(with = "crate::instant")]
        when: SystemTime,
    },
}

/// A key in a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct VaultKey {
    /// What people call it; its successors are called the same.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// The public half.
    pub public_key: PublicKey,
    /// When it was made, as the vault says.
    #[serde(with = "crate::instant")]
    pub created: SystemTime,
    /// The incident for which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The key that it took the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<KeyId>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<KeyId>,
    /// Whether it signs.
    pub state: KeyState,
}

impl VaultKey {
    /// A key that signs; for vaults of one's own.
    pub fn new(name: impl Into<String>, kind: KeyKind, public_key: PublicKey, created: SystemTime) -> Self {
        Self {
            name: name.into(),
            kind,
            public_key,
            created,
            incident: None,
            replaces: None,
            superseded_by: None,
            state: KeyState::Active,
        }
    }

    /// The key's id.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        self.public_key.key_id()
    }

    /// Whether it signs.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, KeyState::Active)
    }

    /// The key for a trust store.
    #[must_use]
    pub fn to_trusted(&self) -> TrustedKey {
        TrustedKey::new(&self.name, self.kind, self.public_key.clone())
    }

    /// The key for a key registry, alive from when it was made, with what it replaces and the incident that it was made for.
    #[must_use]
    pub fn to_registered(&self) -> RegisteredKey {
        let registered = RegisteredKey::new(&self.to_trusted(), self.created);
        match &self.replaces {
            Some(replaced) => registered.replacing(replaced.to_string(), self.incident.as_deref()),
            None => registered,
        }
    }

    /// The key for a revocation list, still without a window; `None` where it was not revoked.
    #[must_use]
    pub fn to_revoked(&self) -> Option<RevokedKey> {
        let KeyState::Revoked { reason, incident, when } = &self.state else { return None };
        let mut revoked = RevokedKey::new(*self.key_id(), *reason).with_revoked_at(*when);
        revoked.incident.clone_from(incident);
        revoked.superseded_by = self.superseded_by;
        Some(revoked)
    }
}

/// All keys that there ever were, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    pub(super) keys: Vec<VaultKey>,
}

impl State {
    pub(super) const fn new() -> Self {
        Self { version: VERSION, keys: Vec::new() }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        let damaged =
            |reason: String| VaultError::damaged(format!("the vault's list of keys is none: {reason}"));
        let limits = Limits { max_bytes: MAX_STATE, ..Limits::SIGNED };
        let value = canonical::parse(bytes, &limits).map_err(|error| damaged(error.to_string()))?;
        let state: Self = of_version(value, VERSION).map_err(|error| match error {
            VersionedError::Version { found } => {
                damaged(format!("it is of version {found}, version {VERSION} is known"))
            }
            VersionedError::Shape { reason } => damaged(reason),
        })?;
        let mut ids = HashSet::new();
        let mut active = HashSet::new();
        for key in &state.keys {
            check_name(&key.name).map_err(|error| damaged(error.to_string()))?;
            if !ids.insert(*key.key_id()) {
                return Err(damaged(format!("the key {} stands there twice", key.key_id())));
            }
            if key.is_active() && !active.insert(&key.name) {
                return Err(damaged(format!("{:?} has two keys that sign", key.name)));
            }
        }
        Ok(state)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, VaultError> {
        let mut bytes = canonical::to_vec_signed(self)
            .map_err(|error| VaultError::damaged("the list of keys has no canonical form").because(error))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_STATE {
            return Err(VaultError::damaged("the list of keys is longer than what is read"));
        }
        Ok(bytes)
    }

    pub(super) fn get(&self, key_id: &KeyId) -> Option<&VaultKey> {
        self.keys.iter().find(|key| key.key_id() == key_id)
    }

    pub(super) fn get_mut(&mut self, key_id: &KeyId) -> Option<&mut VaultKey> {
        self.keys.iter_mut().find(|key| key.key_id() == key_id)
    }

    /// The key of this name that was made last.
    pub(super) fn current(&self, name: &str) -> Option<&VaultKey> {
        self.keys.iter().rfind(|key| key.name == name)
    }
}

/// Names are told in errors, in tables and to people: of one line, and not endless.
pub(super) fn check_name(name: &str) -> Result<(), VaultError> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let message = format!("a key's name has 1 to {MAX_NAME} bytes and no control characters");
        return Err(VaultError::new(super::VaultErrorKind::NameTaken, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
