//! The allow-list: manifests that were signed at build.

use std::collections::HashMap;

use crate::digest::Sha256Digest;
use crate::manifest::Manifest;

use super::event::{DigestType, FileDigest};

/// The files that may be in a list, by path and content: those of one manifest, or of several. Across an update these
/// are the old one's and the new one's, until nothing of the old is left.
///
/// ```
/// use openfactory_attest::ima::Allowed;
/// use openfactory_attest::{Manifest, Work};
///
/// let tree = tempfile::tempdir()?;
/// std::fs::write(tree.path().join("na me"), "spaced\n")?;
/// let manifest = Manifest::of_directory(tree.path(), &Work::on_all_cores())?;
/// // The kernel's lists have no spaces in names.
/// assert!(Allowed::new().with(&manifest, b"/").knows(b"/na_me"));
/// assert!(Allowed::new().with(&manifest, b"/mnt").knows(b"/mnt/na_me"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Paths as the kernel writes them.
    files: HashMap<Vec<u8>, Vec<Sha256Digest>>,
}

/// What an allow-list says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// A file of this path has this content.
    Known,
    /// A file of this path has other content.
    Changed,
    /// No file has this path.
    Unknown,
    /// A file has this path, but its digest is of another kind than the manifest's, SHA-256 of the content.
    NotComparable,
}

impl Allowed {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also the files of this manifest, whose tree is mounted there on the device: `/`, say.
    #[must_use]
    pub fn with(mut self, manifest: &Manifest, mounted: &[u8]) -> Self {
        let root = mounted.strip_suffix(b"/").unwrap_or(mounted);
        for (path, _size, digest) in manifest.files() {
            let mut name = [root, b"/", path.as_bytes()].concat();
            name.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'_');
            let digests = self.files.entry(name).or_default();
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether a file has this path, as the kernel writes it.
    #[must_use]
    pub fn knows(&self, name: &[u8]) -> bool {
        self.files.contains_key(name)
    }

    /// What it says of a file.
    #[must_use]
    pub fn judge(&self, name: &[u8], digest: &FileDigest<'_>) -> Verdict {
        let Some(digests) = self.files.get(name) else { return Verdict::Unknown };
        let bytes: Option<[u8; 32]> = digest.bytes.try_into().ok();
        match bytes.map(Sha256Digest::from_bytes) {
            Some(found) if digest.algorithm == "sha256" && digest.of == DigestType::Content => {
                if digests.contains(&found) { Verdict::Known } else { Verdict::Changed }
            }
            _ => Verdict::NotComparable,
        }
    }
}
