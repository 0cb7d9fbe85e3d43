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

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
const PIN: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
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

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode).is_file()
}

/// What changes when somebody writes to a file, or puts another in its place.
pub(super) fn version(stat: &Stat) -> impl PartialEq + use<> {
    (
        (stat.st_dev, stat.st_ino, stat.st_size),
        (stat.st_mtime, stat.st_mtime_nsec),
        (stat.st_ctime, stat.st_ctime_nsec),
    )
}

fn c_name(name: &[u8]) -> Result<CString, Errno> {
    CString::new(name).map_err(|_nul| Errno::INVAL)
}
