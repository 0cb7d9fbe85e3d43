//! Opening what is below a directory without ever leaving it.
//!
//! Never through a symbolic link: by openat2(2), or, where the kernel has or allows none, a component at a time. A file
//! is pinned by a descriptor that can't read (`O_PATH`),
//! looked at, and only opened for reading, through that descriptor, once it is known to be a regular file: opening a
//! pipe would hang, opening a device may do anything.

use std::ffi::CString;
use std::fs::File;

use rustix::fd::{AsFd, AsRawFd as _, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::scan::Xattr;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
const PIN: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The longest value of an extended attribute, and list of names, in bytes (Linux `XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MAX_XATTR: usize = 65_536;

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);

/// Opens a directory below `root`; `path` has no empty, `.` or `..` component, and none at all for the root itself.
pub(super) fn directory(root: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let whole = if path.is_empty() { c".".to_owned() } else { c_name(path)? };
    match rustix::fs::openat2(root, &whole, DIRECTORY, Mode::empty(), BENEATH) {
        Err(Errno::NOSYS | Errno::PERM) => {}
        answer => return answer,
    }
    let mut opened = rustix::fs::openat(root, c".", DIRECTORY, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        opened = rustix::fs::openat(&opened, &c_name(name)?, DIRECTORY, Mode::empty())?;
    }
    Ok(opened)
}

/// Pins an entry of a directory, whatever it is.
pub(super) fn pin(directory: &OwnedFd, name: &[u8]) -> Result<(OwnedFd, Stat), Errno> {
    let pinned = rustix::fs::openat(directory, &c_name(name)?, PIN, Mode::empty())?;
    let stat = rustix::fs::fstat(&pinned)?;
    Ok((pinned, stat))
}

/// Opens what is pinned for reading. To be called on regular files alone.
pub(super) fn open_pinned(pinned: impl AsFd) -> Result<File, Errno> {
    let path = format!("/proc/self/fd/{}", pinned.as_fd().as_raw_fd());
    rustix::fs::open(path, READ, Mode::empty()).map(File::from)
}

/// The extended attributes of what is pinned, links and pipes included; none where the file system has none.
pub(super) fn xattrs(pinned: impl AsFd) -> Result<Vec<Xattr>, Errno> {
    let path = format!("/proc/self/fd/{}", pinned.as_fd().as_raw_fd());
    let mut names = vec![0; 1024];
    let listed = loop {
        match rustix::fs::listxattr(&path, names.as_mut_slice()) {
            Ok(length) => break length,
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            Err(Errno::RANGE) if names.len() < MAX_XATTR => names = vec![0; MAX_XATTR],
            Err(errno) => return Err(errno),
        }
    };
    let mut found = Vec::new();
    for name in
        names.get(..listed).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 1024];
        let read = match rustix::fs::getxattr(&path, name, value.as_mut_slice()) {
            Err(Errno::RANGE) => {
                value = vec![0; MAX_XATTR];
                rustix::fs::getxattr(&path, name, value.as_mut_slice())
            }
            answer => answer,
        };
        match read {
            Ok(length) => found.push(Xattr::new(name, value.get(..length).unwrap_or_default())),
            // Taken away since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

/// What changes when somebody writes to a file, or puts another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    file: (u64, u64, i64),
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Version {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            file: (stat.st_dev, stat.st_ino, stat.st_size),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether the last change is so long before an instant that another one would have another time.
    pub(super) fn settled_before(self, seconds: i64) -> bool {
        self.changed.0 < seconds - 1
    }
}

fn c_name(name: &[u8]) -> Result<CString, Errno> {
    CString::new(name).map_err(|_nul| Errno::INVAL)
}
