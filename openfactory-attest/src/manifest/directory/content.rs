//! Hashes the files of a listed tree, on many threads.

use std::cmp::{Ordering, Reverse};
use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::{ATTRIBUTES, DirectoryError, Found, inode_of, io_error, open_entry, open_parent, split, xattr};
use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::entry::{EntryKind, TreePath};
use crate::work::Work;

/// What a file is read in.
const READ_SIZE: usize = 64 * 1024;

/// A file from this size on is begun before all smaller ones, so that no thread ends with it alone.
const LARGE: u64 = 1 << 20;

/// Hashes all files, hard links once: the large ones first, the others in the order in which they were listed.
pub(super) fn hash(root: &OwnedFd, found: &mut [Found], work: &Work<'_>) -> Result<(), DirectoryError> {
    let mut seen = HashSet::new();
    let mut files: Vec<&mut Found> = found
        .iter_mut()
        .filter(|file| size(file).is_some() && (file.links == 1 || seen.insert(file.inode)))
        .collect();
    // Stable, so neighbours in a directory stay neighbours.
    files.sort_by_key(|file| Reverse(size(file).filter(|&size| size >= LARGE)));
    let total = files.iter().filter_map(|file| size(file)).fold(0, u64::saturating_add);
    let files = Mutex::new(files.into_iter());
    let next = || files.lock().unwrap_or_else(PoisonError::into_inner).next();

    let (done, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    work.on_each_thread(|| {
        let mut reader = Reader::new(root);
        while !failed.load(Relaxed)
            && let Some(file) = next()
        {
            reader.hash(file).inspect_err(|_| failed.store(true, Relaxed))?;
            let size = size(file).unwrap_or_default();
            work.tell(done.fetch_add(size, Relaxed) + size, total);
        }
        Ok(())
    })?;
    copy_to_links(found);
    Ok(())
}

/// The size of a file; nothing for whatever is none.
const fn size(found: &Found) -> Option<u64> {
    match found.entry.kind {
        EntryKind::File { size, .. } => Some(size),
        _ => None,
    }
}

/// Gives all names of a file what the first that was listed was found to be.
fn copy_to_links(found: &mut [Found]) {
    let mut first_of = HashMap::new();
    for index in 0..found.len() {
        let (before, rest) = found.split_at_mut(index);
        let Some(file) = rest.first_mut().filter(|file| file.links > 1 && size(file).is_some()) else {
            continue;
        };
        match first_of.entry(file.inode) {
            Slot::Vacant(slot) => drop(slot.insert(index)),
            Slot::Occupied(first) => {
                if let Some(Found { entry, .. }) = before.get(*first.get()) {
                    file.entry.kind = entry.kind.clone();
                    file.entry.xattrs = entry.xattrs.clone();
                }
            }
        }
    }
}

/// Reads files one after the other. The directory of the last stays open, for the next is mostly its neighbour.
struct Reader<'r> {
    root: &'r OwnedFd,
    parent: Vec<u8>,
    /// The open parent; nothing while that is the root.
    directory: Option<OwnedFd>,
    buffer: Vec<u8>,
}

impl<'r> Reader<'r> {
    fn new(root: &'r OwnedFd) -> Self {
        Self { root, parent: Vec::new(), directory: None, buffer: vec![0; READ_SIZE] }
    }

    /// Reads a file's content and its attributes, and puts down what they are.
    fn hash(&mut self, file: &mut Found) -> Result<(), DirectoryError> {
        let path = &file.entry.path;
        let opened = self.open(path).map_err(|errno| io_error("open", path, errno))?;
        let stat = rustix::fs::fstat(&opened).map_err(|errno| io_error("stat", path, errno))?;
        let changed = || DirectoryError::Changed { path: path.clone() };
        if inode_of(&stat) != file.inode || !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(changed());
        }
        let xattrs = xattr::of_open(&opened).map_err(|errno| io_error(ATTRIBUTES, path, errno))?;
        if let EntryKind::File { size, digest } = &mut file.entry.kind {
            let content = self.content(&opened, *size).map_err(|errno| io_error("read", path, errno))?;
            *digest = content.ok_or_else(changed)?;
        }
        file.entry.xattrs = xattrs;
        Ok(())
    }

    fn open(&mut self, path: &TreePath) -> Result<OwnedFd, Errno> {
        let (parent, name) = split(path);
        if parent != self.parent {
            self.directory = open_parent(self.root, parent)?;
            parent.clone_into(&mut self.parent);
        }
        open_entry(self.directory.as_ref().unwrap_or(self.root), name, OFlags::empty())
    }

    /// The digest of a file of this size; nothing if it has another.
    fn content(&mut self, file: &OwnedFd, size: u64) -> Result<Option<Sha256Digest>, Errno> {
        let mut hasher = Sha256::new();
        loop {
            let wanted = self.buffer.len();
            let read = match rustix::io::read(file, self.buffer.as_mut_slice()) {
                Err(Errno::INTR) => continue,
                read => read?,
            };
            hasher.update(self.buffer.get(..read).unwrap_or_default());
            // A read that gives less than it could is the end, where the size says so too: another would give nothing.
            match hasher.len().cmp(&size) {
                Ordering::Greater => return Ok(None),
                Ordering::Equal if read < wanted => return Ok(Some(hasher.digest())),
                Ordering::Less if read == 0 => return Ok(None),
                Ordering::Less | Ordering::Equal => {}
            }
        }
    }
}
