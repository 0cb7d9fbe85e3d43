//! How a SQLite queue is to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{DEDUP_WINDOW, MAX_PAYLOAD};
use crate::capabilities::Durability;
use crate::clock::{Clock, SystemClock};

/// How a [`SqliteQueue`](super::SqliteQueue) is to be.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    pub(super) path: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dedup_window: Duration,
    pub(super) max_payload: usize,
    pub(super) max_messages: u64,
    pub(super) max_bytes: Option<u64>,
    pub(super) synced: bool,
}

impl SqliteConfig {
    /// A queue in the file at `path`, made if it isn't there: synced at each commit, ids remembered for 30 days,
    /// payloads up to 1 MiB, any number of messages and bytes.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: Arc::new(SystemClock),
            dedup_window: DEDUP_WINDOW,
            max_payload: MAX_PAYLOAD,
            max_messages: u64::MAX,
            max_bytes: None,
            synced: true,
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Remembers ids for so long after their publish.
    #[must_use]
    pub fn dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = window;
        self
    }

    /// Takes payloads of up to so many bytes.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Refuses publishes as `Full` when so many messages live.
    #[must_use]
    pub fn max_messages(mut self, messages: u64) -> Self {
        self.max_messages = messages;
        self
    }

    /// Refuses publishes as `Full` when what the database holds would grow beyond so many bytes. Nothing else is: what
    /// makes room needs some itself, such as the history of a message that failed, and may exceed it by that. An empty
    /// database has 100 KiB or so; ids that are remembered count too, some 150 bytes each.
    ///
    /// The log beside the database, mostly below 64 MiB, is not counted: leave that much on the disk, since a log that
    /// can't grow stops those too who make room.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Does not sync at each commit (`synchronous=NORMAL`): faster, and what was acknowledged last is lost in a power
    /// cut. The capabilities say so.
    #[must_use]
    pub fn without_sync(mut self) -> Self {
        self.synced = false;
        self
    }

    pub(super) fn durability(&self) -> Durability {
        if self.synced { Durability::PowerLoss } else { Durability::ProcessCrash }
    }
}
