//! Proof of one entry, to be kept apart from the log and checked offline (c2sp.org/tlog-proof).

use std::path::Path;
use std::{fmt, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError, decimal};
use super::cosignature::Cosignature;
use super::note::VerifierKey;
use super::part::PartError;
use super::policy::{Policy, PolicyError};
use super::snapshot::{ReadLogError, Snapshot};
use super::tiles::{ReadTilesError, Tiles};
use super::tree::{Tree, leaf_hash, verify_inclusion};
use crate::digest::Sha256Digest;

const MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// Bytes of a proof at most; a tree of 2^64 leaves needs less than 4 KiB of hashes.
const MAX_PROOF: usize = 128 * 1024;

/// Proof that an entry is in a log: its index, hashes, and the checkpoint that they lead to.
///
/// `Display` and [`parse`](Self::parse) use the text of c2sp.org/tlog-proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    extra: Option<Vec<u8>>,
    index: u64,
    hashes: Vec<Sha256Digest>,
    checkpoint: String,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proven {
    /// The checkpoint that the entry is under.
    pub checkpoint: Checkpoint,
    /// The cosignatures of the policy's witnesses under it.
    pub cosignatures: Vec<Cosignature>,
}

/// Why a text is not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tlog-proof: {reason}")]
pub struct ParseProofError {
    reason: &'static str,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Its checkpoint is not the log's.
    #[error("the proof's checkpoint is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// Its checkpoint is not what the policy asks for.
    #[error("the proof's checkpoint does not do")]
    Policy(#[source] PolicyError),
    /// The hashes do not lead from the entry to the checkpoint.
    #[error("the proof does not lead from this entry to the checkpoint's root")]
    Path,
}

/// Why there is no proof of an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The log in the directory can't be used.
    #[error("the log proves nothing")]
    Log(#[source] ReadLogError),
    /// The entry can't be read.
    #[error("cannot read the journal")]
    Io(#[source] io::Error),
    /// The journal does not hold what it held a moment before.
    #[error("entry {index} was changed while it was being proved")]
    Changed {
        /// The entry.
        index: u64,
    },
    /// The checkpoint does not reach this entry.
    #[error("entry {index} is not under the checkpoint, which covers {size}; a later checkpoint may")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries under the checkpoint.
        size: u64,
    },
}

impl Proof {
    pub(super) fn of(tree: &Tree, index: u64, size: u64, checkpoint: String) -> Option<Self> {
        Some(Self::new(index, tree.inclusion_proof(index, size)?, checkpoint))
    }

    /// Of these hashes, the sibling of the leaf first, under this checkpoint.
    #[must_use]
    pub fn new(index: u64, hashes: Vec<Sha256Digest>, checkpoint: impl Into<String>) -> Self {
        Self { extra: None, index, hashes, checkpoint: checkpoint.into() }
    }

    /// With data for whoever verifies it, which nothing vouches for.
    #[must_use]
    pub fn with_extra(self, extra: impl Into<Vec<u8>>) -> Self {
        Self { extra: Some(extra.into()), ..self }
    }

    /// The data that came with it; nothing vouches for that.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The checkpoint, as it stands.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// The entry's place in the log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Reads a proof's text.
    ///
    /// # Errors
    /// [`ParseProofError`] says what is missing.
    pub fn parse(text: &[u8]) -> Result<Self, ParseProofError> {
        let bad = |reason| ParseProofError { reason };
        if text.len() > MAX_PROOF {
            return Err(bad("it is too long"));
        }
        let text = std::str::from_utf8(text).map_err(|_| bad("it is not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad("it has no blank line"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(MAGIC) {
            return Err(bad("its first line is another"));
        }
        let mut line = lines.next();
        let extra = line.and_then(|line| line.strip_prefix("extra "));
        let extra = extra.map(|extra| STANDARD.decode(extra)).transpose();
        let extra = extra.map_err(|_| bad("its extra data is not base64"))?;
        if extra.is_some() {
            line = lines.next();
        }
        let index =
            line.and_then(|line| decimal(line.strip_prefix("index ")?)).ok_or(bad("it has no index"))?;
        let hashes = lines.map(|line| {
            let bytes = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Sha256Digest::from_bytes).ok_or(bad("a hash is not base64 of 32 bytes"))
        });
        let proof = Self::new(index, hashes.collect::<Result<_, _>>()?, checkpoint);
        Ok(Self { extra, ..proof })
    }

    /// Checks that these bytes are the entry at [`index`](Self::index) in the log of this key.
    ///
    /// # Errors
    /// [`ProofError`] says why that is not proved.
    pub fn verify_inclusion(&self, entry: &[u8], key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), key).map_err(ProofError::Checkpoint)?;
        self.leads_to(&checkpoint, entry).then_some(checkpoint).ok_or(ProofError::Path)
    }

    /// Checks that these bytes are the entry at [`index`](Self::index) in one of the policy's logs, and that enough of its
    /// witnesses have cosigned that.
    ///
    /// # Errors
    /// [`ProofError`] says why that is not proved.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Proven, ProofError> {
        let (checkpoint, cosignatures) =
            policy.open(self.checkpoint.as_bytes()).map_err(ProofError::Policy)?;
        let proven = self.leads_to(&checkpoint, entry).then_some(Proven { checkpoint, cosignatures });
        proven.ok_or(ProofError::Path)
    }

    fn leads_to(&self, checkpoint: &Checkpoint, entry: &[u8]) -> bool {
        let head = checkpoint.head;
        verify_inclusion(leaf_hash(entry), self.index, head.size, &self.hashes, &head.root)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Makes the proof of an entry from a log's directory, under the checkpoint that is there. Takes neither the log's
/// key nor its lock, and trusts neither: whoever is given the proof checks it by the log's verifier key.
///
/// Returned with it is the entry's JSON, the bytes that the proof is about.
///
/// # Errors
/// [`ProveError`] says why there is none.
pub fn prove(directory: &Path, index: u64) -> Result<(Proof, Vec<u8>), ProveError> {
    let log = Snapshot::read(directory).map_err(ProveError::Log)?;
    let not_covered = ProveError::NotCovered { index, size: log.head.size };
    let Some(part) = log.entry(index) else { return Err(not_covered) };
    let entry = part.map_err(|error| match error {
        PartError::Io(error) => ProveError::Io(error),
        PartError::Changed { index } => ProveError::Changed { index },
    })?;
    Ok((Proof::of(&log.tree, index, log.head.size, log.note).ok_or(not_covered)?, entry))
}

impl Tiles {
    /// Proof of a published entry, under the published checkpoint and its cosignatures.
    ///
    /// # Errors
    /// [`ReadTilesError`].
    pub fn prove(&self, index: u64) -> Result<Proof, ReadTilesError> {
        Ok(Proof::new(index, self.inclusion_proof(index)?, self.checkpoint()))
    }
}
