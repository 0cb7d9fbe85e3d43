//! The queue of several routers: a schema in a PostgreSQL database.
//!
//! Any number of processes work on it at once. A key's order is kept by an advisory lock on the key for whoever
//! changes what is next in it, and by a unique index on who is; messages are taken by `SKIP LOCKED`, so that nobody
//! waits for another's work. Waiting leases are woken by `NOTIFY`. Leases belong to nobody's process: they outlive a
//! restart and lapse by the clock, which is the caller's.
//!
//! What a publish survives is the server's promise, and it is asked: with `fsync` off the queue declares no more than
//! [`Durability::ProcessCrash`], with a synchronous standby [`Durability::Replicated`].
//!
//! Ids, keys, kinds and destinations hold no U+0000, which PostgreSQL can't store: a message with one is `Invalid`.
//! A connection pooler between must give a session to a connection (in PgBouncer: session mode).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::backend::claim::{Claim, GiveBack};
use crate::backend::request;
use crate::backend::wait::{self, Try};
use crate::capabilities::{Capabilities, Durability};
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, PauseScope, Resume};
use crate::queue::SyncQueue;
use crate::stats::{Found, Maintained, Stats};

mod config;
mod deliver;
mod failure;
mod lane;
mod letters;
mod link;
mod look;
mod open;
mod publish;
mod rows;
mod schema;
mod settle;
mod upkeep;
mod wake;

pub use config::PostgresConfig;

use link::{Link, died};
use publish::Publish;
use settle::Settle;
use upkeep::{Expire, Forget, Lapse, maintained};
use wake::Wake;

/// The largest batch: each key of it takes a lock in the server's table, which has room for some thousands.
const MAX_BATCH: usize = 256;

/// A queue in a PostgreSQL schema. Clones are one queue, with one set of connections.
///
/// ```no_run
/// use openfactory_queue::backend::postgres::{PostgresConfig, PostgresQueue};
/// use openfactory_queue::capabilities::{Durability, Requirements};
/// use openfactory_queue::{Message, SyncQueueExt};
///
/// # async fn run() -> Result<(), openfactory_queue::Error> {
/// let config = PostgresConfig::new("postgresql://queue@db.example.com/openfactory")?.schema("events")?;
/// let queue = PostgresQueue::open(config).await?;
/// queue.require(&Requirements::new().durability(Durability::PowerLoss).ordering().fencing())?;
/// queue.send(Message::new("1", "greeting", "hello").with_key("build-1")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresQueue {
    shared: Arc<Shared>,
}

struct Shared {
    link: Link,
    wake: Wake,
    durability: Durability,
}

impl PostgresQueue {
    /// Connects, and makes the schema or brings it up to date.
    ///
    /// # Errors
    /// `Unavailable` if the server can't be reached, `Invalid` if it refuses user or database or the schema holds
    /// something else, `SchemaVersion` if the schema is newer than this program.
    pub async fn open(config: PostgresConfig) -> Result<Self, Error> {
        let link = Link::new(config)?;
        let durability = open::open(&link).await?;
        let wake = Wake::start(Arc::clone(&link.config)).await?;
        Ok(Self { shared: Arc::new(Shared { link, wake, durability }) })
    }
}

impl fmt::Debug for PostgresQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresQueue").field("config", &self.shared.link.config).finish_non_exhaustive()
    }
}

impl Shared {
    /// A lease in a task of its own, so that one whose caller goes away is given back.
    async fn try_lease(self: Arc<Self>, request: LeaseRequest) -> Result<Try, Error> {
        self.link.check_open("lease")?;
        let task = tokio::spawn(async move {
            let Try { leased, next } = self.link.lease(&request).await?;
            Ok((Claim::new(leased, self), next))
        });
        let (claim, next) = task.await.map_err(|source| died("lease", source))??;
        Ok(Try { leased: claim.accept(), next })
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        let done = self.link.transact("settle", Settle(settlements)).await?;
        if done.woke {
            self.wake.up();
        }
        Ok(done.answers)
    }
}

