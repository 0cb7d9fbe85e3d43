//! Reads extended attributes: of what is open, and of what can't be opened without doing something to it.

use std::ffi::CStr;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{fgetxattr, flistxattr, lgetxattr, llistxattr};
use rustix::io::{Errno, Result};

use crate::manifest::xattr::{Xattr, Xattrs};

/// Sizes that are tried in turn. Neither a list of names nor a value is larger than the last (Linux `XATTR_LIST_MAX`,
/// `XATTR_SIZE_MAX`).
const BUFFERS: [usize; 3] = [256, 4096, 65_536];

/// The attributes of an open file or directory.
pub(super) fn of_open(file: &OwnedFd) -> Result<Xattrs> {
    read(|list| flistxattr(file, list), |name, value| fgetxattr(file, name, value))
}

/// The attributes of an entry of an open directory, whatever it is; a symbolic link's own.
///
/// There is no call for that before Linux 6.13, but the descriptor's name in `/proc` leads into the directory.
pub(super) fn of_entry(directory: &OwnedFd, name: &CStr) -> Result<Xattrs> {
    let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    read(|list| llistxattr(&path[..], list), |name, value| lgetxattr(&path[..], name, value))
}

fn read(
    list: impl Fn(&mut [u8]) -> Result<usize>,
    get: impl Fn(&CStr, &mut [u8]) -> Result<usize>,
) -> Result<Xattrs> {
    let names = match whole(&list) {
        // A file system without attributes.
        Err(Errno::NOTSUP) => return Ok(Xattrs::none()),
        names => names?,
    };
    let mut attributes = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).map_err(|_no_name| Errno::INVAL)?;
        attributes.push(Xattr::new(name.to_bytes(), whole(|value: &mut [u8]| get(name, value))?));
    }
    Xattrs::new(attributes).map_err(|_too_large| Errno::TOOBIG)
}

/// All that a call has to give, into a buffer that is large enough: rarely not the first.
fn whole(call: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
    for size in BUFFERS {
        let mut bytes = vec![0; size];
        match call(&mut bytes) {
            Err(Errno::RANGE) => {}
            Err(error) => return Err(error),
            Ok(len) => {
                bytes.truncate(len);
                return Ok(bytes);
            }
        }
    }
    Err(Errno::TOOBIG)
}
