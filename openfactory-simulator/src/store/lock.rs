//! One at a time on a state file: what an instance keeps ready of it, another would change unseen.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::StoreError;

/// Holds a state file for as long as it lives; that of a process that was killed is free.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state file: the file of the same name with `.lock` at its end.
    pub(crate) fn of(state: &Path) -> Result<Self, StoreError> {
        let mut name = OsString::from(state);
        name.push(".lock");
        let failed = |source: std::io::Error| StoreError::Lock { source: source.into() };
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
        let file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