#[async_trait]
impl GiveBack for Shared {
    async fn give_back(self: Arc<Self>, leases: Vec<(LeaseToken, Settlement)>) -> Result<(), Error> {
        self.settle(leases).await.map(drop)
    }
}

/// Texts that the server has to hold as they are.
fn storable(messages: &[Message]) -> Result<(), Error> {
    let bad = |message: &&Message| {
        let texts =
            [Some(message.id.as_str()), message.key.as_deref(), Some(&message.kind), message.destination()];
        texts.iter().flatten().any(|text| text.contains('\0'))
    };
    match messages.iter().find(bad) {
        Some(_) => Err(Error::new(
            ErrorKind::Invalid,
            "publish",
            "the server can't hold U+0000 in id, key, kind or destination",
        )),
        None => Ok(()),
    }
}

fn storable_scope(operation: &'static str, scope: &PauseScope) -> Result<(), Error> {
    match scope {
        PauseScope::Key(text) | PauseScope::Destination(text) if text.contains('\0') => {
            Err(Error::new(ErrorKind::Invalid, operation, "the server can't hold U+0000 in a scope"))
        }
        _ => Ok(()),
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SyncQueue for PostgresQueue {
    fn capabilities(&self) -> Capabilities {
        let Shared { link, durability, .. } = &*self.shared;
        Capabilities {
            durability: *durability,
            ordering: true,
            dedup_window: Some(link.config.dedup_window),
            delay: true,
            priorities: true,
            fencing: true,
            atomic_dead_letter: true,
            ..Capabilities::none(link.config.max_payload, MAX_BATCH)
        }
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        request::publish(&messages, &self.capabilities())?;
        storable(&messages)?;
        let answers = self.shared.link.transact("publish", Publish(messages)).await?;
        if answers.iter().any(|answer| matches!(answer, Published::Stored { .. })) {
            self.shared.wake.up();
        }
        Ok(answers)
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        request::lease(&request, &self.capabilities())?;
        let Shared { link, wake, .. } = &*self.shared;
        wait::for_some(&*link.config.clock, wake.changed(), request.wait, || {
            Arc::clone(&self.shared).try_lease(request.clone())
        })
        .await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        request::batch("extend", tokens.len(), &self.capabilities())?;
        self.shared.link.extend(&tokens, ttl).await
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        request::settle(&settlements, &self.capabilities())?;
        self.shared.settle(settlements).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.shared.link.dead_letters(&page).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        request::accountable("redrive", &redrive.actor, &redrive.reason)?;
        request::selection("redrive", &redrive.selection, &self.capabilities())?;
        let moved = self.shared.link.transact("redrive", redrive).await?;
        self.shared.wake.up();
        Ok(moved)
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        request::accountable("discard", &discard.actor, &discard.reason)?;
        request::selection("discard", &discard.selection, &self.capabilities())?;
        let moved = self.shared.link.transact("discard", discard).await?;
        self.shared.wake.up();
        Ok(moved)
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        request::accountable("pause", &pause.actor, &pause.reason)?;
        storable_scope("pause", &pause.scope)?;
        self.shared.link.transact("pause", pause).await
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        request::accountable("resume", &resume.actor, &resume.reason)?;
        storable_scope("resume", &resume.scope)?;
        let ended = self.shared.link.transact("resume", resume).await?;
        self.shared.wake.up();
        Ok(ended)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.shared.link.pauses().await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.shared.link.find(id).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        self.shared.link.stats().await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        let link = &self.shared.link;
        let lapsed = link.transact("maintain", Lapse { budget }).await?;
        let expired = link.transact("maintain", Expire { budget }).await?;
        let forgotten = link.transact("maintain", Forget { budget }).await?;
        if lapsed > 0 || expired > 0 {
            self.shared.wake.up();
        }
        Ok(maintained(budget, lapsed, expired, forgotten))
    }

    async fn close(&self) -> Result<(), Error> {
        if self.shared.link.close() {
            self.shared.wake.stop();
        }
        Ok(())
    }
}
