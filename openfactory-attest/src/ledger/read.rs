//! All uses of keys that an audit log holds.

use std::path::Path;

use super::{KeyUse, LedgerEntryError};
use crate::audit::verify::{Finding, VerifyLogError};
use crate::audit::{self, Entry, VerifierKey};

/// What a log holds of keys' uses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedUses {
    /// The uses with their indices, in the log's order.
    pub uses: Vec<(u64, KeyUse)>,
    /// Entries that call themselves uses of keys and are not.
    pub damaged: Vec<(u64, LedgerEntryError)>,
    /// Entries of the log that were re-hashed and found right; what was being written when it was read is not in here.
    pub size: u64,
    /// Entries that the log's signature reaches; 0 where no key was given to check it by.
    pub covered: u64,
}

/// Why a log does not tell of any uses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadUsesError {
    /// It could not be read.
    #[error("cannot read the log")]
    Read(#[source] VerifyLogError),
    /// It is not as it was written, or not under its key.
    #[error("the log is not good: {}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Bad {
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
}

/// Reads a log's directory, re-hashing all of it, and gives the uses of keys in it. Without a key the log's signature is
/// not checked. Neither its private key nor its lock is taken; it may be appended to at the same time.
///
/// # Errors
/// [`ReadUsesError`] where the log could not be read, or is bad.
pub fn read_uses(directory: &Path, log: Option<&VerifierKey>) -> Result<LoggedUses, ReadUsesError> {
    let (mut uses, mut damaged) = (Vec::new(), Vec::new());
    let report = audit::read(directory, log, None, |index, bytes| {
        // What is no entry at all is of no kind; whether the log is good is the report's affair.
        let Ok(entry) = Entry::parse(bytes) else { return };
        match KeyUse::from_entry(&entry) {
            Ok(Some(key_use)) => uses.push((index, key_use)),
            Ok(None) => {}
            Err(error) => damaged.push((index, error)),
        }
    })
    .map_err(ReadUsesError::Read)?;
    if !report.is_good() {
        return Err(ReadUsesError::Bad { findings: report.findings });
    }
    let size = report.verified.size;
    uses.retain(|(index, _)| *index < size);
    damaged.retain(|(index, _)| *index < size);
    let covered = report.checkpoint.map_or(0, |head| head.size);
    Ok(LoggedUses { uses, damaged, size, covered })
}
