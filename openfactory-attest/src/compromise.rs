//! What a compromised key touches: its blast radius (integration guide, "Key Compromise Response", phase 2).
//!
//! Pure. In go what the audit log holds of the key ([`SignedAt`]), which artifacts exist ([`Artifact`]) and what
//! devices run ([`DeviceFact`]); out comes, for each, whether it is inside, or proved outside. The order is the log's
//! index. No date is looked at, for the thief writes what date he likes.

mod fleet;
mod place;

pub use fleet::{Fleet, MAX_FLEET, ParseFleetError};
pub use place::Place;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::key::KeyId;
use crate::ledger::KeyUse;
use crate::trust::revocation::Window;

/// A use of a key as the audit log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedAt {
    /// The log's index.
    pub index: u64,
    /// The key.
    pub key_id: KeyId,
    /// SHA-256 of what was signed: of an envelope's payload.
    pub payload: Sha256Digest,
    /// What was signed, such as a predicate type.
    pub kind: String,
}

impl SignedAt {
    /// A use that was read from the log.
    #[must_use]
    pub fn of(index: u64, key_use: &KeyUse) -> Self {
        Self::new(index, key_use.key_id, key_use.payload, &key_use.kind)
    }

    /// This key signed this payload, says the log at this index.
    pub fn new(index: u64, key_id: KeyId, payload: Sha256Digest, kind: impl Into<String>) -> Self {
        Self { index, key_id, payload, kind: kind.into() }
    }
}

/// A signed artifact that is known to exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Artifact {
    /// SHA-256 of its payload.
    pub payload: Sha256Digest,
    /// The key whose signature on it was verified.
    pub signed_by: KeyId,
    /// The build that it is of.
    pub build: String,
}

impl Artifact {
    /// An artifact of this build, on which a signature of this key was verified.
    pub fn new(payload: Sha256Digest, signed_by: KeyId, build: impl Into<String>) -> Self {
        Self { payload, signed_by, build: build.into() }
    }
}

/// What a device runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviceFact {
    /// The device.
    pub device: String,
    /// The build that it runs, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// SHA-256 of the payload of the verification document that it runs by, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Sha256Digest>,
    /// The key whose signature on that document was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<KeyId>,
}

impl DeviceFact {
    /// A device of which nothing else is known.
    pub fn unknown(device: impl Into<String>) -> Self {
        Self { device: device.into(), build: None, document: None, signed_by: None }
    }

    /// A device that runs this build by this document, on which a signature of this key was verified.
    pub fn running(
        device: impl Into<String>,
        build: impl Into<String>,
        document: Sha256Digest,
        signed_by: KeyId,
    ) -> Self {
        Self {
            device: device.into(),
            build: Some(build.into()),
            document: Some(document),
            signed_by: Some(signed_by),
        }
    }
}

/// An artifact that the key signed, and where that puts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssessedArtifact {
    /// SHA-256 of its payload.
    pub payload: Sha256Digest,
    /// What it is, as the log says; `None` where the log never held it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Before the window, inside, after, or in no log.
    #[serde(flatten)]
    pub place: Place,
}

/// A device, and why it is where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AssessedDevice {
    /// The device.
    pub device: String,
    /// The build that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Why.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Why a device is affected, or proved not to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// Its document is signed by another key.
    OtherKey,
    /// Its document is signed by the key.
    Signed {
        /// Before the window: proved outside. Else: affected.
        #[serde(flatten)]
        place: Place,
    },
    /// It is not known by whose document it runs: affected until that is known.
    NotKnown,
}

impl Standing {
    /// Whether the device has to be treated as affected: whatever is not proved to be outside.
    #[must_use]
    pub const fn is_affected(self) -> bool {
        match self {
            Self::OtherKey => false,
            Self::Signed { place } => place.is_affected(),
            Self::NotKnown => true,
        }
    }
}

/// What a compromised key touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlastRadius {
    /// The key.
    pub key_id: KeyId,
    /// When it was in other hands, by the log's index.
    pub window: Window,
    /// All that the key is known to have signed: in the log's order, then what is in no log, in the order given.
    pub artifacts: Vec<AssessedArtifact>,
    /// The builds of affected artifacts and devices, sorted.
    pub builds: BTreeSet<String>,
    /// Devices that are not proved to be outside, in the order given.
    pub affected: Vec<AssessedDevice>,
    /// Devices proved to be outside, in the order given.
    pub outside: Vec<AssessedDevice>,
}

