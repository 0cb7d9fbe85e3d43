//! Unpacks an image into a new directory.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

use super::Image;
use super::content::Contents;
use super::error::SquashfsError;
use super::walk::{Found, walk};
use crate::manifest::{Entry, EntryKind, TreePath};
use crate::read_at::ReadAt;

/// What was unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extracted {
    /// Entries made, the root among them.
    pub entries: u64,
    /// Bytes of file content written.
    pub bytes: u64,
    /// Devices that were not made, since only root may.
    pub skipped: Vec<TreePath>,
}

/// Why an image could not be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The image is bad, or can't be read.
    #[error("cannot unpack the image")]
    Image(#[source] SquashfsError),
    /// The system refused something.
    #[error("cannot {action} {path} in the target directory")]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: TreePath,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl From<SquashfsError> for ExtractError {
    fn from(error: SquashfsError) -> Self {
        Self::Image(error)
    }
}

/// Unpacks everything into `target`, which must not exist yet.
///
/// Permissions, times and hard links are kept; owners if this process is root; extended attributes are not
/// made. After an error `target` is taken away again. Nothing is synced to the disk.
///
/// # Errors
/// [`ExtractError`].
pub fn extract(image: &dyn ReadAt, target: &Path) -> Result<Extracted, ExtractError> {
    let image = Image::open(image)?;
    let found = walk(&image)?;
    DirBuilder::new().mode(0o700).create(target).map_err(|source| ExtractError::Io {
        action: "make",
        path: TreePath::root(),
        source,
    })?;
    let extracted = Extraction {
        target,
        owners: rustix::process::geteuid().is_root(),
        contents: Contents::of(&image),
        extracted: Extracted::default(),
    }
    .run(&found);
    if extracted.is_err() {
        // What is left behind, if this fails too, is told by the error that is being returned.
        let _cleanup = fs::remove_dir_all(target);
    }
    extracted
}

struct Extraction<'a> {
    target: &'a Path,
    owners: bool,
    contents: Contents<'a>,
    extracted: Extracted,
}

impl Extraction<'_> {
    fn run(mut self, found: &[Found]) -> Result<Extracted, ExtractError> {
        for found in found {
            if self.make(found)? {
                self.extracted.entries += 1;
            } else {
                self.extracted.skipped.push(found.entry.path.clone());
            }
        }
        // Directories last: what is made in them changes their times, and they may forbid it.
        for Found { entry, .. } in found.iter().rev().filter(|found| found.entry.kind == EntryKind::Directory)
        {
            self.dress(entry)?;
        }
        Ok(self.extracted)
    }

    /// Makes one entry; parents come before what is in them. `false` if it is left out.
    fn make(&mut self, found: &Found) -> Result<bool, ExtractError> {
        let entry = &found.entry;
        let path = entry.path.below(self.target);
        let failed = |action| move |source| ExtractError::Io { action, path: entry.path.clone(), source };
        if let Some(first) = &entry.hard_link_to {
            if self.extracted.skipped.contains(first) {
                return Ok(false);
            }
            fs::hard_link(first.below(self.target), path).map_err(failed("link"))?;
            return Ok(true);
        }
        match &entry.kind {
            EntryKind::Directory if entry.path.is_root() => return Ok(true),
            EntryKind::Directory => {
                DirBuilder::new().mode(0o700).create(path).map_err(failed("make"))?;
                return Ok(true);
            }
            EntryKind::File { .. } => self.write(found, &path)?,
            EntryKind::Symlink { target } => {
                symlink(std::ffi::OsStr::from_bytes(target), path).map_err(failed("link"))?;
            }
            EntryKind::CharDevice { major, minor } => {
                if !self
                    .special(&path, FileType::CharacterDevice, (*major, *minor))
                    .map_err(failed("make"))?
                {
                    return Ok(false);
                }
            }
            EntryKind::BlockDevice { major, minor } => {
                if !self.special(&path, FileType::BlockDevice, (*major, *minor)).map_err(failed("make"))? {
                    return Ok(false);
                }
            }
            EntryKind::Fifo => drop(self.special(&path, FileType::Fifo, (0, 0)).map_err(failed("make"))?),
            EntryKind::Socket => drop(self.special(&path, FileType::Socket, (0, 0)).map_err(failed("make"))?),
        }
        self.dress(entry)?;
        Ok(true)
    }

    fn write(&mut self, found: &Found, path: &Path) -> Result<(), ExtractError> {
        let failed = |source| ExtractError::Io { action: "write", path: found.entry.path.clone(), source };
        let mut file: File =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let written = &mut self.extracted.bytes;
        self.contents.read(found, &mut |block| {
            *written += block.len() as u64;
            file.write_all(block).map_err(failed)
        })
    }

    /// Makes a device, pipe or socket; `false` if only root could.
    fn special(&self, path: &Path, kind: FileType, (major, minor): (u32, u32)) -> io::Result<bool> {
        match mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), rustix::fs::makedev(major, minor)) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::PERM) if !self.owners => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Owner, permissions, times: in this order, since a new owner takes set-id bits away.
    fn dress(&self, entry: &Entry) -> Result<(), ExtractError> {
        let path = entry.path.below(self.target);
        let failed = |action| move |source| ExtractError::Io { action, path: entry.path.clone(), source };
        if self.owners {
            lchown(&path, Some(entry.uid), Some(entry.gid)).map_err(failed("change the owner of"))?;
        }
        if !matches!(entry.kind, EntryKind::Symlink { .. }) {
            let permissions = Permissions::from_mode(u32::from(entry.mode));
            fs::set_permissions(&path, permissions).map_err(failed("change the mode of"))?;
        }
        let time = Timespec { tv_sec: entry.mtime, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed("change the times of")(errno.into()))
    }
}
