//! The per-file manifest of a directory tree or a squashfs: what every inode is, and its SHA-256 if it is a file.
//!
//! Paths are bytes, in bytewise order; hard links are known as such. A manifest says in itself whether extended
//! attributes are covered. Its JSON is canonical (RFC 8785), so that [`Manifest::digest`] is what `sha256sum`
//! says of the JSON file; its text form is what `sha256sum -c` takes.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use packed::{Packed, Packing};

use crate::digest::{Sha256, Sha256Digest};
use crate::work::Work;

mod diff;
mod directory;
mod entries;
mod entry;
mod json;
mod packed;
mod sha256sum;
mod xattr;

pub use diff::{Compare, Difference, DifferenceKind, diff_digests};
pub use directory::DirectoryError;
#[cfg(feature = "squashfs")]
pub(crate) use directory::copy_to_links;
#[cfg(feature = "sbom")]
pub(crate) use directory::open_beneath;
pub use entries::Entries;
pub use entry::{Entry, EntryKind, PathError, TreePath};
pub use json::{ManifestParseError, ManifestReadError};
pub use sha256sum::{FileDigest, TextParseError};
pub use xattr::{Xattr, XattrError, Xattrs};

/// What every inode of a tree is, in bytewise order of paths, the root first.
///
/// ```
/// use openfactory_attest::manifest::{Compare, DifferenceKind, Manifest};
/// use openfactory_attest::Work;
///
/// let tree = tempfile::tempdir()?;
/// std::fs::write(tree.path().join("motd"), "hello\n")?;
/// let baseline = Manifest::of_directory(tree.path(), &Work::on_all_cores())?;
///
/// std::fs::write(tree.path().join("motd"), "HELLO\n")?;
/// let now = Manifest::of_directory(tree.path(), &Work::on_all_cores())?;
///
/// let differences = baseline.diff(&now, &Compare::everything());
/// assert_eq!(differences[0].kind, DifferenceKind::Content);
/// assert_eq!(differences[0].path.to_string(), "./motd");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It takes 88 bytes of memory for each entry, and as many as its path and the target of its link have: a tree of 200,000
/// entries with paths of 40 bytes takes 26 MB. Sets of extended attributes are kept once each.
#[derive(Clone)]
pub struct Manifest {
    packed: Packed,
    covers_xattrs: bool,
}

impl Manifest {
    /// More entries than this are refused, wherever they come from.
    pub const MAX_ENTRIES: usize = 4 * 1024 * 1024;

    /// The most bytes of extended attributes, those of each entry counted.
    pub const MAX_XATTR_BYTES: u64 = 256 * 1024 * 1024;

    /// Makes a manifest of entries in any order, that says nothing of extended attributes.
    ///
    /// # Errors
    /// [`StructureError`] if they are no tree, or have attributes.
    pub fn of_entries(entries: Vec<Entry>) -> Result<Self, StructureError> {
        Self::packed(Packing::of(entries)?, false)
    }

    /// Makes a manifest of entries in any order, that has all their extended attributes.
    ///
    /// # Errors
    /// [`StructureError`] if they are no tree.
    pub fn of_entries_with_xattrs(entries: Vec<Entry>) -> Result<Self, StructureError> {
        Self::packed(Packing::of(entries)?, true)
    }

    fn packed(packing: Packing, covers_xattrs: bool) -> Result<Self, StructureError> {
        match packing.with_xattrs() {
            Some(path) if !covers_xattrs => Err(StructureError::Uncovered { path }),
            _ => Ok(Self { packed: packing.finish()?, covers_xattrs }),
        }
    }

    /// Reads a directory tree: hashes every file, follows no symbolic link, stays below `root` whatever happens in
    /// it meanwhile. Memory does not depend on file sizes.
    ///
    /// Extended attributes are those that the system lists to this process: `trusted.*` to root alone.
    ///
    /// # Errors
    /// [`DirectoryError`] if anything in it can't be read, or changes while it is read.
    pub fn of_directory(root: &Path, work: &Work<'_>) -> Result<Self, DirectoryError> {
        directory::read(root, work)
    }

    /// Reads a squashfs image without mounting it, and hashes every file in it. Extended attributes are all that the
    /// image has.
    ///
    /// # Errors
    /// [`SquashfsError`](crate::squashfs::SquashfsError) if it is no image, is damaged, or can't be read.
    #[cfg(feature = "squashfs")]
    pub fn of_squashfs(
        image: &dyn crate::ReadAt,
        work: &Work<'_>,
    ) -> Result<Self, crate::squashfs::SquashfsError> {
        crate::squashfs::manifest(image, work)
    }

    /// Whether it has the extended attributes of every entry. If not, it says nothing of them.
    #[must_use]
    pub const fn covers_xattrs(&self) -> bool {
        self.covers_xattrs
    }

