//! One process per file: a lock on a file beside it, held by the system and gone with the process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// Held until dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
}

impl Drop for FileLock {
    /// Unlocks instead of only closing: a process that was forked off this one and has not yet become its program
    /// has the file open too, and would keep a lock that is only closed here.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the state store is left to the end of the process");
        }
    }
}

impl FileLock {
    /// Takes the lock of `path`: the file `<path>.lock`, which then names this process.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = OsString::from(path);
        name.push(".lock");
        let lock = PathBuf::from(name);
        let error = |source| OpenError::Io { path: lock.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message: who holds it, as far as they have said so yet.
                let told = file.take(20).read_to_string(&mut holder).is_ok();
                let holder = if told { holder.trim().parse().ok() } else { None };
                return Err(OpenError::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(error(source)),
        }
        file.set_len(0).map_err(error)?;
        file.rewind().map_err(error)?;
        writeln!(file, "{}", std::process::id()).map_err(error)?;
        Ok(Self { file })
    }
}
