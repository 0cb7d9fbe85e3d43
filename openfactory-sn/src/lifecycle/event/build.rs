//! Facts about builds.
//!
//! ```
//! use openfactory_attest::{BuildRecipe, Ed25519Key, Envelope, Sha256Digest};
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::build::{
//!     BuildCompleted, BuildRequested, BuildVerified, ChainLink, EvidenceFile, Image, LinkStatus,
//! };
//! use openfactory_sn::lifecycle::id::{BuildId, FleetId};
//!
//! let (key, build) = (Ed25519Key::generate()?, BuildId::new("b-1")?);
//! let recipe = BuildRecipe::parse(br#"{"name": "press", "baseImage": "debian-trixie", "features": ["ssh"]}"#)?;
//!
//! // Somebody asks for an image: a change request is made, and the build waits for its approval.
//! let intent = Envelope::sign("application/vnd.in-toto+json", b"{}", &key)?;
//! let (fleet, words) = (FleetId::new("line-7")?, "A hardened image for the presses of line 7.");
//! let requested = BuildRequested::new(build.clone(), fleet, "13.1", "ada@plant.example", words, recipe, intent);
//! assert_eq!(EventBody::BuildRequested(Box::new(requested)).key(), "build:b-1");
//!
//! // It is built: a work note says what came of it.
//! let image = Image::new("press.squashfs", 412_090_368, Sha256Digest::of(b"the image"));
//! let (root_hash, log) = (Sha256Digest::of(b"the hash tree's root"), Sha256Digest::of(b"the build log"));
//! let completed = BuildCompleted::new(build.clone(), image, root_hash, log, 254);
//! assert_eq!(completed.image.name, "press.squashfs");
//!
//! // It is verified. A link that could not be checked does not break the chain, but counts against its score.
//! let document = Envelope::sign("application/vnd.in-toto+json", br#"{"_type": "..."}"#, &key)?;
//! let (digest, manifest) = (document.payload_digest(), Sha256Digest::of(b"the manifest"));
//! let chain = vec![
//!     ChainLink::new("recipe", LinkStatus::Proved, ""),
//!     ChainLink::new("sbom", LinkStatus::NotChecked, "no SBOM was given"),
//! ];
//! let mut verified = BuildVerified::new(build, document, digest, manifest, root_hash, chain);
//! verified.evidence.push(EvidenceFile::new("chain.txt", "text/plain", b"recipe: proved\n".to_vec()));
//! assert!(verified.passed());
//! assert_eq!(verified.score(), (1, 2));
//!
//! verified.chain.push(ChainLink::new("image", LinkStatus::Broken, "the digest is another one"));
//! assert!(!verified.passed(), "such a build is never deployed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::recipe::BuildRecipe;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::lifecycle::id::{BuildId, FleetId};

/// Type name of [`BuildRequested`].
pub const REQUESTED: &str = "tech.openfactory.build.requested.v1";
/// Type name of [`BuildCompleted`].
pub const COMPLETED: &str = "tech.openfactory.build.completed.v1";
/// Type name of [`BuildVerified`].
pub const VERIFIED: &str = "tech.openfactory.build.verified.v1";

/// Someone wants an image built (guide, Stage 1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BuildRequested {
    /// The build's id.
    pub build_id: BuildId,
    /// The fleet it is for.
    pub fleet: FleetId,
    /// The version of the base image.
    pub base_version: String,
    /// The requester's e-mail address.
    pub requester: String,
    /// The request in the requester's own words.
    pub request_text: String,
    /// The recipe.
    pub recipe: BuildRecipe,
    /// The signed build intent.
    pub intent: Envelope,
}

impl BuildRequested {
    /// All there is to say.
    #[must_use]
    pub fn new(
        build_id: BuildId,
        fleet: FleetId,
        base_version: impl Into<String>,
        requester: impl Into<String>,
        request_text: impl Into<String>,
        recipe: BuildRecipe,
        intent: Envelope,
    ) -> Self {
        Self {
            build_id,
            fleet,
            base_version: base_version.into(),
            requester: requester.into(),
            request_text: request_text.into(),
            recipe,
            intent,
        }
    }
}

