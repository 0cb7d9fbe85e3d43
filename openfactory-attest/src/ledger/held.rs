//! Proof that the log held a payload before something happened.

use std::path::Path;

use super::{KeyUse, LedgerEntryError};
use crate::audit::entry::EntryError;
use crate::audit::proof::{ProofError, ProveError};
use crate::audit::verify::{Finding, VerifyLogError};
use crate::audit::{self, Entry, Proof, VerifierKey};
use crate::digest::Sha256Digest;
use crate::key::KeyId;

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

/// Why a log could not be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindHeldError {
    /// The log could not be read.
    #[error("cannot search the log")]
    Read(#[source] VerifyLogError),
    /// The log is not as it was written, or not under its key: nothing in it is taken for proof.
    #[error("the log is not good: {}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Bad {
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
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
    let mut found: Vec<(u64, Sha256Digest, KeyId)> = Vec::new();
    let report = audit::read(directory, log, None, |index, bytes| {
        // An entry that can't be read proves nothing; whether the log is good is the report's affair.
        let key_use = Entry::parse(bytes).ok().and_then(|entry| KeyUse::from_entry(&entry).ok().flatten());
        let Some(KeyUse { payload, key_id, .. }) = key_use else { return };
        let known = |(_, at, key): &(u64, Sha256Digest, KeyId)| *at == payload && *key == key_id;
        if payloads.contains(&payload) && !found.iter().any(known) {
            found.push((index, payload, key_id));
        }
    })
    .map_err(FindHeldError::Read)?;
    if !report.is_good() {
        return Err(FindHeldError::Bad { findings: report.findings });
    }
    let covered = report.checkpoint.map_or(0, |head| head.size);
    let within = found.into_iter().filter(|(index, ..)| *index < covered);
    within
        .map(|(index, ..)| {
            let (proof, entry) =
                audit::prove(directory, index).map_err(|source| FindHeldError::Prove { index, source })?;
            Held::verify(&proof, &entry, log).map_err(|source| FindHeldError::Held { index, source })
        })
        .collect()
}
