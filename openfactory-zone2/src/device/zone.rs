//! A device's Zone 2 in the file system.

use std::io::{self, Read as _};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{look, walk};
use crate::Manifest;
use crate::scan::Scan;
use crate::value::{ReadFileError, ReadFiles};

/// The root of Zone 2, opened once: whatever happens to the path afterwards, nothing outside is ever read.
#[derive(Debug)]
pub struct Zone {
    root: OwnedFd,
}

impl Zone {
    /// Opens Zone 2 at a directory: where the overlay's upper layer, or what stands for it, is mounted.
    ///
    /// # Errors
    /// The system's, such as that there is no such directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::open(root, flags, Mode::empty())? })
    }

    /// Everything that Zone 2 holds, each entry with the class of its rule, sealed files with their digest.
    ///
    /// Never fails: what can't be looked at is listed as that. Never follows a link, never reads a pipe or a device,
    /// reads no more of a file than its rule allows (64 MiB without a rule). Volatile files are hashed only if they
    /// can be run. Another file system that is mounted inside is entered where its directory is volatile.
    #[must_use]
    pub fn scan(&self, manifest: &Manifest) -> Scan {
        walk::scan(&self.root, manifest)
    }
}

impl ReadFiles for Zone {
    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        let (parent, name) = path.rsplit_once('/').ok_or(ReadFileError::NotAFile)?;
        let pinned = look::directory(&self.root, parent.trim_start_matches('/').as_bytes())
            .and_then(|directory| look::pin(&directory, name.as_bytes()));
        let (pinned, stat) = match pinned {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(None),
            // A component is no directory, is a link, or leads out.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => return Err(ReadFileError::NotAFile),
            Err(errno) => return Err(ReadFileError::Io(errno.into())),
        };
        if !look::is_file(&stat) {
            return Err(ReadFileError::NotAFile);
        }
        let too_large = |bytes| ReadFileError::TooLarge { bytes, most };
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if usize::try_from(size).map_or(true, |size| size > most) {
            return Err(too_large(size));
        }
        let file = look::open_pinned(&pinned).map_err(|errno| ReadFileError::Io(errno.into()))?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(ReadFileError::Io)?;
        // It may have grown meanwhile.
        if bytes.len() > most {
            return Err(too_large(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
        }
        Ok(Some(bytes))
    }
}
