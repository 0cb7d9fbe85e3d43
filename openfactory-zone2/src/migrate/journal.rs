//! What a store remembers of a migration, so that it can be resumed after a power cut at any instant.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use openfactory_attest::canonical::{self, Limits};
use serde::{Deserialize, Serialize};

use super::{MigrateError, MigrationReport};
use crate::durable;

const FILE: &str = "migration.json";

/// The largest journal that is read, in bytes. It holds the report, which has a decision for each path.
const MAX_BYTES: usize = 128 << 20;

const VERSION: u32 = 1;

/// How far a migration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// The new Zone 2 is whole beside the old one; whether they have been exchanged, their inodes tell.
    Prepared,
    /// The new base has proved itself: the old Zone 2 may go.
    Accepted,
    /// The new base has not: the old Zone 2 comes back.
    Rejected,
}

/// One value, stored as a whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    version: u32,
    pub(super) stage: Stage,
    /// The inode of the old Zone 2's root, and of the new one's.
    pub(super) old: u64,
    pub(super) new: u64,
    pub(super) report: MigrationReport,
}

impl Journal {
    pub(super) fn prepared(old: u64, new: u64, report: MigrationReport) -> Self {
        Self { version: VERSION, stage: Stage::Prepared, old, new, report }
    }

    /// The journal, if there is one.
    pub(super) fn read(store: &Path) -> Result<Option<Self>, MigrateError> {
        let path = store.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MigrateError::Io { action: "open", path, source }),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|source| MigrateError::Io {
            action: "read",
            path,
            source,
        })?;
        let damaged = |reason: String| MigrateError::Journal { reason };
        let limits = Limits { max_bytes: MAX_BYTES, ..Limits::FOREIGN };
        let value = canonical::parse(&bytes, &limits).map_err(|error| damaged(error.to_string()))?;
        let journal: Self = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        match journal.version {
            VERSION => Ok(Some(journal)),
            found => Err(damaged(format!("version {found} is not supported, only 1 is"))),
        }
    }

    /// Stores it in place of the old one: after a crash there is one of the two, whole.
    pub(super) fn write(&self, store: &Path) -> Result<(), MigrateError> {
        let bytes = canonical::to_vec_signed(self).map_err(MigrateError::Canonical)?;
        Ok(durable::replace(store, FILE, &bytes)?)
    }

    /// Takes the journal away: there is no migration any more.
    pub(super) fn remove(store: &Path) -> Result<(), MigrateError> {
        Ok(durable::discard(store, FILE)?)
    }
}
