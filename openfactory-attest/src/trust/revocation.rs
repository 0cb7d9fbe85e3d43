//! The signed list of revoked keys (`docs/formats/revocation-list.md`).

use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{TrustStore, check_sorted, put};
use crate::canonical::{self, CanonicalError, Limits, VersionedError, of_version};
use crate::envelope::{Envelope, OpenError, PayloadError, Verified};
use crate::key::{KeyId, KeyKind, SignError, Signer};

/// The payload type of revocation lists in envelopes.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.revocation-list.v1+json";

/// Keys of these kinds may sign revocation lists.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::RootSigning];

/// The version of the list that is written and read here.
pub const VERSION: u32 = 1;

/// Bytes of a list's JSON at most.
pub const MAX_LIST: usize = 4 << 20;

/// Part of an audit log, by index: while it grew from `from` to `to`, a key was in other hands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// The log's origin: an index means nothing without it.
    pub log: String,
    /// The first index that belongs to the window.
    pub from: u64,
    /// The first index after the window; `None` while it is not known to be closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

impl Window {
    /// A window that begins with this index and is open.
    pub fn from(log: impl Into<String>, from: u64) -> Self {
        Self { log: log.into(), from, to: None }
    }

    /// The same window, closed before this index.
    #[must_use]
    pub fn until(self, to: u64) -> Self {
        Self { to: Some(to), ..self }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) => write!(f, "{}: from index {} to before {to}", self.log, self.from),
            None => write!(f, "{}: from index {}", self.log, self.from),
        }
    }
}

/// Why a key is no longer trusted: the reasons of RFC 5280, section 5.3.1, that apply here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Somebody else may have it.
    KeyCompromise,
    /// Another took its place.
    Superseded,
    /// It is of no use any more.
    CessationOfOperation,
    /// Its holder may no longer.
    PrivilegeWithdrawn,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::KeyCompromise, Self::Superseded, Self::CessationOfOperation, Self::PrivilegeWithdrawn];

    /// The name used in files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyCompromise => "key-compromise",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reason is called {name:?}; there are {}", Reason::ALL.map(Reason::as_str).join(", "))]
pub struct ParseReasonError {
    name: String,
}

impl std::str::FromStr for Reason {
    type Err = ParseReasonError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == name);
        found.ok_or_else(|| ParseReasonError { name: name.chars().take(64).collect() })
    }
}

/// A key that is no longer trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RevokedKey {
    /// The key.
    pub key_id: KeyId,
    /// Why.
    pub reason: Reason,
    /// The incident that it belongs to, as its tracker numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// When it was first listed, as the signer says.
    #[serde(default, with = "crate::instant::optional", skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<SystemTime>,
    /// Since when the key may have been in other hands, as far as is known. What is accepted all the same, the windows say.
    #[serde(default, with = "crate::instant::optional", skip_serializing_if = "Option::is_none")]
    pub invalid_since: Option<SystemTime>,
    /// One for each audit log that can prove what the key signed before; sorted by log. Without any, nothing that the
    /// key ever signed is accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// The key that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<KeyId>,
}

impl RevokedKey {
    /// A key that is not trusted any more, for this reason; nothing it ever signed is.
    #[must_use]
    pub const fn new(key_id: KeyId, reason: Reason) -> Self {
        Self {
            key_id,
            reason,
            incident: None,
            revoked_at: None,
            invalid_since: None,
            windows: Vec::new(),
            superseded_by: None,
        }
    }

    /// With the time at which it was first listed.
    #[must_use]
    pub fn with_revoked_at(self, time: SystemTime) -> Self {
        Self { revoked_at: Some(time), ..self }
    }

    /// With the time since which the key may have been in other hands.
    #[must_use]
    pub fn with_invalid_since(self, time: SystemTime) -> Self {
        Self { invalid_since: Some(time), ..self }
    }

    /// With the incident that it belongs to.
    #[must_use]
    pub fn with_incident(self, incident: impl Into<String>) -> Self {
        Self { incident: Some(incident.into()), ..self }
    }

    /// With a window: what this log held before it is still accepted, with proof. It takes the place of an earlier
    /// window in the same log.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        self.windows.retain(|there| there.log != window.log);
        self.windows.push(window);
        self.windows.sort_by(|one, other| one.log.cmp(&other.log));
        self
    }

    /// With the key that takes its place.
    #[must_use]
    pub fn with_successor(self, key_id: KeyId) -> Self {
        Self { superseded_by: Some(key_id), ..self }
    }
}

/// All keys that were ever revoked.
///
/// A later list has a higher sequence number and holds all that the one before held: a revocation is not taken back.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_attest::trust::revocation::{Reason, RevocationList, RevokedKey, Window};
/// use openfactory_attest::trust::{TrustStore, TrustedKey};
/// use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Signer as _};
///
/// let (root, platform) = (Ed25519Key::generate()?, Ed25519Key::generate()?);
/// let mut trust = TrustStore::new();
/// trust.add(TrustedKey::new("root", KeyKind::RootSigning, root.public_key().clone()))?;
/// trust.add(TrustedKey::new("platform", KeyKind::BuildPlatformSigning, platform.public_key().clone()))?;
///
/// let stolen = RevokedKey::new(*platform.key_id(), Reason::KeyCompromise)
///     .with_window(Window::from("example.com/audit", 4711));
/// let list = RevocationList::new(1, SystemTime::UNIX_EPOCH).with(stolen).sign(&root)?;
/// trust.take_revocations(&list)?;
///
/// let signed = Envelope::sign("text/plain", b"backdated", &platform)?;
/// let refused = signed.open(&trust, "text/plain", &[KeyKind::BuildPlatformSigning]).unwrap_err();
/// assert!(refused.to_string().contains("revoked"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RevocationList {
    /// [`VERSION`].
    pub version: u32,
    /// Grows by each list that is signed; from 1.
    pub sequence: u64,
    /// When it was signed, as the signer says; which list is newer is the sequence's affair.
    #[serde(with = "crate::instant")]
    pub issued: SystemTime,
    /// The keys, sorted by their ids.
    pub revoked: Vec<RevokedKey>,
}

