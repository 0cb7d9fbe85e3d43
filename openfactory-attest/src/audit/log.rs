//! The log as its writer sees it.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use super::batch::{Encoded, Plan};
use super::checkpoint::Checkpoint;
use super::entry::Entry;
use super::error::{AppendError, OpenLogError, ReadEntryError, SignCheckpointError};
use super::index::{IdHash, Index};
use super::lock::DirectoryLock;
use super::note::VerifierKey;
use super::part::Part;
use super::proof::Proof;
use super::queue::Queue;
use super::recover::{self, TornTail};
use super::storage::{self, Layout, Storage};
use super::tile::TileId;
use super::tree::{TreeHead, leaf_hash};
use crate::digest::Sha256Digest;
use crate::key::Signer;

/// An audit log, open for appending.
///
/// Clones are the same log; any number of threads may append at once, and share one `fdatasync` where they do.
/// The directory is locked against other processes for as long as a clone lives.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use openfactory_attest::audit::{self, Appended, Entry, Log};
/// use openfactory_attest::Ed25519Key;
///
/// let directory = tempfile::tempdir()?;
/// let key = Arc::new(Ed25519Key::generate()?);
/// let log = Log::open(directory.path(), "example.com/audit", key)?;
/// let entry = Entry::new("event-1", "router", "incident.created", SystemTime::UNIX_EPOCH, "device-7");
/// assert_eq!(log.append(&[entry.clone()])?, [Appended::Stored { index: 0 }]);
/// assert_eq!(log.append(&[entry])?, [Appended::Duplicate { index: 0, same: true }]);
/// assert_eq!((log.find("event-1"), log.find("event-2")), (Some(0), None));
/// log.checkpoint()?;
///
/// let report = audit::verify(directory.path(), log.verifier_key(), None)?;
/// assert!(report.is_good() && report.verified.size == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    key: VerifierKey,
    signer: Arc<dyn Signer>,
    journal: Box<dyn Storage>,
    index: RwLock<Index>,
    queue: Queue<Vec<Encoded>, Result<Vec<Appended>, AppendError>>,
    poisoned: AtomicBool,
    /// The newest checkpoint that was written; locked while a newer one is.
    checkpoint: Mutex<(TreeHead, String)>,
    torn: Option<TornTail>,
    _lock: DirectoryLock,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now.
    Stored {
        /// Its place.
        index: u64,
    },
    /// One of its id was in the log before; nothing was written.
    Duplicate {
        /// The place of the first entry of this id.
        index: u64,
        /// Whether that entry is the same in all other parts too.
        same: bool,
    },
}

impl Appended {
    /// The place of the entry of this id.
    #[must_use]
    pub const fn index(self) -> u64 {
        match self {
            Self::Stored { index } | Self::Duplicate { index, .. } => index,
        }
    }
}

impl Log {
    /// Opens the log in this directory, which is made if it isn't there.
    ///
    /// Everything stored is hashed again and held against the log's own checkpoint. Bytes that were being written
    /// when the log last stopped, and were acknowledged to nobody, are cut off and kept beside the journal
    /// ([`torn_tail`](Self::torn_tail)); anything else that is not as it was written is refused.
    ///
    /// `origin` names the log in its checkpoints, such as `example.com/audit/router-1`; `signer` is the log's key,
    /// which should sign nothing else.
    ///
    /// # Errors
    /// [`OpenLogError`].
    pub fn open(directory: &Path, origin: &str, signer: Arc<dyn Signer>) -> Result<Self, OpenLogError> {
        let key = VerifierKey::new(origin, signer.public_key().clone()).map_err(OpenLogError::Origin)?;
        let layout = Layout::of(directory);
        fs::create_dir_all(directory).map_err(failed("create", directory))?;
        let lock = DirectoryLock::take(&layout)?;
        let recovered = recover::open(&layout, origin)?;
        let checkpoint = own_checkpoint(&layout, &key, &recovered.index, signer.as_ref())?;
        let torn = recovered.settle(&layout)?;
        Ok(Self {
            inner: Arc::new(Inner {
                layout,
                key,
                signer,
                journal: Box::new(recovered.file),
                index: RwLock::new(recovered.index),
                queue: Queue::new(),
                poisoned: AtomicBool::new(false),
                checkpoint: Mutex::new(checkpoint),
                torn,
                _lock: lock,
            }),
        })
    }

