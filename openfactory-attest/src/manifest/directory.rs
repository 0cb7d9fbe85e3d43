//! Reads a directory tree of the file system into a manifest.
//!
//! Every path is opened from the root's descriptor, a component at a time, without following symbolic links: what
//! is swapped for a link meanwhile is an error, never a way out. What is opened must be the inode that was listed.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::entry::{Entry, EntryKind, PathError, TreePath};
use super::{Manifest, StructureError};
use crate::digest::Sha256Digest;
use crate::work::Work;

mod content;
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
    /// It became another inode, or was written to, while the tree was being read.
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
    found.sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
    link(&mut found);
    content::hash(&root, &mut found, work)?;
    // Collected in the memory that they are in.
    let mut entries: Vec<Entry> = found.into_iter().map(|found| found.entry).collect();
    copy_to_links(&mut entries);
    Manifest::of_entries_with_xattrs(entries).map_err(DirectoryError::Structure)
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
    let (parent, name) = split(path);
    let failed = |errno| io_error("open", path, errno);
    match open_parent(root, parent).map_err(failed)? {
        Some(parent) => open_entry(&parent, name, flags),
        None => open_entry(root, name, flags),
    }
    .map_err(failed)
}

/// A path's directory and its name in it.
fn split(path: &TreePath) -> (&[u8], &[u8]) {
    let bytes = path.as_bytes();
    let (parent, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => bytes.split_at(slash),
        None => (&b""[..], bytes),
    };
    let name = name.strip_prefix(b"/").unwrap_or(name);
    (parent, if name.is_empty() { b"." } else { name })
}

/// Opens a directory below the root, a component at a time; nothing if it is the root.
fn open_parent(root: &OwnedFd, path: &[u8]) -> rustix::io::Result<Option<OwnedFd>> {
    let mut directory = None;
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
        directory = Some(open_entry(directory.as_ref().unwrap_or(root), name, OFlags::DIRECTORY)?);
    }
    Ok(directory)
}

fn open_entry(directory: &OwnedFd, name: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    // NONBLOCK: what became a pipe meanwhile must not hang us.
    let common = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let name = CString::new(name).map_err(|_nul| rustix::io::Errno::INVAL)?;
    rustix::fs::openat(directory, &name, common | flags, Mode::empty())
}

/// Says of each entry which earlier one is the same inode. They are sorted by path.
fn link(found: &mut [Found]) {
    let mut first_of: HashMap<(u64, u64), usize> = HashMap::new();
    for index in 0..found.len() {
        let (before, rest) = found.split_at_mut(index);
        let linked = |it: &&mut Found| it.links > 1 && it.entry.kind != EntryKind::Directory;
        let Some(Found { entry, inode, .. }) = rest.first_mut().filter(linked) else { continue };
        match first_of.entry(*inode) {
            Slot::Vacant(slot) => drop(slot.insert(index)),
            Slot::Occupied(first) => {
                entry.hard_link_to = before.get(*first.get()).map(|first| first.entry.path.clone());
            }
        }
    }
}

/// Gives each hard link what its first name, which comes before it, was found to be.
pub(crate) fn copy_to_links(entries: &mut [Entry]) {
    for index in 0..entries.len() {
        let (before, rest) = entries.split_at_mut(index);
        if let Some(entry) = rest.first_mut()
            && let Some(first) = &entry.hard_link_to
            && let Ok(first) = before.binary_search_by(|candidate| candidate.path.cmp(first))
            && let Some(first) = before.get(first)
        {
            entry.kind = first.kind.clone();
            entry.xattrs = first.xattrs.clone();
        }
    }
}

fn io_error(action: &'static str, path: &TreePath, errno: rustix::io::Errno) -> DirectoryError {
    DirectoryError::Io { action, path: path.clone(), source: errno.into() }
}
