//! The embedded durable queue: one SQLite file, owned by one process.
//!
//! Write-ahead log with `synchronous=FULL`: what was acknowledged survives a power cut. One thread writes; calls that
//! come while it syncs are committed together. Reading goes by a connection of its own. A lock file beside the
//! database keeps a second process out, and when the file is opened, the leases of the process before end, since their
//! holders are gone. The file can be looked into with the `sqlite3` shell at any time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Transaction;
use tokio::sync::Notify;

use crate::backend::wait::{self, Try};
use crate::backend::{MAX_BATCH, request};
use crate::capabilities::Capabilities;
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::Error;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stats::{Bound, Bounded, Found, Maintained, Stats};

mod claim;
mod config;
mod deliver;
mod failure;
mod find;
mod group;
mod lanes;
mod letters;
mod lookup;
mod open;
mod publish;
mod reader;
mod recent;
mod room;
mod rows;
mod schema;
mod settle;
mod sieve;
mod store;
mod unindexed;
mod upkeep;
mod writer;

pub use config::SqliteConfig;

use claim::Claim;
use publish::Incoming;
use reader::Reader;
use writer::Writer;

/// A queue in a SQLite file. Clones are one queue; the file is let go of by [`close`](SyncQueue::close), or some time
/// after the last clone is dropped.
///
/// ```
/// use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
/// use openfactory_queue::{ErrorKind, LeaseRequest, Message, SyncQueue, SyncQueueExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let config = SqliteConfig::new(dir.path().join("queue.db"));
/// let queue = SqliteQueue::open(config.clone()).await?;
/// queue.send(Message::new("1", "greeting", "hello")).await?;
///
/// // One process owns the file.
/// assert_eq!(SqliteQueue::open(config.clone()).await.unwrap_err().kind(), ErrorKind::Locked);
/// queue.close().await?;
///
/// let again = SqliteQueue::open(config).await?;
/// assert_eq!(again.lease(LeaseRequest::new("me")).await?[0].message.id, "1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteQueue {
    shared: Arc<Shared>,
}

struct Shared {
    config: SqliteConfig,
    writer: Writer,
    reader: Reader,
    changed: Arc<Notify>,
    /// Entries that are in no index yet.
    unindexed: Arc<AtomicU64>,
}

impl SqliteQueue {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Locked` if another process (or another handle in this one) owns it, `SchemaVersion` if it is newer than this
    /// program, `Corrupt` if it is damaged or no database at all, `Invalid` if it is a database of something else,
    /// `Unavailable` if it can't be opened, `Full` if there is no room.
    pub async fn open(config: SqliteConfig) -> Result<Self, Error> {
        let changed = Arc::new(Notify::new());
        let unindexed = Arc::default();
        let (writer, config) = Writer::start(config, Arc::clone(&changed), Arc::clone(&unindexed)).await?;
        let reader = Reader::new(config.clone());
        Ok(Self { shared: Arc::new(Shared { config, writer, reader, changed, unindexed }) })
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SyncQueue for SqliteQueue {
    fn capabilities(&self) -> Capabilities {
        let config = &self.shared.config;
        Capabilities {
            durability: config.durability(),
            ordering: true,
            dedup_window: Some(config.dedup_window),
            delay: true,
            priorities: true,
            fencing: true,
            atomic_dead_letter: true,
            ..Capabilities::none(config.max_payload, MAX_BATCH)
        }
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        request::publish(&messages, &self.capabilities())?;
        let messages: Vec<Incoming> = messages.into_iter().map(Incoming::from).collect();
        self.shared.writer.call("publish", move |store| store.publish(&messages)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        request::lease(&request, &self.capabilities())?;
        let Shared { config, writer, changed, .. } = &*self.shared;
        wait::for_some(&*config.clock, changed, request.wait, || async {
            let (request, undo) = (request.clone(), writer.downgrade());
            // A claim is made of what was committed, and of nothing else.
            let claim = |Try { leased, next }| (Claim::new(leased, undo), next);
            let claimed = writer.call_then("lease", move |store| store.lease(&request), claim);
            claimed.await.map(|(claim, next)| Try { leased: claim.accept(), next })
        })
        .await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        request::batch("extend", tokens.len(), &self.capabilities())?;
        let extend =
            move |store: &store::Store<'_>| tokens.iter().map(|token| store.extend(*token, ttl)).collect();
        self.shared.writer.call("extend", extend).await
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        request::settle(&settlements, &self.capabilities())?;
        let settle = move |store: &store::Store<'_>| {
            settlements.iter().map(|(token, how)| store.settle(*token, how)).collect()
        };
        self.shared.writer.call("settle", settle).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.shared.reader.look("dead_letters", move |tx, _| reader::dead_letters(tx, &page)).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        request::accountable("redrive", &redrive.actor, &redrive.reason)?;
        request::selection("redrive", &redrive.selection, &self.capabilities())?;
        self.shared.writer.call("redrive", move |store| store.redrive(&redrive)).await
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        request::accountable("discard", &discard.actor, &discard.reason)?;
        request::selection("discard", &discard.selection, &self.capabilities())?;
        self.shared.writer.call("discard", move |store| store.discard(&discard)).await
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        request::accountable("pause", &pause.actor, &pause.reason)?;
        self.shared.writer.call("pause", move |store| store.pause(&pause)).await
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        request::accountable("resume", &resume.actor, &resume.reason)?;
        self.shared.writer.call("resume", move |store| store.resume(&resume)).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.shared.reader.look("pauses", reader::pauses).await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        let id = id.to_owned();
        self.shared.writer.call("find", move |store| store.find(&id)).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        let SqliteConfig { max_messages, max_bytes, .. } = self.shared.config;
        let unindexed = self.shared.unindexed.load(Ordering::Relaxed);
        let look = move |tx: &Transaction<'_>, now| {
            let mut stats = reader::stats(tx, now)?;
            if max_messages < u64::MAX {
                let live = stats.ready + stats.delayed + stats.leased + stats.held;
                stats.bounds.push(Bound::new(Bounded::Messages, live, max_messages));
            }
            if let Some(limit) = max_bytes {
                stats.bounds.push(Bound::new(Bounded::Bytes, room::used(tx, unindexed)?, limit));
            }
            Ok(stats)
        };
        self.shared.reader.look("stats", look).await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        self.shared.writer.call("maintain", move |store| store.maintain(budget)).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.shared.reader.close().await;
        self.shared.writer.close().await
    }
}
