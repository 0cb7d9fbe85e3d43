//! Facts about keys that are compromised (guide, "Key Compromise Response").

use std::collections::BTreeMap;
use std::time::SystemTime;

use openfactory_attest::compromise::Place;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{KeyId, KeyKind};
use openfactory_attest::trust::revocation::Window;
use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::id::{BuildId, DeviceId};
use crate::lifecycle::timestamp;

/// Type name of [`KeyCompromised`].
pub const COMPROMISED: &str = "tech.openfactory.key.compromised.v1";
/// Type name of [`RevocationOrdered`].
pub const REVOCATION_ORDERED: &str = "tech.openfactory.key.revocation_ordered.v1";
/// Type name of [`KeyRevoked`].
pub const REVOKED: &str = "tech.openfactory.key.revoked.v1";
/// Type name of [`ArtifactResigned`].
pub const ARTIFACT_RESIGNED: &str = "tech.openfactory.key.artifact_resigned.v1";
/// Type name of [`DeviceConverged`].
pub const DEVICE_CONVERGED: &str = "tech.openfactory.key.device_converged.v1";
/// Type name of [`CompromiseReviewed`].
pub const REVIEWED: &str = "tech.openfactory.key.reviewed.v1";
/// Type name of [`KeyRecovered`].
pub const RECOVERED: &str = "tech.openfactory.key.recovered.v1";

/// Which key it is about, and for how long it may have been in other hands.
///
/// The window is told in positions of the audit log: what the key itself signed says nothing about when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompromisedKey {
    /// The key.
    pub key_id: KeyId,
    /// What it is for.
    pub kind: KeyKind,
    /// Its name in the trust store.
    pub name: String,
    /// While the log grew through it, the key was in other hands.
    pub window: Window,
}

impl CompromisedKey {
    /// All there is to say.
    pub fn new(key_id: KeyId, kind: KeyKind, name: impl Into<String>, window: Window) -> Self {
        Self { key_id, kind, name: name.into(), window }
    }
}

/// A person says that a key is in other hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyCompromised {
    /// The key and the suspected window.
    pub key: CompromisedKey,
    /// When it was detected.
    #[serde(with = "timestamp")]
    pub detected_at: SystemTime,
    /// Who says so.
    pub reported_by: String,
    /// What it was detected by.
    pub evidence: String,
}

impl KeyCompromised {
    /// All there is to say.
    pub fn new(
        key: CompromisedKey,
        detected_at: SystemTime,
        reported_by: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Self {
        Self { key, detected_at, reported_by: reported_by.into(), evidence: evidence.into() }
    }
}

/// The vault is to revoke the key and to make its successor. Derived; whoever handles it has the vault act before
/// anything is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RevocationOrdered {
    /// The key.
    pub key: CompromisedKey,
    /// When it was detected.
    #[serde(with = "timestamp")]
    pub detected_at: SystemTime,
    /// Who said so.
    pub reported_by: String,
    /// What it was detected by.
    pub evidence: String,
    /// The incident that this opens.
    pub incident: CorrelationId,
    /// Builds whose documents the key has signed: the first estimate.
    pub builds: Vec<BuildId>,
    /// Devices that run one of them; each is ordered into quarantine.
    pub devices: Vec<DeviceId>,
}

/// What the vault did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revocation {
    /// When the vault revoked the key.
    #[serde(with = "timestamp")]
    pub revoked_at: SystemTime,
    /// The size of the audit log then: the end of the window.
    pub log_size: u64,
    /// The key that takes its place.
    pub successor: KeyId,
    /// The number of the revocation list that holds the key.
    pub list_sequence: u64,
}

impl Revocation {
    /// All there is to say.
    #[must_use]
    pub fn new(revoked_at: SystemTime, log_size: u64, successor: KeyId, list_sequence: u64) -> Self {
        Self { revoked_at, log_size, successor, list_sequence }
    }
}

