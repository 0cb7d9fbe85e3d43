//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::error::OpenLogError;
use super::storage::Layout;

/// Keeps other processes out of the directory until it is dropped.
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// The lock of a log.
    pub(super) fn take(layout: &Layout) -> Result<Self, OpenLogError> {
        let path = layout.lock();
        Self::at(&path).map_err(|error| match error {
            TryLockError::WouldBlock => OpenLogError::Locked { path: layout.directory().to_owned() },
            TryLockError::Error(source) => OpenLogError::Io { action: "lock", path, source },
        })
    }

    /// The lock in this file, which is made if it isn't there.
    pub(super) fn at(path: &Path) -> Result<Self, TryLockError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing would not do while a child that is being started still has a copy of the descriptor. An error
        // changes nothing: the descriptor is closed right after.
        let _unlocked = self.file.unlock();
    }
}
