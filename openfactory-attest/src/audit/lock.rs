//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};

use super::error::OpenLogError;
use super::storage::Layout;

/// Keeps other processes out of the directory until it is dropped.
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    pub(super) fn take(layout: &Layout) -> Result<Self, OpenLogError> {
        let path = layout.lock();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| OpenLogError::Io { action: "open", path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenLogError::Locked { path: layout.directory().to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(OpenLogError::Io { action: "lock", path, source: error }),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing would not do while a child that is being started still has a copy of the descriptor. An error
        // changes nothing: the descriptor is closed right after.
        let _unlocked = self.file.unlock();
    }
}
