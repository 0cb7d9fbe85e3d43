//! Reads a directory tree of the file system into a manifest.
//!
//! Every path is opened from the root's descriptor, a component at a time, without following symbolic links: what
//! is swapped for a link meanwhile is an error, never a way out. What is opened must be the inode that was listed.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::entry::{Entry, EntryKind, PathError, TreePath};
use super::xattr::Xattrs;
use super::{Manifest, StructureError};
use crate::digest::Sha256Digest;
use crate::work::Work;

mod xattr;

/// Why a directory tree could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The system refused something.
    #[error("cannot {action} {path}")]
    Io {
        /// What was to be done: `open`, `list`, `stat`, `read`, `read the attributes of`.
        action: &'static str,
        /// With what.
        path: TreePath,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It became another inode, or another length, while the tree was being read.
    #[error("{path} changed while it was being read")]
    Changed {
        /// What did.
        path: TreePath,
    },
    /// A path gets longer than 4,096 bytes.
    #[error("something in {directory} has no path that fits")]
    Path {
        /// Where.
        directory: TreePath,
        /// Why not.
        #[source]
        source: PathError,
    },
    /// Neither file, directory, link, device, pipe nor socket.
    #[error("{path} is of a kind that is not known")]
    UnknownKind {
        /// What is.
        path: TreePath,
    },
    /// What was read is no tree, or is too large.
    #[error("what was read is no manifest")]
    Structure(#[source] StructureError),
}

pub(super) fn read(root: &Path, work: &Work<'_>) -> Result<Manifest, DirectoryError> {
    let root_error = |source: rustix::io::Errno| io_error("open", &TreePath::root(), source);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty()).map_err(root_error)?;
    let mut found = walk(&root)?;
    hash_files(&root, &mut found, work)?;
    found.sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
    Manifest::of_entries_with_xattrs(link(found)).map_err(DirectoryError::Structure)
}

/// An entry, and what it was when it was listed.
struct Found {
    entry: Entry,
    inode: (u64, u64),
    links: u64,
}

/// Lists everything. A file's digest is not known yet; that of nothing stands in its place.
fn walk(root: &OwnedFd) -> Result<Vec<Found>, DirectoryError> {
    let stat = rustix::fs::fstat(root).map_err(|errno| io_error("stat", &TreePath::root(), errno))?;
    let mut top = describe(TreePath::root(), &stat, None)?;
    top.entry.xattrs =
        xattr::of_open(root).map_err(|errno| io_error(ATTRIBUTES, &TreePath::root(), errno))?;
    let mut found = vec![top];
    let mut pending = vec![0];
    while let Some(index) = pending.pop() {
        let Some(directory) = found.get(index) else { continue };
        let (path, inode) = (directory.entry.path.clone(), directory.inode);
        let opened = open_beneath(root, &path, OFlags::DIRECTORY)?;
        let stat = rustix::fs::fstat(&opened).map_err(|errno| io_error("stat", &path, errno))?;
        if inode_of(&stat) != inode {
            return Err(DirectoryError::Changed { path });
        }
        let mut names = Dir::read_from(&opened).map_err(|errno| io_error("list", &path, errno))?;
        while let Some(name) = names.read() {
            let name = name.map_err(|errno| io_error("list", &path, errno))?;
            if matches!(name.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let entry = list(&opened, &path, name.file_name())?;
            if entry.entry.kind == EntryKind::Directory {
                pending.push(found.len());
            }
            found.push(entry);
            if found.len() > Manifest::MAX_ENTRIES {
                let too_many = StructureError::TooMany { entries: found.len() };
                return Err(DirectoryError::Structure(too_many));
            }
        }
    }
    Ok(found)
}

fn list(directory: &OwnedFd, path: &TreePath, name: &CStr) -> Result<Found, DirectoryError> {
    let path = path
        .join(name.to_bytes())
        .map_err(|source| DirectoryError::Path { directory: path.clone(), source })?;
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| io_error("stat", &path, errno))?;
    let target = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(directory, name, Vec::new());
            Some(target.map_err(|errno| io_error("read", &path, errno))?.into_bytes())
        }
        _ => None,
    };
    let mut found = describe(path, &stat, target)?;
    // Those of a file are read when it is hashed.
    if !matches!(found.entry.kind, EntryKind::File { .. }) {
        found.entry.xattrs = xattr::of_entry(directory, name)
            .map_err(|errno| io_error(ATTRIBUTES, &found.entry.path, errno))?;
    }
    Ok(found)
}

const ATTRIBUTES: &str = "read the attributes of";