    /// By which key the log's checkpoints are verified.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.inner.key
    }

    /// What was cut off when the log was opened.
    #[must_use]
    pub fn torn_tail(&self) -> Option<TornTail> {
        self.inner.torn
    }

    /// Entries in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.index().tree.size()
    }

    /// The root over all entries.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        self.inner.index().tree.root()
    }

    /// Appends entries in their order; when it returns, they are durable. An entry whose id is in the log already is
    /// not stored again.
    ///
    /// Blocks for about as long as the disk takes for one `fdatasync`.
    ///
    /// # Errors
    /// [`AppendError`]; none of the entries was acknowledged.
    pub fn append(&self, entries: &[Entry]) -> Result<Vec<Appended>, AppendError> {
        let encoded =
            entries.iter().map(Encoded::of).collect::<Result<_, _>>().map_err(AppendError::Entry)?;
        let answer = self.inner.queue.submit(encoded, |batch| self.inner.commit(&batch));
        answer.unwrap_or(Err(AppendError::Poisoned))
    }

    /// Where the first entry of this id is.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<u64> {
        self.inner.index().find(IdHash::of(id))
    }

    /// Reads an entry back, re-hashed.
    ///
    /// # Errors
    /// [`ReadEntryError`].
    pub fn entry(&self, index: u64) -> Result<Entry, ReadEntryError> {
        let (place, leaf, size) = {
            let held = self.inner.index();
            (held.place(index), held.tree.leaf(index).copied(), held.tree.size())
        };
        let (Some(place), Some(leaf)) = (place, leaf) else {
            return Err(ReadEntryError::NoSuchEntry { index, size });
        };
        let mut json = vec![0; place.len as usize];
        let read = self.inner.journal.read_at(&mut json, place.offset);
        read.map_err(|source| ReadEntryError::Io { index, source })?;
        if leaf_hash(&json) != leaf {
            return Err(ReadEntryError::Changed { index });
        }
        Entry::parse(&json).map_err(|source| ReadEntryError::Entry { index, source })
    }

    /// Signs the tree as it is and puts the checkpoint into the directory; the one before is there until then.
    /// Returned is the checkpoint's text, to be kept elsewhere too.
    ///
    /// # Errors
    /// [`SignCheckpointError`].
    pub fn checkpoint(&self) -> Result<String, SignCheckpointError> {
        let inner = &self.inner;
        let mut newest = inner.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let head = inner.index().head();
        if newest.0 != head {
            let note = Checkpoint::sign(head, &inner.key, inner.signer.as_ref())
                .map_err(SignCheckpointError::Sign)?;
            let path = inner.layout.checkpoint();
            let written = storage::write_atomically(&path, note.as_bytes());
            written.map_err(|source| SignCheckpointError::Io { path, source })?;
            *newest = (head, note);
        }
        Ok(newest.1.clone())
    }

    /// What is in a tile; `None` where the log does not reach so far.
    pub(super) fn part(&self, tile: TileId) -> Option<Part> {
        let index = self.inner.index();
        Part::of(tile, &index.tree, index.places())
    }

    pub(super) fn root_at(&self, size: u64) -> Option<Sha256Digest> {
        self.inner.index().tree.root_at(size)
    }

    pub(super) fn journal(&self) -> &dyn Storage {
        self.inner.journal.as_ref()
    }

    /// Proof of an entry under the newest checkpoint, which is signed first if the present one does not reach it.
    ///
    /// # Errors
    /// [`SignCheckpointError`]; `None` where there is no entry of this index.
    pub fn prove(&self, index: u64) -> Result<Option<Proof>, SignCheckpointError> {
        let covered = {
            let newest = self.inner.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
            (newest.0.size > index).then(|| newest.clone())
        };
        let (size, note) = match covered {
            Some((head, note)) => (head.size, note),
            None => {
                self.checkpoint()?;
                let newest = self.inner.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
                (newest.0.size, newest.1.clone())
            }
        };
        Ok(Proof::of(&self.inner.index().tree, index, size, note))
    }
}

impl Inner {
    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores what is new of a batch of requests, with one write and one `fdatasync`. Never runs twice at once.
    fn commit(&self, batch: &[Vec<Encoded>]) -> Vec<Result<Vec<Appended>, AppendError>> {
        let plan = Plan::of(batch, &self.index());
        match self.store(&plan) {
            Ok(()) => plan.answers.into_iter().map(Ok).collect(),
            Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn store(&self, plan: &Plan) -> Result<(), AppendError> {
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(AppendError::Poisoned);
        }
        if plan.staged.is_empty() {
            return Ok(());
        }
        let start = self.index().end;
        if let Err(error) = self.journal.write_at(&plan.lines, start) {
            // Nobody was told of it, so it is taken back; a tail that can't be taken back is cut off at opening.
            if self.journal.truncate(start).is_err() {
                self.poisoned.store(true, Ordering::SeqCst);
            }
            return Err(if is_full(&error) {
                AppendError::Full(Arc::new(error))
            } else {
                AppendError::Write(Arc::new(error))
            });
        }
        if let Err(error) = self.journal.sync() {
            // After a failed fsync the kernel may have dropped the dirty pages: a second one proves nothing.
            self.poisoned.store(true, Ordering::SeqCst);
            return Err(AppendError::Sync(Arc::new(error)));
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        plan.staged.iter().for_each(|staged| index.push(*staged));
        index.end = start + plan.lines.len() as u64;
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenLogError {
    let path = path.to_owned();
    move |source| OpenLogError::Io { action, path: path.clone(), source }
}

/// The checkpoint in the directory, held against the journal; an empty log without one gets its first.
fn own_checkpoint(
    layout: &Layout,
    key: &VerifierKey,
    index: &Index,
    signer: &dyn Signer,
) -> Result<(TreeHead, String), OpenLogError> {
    let path = layout.checkpoint();
    let head = index.head();
    match fs::read(&path) {
        Ok(note) => {
            let signed = Checkpoint::open(&note, key).map_err(OpenLogError::Checkpoint)?.head;
            if signed.size > head.size {
                return Err(OpenLogError::Truncated { signed: signed.size, found: head.size });
            }
            if index.tree.root_at(signed.size) != Some(signed.root) {
                return Err(OpenLogError::Rewritten { size: signed.size });
            }
            Ok((signed, String::from_utf8_lossy(&note).into_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && head.size == 0 => {
            let note = Checkpoint::sign(head, key, signer).map_err(OpenLogError::Sign)?;
            storage::write_atomically(&path, note.as_bytes()).map_err(failed("write", &path))?;
            Ok((head, note))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenLogError::CheckpointMissing),
        Err(error) => Err(failed("read", &path)(error)),
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("directory", &self.inner.layout.directory())
            .field("key", &self.inner.key)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
