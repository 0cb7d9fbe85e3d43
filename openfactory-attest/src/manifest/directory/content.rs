//! Hashes the files of a listed tree, on many threads.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::{ATTRIBUTES, DirectoryError, Found, inode_of, io_error, open_entry, open_parent, split, xattr};
use crate::digest::{Sha256, Sha256Digest};
use crate::manifest::entry::{EntryKind, TreePath};
use crate::manifest::xattr::Xattrs;
use crate::work::Work;

/// What a file is read in.
const READ_SIZE: usize = 64 * 1024;

/// A file from this size on is begun before all smaller ones, so that no thread ends with it alone.
const LARGE: u64 = 1 << 20;

/// Hashes all files, hard links once: the large ones first, the others in the order in which they were listed.
pub(super) fn hash(root: &OwnedFd, found: &mut [Found], work: &Work<'_>) -> Result<(), DirectoryError> {
    let mut first_of = HashMap::new();
    let mut jobs: Vec<(usize, u64)> = Vec::new();
    for (index, file) in found.iter().enumerate() {
        if let EntryKind::File { size, .. } = file.entry.kind
            && let MapEntry::Vacant(first) = first_of.entry(file.inode)
        {
            first.insert(index);
            jobs.push((index, size));
        }
    }
    // Stable, so neighbours in a directory stay neighbours.
    jobs.sort_by_key(|&(_, size)| Reverse(if size < LARGE { 0 } else { size }));
    let total = jobs.iter().map(|&(_, size)| size).sum();

    let (next, done, failed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let listed = &*found;
    let hash_some = || {
        let mut reader = Reader::new(root);
        let mut hashed = Vec::new();
        while let Some(&(index, size)) = jobs.get(next.fetch_add(1, Relaxed))
            && !failed.load(Relaxed)
            && let Some(file) = listed.get(index)
        {
            let read = reader.hash(file, size).inspect_err(|_| failed.store(true, Relaxed))?;
            hashed.push((index, read));
            work.tell(done.fetch_add(size, Relaxed) + size, total);
        }
        Ok(hashed)
    };
    let hashed = thread::scope(|scope| {
        let threads: Vec<_> = (0..work.threads().get()).map(|_| scope.spawn(hash_some)).collect();
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let contents: HashMap<usize, _> = hashed.into_iter().flatten().collect();
    for file in found {
        if let EntryKind::File { digest, .. } = &mut file.entry.kind
            && let Some((hashed, xattrs)) = first_of.get(&file.inode).and_then(|first| contents.get(first))
        {
            *digest = *hashed;
            file.entry.xattrs = xattrs.clone();
        }
    }
    Ok(())
}

/// What a thread came to; its panic, should it ever have one, goes on in this one.
fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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

    fn hash(&mut self, file: &Found, size: u64) -> Result<(Sha256Digest, Xattrs), DirectoryError> {
        let path = &file.entry.path;
        let opened = self.open(path).map_err(|errno| io_error("open", path, errno))?;
        let stat = rustix::fs::fstat(&opened).map_err(|errno| io_error("stat", path, errno))?;
        let changed = || DirectoryError::Changed { path: path.clone() };
        if inode_of(&stat) != file.inode || !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(changed());
        }
        let xattrs = xattr::of_open(&opened).map_err(|errno| io_error(ATTRIBUTES, path, errno))?;
        match self.content(&opened, size).map_err(|errno| io_error("read", path, errno))? {
            Some(digest) => Ok((digest, xattrs)),
            None => Err(changed()),
        }
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
