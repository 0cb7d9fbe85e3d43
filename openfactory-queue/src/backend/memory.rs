//! A queue in memory: for tests, and as the reference that other backends are compared with.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::backend::machine::State;
use crate::backend::wait::{self, Try};
use crate::backend::{DEDUP_WINDOW, MAX_BATCH, MAX_PAYLOAD, request};
use crate::capabilities::{Capabilities, Durability};
use crate::clock::{Clock, SystemClock};
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stamp::Stamp;
use crate::stats::{Bound, Bounded, Found, Maintained, Stats};

/// How a [`MemoryQueue`] is to be.
#[derive(Clone, Debug)]
pub struct MemoryConfig {
    clock: Arc<dyn Clock>,
    dedup_window: Duration,
    max_payload: usize,
    max_messages: u64,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryConfig {
    /// System clock, ids remembered for 30 days, payloads up to 1 MiB, any number of messages.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            dedup_window: DEDUP_WINDOW,
            max_payload: MAX_PAYLOAD,
            max_messages: u64::MAX,
        }
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

    /// Answers `Full` when so many messages live.
    #[must_use]
    pub fn max_messages(mut self, messages: u64) -> Self {
        self.max_messages = messages;
        self
    }
}

/// A queue in memory. Clones are one queue; it ends with the last of them.
#[derive(Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

struct Shared {
    config: MemoryConfig,
    /// `None` once closed.
    state: Mutex<Option<State>>,
    changed: Notify,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryQueue {
    /// An empty queue with the default configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::with(MemoryConfig::new())
    }

    /// An empty queue.
    #[must_use]
    pub fn with(config: MemoryConfig) -> Self {
        let state = Mutex::new(Some(State::new(config.dedup_window)));
        Self { shared: Arc::new(Shared { config, state, changed: Notify::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, operation: &'static str, f: impl FnOnce(&State, Stamp) -> T) -> Result<T, Error> {
        let now = Stamp::from(self.shared.config.clock.now());
        self.lock().as_ref().map(|state| f(state, now)).ok_or_else(|| request::closed(operation))
    }

    fn change<T>(&self, operation: &'static str, f: impl FnOnce(&mut State, Stamp) -> T) -> Result<T, Error> {
        let now = Stamp::from(self.shared.config.clock.now());
        let done =
            self.lock().as_mut().map(|state| f(state, now)).ok_or_else(|| request::closed(operation))?;
        self.shared.changed.notify_waiters();
        Ok(done)
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SyncQueue for MemoryQueue {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durability: Durability::None,
            ordering: true,
            dedup_window: Some(self.shared.config.dedup_window),
            delay: true,
            priorities: true,
            fencing: true,
            atomic_dead_letter: true,
            ..Capabilities::none(self.shared.config.max_payload, MAX_BATCH)
        }
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        request::publish(&messages, &self.capabilities())?;
        let limit = self.shared.config.max_messages;
        self.change("publish", |state, now| {
            let new = state.would_store(&messages, now);
            if new > 0 && new.saturating_add(state.live_count()) > limit {
                let detail = format!("the queue holds its limit of {limit} messages");
                return Err(Error::new(ErrorKind::Full, "publish", detail));
            }
            let publish = |message: Message| {
                let digest = message.content_digest();
                state.publish(message, digest, now)
            };
            Ok(messages.into_iter().map(publish).collect())
        })?
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        request::lease(&request, &self.capabilities())?;
        let Shared { config, changed, .. } = &*self.shared;
        wait::for_some(&*config.clock, changed, request.wait, || async {
            let now = Stamp::from(config.clock.now());
            let tried = {
                let mut guard = self.lock();
                let state = guard.as_mut().ok_or_else(|| request::closed("lease"))?;
                let leased = state.lease(&request, now);
                Try { leased, next: state.next_change(now) }
            };
            if !tried.leased.is_empty() {
                // Others who wait must know when these leases lapse.
                changed.notify_waiters();
            }
            Ok(tried)
        })
        .await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        request::batch("extend", tokens.len(), &self.capabilities())?;
        self.change("extend", |state, now| {
            tokens.into_iter().map(|token| state.extend(token, ttl, now)).collect()
        })
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        request::settle(&settlements, &self.capabilities())?;
        self.change("settle", |state, now| {
            settlements.into_iter().map(|(token, how)| state.settle(token, &how, now)).collect()
        })
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.look("dead_letters", |state, _| state.dead_letters(&page))
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        request::accountable("redrive", &redrive.actor, &redrive.reason)?;
        request::selection("redrive", &redrive.selection, &self.capabilities())?;
        self.change("redrive", |state, now| state.redrive(&redrive, now))
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        request::accountable("discard", &discard.actor, &discard.reason)?;
        request::selection("discard", &discard.selection, &self.capabilities())?;
        self.change("discard", |state, now| state.discard(&discard, now))
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        request::accountable("pause", &pause.actor, &pause.reason)?;
        self.change("pause", |state, now| state.pause(pause, now))
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        request::accountable("resume", &resume.actor, &resume.reason)?;
        self.change("resume", |state, now| state.resume(&resume.scope, now))
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.look("pauses", State::pauses)
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.look("find", |state, now| state.find(id, now))
    }

    async fn stats(&self) -> Result<Stats, Error> {
        let limit = self.shared.config.max_messages;
        self.look("stats", |state, now| {
            let mut stats = state.stats(now);
            if limit < u64::MAX {
                stats.bounds.push(Bound::new(Bounded::Messages, state.live_count(), limit));
            }
            stats
        })
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        self.change("maintain", |state, now| state.maintain(budget, now))
    }

    async fn close(&self) -> Result<(), Error> {
        self.lock().take();
        self.shared.changed.notify_waiters();
        Ok(())
    }
}
