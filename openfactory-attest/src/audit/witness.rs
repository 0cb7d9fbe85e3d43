//! A witness of logs (c2sp.org/tlog-witness): it cosigns a checkpoint only if all it cosigned before is the beginning of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::cosignature::{self, WitnessKey};
use super::lock::DirectoryLock;
use super::note::{Note, NoteError, ParseVerifierKeyError, VerifierKey};
use super::storage::{self, Layout};
use super::tree::TreeHead;
use super::verify::read_checkpoint;
use crate::digest::Sha256Digest;
use crate::key::{SignError, Signer};

mod request;

pub use request::{ConsistencyError, ParseRequestError, Request};

/// A witness, with its memory of each log in a directory: the last checkpoint that it cosigned.
///
/// That directory is what a witness publishes under its monitoring prefix: `<SHA-256 of the origin>/checkpoint`.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use openfactory_attest::Ed25519Key;
/// use openfactory_attest::audit::{Entry, Log, Policy, Publisher, Witness, cosignature, tiles::Tiles};
///
/// let directory = tempfile::tempdir()?;
/// let log = Log::open(&directory.path().join("log"), "example.com/audit", Arc::new(Ed25519Key::generate()?))?;
/// let public = directory.path().join("public");
/// log.append(&[Entry::new("event-1", "router", "incident.created", SystemTime::UNIX_EPOCH, "device-7")])?;
/// Publisher::new(log.clone(), &public).publish()?;
///
/// let key = Arc::new(Ed25519Key::generate()?);
/// let logs = vec![log.verifier_key().clone()];
/// let witness = Witness::open(&directory.path().join("witness"), "w1.example.com", key, logs)?;
/// let tiles = Tiles::open(&public)?;
/// let request = tiles.request(witness.latest("example.com/audit")?.map_or(0, |head| head.size))?;
/// let line = witness.add_checkpoint(&request, SystemTime::now())?;
///
/// let cosigned = cosignature::add(tiles.checkpoint(), &line, &[witness.key()])?;
/// let policy = Policy::at_least(1, [witness.key().clone()]);
/// assert_eq!(policy.cosigned(cosigned.as_bytes())?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Witness {
    directory: PathBuf,
    key: WitnessKey,
    signer: Arc<dyn Signer>,
    logs: Vec<VerifierKey>,
    /// One request at a time: what was seen last is looked at and replaced as one.
    turn: Mutex<()>,
    _lock: DirectoryLock,
}

/// Why a witness can't begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenWitnessError {
    /// The name can't be a witness's.
    #[error("the name does not do for a witness")]
    Name(#[source] ParseVerifierKeyError),
    /// Another process has the witness's memory open.
    #[error("another process is the witness of {}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file system would not.
    #[error("cannot use {}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The request is malformed.
    #[error("the request is malformed")]
    Request(#[source] ParseRequestError),
    /// The checkpoint is of a log that this witness does not know.
    #[error("the log {origin:?} is not known here")]
    UnknownLog {
        /// Its name.
        origin: String,
    },
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// The request begins after its own checkpoint.
    #[error("the request is from {old} entries on, its checkpoint covers {size}")]
    Backwards {
        /// Where the request begins.
        old: u64,
        /// Entries under its checkpoint.
        size: u64,
    },
    /// The request does not begin where this witness is: ask again from there. Where the log has less, it was set back.
    #[error("the request is from {old} entries on, {latest} were cosigned last")]
    Conflict {
        /// Where the request begins.
        old: u64,
        /// Entries that were cosigned last.
        latest: u64,
    },
    /// What was cosigned before is not shown to be the beginning of what is to be cosigned now.
    #[error("the first {old} entries are not shown to be those that were cosigned before")]
    Inconsistent {
        /// Entries that were cosigned last.
        old: u64,
    },
    /// The witness's own memory of the log is not what it wrote.
    #[error("what was cosigned last can't be read in {}", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The witness's memory can't be read or written. Nothing was cosigned.
    #[error("cannot keep what is cosigned in {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The key would not.
    #[error("the checkpoint was not cosigned")]
    Sign(#[source] SignError),
}

impl WitnessError {
    /// The status that c2sp.org/tlog-witness has for it in HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Request(_) | Self::Backwards { .. } => 400,
            Self::Checkpoint(_) => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
            Self::Memory { .. } | Self::Io { .. } | Self::Sign(_) => 500,
        }
    }
}