/// The image as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// File name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub sha256: Sha256Digest,
}

impl Image {
    /// All there is to say.
    pub fn new(name: impl Into<String>, size: u64, sha256: Sha256Digest) -> Self {
        Self { name: name.into(), size, sha256 }
    }
}

/// The image is built (guide, Stage 1, on completion).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BuildCompleted {
    /// The build's id.
    pub build_id: BuildId,
    /// The image.
    pub image: Image,
    /// Its dm-verity root hash, lower-case hex.
    pub root_hash: Sha256Digest,
    /// SHA-256 of the build log.
    pub build_log: Sha256Digest,
    /// How long it took, in seconds.
    pub duration_s: u64,
}

impl BuildCompleted {
    /// All there is to say.
    #[must_use]
    pub fn new(
        build_id: BuildId,
        image: Image,
        root_hash: Sha256Digest,
        build_log: Sha256Digest,
        duration_s: u64,
    ) -> Self {
        Self { build_id, image, root_hash, build_log, duration_s }
    }
}

/// What became of one link of the verification chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStatus {
    /// It was checked and holds.
    Proved,
    /// It was checked and does not hold.
    Broken,
    /// It could not be checked.
    NotChecked,
}

impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proved => "proved",
            Self::Broken => "BROKEN",
            Self::NotChecked => "not checked",
        })
    }
}

/// One link of the verification chain (guide, Stage 2, "Verification Chain").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainLink {
    /// Which artifact it binds, such as `recipe` or `image`.
    pub name: String,
    /// What became of it.
    pub status: LinkStatus,
    /// Why, if it is not proved.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl ChainLink {
    /// All there is to say.
    pub fn new(name: impl Into<String>, status: LinkStatus, reason: impl Into<String>) -> Self {
        Self { name: name.into(), status, reason: reason.into() }
    }
}

/// A file of evidence, with its content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvidenceFile {
    /// File name, without a path.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The bytes; base64 on the wire.
    #[serde(rename = "base64", serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
}

impl EvidenceFile {
    /// All there is to say.
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, content: Vec<u8>) -> Self {
        Self { name: name.into(), media_type: media_type.into(), content }
    }
}

impl fmt::Debug for EvidenceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceFile")
            .field("name", &self.name)
            .field("media_type", &self.media_type)
            .field("bytes", &self.content.len())
            .finish()
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The image was verified (guide, Stage 2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BuildVerified {
    /// The build's id.
    pub build_id: BuildId,
    /// The signed verification document.
    pub document: Envelope,
    /// The document's digest: SHA-256 of the envelope's payload.
    pub document_digest: Sha256Digest,
    /// The digest of the image's per-file manifest, as the document has it; device reports name it.
    pub manifest_digest: Sha256Digest,
    /// The dm-verity root hash, as the document has it.
    pub root_hash: Sha256Digest,
    /// The chain, link by link.
    pub chain: Vec<ChainLink>,
    /// Further files of evidence.
    pub evidence: Vec<EvidenceFile>,
}

impl BuildVerified {
    /// Without further evidence.
    #[must_use]
    pub fn new(
        build_id: BuildId,
        document: Envelope,
        document_digest: Sha256Digest,
        manifest_digest: Sha256Digest,
        root_hash: Sha256Digest,
        chain: Vec<ChainLink>,
    ) -> Self {
        Self { build_id, document, document_digest, manifest_digest, root_hash, chain, evidence: Vec::new() }
    }

    /// Whether at least one link was proved and none is broken.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.chain.iter().any(|link| link.status == LinkStatus::Proved)
            && self.chain.iter().all(|link| link.status != LinkStatus::Broken)
    }

    /// How many links are proved, and how many there are. What was not checked counts against.
    #[must_use]
    pub fn score(&self) -> (usize, usize) {
        let proved = self.chain.iter().filter(|link| link.status == LinkStatus::Proved).count();
        (proved, self.chain.len())
    }
}
