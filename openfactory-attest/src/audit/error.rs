//! Why a log can't be opened, appended to or read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::CheckpointError;
use super::entry::EntryError;
use super::journal::Flaw;
use super::note::ParseVerifierKeyError;
use crate::key::SignError;

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenLogError {
    /// The file system would not.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("another process has the audit log {} open", path.display())]
    Locked {
        /// The log's directory.
        path: PathBuf,
    },
    /// The origin can't be a name in a checkpoint.
    #[error("the origin does not do for a log")]
    Origin(#[source] ParseVerifierKeyError),
    /// The log is of another origin.
    #[error("this is the log of {found:?}, not of {expected:?}")]
    OtherLog {
        /// The origin that was asked for.
        expected: String,
        /// The origin in the journal.
        found: String,
    },
    /// The journal was changed after it was written. Nothing is repaired.
    #[error(
        "the audit log was damaged or tampered with: {flaw}; keep it as evidence and restore it from a copy"
    )]
    Corrupt {
        /// The first thing that is wrong.
        flaw: Flaw,
    },
    /// The log has signed more entries than there are.
    #[error("entries are missing: the checkpoint was signed over {signed}, the journal has {found}")]
    Truncated {
        /// Entries under the checkpoint.
        signed: u64,
        /// Entries in the journal.
        found: u64,
    },
    /// The log has signed other entries than there are.
    #[error("the journal is not the one that was signed: another root over the first {size} entries")]
    Rewritten {
        /// Entries under the checkpoint.
        size: u64,
    },
    /// There are entries, but no checkpoint.
    #[error("the log has entries but no checkpoint; it was removed")]
    CheckpointMissing,
    /// The checkpoint is not by the log's key.
    #[error("the log's own checkpoint is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// The first checkpoint could not be signed.
    #[error("the log's first checkpoint could not be signed")]
    Sign(#[source] SignError),
}

/// Why entries are not in the log. Nothing that failed was acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// One of them can't be stored; none was.
    #[error("an entry cannot be stored")]
    Entry(#[source] EntryError),
    /// The disk is full. Nothing was stored; once there is room it may be tried again.
    #[error("the disk under the audit log is full")]
    Full(#[source] Arc<io::Error>),
    /// The entries could not be written. Nothing was stored; it may be tried again.
    #[error("the audit log cannot be written")]
    Write(#[source] Arc<io::Error>),
    /// It is not known whether the entries are durable. The log takes nothing more until it is opened again; then
    /// the same entries may be appended again, those that were stored are told as duplicates.
    #[error("the audit log cannot be made durable; open it again before going on")]
    Sync(#[source] Arc<io::Error>),
    /// An earlier write could not be made durable, or not be taken back.
    #[error("the audit log takes nothing more since an earlier failure; open it again")]
    Poisoned,
}

/// Why there is no new checkpoint. The one before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignCheckpointError {
    /// The key would not.
    #[error("the checkpoint could not be signed")]
    Sign(#[source] SignError),
    /// It could not be written.
    #[error("the checkpoint could not be written to {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// Why an entry could not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadEntryError {
    /// There is none of this index.
    #[error("there is no entry {index}, the log has {size}")]
    NoSuchEntry {
        /// The index that was asked for.
        index: u64,
        /// Entries in the log.
        size: u64,
    },
    /// The journal can't be read.
    #[error("entry {index} cannot be read")]
    Io {
        /// The entry.
        index: u64,
        /// What the file system said.
        source: io::Error,
    },
    /// The journal does not hold what it held when the log was opened.
    #[error("entry {index} was changed since it was appended")]
    Changed {
        /// The entry.
        index: u64,
    },
    /// What is stored is no entry of this version.
    #[error("entry {index} is not understood")]
    Entry {
        /// The entry.
        index: u64,
        /// What stands against it.
        source: EntryError,
    },
}
