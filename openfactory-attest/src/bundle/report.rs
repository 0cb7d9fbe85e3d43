//! What is said of a bundle, link by link.

use std::fmt;

use crate::chain::{ChainVerdict, LinkName, LinkStatus};
use crate::document::VerificationDocument;
use crate::trust::TrustedKey;

/// A link of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BundleLinkName {
    /// `SHA256SUMS` is as it was written.
    Sums,
    /// A file has the digest that `SHA256SUMS` has of it.
    File(String),
    /// There is a trust store.
    Trust,
    /// A link of the verification chain.
    Chain(LinkName),
    /// The intent is for the request in these words.
    Request,
    /// The document names this hash device.
    HashDevice,
    /// The manifest that lies beside the image is the image's.
    ManifestFile,
    /// The list for `sha256sum -c` is that of the image's files.
    FileSums,
    /// The provenance is signed, and says of the build what the document says; only where there is one.
    Provenance,
    /// An audit log held the intent.
    LogIntent,
    /// An audit log held the document.
    LogDocument,
    /// An audit log held the provenance; only where there is one.
    LogProvenance,
    /// The log held the intent before the document.
    LogOrder,
}

/// A link and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleLink {
    /// Which one.
    pub name: BundleLinkName,
    /// What became of it.
    pub status: LinkStatus,
}

/// By whose word keys were trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhoseTrust {
    /// By a trust store that was given: whoever forged the bundle could not choose it.
    Given,
    /// By the trust store in the bundle. Its keys have to be compared with what is known of them from elsewhere.
    Bundle,
}

/// All links of a bundle, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleReport {
    /// What the build platform vouches for, if its document is believed.
    pub document: Option<VerificationDocument>,
    /// The links, in the order in which they were checked.
    pub links: Vec<BundleLink>,
    /// What they come to.
    pub verdict: ChainVerdict,
    /// By whose word the keys are trusted.
    pub trust: WhoseTrust,
    /// The keys that the bundle rests on: those that signed intent, document and checkpoints.
    pub keys: Vec<TrustedKey>,
}

impl BundleReport {
    /// The links that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &BundleLink> {
        self.links.iter().filter(|link| matches!(link.status, LinkStatus::Broken { .. }))
    }

    /// The links that were not checked.
    pub fn not_checked(&self) -> impl Iterator<Item = &BundleLink> {
        self.links.iter().filter(|link| matches!(link.status, LinkStatus::NotChecked { .. }))
    }

    /// What became of a link; `None` where the bundle has no such link.
    #[must_use]
    pub fn status(&self, name: &BundleLinkName) -> Option<&LinkStatus> {
        self.links.iter().find(|link| link.name == *name).map(|link| &link.status)
    }
}

impl fmt::Display for BundleLinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sums => f.pad("sums"),
            Self::File(name) => f.pad(&format!("file {name}")),
            Self::Trust => f.pad("trust"),
            Self::Chain(name) => name.fmt(f),
            Self::Request => f.pad("request"),
            Self::HashDevice => f.pad("hash-device"),
            Self::ManifestFile => f.pad("manifest-file"),
            Self::FileSums => f.pad("file-sums"),
            Self::LogIntent => f.pad("log-intent"),
            Self::Provenance => f.pad("provenance"),
            Self::LogDocument => f.pad("log-document"),
            Self::LogProvenance => f.pad("log-provenance"),
            Self::LogOrder => f.pad("log-order"),
        }
    }
}
