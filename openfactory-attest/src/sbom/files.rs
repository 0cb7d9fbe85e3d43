//! Where a package database is read from: a directory or an image. Nothing follows a link.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::content;
use super::coverage::Expected;
use super::error::InventoryError;
use super::recorded::Content;
use crate::manifest::{DirectoryError, TreePath, open_beneath};
use crate::work::Work;

/// More names than this are not taken from a directory.
const MAX_NAMES: usize = 1 << 18;

/// Files by path, within bounds.
pub(super) trait Files {
    /// A regular file's content; `None` if there is nothing of this path.
    fn read(&mut self, path: &TreePath, limit: usize) -> Result<Option<Vec<u8>>, InventoryError>;

    /// Where a symbolic link points; `None` if there is none of this path, be it that something else is there or in its
    /// way.
    fn link(&mut self, path: &TreePath) -> Result<Option<Vec<u8>>, InventoryError>;

    /// The paths in a directory, sorted; none if it is not there.
    fn list(&mut self, directory: &TreePath) -> Result<Vec<TreePath>, InventoryError>;
}

/// Whether a directory on the way to it is a symbolic link: what is behind one is found where that leads, or not at all.
pub(super) fn is_behind_link(files: &mut dyn Files, path: &TreePath) -> Result<bool, InventoryError> {
    let mut above = path.parent();
    while let Some(directory) = above.filter(|directory| !directory.is_root()) {
        if files.link(&directory)?.is_some() {
            return Ok(true);
        }
        above = directory.parent();
    }
    Ok(false)
}

/// A directory of the file system.
pub(super) struct DirectoryFiles(OwnedFd);

impl DirectoryFiles {
    pub(super) fn open(root: &Path) -> Result<Self, InventoryError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty());
        root.map(Self).map_err(|errno| failed("open", &TreePath::root(), errno.into()))
    }

    /// The digests that are needed of files.
    pub(super) fn hash(
        &self,
        expected: &[Expected<'_>],
        work: &Work<'_>,
    ) -> Result<HashMap<TreePath, Content>, InventoryError> {
        content::of_directory(&self.0, expected, work)
    }

    fn open_in(&self, path: &TreePath, flags: OFlags) -> Result<Option<OwnedFd>, InventoryError> {
        match open_beneath(&self.0, path, flags) {
            Ok(opened) => Ok(Some(opened)),
            Err(DirectoryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(InventoryError::Directory(error)),
        }
    }
}

impl Files for DirectoryFiles {
    fn read(&mut self, path: &TreePath, limit: usize) -> Result<Option<Vec<u8>>, InventoryError> {
        let Some(file) = self.open_in(path, OFlags::empty())? else { return Ok(None) };
        let stat = rustix::fs::fstat(&file).map_err(|errno| failed("stat", path, errno.into()))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(InventoryError::NotAFile { path: path.clone() });
        }
        let mut bytes = Vec::new();
        let read = File::from(file).take(limit as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| failed("read", path, error))?;
        if bytes.len() > limit {
            return Err(InventoryError::TooLarge { path: path.clone(), limit });
        }
        Ok(Some(bytes))
    }

    fn link(&mut self, path: &TreePath) -> Result<Option<Vec<u8>>, InventoryError> {
        let link = match open_beneath(&self.0, path, OFlags::PATH) {
            Ok(link) => link,
            // Nothing there, or a file or a link on the way to it.
            Err(DirectoryError::Io { source, .. })
                if matches!(
                    source.raw_os_error().map(Errno::from_raw_os_error),
                    Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(InventoryError::Directory(error)),
        };
        let stat = rustix::fs::fstat(&link).map_err(|errno| failed("stat", path, errno.into()))?;
        if !FileType::from_raw_mode(stat.st_mode).is_symlink() {
            return Ok(None);
        }
        let target = rustix::fs::readlinkat(&link, c"", Vec::new());
        let target = target.map_err(|errno| failed("read", path, errno.into()))?;
        Ok(Some(target.into_bytes()))
    }

    fn list(&mut self, directory: &TreePath) -> Result<Vec<TreePath>, InventoryError> {
        let Some(opened) = self.open_in(directory, OFlags::DIRECTORY)? else { return Ok(Vec::new()) };
        let mut names = Dir::read_from(&opened).map_err(|errno| failed("list", directory, errno.into()))?;
        let mut paths = Vec::new();
        while let Some(name) = names.read() {
            let name = name.map_err(|errno| failed("list", directory, errno.into()))?;
            if matches!(name.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if paths.len() == MAX_NAMES {
                return Err(InventoryError::TooLarge { path: directory.clone(), limit: MAX_NAMES });
            }
            let path = directory.join(name.file_name().to_bytes()).map_err(|source| {
                InventoryError::Directory(DirectoryError::Path { directory: directory.clone(), source })
            })?;
            paths.push(path);
        }
        paths.sort_unstable();
        Ok(paths)
    }
}

fn failed(action: &'static str, path: &TreePath, source: io::Error) -> InventoryError {
    InventoryError::Directory(DirectoryError::Io { action, path: path.clone(), source })
}

#[cfg(feature = "squashfs")]
impl Files for crate::squashfs::Files<'_> {
    fn read(&mut self, path: &TreePath, limit: usize) -> Result<Option<Vec<u8>>, InventoryError> {
        use crate::manifest::EntryKind;

        match self.entry(path).map(|entry| &entry.kind) {
            None => Ok(None),
            Some(EntryKind::File { size, .. }) if *size > limit as u64 => {
                Err(InventoryError::TooLarge { path: path.clone(), limit })
            }
            Some(EntryKind::File { .. }) => Self::read(self, path).map(Some).map_err(InventoryError::Image),
            Some(_) => Err(InventoryError::NotAFile { path: path.clone() }),
        }
    }

    fn link(&mut self, path: &TreePath) -> Result<Option<Vec<u8>>, InventoryError> {
        use crate::manifest::EntryKind;

        match self.entry(path).map(|entry| &entry.kind) {
            Some(EntryKind::Symlink { target }) => Ok(Some(target.clone())),
            _ => Ok(None),
        }
    }

    fn list(&mut self, directory: &TreePath) -> Result<Vec<TreePath>, InventoryError> {
        let inside = |path: &TreePath| path.parent().as_ref() == Some(directory);
        let paths: Vec<_> = self
            .entries()
            .map(|entry| &entry.path)
            .filter(|path| inside(path))
            .take(MAX_NAMES + 1)
            .cloned()
            .collect();
        if paths.len() > MAX_NAMES {
            return Err(InventoryError::TooLarge { path: directory.clone(), limit: MAX_NAMES });
        }
        Ok(paths)
    }
}

#[cfg(test)]
pub(super) mod memory;
