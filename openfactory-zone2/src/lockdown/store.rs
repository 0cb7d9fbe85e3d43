//! Keeps a device's lockdown record on disk, so that it survives a crash at any instant and fails closed.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openfactory_attest::canonical::CanonicalError;

use super::LockdownRecord;
use super::record::ParseRecordError;

/// The record's file.
const FILE: &str = "lockdown.json";

/// What is being written, until it takes the record's place.
const TEMPORARY: &str = "lockdown.json.new";

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
        let (temporary, path) = (self.path(TEMPORARY), self.path(FILE));
        let failed = |action: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| StoreError::Io { action, path, source }
        };
        // What an earlier crash left.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &temporary)(error));
            }
            _ => {}
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed("create", &temporary))?;
        file.write_all(&bytes).map_err(failed("write", &temporary))?;
        file.sync_all().map_err(failed("sync", &temporary))?;
        fs::rename(&temporary, &path).map_err(failed("rename", &temporary))?;
        let directory = File::open(&self.directory).map_err(failed("open", &self.directory))?;
        directory.sync_all().map_err(failed("sync", &self.directory))
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
