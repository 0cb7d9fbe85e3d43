//! The calls that no safe wrapper has: fanotify_init(2), fanotify_mark(2), open_by_handle_at(2). Nothing else is here.
#![allow(unsafe_code, reason = "system calls; each with its safety reason")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use super::decode::Handle;

/// What a group is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Group {
    /// It is asked before an open; it is told which thread asks.
    Gate,
    /// It is told afterwards, with directories and names.
    Watch,
}

/// Makes a group.
pub(super) fn init(group: Group) -> io::Result<OwnedFd> {
    let common = libc::FAN_CLOEXEC | libc::FAN_NONBLOCK;
    let flags = match group {
        Group::Gate => common | libc::FAN_CLASS_CONTENT | libc::FAN_REPORT_TID | libc::FAN_UNLIMITED_MARKS,
        Group::Watch => common | libc::FAN_CLASS_NOTIF | libc::FAN_REPORT_DFID_NAME,
    };
    let event = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_LARGEFILE;
    let event = libc::c_uint::try_from(event).map_err(io::Error::other)?;
    // SAFETY: two numbers go in, a descriptor or an error comes out.
    let fd = unsafe { libc::fanotify_init(flags, event) };
    owned(fd)
}

/// What a mark is on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// The whole file system.
    Filesystem,
    /// What is allowed of this one file is not asked again, until it changes.
    Allowed,
}

/// Puts a mark on what a descriptor leads to.
pub(super) fn mark(group: impl AsFd, mark: Mark, mask: u64, on: impl AsFd) -> io::Result<()> {
    let flags = match mark {
        Mark::Filesystem => libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM,
        Mark::Allowed => libc::FAN_MARK_ADD | libc::FAN_MARK_IGNORED_MASK,
    };
    // By /proc, since a mark on a descriptor alone wants a directory.
    let path = format!("/proc/self/fd/{}\0", on.as_fd().as_raw_fd());
    let path = CStr::from_bytes_with_nul(path.as_bytes()).map_err(io::Error::other)?;
    let group = group.as_fd().as_raw_fd();
    // SAFETY: the path is a C string that lives until the call returns; the kernel only reads it.
    let result = unsafe { libc::fanotify_mark(group, flags, mask, libc::AT_FDCWD, path.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes what the kernel gave with an event: from here on it is closed when it is dropped.
pub(super) fn adopt(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the kernel opened it for this group's reader alone, and each event is taken once.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens a directory by its handle, without any right to it (`O_PATH`).
pub(super) fn open_handle(mount: impl AsFd, handle: &Handle) -> io::Result<OwnedFd> {
    /// `struct file_handle` with room for the largest handle.
    #[repr(C)]
    struct FileHandle {
        bytes: libc::c_uint,
        kind: libc::c_int,
        handle: [u8; 128],
    }
    let mut raw = FileHandle { bytes: 0, kind: handle.kind, handle: [0; 128] };
    raw.bytes = libc::c_uint::try_from(handle.bytes.len()).map_err(io::Error::other)?;
    let room = raw.handle.get_mut(..handle.bytes.len()).ok_or_else(|| io::Error::other("a long handle"))?;
    room.copy_from_slice(&handle.bytes);
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    let mount = mount.as_fd().as_raw_fd();
    // SAFETY: the structure is laid out as the kernel's, is as long as it says, and lives until the call returns.
    let fd =
        unsafe { libc::syscall(libc::SYS_open_by_handle_at, mount, std::ptr::from_mut(&mut raw), flags) };
    owned(RawFd::try_from(fd).map_err(io::Error::other)?)
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call that returned it opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
