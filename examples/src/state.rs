//! The workflow's state in one SQLite file: inbox, entities, outbox, timers and receipts.
//!
//! Write-ahead log, `synchronous=FULL`: what [`StateStore::commit`] acknowledged survives a power cut. One process
//! at a time: a second one that opens the file is refused. The file can be read with the `sqlite3` shell.

mod challenge;
mod command;
mod error;
mod lock;
mod read;
mod schema;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, Versioned};
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome};
use openfactory_sn::lifecycle::state::receipt::Receipt;
use openfactory_sn::lifecycle::state::{Kept, OutboxRow, StateError, StateStore};
use rusqlite::Connection;

pub use challenge::{MAX_OPEN, Unfit};
pub use error::OpenError;
pub use schema::SCHEMA_VERSION;

use lock::FileLock;

/// A [`StateStore`] in a SQLite file. Clones are one store.
#[derive(Clone)]
pub struct SqliteStateStore {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Mutex<Connection>,
    /// Held for as long as the connection is open.
    _lock: FileLock,
}

impl fmt::Debug for SqliteStateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStateStore").finish_non_exhaustive()
    }
}

impl SqliteStateStore {
    /// Opens the file, and makes it if it is not there; its directory must be. Blocks on the disk.
    ///
    /// # Errors
    /// When another process has it, it is no state store or one of a later version, or the disk refuses.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = FileLock::take(path)?;
        let connection = schema::open(path)?;
        Ok(Self { inner: Arc::new(Inner { connection: Mutex::new(connection), _lock: lock }) })
    }

    /// Runs `work` on the connection, on a thread that may block.
    async fn run<T, F>(&self, work: F) -> Result<T, StateError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StateError> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || {
            // A panic in here can't leave a transaction behind: it is rolled back when it is dropped.
            work(&mut inner.connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await.map_err(|error| StateError::Unavailable { source: error.into() })?
    }
}

#[async_trait]
impl StateStore for SqliteStateStore {
    async fn load(&self, keys: &[EntityKey]) -> Result<Vec<(EntityKey, Kept)>, StateError> {
        let keys = keys.to_vec();
        self.run(move |connection| read::load(connection, keys)).await
    }

    async fn list(
        &self,
        kind: EntityKind,
        after: Option<&EntityKey>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Versioned<Entity>)>, StateError> {
        let after = after.cloned();
        self.run(move |connection| read::list(connection, kind, after.as_ref(), limit)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitOutcome, StateError> {
        let prepared = write::Prepared::of(commit)?;
        self.run(move |connection| write::commit(connection, &prepared)).await
    }

    async fn is_applied(&self, inbox: &EventId) -> Result<bool, StateError> {
        let inbox = inbox.clone();
        self.run(move |connection| read::is_applied(connection, &inbox)).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<OutboxRow>, StateError> {
        self.run(move |connection| read::outbox(connection, limit)).await
    }

    async fn published(&self, seqs: &[u64]) -> Result<(), StateError> {
        let seqs = seqs.to_vec();
        self.run(move |connection| write::published(connection, &seqs)).await
    }

    async fn next_due(&self) -> Result<Option<SystemTime>, StateError> {
        self.run(|connection| read::next_due(connection)).await
    }

    async fn fire_due(&self, now: SystemTime, limit: usize) -> Result<usize, StateError> {
        self.run(move |connection| write::fire_due(connection, now, limit)).await
    }

    async fn record_receipt(&self, receipt: &Receipt) -> Result<(), StateError> {
        let receipt = receipt.clone();
        self.run(move |connection| write::record_receipt(connection, &receipt)).await
    }

    async fn receipt(&self, event: &EventId) -> Result<Option<Receipt>, StateError> {
        let event = event.clone();
        self.run(move |connection| read::receipt(connection, &event)).await
    }
}