/// A build in the blast radius.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AssessedBuild {
    /// The digest of its document.
    pub document_digest: Sha256Digest,
    /// Where the audit log first held it, seen from the window.
    #[serde(flatten)]
    pub place: Place,
    /// Devices that run it.
    pub devices: Vec<DeviceId>,
}

impl AssessedBuild {
    /// All there is to say.
    #[must_use]
    pub fn new(document_digest: Sha256Digest, place: Place, devices: Vec<DeviceId>) -> Self {
        Self { document_digest, place, devices }
    }
}

/// What a key has touched, by build.
pub type BlastRadius = BTreeMap<BuildId, AssessedBuild>;

/// The key is revoked and what it touched is known. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyRevoked {
    /// The key.
    pub key: CompromisedKey,
    /// What the vault did.
    pub revocation: Revocation,
    /// The incident.
    pub incident: CorrelationId,
    /// What the key touched, from the audit log.
    pub radius: BlastRadius,
}

impl KeyRevoked {
    /// How many of the builds are not proved to be from before the window.
    #[must_use]
    pub fn affected(&self) -> usize {
        self.radius.values().filter(|build| build.place.is_affected()).count()
    }

    /// How many devices run any of the builds.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.radius.values().map(|build| build.devices.len()).sum()
    }
}

/// The build platform has hashed a stored image again and signed its facts with the successor key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArtifactResigned {
    /// The key that signed it before.
    pub key_id: KeyId,
    /// The build.
    pub build_id: BuildId,
    /// The new document.
    pub document: Envelope,
    /// Its digest.
    pub document_digest: Sha256Digest,
    /// The digest of the document that it replaces.
    pub replaces: Sha256Digest,
    /// The manifest's digest, as the new document has it; the same as before.
    pub manifest_digest: Sha256Digest,
    /// The dm-verity root hash, as the new document has it; the same as before.
    pub root_hash: Sha256Digest,
}

impl ArtifactResigned {
    /// All there is to say.
    #[must_use]
    pub fn new(
        key_id: KeyId,
        build_id: BuildId,
        document: Envelope,
        replaces: Sha256Digest,
        manifest_digest: Sha256Digest,
        root_hash: Sha256Digest,
    ) -> Self {
        let document_digest = document.payload_digest();
        Self { key_id, build_id, document, document_digest, replaces, manifest_digest, root_hash }
    }
}

/// A device has proved itself against the re-signed document. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceConverged {
    /// The compromised key.
    pub key_id: KeyId,
    /// The device.
    pub device: DeviceId,
    /// The document that it proved itself against.
    pub document_digest: Sha256Digest,
}

/// A named person has looked back: what no machine can know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompromiseReviewed {
    /// The compromised key.
    pub key_id: KeyId,
    /// Who reviewed.
    pub reviewer: String,
    /// The root cause.
    pub root_cause: String,
    /// Lessons learned.
    pub lessons: String,
    /// Changed key policies and rotation schedules.
    pub policy_changes: String,
}

impl CompromiseReviewed {
    /// All there is to say.
    pub fn new(
        key_id: KeyId,
        reviewer: impl Into<String>,
        root_cause: impl Into<String>,
        lessons: impl Into<String>,
        policy_changes: impl Into<String>,
    ) -> Self {
        Self {
            key_id,
            reviewer: reviewer.into(),
            root_cause: root_cause.into(),
            lessons: lessons.into(),
            policy_changes: policy_changes.into(),
        }
    }
}

/// The fleet has converged and the review is in: the incident is over. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyRecovered {
    /// The key.
    pub key: CompromisedKey,
    /// What the vault did.
    pub revocation: Revocation,
    /// The incident.
    pub incident: CorrelationId,
    /// When it was detected.
    #[serde(with = "timestamp")]
    pub detected_at: SystemTime,
    /// When the last affected device proved itself, or the review came, whichever was later.
    #[serde(with = "timestamp")]
    pub recovered_at: SystemTime,
    /// Builds that were signed again.
    pub resigned: Vec<BuildId>,
    /// Devices that converged.
    pub converged: Vec<DeviceId>,
    /// The review.
    pub review: CompromiseReviewed,
}
