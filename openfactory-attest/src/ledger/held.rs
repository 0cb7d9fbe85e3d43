//! Proof that the log held a payload before something happened.

use std::collections::BTreeMap;
use std::path::Path;

use super::{KeyUse, LedgerEntryError, ReadUsesError, read_uses};
use crate::audit::entry::EntryError;
use crate::audit::proof::{ProofError, ProveError};
use crate::audit::{self, Entry, Proof, VerifierKey};
use crate::digest::Sha256Digest;

/// That an audit log held a key's use at an index, proved under the log's own signature.
///
/// Only [`Held::verify`] makes one. A [`TrustStore`](crate::trust::TrustStore) that is given it
/// ([`holding`](crate::trust::TrustStore::holding)) accepts the payload although its signer was revoked, if the index
/// lies before the window in which the key was in other hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    origin: String,
    index: u64,
    key_use: KeyUse,
}

/// Why something is no proof that the log held a payload. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeldError {
    /// The proof does not lead from the entry to a checkpoint of this log.
    #[error("the log is not proved to hold the entry")]
    Proof(#[source] ProofError),
    /// The bytes are no audit entry.
    #[error("what the log is proved to hold is no entry")]
    Entry(#[source] EntryError),
    /// The entry calls itself one of the signing ledger and is not.
    #[error("the entry is damaged")]
    Ledger(#[source] LedgerEntryError),
    /// The entry is about something else than a key's use.
    #[error("the entry {id:?} tells of {what:?}, not of what a key signed")]
    OtherEntry {
        /// The entry's id.
        id: String,
        /// What it tells of.
        what: String,
    },
}

impl Held {
    /// Checks that the log of this key holds the entry, and that the entry is a key's use.
    ///
    /// # Errors
    /// [`HeldError`] says why that is not proved.
    pub fn verify(proof: &Proof, entry: &[u8], log: &VerifierKey) -> Result<Self, HeldError> {
        let checkpoint = proof.verify_inclusion(entry, log).map_err(HeldError::Proof)?;
        let entry = Entry::parse(entry).map_err(HeldError::Entry)?;
        match KeyUse::from_entry(&entry).map_err(HeldError::Ledger)? {
            Some(key_use) => Ok(Self { origin: checkpoint.origin, index: proof.index(), key_use }),
            None => Err(HeldError::OtherEntry { id: entry.id, what: entry.what }),
        }
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The place in the log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// What the log held.
    #[must_use]
    pub const fn key_use(&self) -> &KeyUse {
        &self.key_use
    }
}

/// Why what a log holds could not be proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindHeldError {
    /// The log could not be read, or is bad: nothing in it is taken for proof.
    #[error("cannot search the log")]
    Read(#[source] ReadUsesError),
    /// An entry was found, but no proof of it could be made.
    #[error("cannot prove entry {index}")]
    Prove {
        /// The entry.
        index: u64,
        /// Why not.
        source: ProveError,
    },
    /// An entry was found, but what was made is no proof of it.
    #[error("entry {index} is not proved")]
    Held {
        /// The entry.
        index: u64,
        /// Why not.
        source: HeldError,
    },
}

/// Searches a log's directory for the first use of each key for one of these payloads, and proves each found. Neither
/// the log's private key nor its lock is taken. What the newest checkpoint does not reach yet is passed over.
///
/// # Errors
/// [`FindHeldError`] where the log could not be searched, or is bad.
pub fn find_held(
    directory: &Path,
    log: &VerifierKey,
    payloads: &[Sha256Digest],
) -> Result<Vec<Held>, FindHeldError> {
    let uses = read_uses(directory, Some(log)).map_err(FindHeldError::Read)?;
    let mut found = BTreeMap::new();
    for (index, one) in uses.uses.iter().filter(|(_, one)| payloads.contains(&one.payload)) {
        found.entry((one.payload, one.key_id)).or_insert(*index);
    }
    let covered = |index: &u64| *index < uses.covered;
    found
        .into_values()
        .filter(covered)
        .map(|index| {
            let (proof, entry) =
                audit::prove(directory, index).map_err(|source| FindHeldError::Prove { index, source })?;
            Held::verify(&proof, &entry, log).map_err(|source| FindHeldError::Held { index, source })
        })
        .collect()
}
