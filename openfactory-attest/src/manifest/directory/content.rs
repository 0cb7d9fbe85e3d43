//! Hashes the files of a listed tree, on many threads.

use std::cmp::{Ordering, Reverse};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;

use super::{ATTRIBUTES, DirectoryError, Found, inode_of, io_error, open_entry, open_parent, split, xattr};
use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::entry::{EntryKind, TreePath};
use crate::work::Work;

/// What a file is read in.
const READ_SIZE: usize = 64 * 1024;

/// A file from this size on is begun before all smaller ones, so that no thread ends with it alone.
const LARGE: u64 = 1 << 20;

/// Hashes all files, of hard links the first: the large ones first, the others in the order of their paths.
pub(super) fn hash(root: &OwnedFd, found: &mut [Found], work: &Work<'_>) -> Result<(), DirectoryError> {
    let once = |file: &&mut Found| size(file).is_some() && file.entry.hard_link_to.is_none();
    let mut files: Vec<&mut Found> = found.iter_mut().filter(once).collect();
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
    })
    .map(drop)
}

/// The size of a file; nothing for whatever is none.
const fn size(found: &Found) -> Option<u64> {
    match found.entry.kind {
        EntryKind::File { size, .. } => Some(size),
        _ => None,
    }
}

/// Whether an inode was written to between two looks at it, its length unchanged or not. The time of last modification can be
/// set back; that of the last change can't.
fn is_written(before: &Stat, after: &Stat) -> bool {
    let times = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
    before.st_size != after.st_size || times(before) != times(after)
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
        // The time is the listing's; all else is what is found now.
        if inode_of(&stat) != file.inode
            || stat.st_mtime != file.entry.mtime
            || !FileType::from_raw_mode(stat.st_mode).is_file()
        {
            return Err(changed());
        }
        let xattrs = xattr::of_open(&opened).map_err(|errno| io_error(ATTRIBUTES, path, errno))?;
        if let EntryKind::File { size, digest } = &mut file.entry.kind {
            let content = self.content(&opened, *size).map_err(|errno| io_error("read", path, errno))?;
            *digest = content.ok_or_else(changed)?;
        }
        let after = rustix::fs::fstat(&opened).map_err(|errno| io_error("stat", path, errno))?;
        if is_written(&stat, &after) {
            return Err(changed());
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
