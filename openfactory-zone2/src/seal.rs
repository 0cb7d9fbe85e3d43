//! The seal: what Zone 2 was when it was locked, signed.
//!
//! Every entry that is not volatile is a leaf of a Merkle tree (RFC 6962, section 2.1), in the order of the paths;
//! its leaf is the entry's canonical JSON. The seal binds the tree's root to the policy, the base image and the
//! SBOM, and says which command ordered it. Only a signed lock makes a new one.

mod compare;
mod entry;

use std::time::SystemTime;

use openfactory_attest::audit::tree::{Frontier, leaf_hash};
use openfactory_attest::canonical::{self, CanonicalError};
use openfactory_attest::envelope::{OpenError, PayloadError};
use openfactory_attest::key::SignError;
use openfactory_attest::manifest::TreePath;
use openfactory_attest::{Envelope, KeyKind, Sha256Digest, Signer, TrustStore, Verified};
use serde::{Deserialize, Serialize};

pub use compare::{Change, SealCheck, SealDifference};
pub use entry::{EntryError, SealedEntry, SealedKind};

use crate::policy::Class;
use crate::scan::{Kind, Scan, device_path};

/// The payload type of a seal's envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.zone2-seal.v1+json";

/// Keys of these kinds may seal: the device itself, by a lock that an operator has signed, or an operator.
pub const SIGNER_KINDS: &[KeyKind] = &[KeyKind::DeviceAttestation, KeyKind::Operator];

/// The sealed lockdown reference of one device's Zone 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Seal {
    binding: Binding,
    root: Sha256Digest,
    entries: Vec<SealedEntry>,
}

/// What a seal binds Zone 2 to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binding {
    /// The device.
    pub device: String,
    /// When it was sealed.
    pub time: SystemTime,
    /// The id of the lock command that ordered it.
    pub command: String,
    /// The policy that was in force ([`Policy::digest`](crate::policy::Policy::digest)).
    pub policy_digest: Sha256Digest,
    /// The dm-verity root hash of the base image, in hex, if it is known.
    pub base_root_hash: Option<String>,
    /// SHA-256 of the combined SBOM, if there is one.
    pub sbom_digest: Option<Sha256Digest>,
}

/// The seal as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    device: String,
    #[serde(with = "crate::instant::exact")]
    time: SystemTime,
    command: String,
    policy_digest: Sha256Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_root_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sbom_digest: Option<Sha256Digest>,
    root: Sha256Digest,
    entries: Vec<SealedEntry>,
}

/// Why Zone 2 can't be sealed as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSealable {
    /// Something could not be looked at, so nobody knows what would be sealed.
    #[error("{path} could not be looked at: {reason}")]
    Unread {
        /// Where, on the device.
        path: String,
        /// Why not.
        reason: String,
    },
    /// It holds what Zone 2 never holds.
    #[error("{path} is {what}, which zone 2 never holds")]
    Forbidden {
        /// Where, on the device.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// An entry has no canonical form.
    #[error("{path} can't be sealed")]
    Entry {
        /// Where, on the device.
        path: String,
        /// Why not.
        #[source]
        source: CanonicalError,
    },
}

/// Why something is no seal, though it may be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Another version than 1.
    #[error("seal version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
    /// The entries are not in the order of their paths, or one stands twice.
    #[error("the seal's entries are out of order at {path}")]
    Order {
        /// Where, on the device.
        path: String,
    },
    /// The entries don't make the root.
    #[error("the seal's root is not that of its entries")]
    Root,
    /// An entry has no canonical form.
    #[error("an entry has no canonical form")]
    Entry(#[source] CanonicalError),
}

/// Why a seal was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignSealError {
    /// It is larger than what is signed (16 MiB), or an instant is beyond RFC 3339.
    #[error("the seal has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The key would not.
    #[error("the seal could not be signed")]
    Sign(#[source] SignError),
}

