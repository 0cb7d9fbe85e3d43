//! What package managers record of the content of files.

use sha1::Digest as _;

use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::{Entry, EntryKind};
use crate::work::ContentHasher;

/// A digest that a package manager recorded of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// dpkg's.
    Md5([u8; 16]),
    /// apk's.
    Sha1([u8; 20]),
    /// The first bytes of a SHA-256: apk's, of packages in its third format.
    Sha256Start([u8; 20]),
    /// apk's too.
    Sha256([u8; 32]),
}

/// The digests of one content that any of these need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) sha256: Sha256Digest,
    md5: Option<[u8; 16]>,
    sha1: Option<[u8; 20]>,
}

impl Recorded {
    /// Whether the content has this digest.
    pub(super) fn is_of(&self, content: &Content) -> bool {
        match self {
            Self::Md5(digest) => content.md5.as_ref() == Some(digest),
            Self::Sha1(digest) => content.sha1.as_ref() == Some(digest),
            Self::Sha256Start(start) => content.sha256.as_bytes().starts_with(start),
            Self::Sha256(digest) => content.sha256.as_bytes() == digest,
        }
    }

    /// Whether the manifest's SHA-256 is not enough to tell.
    pub(super) const fn needs_content(&self) -> bool {
        matches!(self, Self::Md5(_) | Self::Sha1(_))
    }

    /// Whether whatever is no regular file is as it was recorded. apk records a link's target as if it were its content.
    pub(super) fn is_of_special(&self, entry: &Entry) -> bool {
        match &entry.kind {
            EntryKind::Symlink { target } => {
                let mut hasher = ContentDigests::of(&[self]);
                hasher.update(target);
                !matches!(self, Self::Md5(_)) && self.is_of(&hasher.finish())
            }
            _ => false,
        }
    }
}

impl Content {
    /// Content of which only the SHA-256 is known.
    pub(super) const fn known(sha256: Sha256Digest) -> Self {
        Self { sha256, md5: None, sha1: None }
    }
}

/// Makes them, all in one pass.
pub(super) struct ContentDigests {
    sha256: Sha256,
    md5: Option<md5::Md5>,
    sha1: Option<sha1::Sha1>,
}

impl ContentDigests {
    /// For these digests.
    pub(super) fn of(recorded: &[&Recorded]) -> Self {
        let needs = |kind: fn(&Recorded) -> bool| recorded.iter().any(|recorded| kind(recorded));
        Self {
            sha256: Sha256::new(),
            md5: needs(|it| matches!(it, Recorded::Md5(_))).then(md5::Md5::new),
            sha1: needs(|it| matches!(it, Recorded::Sha1(_))).then(sha1::Sha1::new),
        }
    }
}

impl ContentHasher for ContentDigests {
    type Digest = Content;

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    fn finish(self) -> Content {
        let md5 = self.md5.map(|md5| md5.finalize().into());
        let sha1 = self.sha1.map(|sha1| sha1.finalize().into());
        Content { sha256: self.sha256.digest(), md5, sha1 }
    }
}
