//! What a witness is asked, `add-checkpoint` of c2sp.org/tlog-witness: proof that a log only grew.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::audit::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::audit::note::VerifierKey;
use crate::audit::snapshot::{ReadLogError, Snapshot};
use crate::audit::tiles::{ReadTilesError, Tiles};
use crate::audit::tree::{TreeHead, verify_consistency};
use crate::digest::Sha256Digest;

/// Bytes of a request at most.
const MAX_REQUEST: usize = 128 * 1024;

/// Hashes of a consistency proof at most.
const MAX_PROOF: usize = 63;

/// A checkpoint to be cosigned, and the proof that it goes on from where the witness is.
///
/// `Display` and [`parse`](Self::parse) use the text of c2sp.org/tlog-witness, `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) old: u64,
    pub(super) proof: Vec<Sha256Digest>,
    pub(super) checkpoint: String,
}

/// Why a text is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a request to add a checkpoint: {reason}")]
pub struct ParseRequestError {
    reason: &'static str,
}

/// Why one tree is not shown to be the beginning of another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// The proof begins after its own checkpoint.
    #[error("the proof is from {old} entries on, its checkpoint covers {size}")]
    Backwards {
        /// Where the proof begins.
        old: u64,
        /// Entries under its checkpoint.
        size: u64,
    },
    /// The proof begins elsewhere.
    #[error("the proof is from {old} entries on, not from {before}")]
    Start {
        /// Where the proof begins.
        old: u64,
        /// Where it should.
        before: u64,
    },
    /// The hashes do not lead from the one root to the other.
    #[error("the first {old} entries are not shown to be the same")]
    Path {
        /// Where the proof begins.
        old: u64,
    },
}

impl Request {
    /// To cosign this checkpoint, which goes on from the tree of `old` entries by this proof.
    #[must_use]
    pub fn new(old: u64, proof: Vec<Sha256Digest>, checkpoint: impl Into<String>) -> Self {
        Self { old, proof, checkpoint: checkpoint.into() }
    }

    /// That the checkpoint of the log in this directory goes on from its first `old` entries. `None` where it has less.
    ///
    /// # Errors
    /// [`ReadLogError`].
    pub fn of_log(directory: &Path, old: u64) -> Result<Option<Self>, ReadLogError> {
        let log = Snapshot::read(directory)?;
        let proof = log.tree.consistency_proof(old, log.head.size);
        Ok(proof.map(|proof| Self::new(old, proof, log.note)))
    }

    /// Checks that the checkpoint is the log's, and that its tree begins with this one.
    ///
    /// # Errors
    /// [`ConsistencyError`] says why that is not shown.
    pub fn verify(&self, before: TreeHead, log: &VerifierKey) -> Result<Checkpoint, ConsistencyError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), log);
        let checkpoint = checkpoint.map_err(ConsistencyError::Checkpoint)?;
        let (old, new) = (self.old, checkpoint.head);
        if old > new.size {
            return Err(ConsistencyError::Backwards { old, size: new.size });
        }
        if old != before.size {
            return Err(ConsistencyError::Start { old, before: before.size });
        }
        // An empty tree has one root only.
        let empty = new.size == 0 && new.root != Sha256Digest::of(b"");
        if empty || !verify_consistency(before, new, &self.proof) {
            return Err(ConsistencyError::Path { old });
        }
        Ok(checkpoint)
    }

    /// The checkpoint that is to be cosigned.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Reads a request's text.
    ///
    /// # Errors
    /// [`ParseRequestError`] says what is missing.
    pub fn parse(text: &[u8]) -> Result<Self, ParseRequestError> {
        let bad = |reason| ParseRequestError { reason };
        if text.len() > MAX_REQUEST {
            return Err(bad("it is too long"));
        }
        let text = std::str::from_utf8(text).map_err(|_| bad("it is not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad("it has no blank line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old = old.ok_or(bad("its first line is not the old size"))?;
        let proof = lines.map(|line| {
            let bytes = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Sha256Digest::from_bytes).ok_or(bad("a hash is not base64 of 32 bytes"))
        });
        let proof = proof.collect::<Result<Vec<_>, _>>()?;
        if proof.len() > MAX_PROOF {
            return Err(bad("its proof has more than 63 hashes"));
        }
        Ok(Self { old, proof, checkpoint: checkpoint.to_owned() })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Tiles {
    /// The request to cosign the published checkpoint, to a witness that cosigned `old` entries last.
    ///
    /// # Errors
    /// [`ReadTilesError`]; [`ReadTilesError::NotCovered`] where fewer entries are published than the witness has seen.
    pub fn request(&self, old: u64) -> Result<Request, ReadTilesError> {
        Ok(Request::new(old, self.consistency_proof(old)?, self.checkpoint()))
    }
}