impl BlastRadius {
    /// Artifacts that count as fraudulent until proved otherwise.
    pub fn affected_artifacts(&self) -> impl Iterator<Item = &AssessedArtifact> {
        self.artifacts.iter().filter(|artifact| artifact.place.is_affected())
    }
}

/// Finds out what a compromised key touches.
///
/// `signed` is what the log of the window holds, entries of other keys too; `artifacts` what is known to exist beside
/// what devices run. An artifact counts where the log *first* held it. What the key signed and the log never held is
/// taken for backdated.
///
/// Takes time and memory in proportion to what it is given, and gives the same for the same.
///
/// ```
/// use openfactory_attest::compromise::{assess, DeviceFact, SignedAt};
/// use openfactory_attest::trust::revocation::Window;
/// use openfactory_attest::{Ed25519Key, Sha256Digest, Signer as _};
///
/// let (key, day) = (*Ed25519Key::generate()?.key_id(), Sha256Digest::of(b"signed by day"));
/// let night = Sha256Digest::of(b"signed by night");
/// let signed = [SignedAt::new(3, key, day, "document"), SignedAt::new(8, key, night, "document")];
/// let fleet = [DeviceFact::running("press", "build-1", day, key), DeviceFact::running("mill", "build-2", night, key)];
///
/// let radius = assess(key, &Window::from("example.com/audit", 5), &signed, &[], &fleet);
/// assert_eq!((radius.affected[0].device.as_str(), radius.outside[0].device.as_str()), ("mill", "press"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn assess(
    key_id: KeyId,
    window: &Window,
    signed: &[SignedAt],
    artifacts: &[Artifact],
    fleet: &[DeviceFact],
) -> BlastRadius {
    let logged = Logged::of(key_id, signed);
    let mut assessed: Vec<_> = logged
        .in_order
        .iter()
        .map(|first| AssessedArtifact {
            payload: first.payload,
            kind: Some(first.kind.clone()),
            place: Place::of(Some(first.index), window),
        })
        .collect();

    let mut builds = BTreeSet::new();
    let mut unlogged = HashSet::new();
    let mut find = |payload: &Sha256Digest| {
        let place = Place::of(logged.index(payload), window);
        if place == Place::Unlogged && unlogged.insert(*payload) {
            assessed.push(AssessedArtifact { payload: *payload, kind: None, place });
        }
        place
    };
    for artifact in artifacts.iter().filter(|artifact| artifact.signed_by == key_id) {
        if find(&artifact.payload).is_affected() && !builds.contains(&artifact.build) {
            builds.insert(artifact.build.clone());
        }
    }
    let (mut affected, mut outside) = (Vec::new(), Vec::new());
    for fact in fleet {
        let standing = match (&fact.document, &fact.signed_by) {
            (Some(_), Some(signed_by)) if *signed_by != key_id => Standing::OtherKey,
            (Some(document), Some(_)) => Standing::Signed { place: find(document) },
            _ => Standing::NotKnown,
        };
        let device = AssessedDevice { device: fact.device.clone(), build: fact.build.clone(), standing };
        if !standing.is_affected() {
            outside.push(device);
            continue;
        }
        if let Some(build) = fact.build.as_ref().filter(|build| !builds.contains(*build)) {
            builds.insert(build.clone());
        }
        affected.push(device);
    }
    BlastRadius { key_id, window: window.clone(), artifacts: assessed, builds, affected, outside }
}

/// What the log holds of one key: each payload where it first came.
struct Logged<'s> {
    in_order: Vec<&'s SignedAt>,
    index: HashMap<Sha256Digest, u64>,
}

impl<'s> Logged<'s> {
    fn of(key_id: KeyId, signed: &'s [SignedAt]) -> Self {
        let mut in_order: Vec<_> = signed.iter().filter(|one| one.key_id == key_id).collect();
        // What was read from a log is in its order already, and then this costs one look at each.
        in_order.sort_by_key(|one| (one.index, one.payload));
        let mut index = HashMap::with_capacity(in_order.len());
        in_order.retain(|one| match index.entry(one.payload) {
            Entry::Vacant(vacant) => {
                vacant.insert(one.index);
                true
            }
            Entry::Occupied(_) => false,
        });
        Self { in_order, index }
    }

    fn index(&self, payload: &Sha256Digest) -> Option<u64> {
        self.index.get(payload).copied()
    }
}

#[cfg(test)]
mod tests;
