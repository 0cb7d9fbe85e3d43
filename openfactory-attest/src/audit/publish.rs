//! Publishing a log as files that others read and check (c2sp.org/tlog-tiles): derived from journal and checkpoint,
//! and made again wherever they are missing.

use std::collections::HashSet;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::Body;
use super::cosignature::{self, AddCosignatureError, WitnessKey};
use super::error::SignCheckpointError;
use super::lock::DirectoryLock;
use super::log::Log;
use super::part::{Part, PartError};
use super::snapshot::{ReadLogError, Snapshot};
use super::storage::{self, Layout, Storage};
use super::tile::TileId;
use super::tile_files::TileFiles;
use super::tree::TreeHead;
use super::verify::read_checkpoint;
use crate::digest::Sha256Digest;

/// Publishes an open log into a directory: tiles first, then the checkpoint that they are under.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use openfactory_attest::Ed25519Key;
/// use openfactory_attest::audit::{Entry, Log, Publisher, tiles};
///
/// let directory = tempfile::tempdir()?;
/// let log = Log::open(&directory.path().join("log"), "example.com/audit", Arc::new(Ed25519Key::generate()?))?;
/// let public = directory.path().join("public");
/// let mut publisher = Publisher::new(log.clone(), &public);
/// log.append(&[Entry::new("event-1", "router", "incident.created", SystemTime::UNIX_EPOCH, "device-7")])?;
/// assert_eq!(publisher.publish()?.head.size, 1);
///
/// let report = tiles::verify(&public, log.verifier_key(), None)?;
/// assert!(report.is_good() && report.verified == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publisher {
    log: Log,
    directory: PathBuf,
    /// Whether all tiles have been looked at since this was made.
    looked: bool,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// What the published checkpoint covers.
    pub head: TreeHead,
    /// Tiles that were written.
    pub written: u64,
}

