//! How Zone 2 is mounted in each state of the lockdown.

use std::io;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;
use rustix::mount::{MountFlags, mount_remount};

use crate::lockdown::Access;

/// What a mount has beside its access, and keeps.
const KEPT: [(StatVfsMountFlags, MountFlags); 7] = [
    (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
    (StatVfsMountFlags::NODEV, MountFlags::NODEV),
    (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
    (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
    (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    (StatVfsMountFlags::SYNCHRONOUS, MountFlags::SYNCHRONOUS),
];

/// Makes the file system that is mounted there, every mount of it, what a lockdown state wants it to be
/// ([`LockdownState::access`](crate::LockdownState::access)); its other options, such as `nosuid`, stay.
///
/// So that a crash never leaves it open: a device is shut before its record says so, and opened after.
///
/// # Errors
/// The system's: without the right to do so (`CAP_SYS_ADMIN`), or [`ResourceBusy`](io::ErrorKind::ResourceBusy) as long as
/// somebody has one of its files open for writing.
pub fn remount(mount: &Path, access: Access) -> io::Result<()> {
    let now = rustix::fs::statvfs(mount)?.f_flag;
    let mut flags = match access {
        Access::ReadOnly => MountFlags::RDONLY,
        Access::ReadWrite => MountFlags::empty(),
    };
    for (has, keeps) in KEPT {
        flags.set(keeps, now.contains(has));
    }
    Ok(mount_remount(mount, flags, "")?)
}
