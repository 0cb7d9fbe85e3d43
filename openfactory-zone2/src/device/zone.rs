//! A device's Zone 2 in the file system.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::walk::{How, Snapshot};
use super::{look, walk};
use crate::Manifest;
use crate::instant;
use crate::policy::{EntryKind, Owner};
use crate::scan::Scan;
use crate::value::{FileMetadata, ReadFileError, ReadFiles};

/// The root of Zone 2, opened once: whatever happens to the path afterwards, nothing outside is ever read.
#[derive(Debug)]
pub struct Zone {
    pub(super) root: OwnedFd,
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
        walk::scan(&self.root, manifest, &mut How::Cached)
    }

    /// The same, but that every file is read from the disk, whatever the system has in memory of it: what somebody wrote
    /// to the disk itself, past the file system, is found.
    #[must_use]
    pub fn scan_disk(&self, manifest: &Manifest) -> Scan {
        walk::scan(&self.root, manifest, &mut How::Disk)
    }

    /// The same, but that files which have not changed since an earlier scan, as far as their times tell, are not read
    /// again: it costs time in proportion to what changed. Times are a hint that a clock or a disk can forge: whoever
    /// has to know calls [`scan`](Self::scan), or [`scan_disk`](Self::scan_disk), now and then.
    ///
    /// ```
    /// use openfactory_zone2::{Manifest, device::{Snapshot, Zone}};
    ///
    /// let manifest = Manifest::parse(br#"{"version": 1, "paths": []}"#)?;
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("a"), "x")?;
    /// let zone = Zone::open(folder.path())?;
    /// let (scan, seen) = zone.scan_changed(&manifest, &Snapshot::default());
    /// assert_eq!(zone.scan_changed(&manifest, &seen).0, scan);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scan_changed(&self, manifest: &Manifest, before: &Snapshot) -> (Scan, Snapshot) {
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let begun = begun.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let mut how = How::Changed { before, begun, now: BTreeMap::new() };
        let scan = walk::scan(&self.root, manifest, &mut how);
        let files = if let How::Changed { now, .. } = how { now } else { BTreeMap::new() };
        (scan, Snapshot { files })
    }
}

impl Zone {
    /// Pins an entry, whatever it is; none if there is none.
    fn pin(&self, path: &str) -> Result<Option<(OwnedFd, Stat)>, ReadFileError> {
        let (parent, name) = path.rsplit_once('/').ok_or(ReadFileError::NotAFile)?;
        let pinned = look::directory(&self.root, parent.trim_start_matches('/').as_bytes())
            .and_then(|directory| look::pin(&directory, name.as_bytes()));
        match pinned {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            // A component is no directory, is a link, or leads out.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => Err(ReadFileError::NotAFile),
            Err(errno) => Err(ReadFileError::Io(errno.into())),
        }
    }
}

impl ReadFiles for Zone {
    fn metadata(&self, path: &str) -> Result<Option<FileMetadata>, ReadFileError> {
        let Some((_, stat)) = self.pin(path)? else { return Ok(None) };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => EntryKind::Directory,
            FileType::RegularFile => EntryKind::File,
            FileType::Symlink => EntryKind::Symlink,
            _ => return Err(ReadFileError::NotAFile),
        };
        let owner = Owner::new(stat.st_uid, stat.st_gid);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let modified = instant::from_unix(stat.st_mtime).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Some(FileMetadata::new(kind, stat.st_mode & 0o7777, owner, size, modified)))
    }

    fn read(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        let Some((pinned, stat)) = self.pin(path)? else { return Ok(None) };
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
