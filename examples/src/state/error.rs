//! What SQLite says, as what the caller can do about it.

use std::io;
use std::path::PathBuf;

use openfactory_sn::lifecycle::state::StateError;
use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the state store could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it. Two routers on one file would each believe to be the only one.
    #[error("{path} is in use by {}; stop it first", whoever(*holder))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process that has it, if it has said so.
        holder: Option<u32>,
    },
    /// A file can't be opened or written.
    #[error("can't use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is a SQLite database, but none of this kind.
    #[error("{path} is a SQLite file, but no state store of openfactory")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("{path} has schema version {found}, this program knows up to {known}: run the later version")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// SQLite can't use the file.
    #[error("SQLite can't use {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn whoever(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
}

/// Sorts SQLite's errors: full, damaged, or something that may pass.
pub(super) fn sqlite(error: rusqlite::Error) -> StateError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::TooBig) => StateError::Full { source: Box::new(error) },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StateError::Corrupt { place: "the database file".to_owned(), source: Box::new(error) }
        }
        _ => StateError::Unavailable { source: Box::new(error) },
    }
}

/// A row that does not hold what it should, or something that can't be put into one.
pub(super) fn corrupt(place: impl Into<String>) -> impl FnOnce(Boxed) -> StateError {
    let place = place.into();
    move |source| StateError::Corrupt { place, source }
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;
