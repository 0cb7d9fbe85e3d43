//! A copy of a tree: content, kinds, modes, owners, times, extended attributes and hard links.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

/// What an overlay notes about the base below it; on another base it is wrong.
const BOOKKEEPING: [&str; 5] = ["origin", "impure", "uuid", "nlink", "upper"];

/// The largest extended attribute, and list of their names, in bytes.
const MAX_XATTR: usize = 65_536;

/// Copies a tree to where nothing is. Everything is on the disk on return. Links are copied, never followed; an overlay's
/// bookkeeping about the old base is left out.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut links = BTreeMap::new();
    entry(from, to, &mut links)?;
    sync(to)
}

fn entry(from: &Path, to: &Path, links: &mut BTreeMap<(u64, u64), PathBuf>) -> io::Result<()> {
    let stat = fs::symlink_metadata(from)?;
    let kind = FileType::from_raw_mode(stat.mode());
    if kind != FileType::Directory && stat.nlink() > 1 {
        if let Some(first) = links.get(&(stat.dev(), stat.ino())) {
            return Ok(rustix::fs::linkat(CWD, first, CWD, to, AtFlags::empty())?);
        }
        links.insert((stat.dev(), stat.ino()), to.to_owned());
    }
    match kind {
        FileType::Directory => fs::create_dir(to)?,
        FileType::RegularFile => file(from, to)?,
        FileType::Symlink => std::os::unix::fs::symlink(fs::read_link(from)?, to)?,
        other => rustix::fs::mknodat(CWD, to, other, Mode::from_raw_mode(0), stat.rdev())?,
    }
    if kind == FileType::Directory {
        for name in fs::read_dir(from)? {
            let name = name?.file_name();
            entry(&from.join(&name), &to.join(&name), links)?;
        }
    }
    let (uid, gid) = (Uid::from_raw(stat.uid()), Gid::from_raw(stat.gid()));
    rustix::fs::chownat(CWD, to, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if kind != FileType::Symlink {
        rustix::fs::chmodat(CWD, to, Mode::from_raw_mode(stat.mode() & 0o7777), AtFlags::empty())?;
    }
    xattrs(from, to)?;
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(stat.atime(), stat.atime_nsec()),
        last_modification: time(stat.mtime(), stat.mtime_nsec()),
    };
    Ok(rustix::fs::utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn file(from: &Path, to: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut source = fs::File::from(rustix::fs::open(from, flags, Mode::empty())?);
    let mut target = fs::File::options().write(true).create_new(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn xattrs(from: &Path, to: &Path) -> io::Result<()> {
    let mut names = vec![0; MAX_XATTR];
    let length = match rustix::fs::llistxattr(from, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    let names = names.get(..length).unwrap_or_default();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let bookkeeping = BOOKKEEPING.iter().any(|word| {
            ["trusted.overlay.", "user.overlay."]
                .iter()
                .any(|space| name == format!("{space}{word}").as_bytes())
        });
        if bookkeeping {
            continue;
        }
        let mut value = vec![0; MAX_XATTR];
        let length = rustix::fs::lgetxattr(from, name, value.as_mut_slice())?;
        let value = value.get(..length).unwrap_or_default();
        rustix::fs::lsetxattr(to, OsStr::from_bytes(name), value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Makes a whole tree's names durable, from below.
fn sync(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        }
    }
    fs::File::open(directory)?.sync_all()
}