    /// Every entry, in bytewise order of paths.
    #[must_use]
    pub const fn entries(&self) -> Entries<'_> {
        Entries::of(self)
    }

    /// The entry with this path.
    #[must_use]
    pub fn entry(&self, path: &TreePath) -> Option<Entry> {
        self.packed.get(self.packed.position(path)?)
    }

    /// Where among the entries the one with this path is.
    #[cfg(feature = "sbom")]
    pub(crate) fn position(&self, path: &TreePath) -> Option<usize> {
        self.packed.position(path)
    }

    /// The regular files, with size in bytes and digest.
    pub fn files(&self) -> impl Iterator<Item = (TreePath, u64, Sha256Digest)> {
        self.entries().filter_map(|entry| match entry.kind {
            EntryKind::File { size, digest } => Some((entry.path, size, digest)),
            _ => None,
        })
    }

    /// The manifest's own digest: SHA-256 of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// Those of [`to_json`](Self::to_json).
    pub fn digest(&self) -> Result<Sha256Digest, StructureError> {
        let mut hasher = Sha256::new();
        json::write(self, &mut hasher).map_err(|error| StructureError::not_json(&error))?;
        Ok(hasher.digest())
    }

    /// The manifest as canonical JSON (RFC 8785), without a newline at the end.
    ///
    /// # Errors
    /// [`StructureError::Json`], which no manifest is known to cause.
    pub fn to_json(&self) -> Result<Vec<u8>, StructureError> {
        let mut json = Vec::new();
        json::write(self, &mut json).map_err(|error| StructureError::not_json(&error))?;
        Ok(json)
    }

    /// Writes what [`to_json`](Self::to_json) gives, in many small writes; memory does not depend on how many entries there
    /// are.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write_json(&self, mut to: impl Write) -> io::Result<()> {
        json::write(self, &mut to)
    }

    /// Reads a manifest from JSON, canonical or not.
    ///
    /// # Errors
    /// [`ManifestParseError`].
    pub fn parse_json(json: &[u8]) -> Result<Self, ManifestParseError> {
        json::parse(json)
    }

    /// Reads a manifest from JSON, canonical or not, an entry after the other: memory does not hold the text. It is read
    /// in small pieces, so give it a [`BufReader`](io::BufReader); bound what a stranger may send by
    /// [`take`](Read::take).
    ///
    /// # Errors
    /// [`ManifestReadError`].
    pub fn read_json(from: impl Read) -> Result<Self, ManifestReadError> {
        json::read(from)
    }

    /// A line for each regular file, for `cd ROOT && sha256sum -c FILE`. Only names and digests, nothing else.
    #[must_use]
    pub fn to_sha256sum(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (path, _size, digest) in self.files() {
            sha256sum::append(&path, &digest, &mut text);
        }
        text
    }

    /// Writes what [`to_sha256sum`](Self::to_sha256sum) gives, in many small writes; memory does not depend on how many
    /// files there are.
    ///
    /// # Errors
    /// The writer's own.
    pub fn write_sha256sum(&self, mut to: impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        self.files().try_for_each(|(path, _size, digest)| {
            line.clear();
            sha256sum::append(&path, &digest, &mut line);
            to.write_all(&line)
        })
    }

    /// Reads what [`to_sha256sum`](Self::to_sha256sum) or `sha256sum` wrote. Digests are all that is in it.
    ///
    /// # Errors
    /// [`TextParseError`].
    pub fn parse_sha256sum(text: &[u8]) -> Result<Vec<FileDigest>, TextParseError> {
        sha256sum::parse(text)
    }

    /// How `current` differs from this manifest, in bytewise order of paths.
    #[must_use]
    pub fn diff(&self, current: &Self, compare: &Compare) -> Vec<Difference> {
        diff::diff(self, current, compare)
    }
}

impl PartialEq for Manifest {
    fn eq(&self, other: &Self) -> bool {
        self.covers_xattrs == other.covers_xattrs && self.entries().eq(other.entries())
    }
}

impl Eq for Manifest {}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Manifest");
        told.field("entries", &self.entries().collect::<Vec<_>>());
        told.field("covers_xattrs", &self.covers_xattrs).finish()
    }
}

/// Why entries are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// More than [`Manifest::MAX_ENTRIES`].
    #[error("{entries} entries, {} is the most", Manifest::MAX_ENTRIES)]
    TooMany {
        /// How many there are, as far as was counted.
        entries: usize,
    },
    /// More than [`Manifest::MAX_XATTR_BYTES`].
    #[error("{bytes} bytes of extended attributes, {} are the most", Manifest::MAX_XATTR_BYTES)]
    Xattrs {
        /// How many there are.
        bytes: u64,
    },
    /// It has extended attributes in a manifest that does not cover them.
    #[error("{path} has extended attributes, which the manifest does not cover")]
    Uncovered {
        /// The path.
        path: TreePath,
    },
    /// The root is missing, or no directory.
    #[error("no root directory")]
    NoRoot,
    /// Two entries have one path.
    #[error("{path} is there twice")]
    Duplicate {
        /// The path.
        path: TreePath,
    },
    /// Its parent is missing, or no directory.
    #[error("{path} is in no directory")]
    Orphan {
        /// The path.
        path: TreePath,
    },
    /// It is a hard link to something that is missing, comes later, is itself one, or is something else.
    #[error("{path} is a hard link to no earlier entry like it")]
    HardLink {
        /// The path.
        path: TreePath,
    },
    /// It is a symbolic link whose target is longer than 65,535 bytes.
    #[error("{path} is a symbolic link with a target that is too long")]
    Target {
        /// The path.
        path: TreePath,
    },
    /// It could not be written as JSON.
    #[error("cannot be written as json: {reason}")]
    Json {
        /// Why not.
        reason: String,
    },
}

impl StructureError {
    fn not_json(error: &io::Error) -> Self {
        Self::Json { reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
