//! Facts about keys that are compromised (guide, "Key Compromise Response").
//!
//! From the report of a stolen key to the vault's answer:
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use openfactory_attest::compromise::Place;
//! use openfactory_attest::trust::revocation::Window;
//! use openfactory_attest::{Ed25519Key, KeyKind, Sha256Digest, Signer as _};
//! use openfactory_sn::lifecycle::entity::EntityKey;
//! use openfactory_sn::lifecycle::event::key::{
//!     AssessedBuild, BlastRadius, CompromisedKey, KeyCompromised, KeyRevoked, Revocation, RevocationOrdered,
//! };
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId, EventId};
//! use openfactory_sn::lifecycle::policy::Policy;
//! use openfactory_sn::lifecycle::workflow::{self, Decision, compromise, view::View};
//!
//! // A person says which key it is, and since which entry of the audit log it may have been in other hands.
//! let (stolen, successor) = (*Ed25519Key::generate()?.key_id(), *Ed25519Key::generate()?.key_id());
//! let window = Window::from("plant.example/audit", 40);
//! let key = CompromisedKey::new(stolen, KeyKind::BuildPlatformSigning, "build platform", window.clone());
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let report = KeyCompromised::new(key, now, "Ada (security)", "a log-in that nobody made");
//! let body = EventBody::KeyCompromised(Box::new(report));
//! let reported = Event::new(EventId::new("theft-1")?, "/operator/ada", now, body);
//!
//! // Decided in an instant, before anyone is asked: the vault is to revoke it.
//! let mut view = View::new();
//! view.add_entity(EntityKey::Compromise(stolen), None);
//! view.add_signed_builds(stolen, [].into());
//! let Decision::Apply(step) = workflow::decide(&reported, &view, &Policy::default(), now) else { panic!() };
//! let [ordered] = step.commit.outbox.as_slice() else { panic!("{step:?}") };
//! let EventBody::RevocationOrdered(order) = &ordered.body else { panic!("{ordered:?}") };
//! let RevocationOrdered { key, incident, .. } = order.as_ref();
//! assert_eq!((key.name.as_str(), incident.as_str()), ("build platform", &*format!("compromise/{stolen}")));
//!
//! // The vault did; the audit log tells what the key touched: one build from before the theft, one from after it.
//! let digest = |of: &str| Sha256Digest::of(of.as_bytes());
//! let assessed = |document: &str, index: u64, device: &str| -> Result<_, Box<dyn std::error::Error>> {
//!     Ok(AssessedBuild::new(digest(document), Place::of(Some(index), &window), vec![DeviceId::new(device)?]))
//! };
//! let mut radius = BlastRadius::new();
//! radius.insert(BuildId::new("b-1")?, assessed("the document of b-1", 12, "press-7")?);
//! radius.insert(BuildId::new("b-2")?, assessed("the document of b-2", 57, "press-8")?);
//! let revocation = Revocation::new(now, 60, successor, 1);
//! let commit = compromise::revoked_by_vault(ordered, revocation, radius, now).expect("it is such an order");
//! assert_eq!(commit.inbox, compromise::is_revoked_key(ordered), "the vault need not act again");
//!
//! let EventBody::KeyRevoked(revoked) = &commit.outbox[0].body else { panic!("{commit:?}") };
//! let revoked: &KeyRevoked = revoked;
//! assert_eq!((revoked.radius.len(), revoked.affected(), revoked.devices()), (2, 1, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the build platform and a person add to it:
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Envelope, Sha256Digest, Signer as _};
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::key::{ArtifactResigned, CompromiseReviewed};
//! use openfactory_sn::lifecycle::id::BuildId;
//!
//! let (stolen, successor) = (*Ed25519Key::generate()?.key_id(), Ed25519Key::generate()?);
//!
//! // The stored image was hashed again, so the same facts are signed by the key's successor.
//! let document = Envelope::sign("application/vnd.in-toto+json", br#"{"_type": "..."}"#, &successor)?;
//! let digest = |of: &str| Sha256Digest::of(of.as_bytes());
//! let (before, manifest, root) = (digest("the old document"), digest("manifest"), digest("root"));
//! let resigned = ArtifactResigned::new(stolen, BuildId::new("b-2")?, document, before, manifest, root);
//! assert_eq!(resigned.document_digest, resigned.document.payload_digest());
//!
//! // What no machine can know.
//! let review = CompromiseReviewed::new(
//!     stolen,
//!     "Ada (security)",
//!     "The key lay on a laptop that was stolen.",
//!     "Keys of platforms belong into an HSM.",
//!     "Rotated every 30 days from now on.",
//! );
//! let bodies = [EventBody::ArtifactResigned(Box::new(resigned)), EventBody::CompromiseReviewed(Box::new(review))];
//! assert!(bodies.iter().all(|body| body.key() == format!("key:{stolen}")), "one after the other");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! And how it ends, which a status page shows:
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Signer as _};
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::key::{DeviceConverged, KeyRecovered};
//!
//! fn progress(told: &EventBody) -> Option<String> {
//!     match told {
//!         EventBody::DeviceConverged(device) => Some(converged(device)),
//!         EventBody::KeyRecovered(end) => Some(over(end)),
//!         _ => None,
//!     }
//! }
//!
//! fn converged(device: &DeviceConverged) -> String {
//!     format!("{} has proved itself without the key", device.device)
//! }
//!
//! fn over(end: &KeyRecovered) -> String {
//!     let hours = end.recovered_at.duration_since(end.detected_at).unwrap_or_default().as_secs() / 3600;
//!     format!("over after {hours} h; {} device(s), reviewed by {}", end.converged.len(), end.review.reviewer)
//! }
//!
//! let (stolen, successor) = (*Ed25519Key::generate()?.key_id(), *Ed25519Key::generate()?.key_id());
//! let device = serde_json::from_value(serde_json::json!({
//!     "key_id": stolen, "device": "press-8",
//!     "document_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
//! }))?;
//! assert_eq!(
//!     progress(&EventBody::DeviceConverged(device)).as_deref(),
//!     Some("press-8 has proved itself without the key"),
//! );
//! let end = serde_json::from_value(serde_json::json!({
//!     "key": {
//!         "key_id": stolen, "kind": "build-platform-signing", "name": "build platform",
//!         "window": {"log": "plant.example/audit", "from": 40},
//!     },
//!     "revocation": {
//!         "revoked_at": "2026-11-25T14:43:25Z", "log_size": 60, "successor": successor, "list_sequence": 1,
//!     },
//!     "incident": "compromise/b-1", "detected_at": "2026-11-25T14:00:00Z",
//!     "recovered_at": "2026-11-25T20:12:00Z", "resigned": ["b-2"], "converged": ["press-8"],
//!     "review": {
//!         "key_id": stolen, "reviewer": "Ada (security)", "root_cause": "a stolen laptop",
//!         "lessons": "use an HSM", "policy_changes": "rotate every 30 days",
//!     },
//! }))?;
//! assert_eq!(
//!     progress(&EventBody::KeyRecovered(end)).as_deref(),
//!     Some("over after 6 h; 1 device(s), reviewed by Ada (security)"),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
