//! A queue on NATS JetStream that several routers share.
//!
//! Four streams make a queue. The *log* holds commands in one order; each is appended behind the last entry that its
//! router knows, or refused by the server, and every router carries out the same commands on a copy of the state. So
//! what holds for the queue in memory holds here: order per key, fencing, deduplication, priorities, pauses, and
//! dead-lettering in one commit. The bytes of messages lie apart, in the *work* stream by partition of their key and
//! in the stream of *dead letters*; a *snapshot* now and then keeps the log short.
//!
//! Every router's memory holds what is told of a message, some hundred bytes, but not its bytes:
//! [`NatsConfig::max_messages`], [`NatsConfig::max_dead_letters`] and [`NatsConfig::max_ids`] bound it, and ids are
//! remembered for a day unless configured otherwise. [`Stats::bounds`] tells how near the limits are.
//!
//! JetStream acknowledges a message before it is synced unless the server is configured with
//! `sync_interval: always`. The queue declares that it survives a power cut only where each server says so itself, asked by
//! [`NatsConfig::system_login`], or the operator does by [`ServerSync::Always`]; else no more than
//! [`Durability::ProcessCrash`].
//!
//! A stream that was deleted is made again. The log then begins anew with what the first router to notice has in
//! memory; messages whose bytes are gone become dead letters that say so.
//!
//! The server must be version 2.10 or later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::backend::{request, wait};
use crate::capabilities::{Capabilities, Durability};
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stats::{Bound, Bounded, Found, Maintained, Stats};

mod body;
mod command;
mod config;
mod deliver;
mod failure;
mod keep;
mod keeper;
mod letters;
mod link;
mod log;
mod publish;
mod replica;
mod servers;
mod snapshot;
mod stored;
mod streams;
mod upkeep;

pub use config::{Login, NatsConfig, ServerSync};

use body::Place;
use command::Command;
use link::Link;
use log::Log;
use replica::Answer;
use servers::Said;
use stored::{StoredDiscard, StoredPause, StoredRedrive, StoredScope};
use streams::Stream;

/// The largest batch: what is told of its messages has to fit into one entry of the log.
const MAX_BATCH: usize = 256;

/// A queue on JetStream. Clones are one queue, with one connection.
///
/// ```no_run
/// use openfactory_queue::backend::nats::{NatsConfig, NatsQueue, ServerSync};
/// use openfactory_queue::capabilities::{Durability, Requirements};
/// use openfactory_queue::{Message, SyncQueueExt};
///
/// # async fn run() -> Result<(), openfactory_queue::Error> {
/// let config = NatsConfig::new("nats://nats.example.com:4222")?.name("events")?.sync(ServerSync::Always);
/// let queue = NatsQueue::open(config).await?;
/// queue.require(&Requirements::new().durability(Durability::PowerLoss).ordering().fencing())?;
/// queue.send(Message::new("1", "greeting", "hello").with_key("build-1")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NatsQueue {
    shared: Arc<Shared>,
}

struct Shared {
    link: Arc<Link>,
    log: Log,
    durability: Durability,
    window: Duration,
}

impl NatsQueue {
    /// Connects, makes the streams that are missing, and reads the state.
    ///
    /// # Errors
    /// `Unavailable` if the server can't be reached, `Invalid` if it refuses the user or a stream was set up
    /// otherwise, `Unsupported` if the server is older than 2.10, takes no messages as large as configured, or does not
    /// sync as it was said to,
    /// `SchemaVersion` if the log was written by a newer program, `Corrupt` if it can't be read.
    pub async fn open(config: NatsConfig) -> Result<Self, Error> {
        let link = Link::connect(config).await?;
        let unsupported = |detail: String| Err(Error::new(ErrorKind::Unsupported, "open", detail));
        if !link.client.is_server_compatible(2, 10, 0) {
            return unsupported(format!(
                "the server is version {}: 2.10 is needed",
                link.client.server_info().version
            ));
        }
        let (has, needed) =
            (link.client.max_payload(), link.config.max_payload.saturating_add(body::HEADROOM));
        if has < needed {
            return unsupported(format!("the server takes messages of {has} bytes: {needed} are needed"));
        }
        let log = Log::open(Arc::clone(&link)).await?;
        let window = log.look("open", |replica| replica.state.window).await?;
        let durability = durability(&link).await?;
        Ok(Self { shared: Arc::new(Shared { link, log, durability, window }) })
    }
}

/// What an acknowledgement is worth: by what is said of the server's syncing, and by the replicas that there are.
async fn durability(link: &Link) -> Result<Durability, Error> {
    if !synced(&link.config).await? {
        return Ok(Durability::ProcessCrash);
    }
    let mut least = usize::MAX;
    for stream in [Stream::Log, Stream::Work] {
        let info = link.patiently("open", || link.info(stream)).await?;
        least = least.min(info.config.num_replicas);
    }
    Ok(if least >= 3 { Durability::Replicated } else { Durability::PowerLoss })
}