/// Why a revocation list is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignListError {
    /// It would be refused by whoever is given it.
    #[error("the revocation list is not valid: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// It has no canonical JSON.
    #[error("the revocation list has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The key would not.
    #[error("the revocation list could not be signed")]
    Sign(#[source] SignError),
}

/// Why a revocation list is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// It is not signed by a root key that is trusted.
    #[error("the revocation list is not vouched for")]
    Envelope(#[source] OpenError),
    /// What is signed is no revocation list.
    #[error("the signed payload is no revocation list")]
    Payload(#[source] PayloadError),
    /// It is of a version that is not known.
    #[error("the revocation list is of version {found}, version {VERSION} is known")]
    Version {
        /// The version it has.
        found: u64,
    },
    /// It contradicts itself, or has another form than the one that it may have.
    #[error("the revocation list is not valid: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// All who signed it are revoked by it.
    #[error("the revocation list is signed only by what it revokes")]
    SignerRevoked,
}

impl RevocationList {
    /// An empty list of this sequence number, to be signed at this time.
    #[must_use]
    pub const fn new(sequence: u64, issued: SystemTime) -> Self {
        Self { version: VERSION, sequence, issued, revoked: Vec::new() }
    }

    /// The list that follows this one, with the same keys for now.
    #[must_use]
    pub fn next(&self, issued: SystemTime) -> Self {
        Self { sequence: self.sequence.saturating_add(1), issued, ..self.clone() }
    }

    /// With one more key, in its place; what the list said of the same key before is replaced.
    #[must_use]
    pub fn with(mut self, revoked: RevokedKey) -> Self {
        put(&mut self.revoked, revoked, |revoked| &revoked.key_id);
        self
    }

    /// What the list says of this key.
    #[must_use]
    pub fn get(&self, key_id: &KeyId) -> Option<&RevokedKey> {
        let at = self.revoked.binary_search_by(|there| there.key_id.cmp(key_id)).ok()?;
        self.revoked.get(at)
    }

    /// Signs the list's canonical JSON (RFC 8785).
    ///
    /// # Errors
    /// [`SignListError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignListError> {
        self.check().map_err(|reason| SignListError::Invalid { reason })?;
        let payload = canonical::to_vec_signed(self).map_err(SignListError::Canonical)?;
        if payload.len() > MAX_LIST {
            let reason = format!("{} bytes are more than the {MAX_LIST} that are read", payload.len());
            return Err(SignListError::Invalid { reason });
        }
        Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignListError::Sign)
    }

    /// Opens a signed list: signed by a root key that is trusted and that neither the store nor the list revokes.
    ///
    /// # Errors
    /// [`RevocationListError`] says why it is not believed.
    pub fn open(envelope: &Envelope, trust: &TrustStore) -> Result<Verified<Self>, RevocationListError> {
        let payload =
            envelope.open(trust, PAYLOAD_TYPE, SIGNER_KINDS).map_err(RevocationListError::Envelope)?;
        let limits = Limits { max_bytes: MAX_LIST, ..Limits::SIGNED };
        // The version before the rest: a later one may have another shape.
        let value =
            payload.parse_json_within::<serde_json::Value>(&limits).map_err(RevocationListError::Payload)?;
        let list = value.try_map(|value| {
            let list: Self = of_version(value, VERSION).map_err(|error| match error {
                VersionedError::Version { found } => RevocationListError::Version { found },
                VersionedError::Shape { reason } => {
                    RevocationListError::Payload(PayloadError::Shape { reason })
                }
            })?;
            list.check().map_err(|reason| RevocationListError::Invalid { reason })?;
            Ok(list)
        })?;
        if list.signers().all(|signer| list.get().get(signer.key_id()).is_some()) {
            return Err(RevocationListError::SignerRevoked);
        }
        Ok(list)
    }

    /// Says what is not as it has to be.
    fn check(&self) -> Result<(), String> {
        if self.sequence == 0 {
            return Err("its sequence number is 0".to_owned());
        }
        check_sorted(&self.revoked, |key| &key.key_id)?;
        self.revoked.iter().try_for_each(|key| {
            key.check().map_err(|reason| format!("of the key {} it says {reason}", key.key_id))
        })
    }
}

impl RevokedKey {
    fn check(&self) -> Result<(), String> {
        if self.superseded_by == Some(self.key_id) {
            return Err("that it supersedes itself".to_owned());
        }
        if self.incident.as_deref().is_some_and(str::is_empty) {
            return Err("that it belongs to an incident without a name".to_owned());
        }
        if !self.windows.is_sorted_by(|one, next| one.log < next.log) {
            return Err("windows that are not sorted by log, each once".to_owned());
        }
        for window in &self.windows {
            if window.log.is_empty() {
                return Err("a window in a log without a name".to_owned());
            }
            if window.to.is_some_and(|to| to <= window.from) {
                return Err(format!("a window that is empty ({window})"));
            }
        }
        Ok(())
    }

    /// The keys that one list revokes and another doesn't.
    pub(super) fn missing<'l>(older: &'l [Self], newer: &[Self]) -> impl Iterator<Item = &'l KeyId> {
        let newer: BTreeSet<KeyId> = newer.iter().map(|key| key.key_id).collect();
        older.iter().map(|key| &key.key_id).filter(move |key| !newer.contains(*key))
    }
}

#[cfg(test)]
mod tests;