/// Why a seal is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSealError {
    /// Not signed by who may seal.
    #[error("the seal is not vouched for")]
    Envelope(#[source] OpenError),
    /// Signed, but no seal.
    #[error("what is signed is no seal")]
    Payload(#[source] PayloadError),
    /// Another device's.
    #[error("the seal is that of the device {device:?}")]
    OtherDevice {
        /// Whose.
        device: String,
    },
}

impl Binding {
    /// Binds to this policy, by order of this command.
    pub fn new(
        device: impl Into<String>,
        time: SystemTime,
        command: impl Into<String>,
        policy_digest: Sha256Digest,
    ) -> Self {
        Self {
            device: device.into(),
            time,
            command: command.into(),
            policy_digest,
            base_root_hash: None,
            sbom_digest: None,
        }
    }

    /// And to this base image.
    #[must_use]
    pub fn on_base(self, root_hash: impl Into<String>) -> Self {
        Self { base_root_hash: Some(root_hash.into()), ..self }
    }

    /// And to this SBOM.
    #[must_use]
    pub fn with_sbom(self, digest: Sha256Digest) -> Self {
        Self { sbom_digest: Some(digest), ..self }
    }
}

impl Seal {
    const VERSION: u32 = 1;

    /// Seals what a scan found, but for what is volatile.
    ///
    /// # Errors
    /// [`NotSealable`], the first reason in the order of the paths: something could not be read, can be run, or is a
    /// device, pipe or socket.
    pub fn of(scan: &Scan, binding: Binding) -> Result<Self, NotSealable> {
        if let Some(unread) = scan.unread.first() {
            let (path, reason) = (device_path(&unread.path), unread.reason.clone());
            return Err(NotSealable::Unread { path, reason });
        }
        let mut entries = Vec::new();
        for found in &scan.entries {
            let forbidden = match &found.kind {
                Kind::File { executable, .. } if !executable.is_empty() => Some("an executable"),
                Kind::CharDevice | Kind::BlockDevice => Some("a device"),
                Kind::Fifo => Some("a pipe"),
                Kind::Socket => Some("a socket"),
                Kind::Directory | Kind::File { .. } | Kind::Symlink { .. } | Kind::Whiteout => None,
            };
            if let Some(what) = forbidden {
                return Err(NotSealable::Forbidden { path: device_path(&found.path), what });
            }
            if found.class == Some(Class::Volatile) {
                continue;
            }
            let sealed = SealedEntry::of(found).ok_or_else(|| NotSealable::Unread {
                path: device_path(&found.path),
                reason: "larger than it may be, so it was not hashed".to_owned(),
            })?;
            entries.push(sealed);
        }
        let root = root_of(&entries)
            .map_err(|(path, source)| NotSealable::Entry { path: device_path(&path), source })?;
        Ok(Self { binding, root, entries })
    }

    /// Signs the seal's canonical JSON.
    ///
    /// # Errors
    /// [`SignSealError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignSealError> {
        let payload = canonical::to_vec_signed(self).map_err(SignSealError::Canonical)?;
        Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignSealError::Sign)
    }

    /// Opens this device's seal. Its digest is [`Envelope::payload_digest`].
    ///
    /// # Errors
    /// [`OpenSealError`] says why it is not believed.
    pub fn open(
        envelope: &Envelope,
        trust: &TrustStore,
        device: &str,
    ) -> Result<Verified<Self>, OpenSealError> {
        let opened = envelope.open(trust, PAYLOAD_TYPE, SIGNER_KINDS).map_err(OpenSealError::Envelope)?;
        let seal = opened.parse_json::<Self>().map_err(OpenSealError::Payload)?;
        if seal.get().binding.device != device {
            return Err(OpenSealError::OtherDevice { device: seal.get().binding.device.clone() });
        }
        Ok(seal)
    }

    /// What Zone 2 is bound to.
    #[must_use]
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The Merkle tree's root.
    #[must_use]
    pub const fn root(&self) -> Sha256Digest {
        self.root
    }

    /// The sealed entries, in the order of their paths.
    #[must_use]
    pub fn entries(&self) -> &[SealedEntry] {
        &self.entries
    }

    /// All that differs from what a scan found now.
    ///
    /// An entry that was added counts if its path is one that the manifest seals; what no rule allows is not the
    /// seal's to find.
    #[must_use]
    pub fn check(&self, scan: &Scan) -> SealCheck {
        compare::compare(&self.entries, scan)
    }
}

/// The root over these entries; the path of one that has no leaf.
fn root_of(entries: &[SealedEntry]) -> Result<Sha256Digest, (TreePath, CanonicalError)> {
    let mut tree = Frontier::new();
    for entry in entries {
        let leaf = canonical::to_vec_signed(entry).map_err(|error| (entry.path().clone(), error))?;
        tree.push(leaf_hash(&leaf));
    }
    Ok(tree.root())
}

impl TryFrom<Wire> for Seal {
    type Error = SealError;

    fn try_from(wire: Wire) -> Result<Self, SealError> {
        if wire.version != Self::VERSION {
            return Err(SealError::Version { found: wire.version });
        }
        if let Some(pair) = wire.entries.windows(2).find(|pair| pair[0].path() >= pair[1].path()) {
            return Err(SealError::Order { path: device_path(pair[1].path()) });
        }
        if root_of(&wire.entries).map_err(|(_, error)| SealError::Entry(error))? != wire.root {
            return Err(SealError::Root);
        }
        let binding = Binding {
            device: wire.device,
            time: wire.time,
            command: wire.command,
            policy_digest: wire.policy_digest,
            base_root_hash: wire.base_root_hash,
            sbom_digest: wire.sbom_digest,
        };
        Ok(Self { binding, root: wire.root, entries: wire.entries })
    }
}

impl From<Seal> for Wire {
    fn from(seal: Seal) -> Self {
        let Binding { device, time, command, policy_digest, base_root_hash, sbom_digest } = seal.binding;
        Self {
            version: Seal::VERSION,
            device,
            time,
            command,
            policy_digest,
            base_root_hash,
            sbom_digest,
            root: seal.root,
            entries: seal.entries,
        }
    }
}
