//! Zone 3 is wiped at each update of the base, and nothing outside it.

use std::ffi::CString;
use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How many directories are open at once. What is nested deeper is moved up first.
const DEPTH: usize = 64;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const INSIDE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// Removes everything below a directory, but not the directory itself. Links are removed, never followed, not even if a
/// directory becomes one meanwhile; what is mounted inside, were it of the same file system, is an error, since it is not
/// Zone 3.
///
/// # Errors
/// The system's. What was removed until then is gone.
pub fn wipe(zone3: &Path) -> io::Result<()> {
    let root = rustix::fs::open(zone3, DIRECTORY, Mode::empty())?;
    let mut wipe = Wipe { device: rustix::fs::fstat(&root)?.st_dev, root: &root, moved: 0 };
    loop {
        wipe.below(&root, DEPTH)?;
        // Once more where something was moved up.
        if names(&root)?.is_empty() {
            return Ok(());
        }
    }
}

struct Wipe<'w> {
    root: &'w OwnedFd,
    device: u64,
    moved: u64,
}

impl Wipe<'_> {
    fn below(&mut self, directory: &OwnedFd, depth: usize) -> io::Result<()> {
        for (name, kind) in names(directory)? {
            if kind != FileType::Directory {
                remove(directory, &name, AtFlags::empty())?;
            } else if depth == 0 {
                self.move_up(directory, &name)?;
            } else {
                let Some(inner) = self.enter(directory, &name)? else { continue };
                self.below(&inner, depth - 1)?;
                remove(directory, &name, AtFlags::REMOVEDIR)?;
            }
        }
        Ok(())
    }

    /// Opens a directory inside; none if it is none any more.
    fn enter(&self, directory: &OwnedFd, name: &CString) -> io::Result<Option<OwnedFd>> {
        let opened = match rustix::fs::openat2(directory, name, DIRECTORY, Mode::empty(), INSIDE) {
            // A kernel that has no openat2(2), or may not use it.
            Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(directory, name, DIRECTORY, Mode::empty()),
            answer => answer,
        };
        match opened {
            Ok(opened) if rustix::fs::fstat(&opened)?.st_dev == self.device => Ok(Some(opened)),
            Ok(_) | Err(Errno::XDEV) => {
                Err(io::Error::new(io::ErrorKind::CrossesDevices, "another file system is mounted in zone 3"))
            }
            // It has become a link: what it leads to is not Zone 3, and the link goes.
            Err(Errno::LOOP | Errno::NOTDIR) => remove(directory, name, AtFlags::empty()).map(|()| None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn move_up(&mut self, directory: &OwnedFd, name: &CString) -> io::Result<()> {
        loop {
            self.moved += 1;
            let free = format!(".wipe-{}", self.moved);
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(directory, name, self.root, free, flags) {
                Err(Errno::EXIST) => {}
                answer => return Ok(answer?),
            }
        }
    }
}

fn remove(directory: &OwnedFd, name: &CString, flags: AtFlags) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, flags) {
        // Gone already: that is what was wanted.
        Err(Errno::NOENT) => Ok(()),
        answer => Ok(answer?),
    }
}

/// What a directory holds, and of what kind each is.
fn names(directory: &OwnedFd) -> io::Result<Vec<(CString, FileType)>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_owned();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // The file system does not say.
            FileType::Unknown => {
                let stat = rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        names.push((name, kind));
    }
    Ok(names)
}
