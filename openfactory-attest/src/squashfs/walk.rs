//! Lists every entry of an image. No recursion, no directory twice, everything counted.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};

use super::error::{Part, SquashfsError};
use super::inode::{FileMap, Inode, InodeRef, What};
use super::metadata::Metadata;
use super::xattr::Attributes;
use super::{Image, directory};
use crate::digest::Sha256Digest;
use crate::manifest::{Entry, EntryKind, Manifest, TreePath};

/// An entry, and where its inode is.
///
/// The digest of a file is not known yet; that of nothing stands in its place.
pub(super) struct Found {
    pub(super) entry: Entry,
    /// Packed: there may be millions of these.
    inode: u64,
}

impl Found {
    /// Where a file's content is; nothing for whatever is no file.
    pub(super) fn content(
        &self,
        image: &Image<'_>,
        metadata: &mut Metadata<'_>,
    ) -> Result<Option<FileMap>, SquashfsError> {
        if !matches!(self.entry.kind, EntryKind::File { .. }) {
            return Ok(None);
        }
        match Inode::read(image, metadata, InodeRef::packed(self.inode))?.what {
            What::File(content) => Ok(Some(content)),
            _ => Ok(None),
        }
    }
}

/// All entries, in bytewise order of paths; hard links refer to the first of theirs.
pub(super) fn walk(image: &Image<'_>) -> Result<Vec<Found>, SquashfsError> {
    let mut metadata = Metadata::new(image.device, &image.superblock);
    let mut attributes = Attributes::of(&image.tables.xattrs);
    let root = InodeRef::packed(image.superblock.root_inode);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = vec![(TreePath::root(), root)];
    while let Some((path, at)) = pending.pop() {
        let inode = Inode::read(image, &mut metadata, at)?;
        if let What::Directory { block, offset, size } = inode.what {
            if !seen.insert(at) {
                return Err(SquashfsError::corrupt(Part::Directory, at.block));
            }
            directory::read(image, &mut metadata, (block, offset, size), &mut |name, at| {
                let path = path
                    .join(name)
                    .map_err(|source| SquashfsError::Name { directory: path.clone(), source })?;
                pending.push((path, at));
                limit(found.len() + pending.len())
            })?;
        } else if path.is_root() {
            return Err(SquashfsError::corrupt(Part::Inode, at.block));
        }
        let xattrs = attributes.get(&mut metadata, inode.xattrs)?;
        let mut described = describe(path, inode, at);
        described.entry.xattrs = xattrs;
        found.push(described);
        limit(found.len() + pending.len())?;
    }
    drop(metadata);
    found.sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
    link(&mut found)?;
    Ok(found)
}

fn limit(entries: usize) -> Result<(), SquashfsError> {
    if entries <= Manifest::MAX_ENTRIES {
        return Ok(());
    }
    Err(SquashfsError::TooLarge { what: "entries", limit: Manifest::MAX_ENTRIES as u64 })
}

fn describe(path: TreePath, inode: Inode, at: InodeRef) -> Found {
    let kind = match inode.what {
        What::File(file) => EntryKind::File { size: file.size, digest: Sha256Digest::of(b"") },
        What::Directory { .. } => EntryKind::Directory,
        What::Symlink { target } => EntryKind::Symlink { target },
        What::CharDevice { major, minor } => EntryKind::CharDevice { major, minor },
        What::BlockDevice { major, minor } => EntryKind::BlockDevice { major, minor },
        What::Fifo => EntryKind::Fifo,
        What::Socket => EntryKind::Socket,
    };
    let mut entry = Entry::new(path, kind, inode.mode);
    (entry.uid, entry.gid, entry.mtime) = (inode.uid, inode.gid, i64::from(inode.mtime));
    Found { entry, inode: at.pack() }
}

/// Finds names of one inode, and bounds the content of all.
fn link(found: &mut [Found]) -> Result<(), SquashfsError> {
    let mut first_of: HashMap<u64, usize> = HashMap::new();
    let mut content = 0_u64;
    for index in 0..found.len() {
        let (before, rest) = found.split_at_mut(index);
        let Some(Found { entry, inode }) = rest.first_mut() else { continue };
        match first_of.entry(*inode) {
            Slot::Occupied(first) => {
                entry.hard_link_to = before.get(*first.get()).map(|first| first.entry.path.clone());
            }
            Slot::Vacant(slot) => {
                slot.insert(index);
                if let EntryKind::File { size, .. } = entry.kind {
                    content = content.saturating_add(size);
                }
            }
        }
    }
    if content > Image::MAX_CONTENT {
        return Err(SquashfsError::TooLarge { what: "bytes of content", limit: Image::MAX_CONTENT });
    }
    Ok(())
}
