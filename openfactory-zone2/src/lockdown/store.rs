//! Keeps a device's lockdown record on disk, so that it survives a crash at any instant and fails closed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use openfactory_attest::canonical::CanonicalError;

use super::LockdownRecord;
use super::record::ParseRecordError;
use crate::durable;

/// The record's file.
const FILE: &str = "lockdown.json";

/// The largest record that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A directory of the device's own that holds its lockdown record.
///
/// A record is written aside, made durable, and renamed over the old one; then the directory is made durable: after a
/// crash there is the old record or the new one, whole. One process at a time.
#[derive(Debug)]
pub struct LockdownStore {
    directory: PathBuf,
}

/// What a store holds.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The record: the one that was stored, or Locked where there is none that can be read.
    pub record: LockdownRecord,
    /// Why the device is Locked without a record; none where the record was read.
    pub lost: Option<Lost>,
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// Nothing was ever stored, or it was taken away.
    #[error("there is no lockdown record")]
    Missing,
    /// The system would not read it.
    #[error("the lockdown record can't be read")]
    Io(#[source] io::Error),
    /// It is none.
    #[error("the lockdown record is damaged")]
    Damaged(#[source] ParseRecordError),
}

/// Why a record was not stored. The old one holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A device that has a record is not provisioned again.
    #[error("the device has a lockdown record already")]
    Exists,
    /// The record has no canonical form.
    #[error("the lockdown record can't be written down")]
    Canonical(#[source] CanonicalError),
    /// The system would not.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl From<durable::Failed> for StoreError {
    fn from(durable::Failed { action, path, source }: durable::Failed) -> Self {
        Self::Io { action, path, source }
    }
}

impl LockdownStore {
    /// The store in this directory, which is there already.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The first record of a device that is being provisioned: Unlocked. It is durable on return.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is anything in the record's place, were it damaged; [`StoreError`] of the system.
    pub fn provision(&self, now: SystemTime) -> Result<LockdownRecord, StoreError> {
        let record = LockdownRecord::born(now);
        let path = self.path(FILE);
        match fs::symlink_metadata(&path) {
            Ok(_) => Err(StoreError::Exists),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.save(&record)?;
                Ok(record)
            }
            Err(source) => Err(StoreError::Io { action: "look at", path, source }),
        }
    }

    /// What is stored. Fails closed: without a record that can be read the device is Locked, and
    /// [`Loaded::lost`] says why.
    #[must_use]
    pub fn load(&self, now: SystemTime) -> Loaded {
        match self.read() {
            Ok(record) => Loaded { record, lost: None },
            Err(lost) => Loaded { record: LockdownRecord::restored(now), lost: Some(lost) },
        }
    }

    /// Stores a record in place of the old one. It is durable on return.
    ///
    /// # Errors
    /// [`StoreError`]; the old record holds, or, if only the directory could not be made durable, either of the two
    /// after a crash.
    pub fn save(&self, record: &LockdownRecord) -> Result<(), StoreError> {
        let bytes = record.to_json().map_err(StoreError::Canonical)?;
        Ok(durable::replace(&self.directory, FILE, &bytes)?)
    }

    fn read(&self) -> Result<LockdownRecord, Lost> {
        // What is no file of ours must not hang us.
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = File::options().read(true).custom_flags(nonblocking).open(self.path(FILE));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Lost::Missing,
            _ => Lost::Io(error),
        })?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Lost::Io)?;
        LockdownRecord::parse(&bytes).map_err(Lost::Damaged)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}