/// Whether the servers sync before they acknowledge: by their own word if they may be asked, else by the operator's.
async fn synced(config: &NatsConfig) -> Result<bool, Error> {
    let told = config.sync == ServerSync::Always;
    let Some(login) = &config.system else { return Ok(told) };
    let Said { unsynced, silent } = servers::ask(config, login).await?;
    if told && !unsynced.is_empty() {
        let detail = format!("not synced before it is acknowledged by {}", unsynced.join(", "));
        return Err(Error::new(ErrorKind::Unsupported, "open", detail));
    }
    if silent > 0 && !told {
        let detail = format!("{silent} servers do not say how they sync");
        return Err(Error::new(ErrorKind::Unavailable, "open", detail));
    }
    if silent > 0 {
        tracing::warn!(
            servers = silent,
            "not asked whether they sync: they do not answer, the configuration says so"
        );
    }
    Ok(unsynced.is_empty())
}

fn full(operation: &'static str, of: Bounded, limit: u64) -> Error {
    Error::new(ErrorKind::Full, operation, format!("the queue holds its limit of {limit} {of}"))
}

fn unexpected(operation: &'static str) -> Error {
    Error::new(ErrorKind::Other, operation, "the log gave the answer to another question")
}

/// The task of a call that panicked or was shut down with its runtime.
fn died(operation: &'static str, source: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Other, operation, "the call's task died").outcome_unknown().with_source(source)
}

impl fmt::Debug for NatsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsQueue").field("config", &self.shared.link.config).finish_non_exhaustive()
    }
}

impl Shared {
    /// Deletes bytes in the background.
    fn free(self: &Arc<Self>, places: Vec<Place>) {
        if !places.is_empty() {
            let link = Arc::clone(&self.link);
            tokio::spawn(async move { link.free(places).await });
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SyncQueue for NatsQueue {
    fn capabilities(&self) -> Capabilities {
        let Shared { link, durability, window, .. } = &*self.shared;
        Capabilities {
            durability: *durability,
            ordering: true,
            dedup_window: Some(*window),
            delay: true,
            priorities: true,
            fencing: true,
            atomic_dead_letter: true,
            ..Capabilities::none(link.config.max_payload, MAX_BATCH)
        }
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        request::publish(&messages, &self.capabilities())?;
        self.shared.publish(messages).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        request::lease(&request, &self.capabilities())?;
        let Shared { link, log, .. } = &*self.shared;
        wait::for_some(&*link.config.clock, &log.changed, request.wait, || {
            Arc::clone(&self.shared).try_lease(request.clone())
        })
        .await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        request::batch("extend", tokens.len(), &self.capabilities())?;
        let tokens = tokens.into_iter().map(|token| (token.seq(), token.epoch())).collect();
        match self.shared.log.commit("extend", Command::Extend { tokens, ttl }).await? {
            Answer::Extended(answers) => Ok(answers),
            _ => Err(unexpected("extend")),
        }
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        request::settle(&settlements, &self.capabilities())?;
        self.shared.settle(settlements).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.shared.dead_letters(page).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        request::accountable("redrive", &redrive.actor, &redrive.reason)?;
        request::selection("redrive", &redrive.selection, &self.capabilities())?;
        match self.shared.log.commit("redrive", Command::Redrive(StoredRedrive(redrive))).await? {
            Answer::Moved(moved, _) => Ok(moved),
            _ => Err(unexpected("redrive")),
        }
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        request::accountable("discard", &discard.actor, &discard.reason)?;
        request::selection("discard", &discard.selection, &self.capabilities())?;
        match self.shared.log.commit("discard", Command::Discard(StoredDiscard(discard))).await? {
            Answer::Moved(moved, freed) => {
                self.shared.free(freed);
                Ok(moved)
            }
            _ => Err(unexpected("discard")),
        }
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        request::accountable("pause", &pause.actor, &pause.reason)?;
        self.shared.log.commit("pause", Command::Pause(StoredPause(pause))).await.map(drop)
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        request::accountable("resume", &resume.actor, &resume.reason)?;
        match self.shared.log.commit("resume", Command::Resume(StoredScope(resume.scope))).await? {
            Answer::Resumed(ended) => Ok(ended),
            _ => Err(unexpected("resume")),
        }
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        let now = self.shared.link.now();
        self.shared.log.look("pauses", move |replica| replica.state.pauses(now)).await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.shared.find(id).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        let now = self.shared.link.now();
        let limit = self.shared.link.config.max_messages;
        let look = move |replica: &replica::Replica| {
            let mut stats = replica.state.stats(now);
            stats.bounds.push(Bound::new(Bounded::Messages, replica.state.live_count(), limit));
            stats
        };
        self.shared.log.look("stats", look).await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        self.shared.maintain(budget).await
    }

    async fn close(&self) -> Result<(), Error> {
        if self.shared.link.close() {
            self.shared.log.stop().await;
            self.shared.link.client.drain().await.map_err(|source| {
                let detail = "the connection was not closed in good order";
                Error::new(ErrorKind::Unavailable, "close", detail).with_source(source)
            })?;
        }
        Ok(())
    }
}