fn describe(path: TreePath, stat: &Stat, target: Option<Vec<u8>>) -> Result<Found, DirectoryError> {
    let device = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    let kind = match (FileType::from_raw_mode(stat.st_mode), target) {
        (FileType::RegularFile, _) => {
            EntryKind::File { size: stat.st_size as u64, digest: Sha256Digest::of(b"") }
        }
        (FileType::Directory, _) => EntryKind::Directory,
        (FileType::Symlink, Some(target)) => EntryKind::Symlink { target },
        (FileType::CharacterDevice, _) => EntryKind::CharDevice { major: device.0, minor: device.1 },
        (FileType::BlockDevice, _) => EntryKind::BlockDevice { major: device.0, minor: device.1 },
        (FileType::Fifo, _) => EntryKind::Fifo,
        (FileType::Socket, _) => EntryKind::Socket,
        _ => return Err(DirectoryError::UnknownKind { path }),
    };
    let mut entry = Entry::new(path, kind, (stat.st_mode & 0o7777) as u16);
    (entry.uid, entry.gid, entry.mtime) = (stat.st_uid, stat.st_gid, stat.st_mtime);
    Ok(Found { entry, inode: inode_of(stat), links: stat.st_nlink })
}

const fn inode_of(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

/// Opens a path below the root; no component may be a symbolic link.
pub(crate) fn open_beneath(
    root: &OwnedFd,
    path: &TreePath,
    flags: OFlags,
) -> Result<OwnedFd, DirectoryError> {
    // NONBLOCK: what became a pipe meanwhile must not hang us.
    let common = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = |directory: &OwnedFd, name: &[u8], flags: OFlags| {
        let name = CString::new(name).map_err(|_nul| rustix::io::Errno::INVAL)?;
        rustix::fs::openat(directory.as_fd(), &name, common | flags, Mode::empty())
    };
    let (parents, name) = match path.as_bytes().iter().rposition(|&byte| byte == b'/') {
        Some(slash) => path.as_bytes().split_at(slash),
        None => (&b""[..], path.as_bytes()),
    };
    let mut directory = None;
    for parent in parents.split(|&byte| byte == b'/').filter(|parent| !parent.is_empty()) {
        let next = open(directory.as_ref().unwrap_or(root), parent, OFlags::DIRECTORY);
        directory = Some(next.map_err(|errno| io_error("open", path, errno))?);
    }
    let name = name.strip_prefix(b"/").unwrap_or(name);
    let name = if name.is_empty() { b"." } else { name };
    open(directory.as_ref().unwrap_or(root), name, flags).map_err(|errno| io_error("open", path, errno))
}

/// Hashes all files on many threads, the largest first, hard links once.
fn hash_files(root: &OwnedFd, found: &mut [Found], work: &Work<'_>) -> Result<(), DirectoryError> {
    let mut first_of = HashMap::new();
    let mut jobs: Vec<(usize, u64)> = Vec::new();
    for (index, file) in found.iter().enumerate() {
        if let EntryKind::File { size, .. } = file.entry.kind
            && first_of.insert(file.inode, index).is_none()
        {
            jobs.push((index, size));
        }
    }
    jobs.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
    let total = jobs.iter().map(|&(_, size)| size).sum();

    let (next, done, failed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let listed = &*found;
    let hash_some = || {
        let mut hashed = Vec::new();
        while let Some(&(index, size)) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
            && !failed.load(Ordering::Relaxed)
            && let Some(file) = listed.get(index)
        {
            let read = hash_file(root, file, size).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            hashed.push((file.inode, read));
            work.tell(done.fetch_add(size, Ordering::Relaxed) + size, total);
        }
        Ok(hashed)
    };
    let hashed = thread::scope(|scope| {
        let threads: Vec<_> = (0..work.threads().get()).map(|_| scope.spawn(hash_some)).collect();
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let digests: HashMap<_, _> = hashed.into_iter().flatten().collect();
    for file in found {
        if let EntryKind::File { digest, .. } = &mut file.entry.kind
            && let Some((hashed, xattrs)) = digests.get(&file.inode)
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

fn hash_file(root: &OwnedFd, file: &Found, size: u64) -> Result<(Sha256Digest, Xattrs), DirectoryError> {
    let path = &file.entry.path;
    let opened = open_beneath(root, path, OFlags::empty())?;
    let stat = rustix::fs::fstat(&opened).map_err(|errno| io_error("stat", path, errno))?;
    let changed = || DirectoryError::Changed { path: path.clone() };
    if inode_of(&stat) != file.inode || !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(changed());
    }
    let xattrs = xattr::of_open(&opened).map_err(|errno| io_error(ATTRIBUTES, path, errno))?;
    let (digest, read) = Sha256Digest::of_reader(File::from(opened))
        .map_err(|source| DirectoryError::Io { action: "read", path: path.clone(), source })?;
    if read == size { Ok((digest, xattrs)) } else { Err(changed()) }
}

/// Says of each entry which earlier one is the same inode. They are sorted by path.
fn link(found: Vec<Found>) -> Vec<Entry> {
    let mut first_of = HashMap::new();
    let mut entries = Vec::with_capacity(found.len());
    for Found { mut entry, inode, links } in found {
        if links > 1 && entry.kind != EntryKind::Directory {
            let first = first_of.entry(inode).or_insert_with(|| entry.path.clone());
            entry.hard_link_to = Some(first.clone()).filter(|first| *first != entry.path);
        }
        entries.push(entry);
    }
    entries
}

fn io_error(action: &'static str, path: &TreePath, errno: rustix::io::Errno) -> DirectoryError {
    DirectoryError::Io { action, path: path.clone(), source: errno.into() }
}