impl Witness {
    /// Opens a witness's memory, which is made if it isn't there, for these logs. The directory is locked against other
    /// processes as long as this lives.
    ///
    /// # Errors
    /// [`OpenWitnessError`].
    pub fn open(
        directory: &Path,
        name: &str,
        signer: Arc<dyn Signer>,
        logs: Vec<VerifierKey>,
    ) -> Result<Self, OpenWitnessError> {
        let key = WitnessKey::new(name, signer.public_key().clone()).map_err(OpenWitnessError::Name)?;
        let directory = directory.to_owned();
        let failed = |source| OpenWitnessError::Io { path: directory.clone(), source };
        fs::create_dir_all(&directory).map_err(failed)?;
        let lock = DirectoryLock::at(&Layout::of(&directory).lock()).map_err(|error| match error {
            fs::TryLockError::WouldBlock => OpenWitnessError::Locked { path: directory.clone() },
            fs::TryLockError::Error(source) => failed(source),
        })?;
        Ok(Self { directory, key, signer, logs, turn: Mutex::new(()), _lock: lock })
    }

    /// By which key its cosignatures are verified.
    #[must_use]
    pub const fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// What it cosigned last of a log; `None` where that is nothing yet.
    ///
    /// # Errors
    /// [`WitnessError::UnknownLog`], [`WitnessError::Memory`], [`WitnessError::Io`].
    pub fn latest(&self, origin: &str) -> Result<Option<TreeHead>, WitnessError> {
        self.remembered(self.log(origin)?)
    }

    /// Cosigns the request's checkpoint, if everything that was cosigned before is the beginning of it. That is remembered,
    /// durably, before this returns the cosignature: a line, with its newline.
    ///
    /// # Errors
    /// [`WitnessError`]; nothing was cosigned.
    pub fn add_checkpoint(&self, request: &Request, time: SystemTime) -> Result<String, WitnessError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let note = request.checkpoint.as_bytes();
        let malformed = |error| WitnessError::Checkpoint(CheckpointError::Note(error));
        let parsed = Note::parse(note).map_err(malformed)?;
        let log = self.log(parsed.text.split('\n').next().unwrap_or_default())?;
        let before = self.remembered(log)?.unwrap_or(TreeHead::new(0, Sha256Digest::of(b"")));
        request.verify(before, log).map_err(|error| match error {
            ConsistencyError::Checkpoint(error) => WitnessError::Checkpoint(error),
            ConsistencyError::Backwards { old, size } => WitnessError::Backwards { old, size },
            ConsistencyError::Start { old, before: latest } => WitnessError::Conflict { old, latest },
            ConsistencyError::Path { old } => WitnessError::Inconsistent { old },
        })?;
        let line = cosignature::sign(parsed.text, time, &self.key, self.signer.as_ref());
        let line = line.map_err(WitnessError::Sign)?;
        self.remember(log, parsed.text, &request.checkpoint, &line)?;
        Ok(line)
    }

    fn log(&self, origin: &str) -> Result<&VerifierKey, WitnessError> {
        let log = self.logs.iter().find(|log| log.name() == origin);
        log.ok_or_else(|| WitnessError::UnknownLog { origin: origin.chars().take(200).collect() })
    }

    /// Where a log's checkpoint is kept.
    fn memory(&self, log: &VerifierKey) -> PathBuf {
        let origin = Sha256Digest::of(log.name().as_bytes()).to_string();
        Layout::of(&self.directory.join(origin)).checkpoint()
    }

    fn remembered(&self, log: &VerifierKey) -> Result<Option<TreeHead>, WitnessError> {
        let path = self.memory(log);
        let note = read_checkpoint(&path)
            .map_err(|error| WitnessError::Io { path: path.clone(), source: io::Error::other(error) })?;
        let Some(note) = note else { return Ok(None) };
        let wrong = |source| WitnessError::Memory { path: path.clone(), source };
        let checkpoint = Checkpoint::open(&note, log).map_err(wrong)?;
        let own = cosignature::verify(&note, &[&self.key]);
        let own = own.map_err(|error| wrong(CheckpointError::Note(error)))?;
        if own.is_empty() {
            let name = self.key.name().to_owned();
            return Err(wrong(CheckpointError::Note(NoteError::NotSigned { name })));
        }
        Ok(Some(checkpoint.head))
    }

    fn remember(&self, log: &VerifierKey, text: &str, note: &str, line: &str) -> Result<(), WitnessError> {
        let path = self.memory(log);
        let failed = |source| WitnessError::Io { path: path.clone(), source };
        // The log's signature and the own one: those of others are not this witness's to tell.
        let parsed = Note::parse(note.as_bytes());
        let parsed = parsed.map_err(|error| WitnessError::Checkpoint(CheckpointError::Note(error)))?;
        let logs: String = parsed.by(log.named()).map(|line| format!("{}\n", line.line)).collect();
        let kept = format!("{text}\n{logs}{line}");
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
            storage::sync_directory(Some(&self.directory)).map_err(failed)?;
        }
        storage::write_atomically(&path, kept.as_bytes()).map_err(failed)
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness")
            .field("directory", &self.directory)
            .field("key", &self.key)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}
