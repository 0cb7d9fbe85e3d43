//! A trust store's file, changed by one at a time.

use std::fs::File;
use std::path::Path;

use openfactory_attest::{PublicKey, TrustStore};

use crate::attest::{CliError, input};
use crate::write_once::write_atomically;

/// A trust store that nobody else changes meanwhile. The lock is on its directory, for the file itself is replaced.
pub(super) struct Changing<'f> {
    path: &'f Path,
    pub(super) store: TrustStore,
    _lock: File,
}

impl<'f> Changing<'f> {
    pub(super) fn open(path: &'f Path) -> Result<Self, CliError> {
        let lock = lock(path)?;
        Ok(Self { path, store: input::trust_file(path)?, _lock: lock })
    }

    pub(super) fn write(&self) -> Result<(), CliError> {
        write_atomically(self.path, &self.store.to_json(), 0o644)
            .map_err(|error| CliError::file("write", self.path, error))
    }
}

fn lock(path: &Path) -> Result<File, CliError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let locked = File::open(directory).and_then(|open| open.lock().map(|()| open));
    locked.map_err(|error| CliError::file("lock", directory, error))
}

pub(in crate::attest) fn public_key(path: &Path) -> Result<PublicKey, CliError> {
    let bytes = input::read_small(path)?;
    PublicKey::from_pem(&String::from_utf8_lossy(&bytes))
        .map_err(|error| CliError::because(format!("{} is no public key", path.display()), error))
}