/// Why a log was not published. The checkpoint that was there before still is, and all its tiles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The log in its directory can't be used.
    #[error("the log cannot be published")]
    Log(#[source] ReadLogError),
    /// There is no checkpoint to publish.
    #[error("the log has no new checkpoint")]
    Checkpoint(#[source] SignCheckpointError),
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
    /// Somebody else publishes into the directory at this moment.
    #[error("another process is publishing into {}", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// The journal does not hold what it held when it was read.
    #[error("entry {index} was changed since it was appended")]
    Changed {
        /// The entry.
        index: u64,
    },
    /// The cosignatures are not those of witnesses of the published checkpoint.
    #[error("the published checkpoint stays as it is")]
    Cosignatures(#[source] AddCosignatureError),
    /// What is in the directory as a checkpoint is none.
    #[error("{} is no checkpoint", path.display())]
    NotPublished {
        /// The file.
        path: PathBuf,
    },
    /// Another log is published there.
    #[error("the log {found:?} is published there, this is {expected:?}")]
    OtherLog {
        /// The log that was to be published.
        expected: String,
        /// The log that is there.
        found: String,
    },
    /// More was published already: the log was set back, to an older copy for example.
    #[error("{published} entries are published already, the log has {size}: it was set back")]
    Ahead {
        /// Entries under the published checkpoint.
        published: u64,
        /// Entries under the log's.
        size: u64,
    },
    /// Other entries were published already: the log was made anew, or changed.
    #[error("the {size} entries that are published already are not the log's")]
    Fork {
        /// Entries under the published checkpoint.
        size: u64,
    },
}

impl Publisher {
    /// A publisher into this directory, which is made if it isn't there and holds nothing else.
    #[must_use]
    pub fn new(log: Log, directory: &Path) -> Self {
        Self { log, directory: directory.to_owned(), looked: false }
    }

    /// Signs a checkpoint, if the log has grown, and publishes up to it. The first time, tiles that are missing are written
    /// too; later only what is new since the published checkpoint. Where nothing is, the published checkpoint stays as it is,
    /// with its cosignatures.
    ///
    /// When it returns, all is durable. Appending goes on meanwhile, and never waits for the disk here.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&mut self) -> Result<Published, PublishError> {
        let note = self.log.checkpoint().map_err(PublishError::Checkpoint)?;
        let published = publish_from(&self.log, &note, &self.directory, !self.looked)?;
        self.looked = true;
        Ok(published)
    }
}

/// Publishes the log of a directory, up to the checkpoint that is there, as [`Publisher`] does. Takes neither the log's key
/// nor its lock: the log may be appended to at the same time.
///
/// # Errors
/// [`PublishError`].
pub fn publish(log: &Path, directory: &Path) -> Result<Published, PublishError> {
    let snapshot = Snapshot::read(log).map_err(PublishError::Log)?;
    publish_from(&snapshot, &snapshot.note, directory, true)
}

/// Adds cosignatures of these witnesses, which come as lines, to the checkpoint that is published in this directory.
/// Where it is another by now than the one that they cosigned, they do not verify, and nothing is changed.
///
/// # Errors
/// [`PublishError`].
pub fn add_cosignatures(
    directory: &Path,
    lines: &str,
    witnesses: &[&WitnessKey],
) -> Result<(), PublishError> {
    let path = Layout::of(directory).checkpoint();
    let note = || read_checkpoint(&path).map_err(|error| PublishError::Log(ReadLogError::Read(error)));
    // Nothing is made in a directory where nothing is published.
    note()?.ok_or(PublishError::NotPublished { path: path.clone() })?;
    let _lock = locked(directory)?;
    let note = note()?.and_then(|note| String::from_utf8(note).ok());
    let note = note.ok_or(PublishError::NotPublished { path: path.clone() })?;
    let note = cosignature::add(&note, lines, witnesses).map_err(PublishError::Cosignatures)?;
    storage::write_atomically(&path, note.as_bytes()).map_err(failed("write", &path))
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Io { action, path: path.clone(), source }
}

fn locked(directory: &Path) -> Result<DirectoryLock, PublishError> {
    let path = Layout::of(directory).lock();
    DirectoryLock::at(&path).map_err(|error| match error {
        TryLockError::WouldBlock => PublishError::Busy { path: directory.to_owned() },
        TryLockError::Error(error) => failed("lock", &path)(error),
    })
}

/// What tiles are derived from.
trait Source {
    fn part(&self, tile: TileId) -> Option<Part>;
    fn root_at(&self, size: u64) -> Option<Sha256Digest>;
    fn journal(&self) -> &dyn Storage;
}

impl Source for Log {
    fn part(&self, tile: TileId) -> Option<Part> {
        Self::part(self, tile)
    }

    fn root_at(&self, size: u64) -> Option<Sha256Digest> {
        Self::root_at(self, size)
    }

    fn journal(&self) -> &dyn Storage {
        Self::journal(self)
    }
}

impl Source for Snapshot {
    fn part(&self, tile: TileId) -> Option<Part> {
        Self::part(self, tile)
    }

    fn root_at(&self, size: u64) -> Option<Sha256Digest> {
        self.tree.root_at(size)
    }

    fn journal(&self) -> &dyn Storage {
        Self::journal(self)
    }
}

fn publish_from(
    source: &impl Source,
    note: &str,
    directory: &Path,
    whole: bool,
) -> Result<Published, PublishError> {
    let layout = Layout::of(directory);
    let head = Body::of_note(note).ok_or(PublishError::Log(ReadLogError::NoCheckpoint))?;
    fs::create_dir_all(directory).map_err(failed("create", directory))?;
    let _lock = locked(directory)?;
    let before = published(source, &head, &layout)?;
    let earlier = before.map_or(0, |head| head.size);
    let head = head.head;

    let fresh: HashSet<TileId> = TileId::since(earlier, head.size).collect();
    let looked_at = TileId::since(if whole { 0 } else { earlier }, head.size);
    let mut files = TileFiles::new(directory);
    for tile in looked_at {
        let part = source.part(tile).ok_or(PublishError::Fork { size: head.size })?;
        let path = files.path(tile);
        // A tile beyond the published checkpoint may be the rest of a publishing that a power cut stopped.
        if !fresh.contains(&tile) && fs::metadata(&path).is_ok_and(|found| found.len() == part.len()) {
            continue;
        }
        let bytes = part.bytes(source.journal()).map_err(|error| match error {
            PartError::Io(error) => failed("read the journal for", &path)(error),
            PartError::Changed { index } => PublishError::Changed { index },
        })?;
        files.write(tile, &bytes).map_err(failed("write", &path))?;
    }
    let written = files.settle().map_err(failed("make durable", directory))?;
    if before != Some(head) {
        let path = layout.checkpoint();
        storage::write_atomically(&path, note.as_bytes()).map_err(failed("write", &path))?;
    }
    for tile in fresh.iter().filter(|tile| tile.is_full()) {
        files.drop_partials(*tile).map_err(failed("tidy up", &files.path(*tile)))?;
    }
    Ok(Published { head, written })
}

/// What is published already, if it is of this log and its history.
fn published(source: &impl Source, ours: &Body, layout: &Layout) -> Result<Option<TreeHead>, PublishError> {
    let path = layout.checkpoint();
    let note = read_checkpoint(&path).map_err(|error| PublishError::Log(ReadLogError::Read(error)))?;
    let Some(note) = note else { return Ok(None) };
    let theirs = std::str::from_utf8(&note).ok().and_then(Body::of_note);
    let theirs = theirs.ok_or(PublishError::NotPublished { path })?;
    if theirs.origin != ours.origin {
        return Err(PublishError::OtherLog { expected: ours.origin.clone(), found: theirs.origin });
    }
    let size = theirs.head.size;
    if size > ours.head.size {
        return Err(PublishError::Ahead { published: size, size: ours.head.size });
    }
    if source.root_at(size) != Some(theirs.head.root) {
        return Err(PublishError::Fork { size });
    }
    Ok(Some(theirs.head))
}
