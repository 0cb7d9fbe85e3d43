//! A queue that fails on schedule: to test what stands on top of one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::capabilities::Capabilities;
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stats::{Found, Maintained, Stats};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It goes through.
    None,
    /// It fails with this kind, and nothing has happened.
    Before(ErrorKind),
    /// It happens, but the caller is told that it failed and that the outcome is unknown: the answer was lost.
    After(ErrorKind),
}

/// Decides for each call by its operation (`publish`, `settle`, ...) and its number, counted from 0 over all calls of
/// that operation.
pub type Schedule = dyn Fn(&str, u64) -> Fault + Send + Sync;

/// A queue that fails on schedule. Clones share the count.
///
/// ```
/// use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::{ErrorKind, Message, Published, SyncQueueExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_queue::Error> {
/// let queue = FaultyQueue::new(MemoryQueue::new(), |operation, n| match (operation, n) {
///     ("publish", 0) => Fault::After(ErrorKind::Timeout),
///     _ => Fault::None,
/// });
/// let message = Message::new("1", "greeting", "hello");
/// let lost = queue.send(message.clone()).await.unwrap_err();
/// assert!(!lost.outcome_known());
/// assert!(matches!(queue.send(message).await?, Published::Duplicate { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyQueue<Q> {
    inner: Q,
    schedule: Arc<Schedule>,
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    declared: Option<Capabilities>,
}

impl<Q> FaultyQueue<Q> {
    /// Puts a schedule around a queue.
    pub fn new<S>(inner: Q, schedule: S) -> Self
    where
        S: Fn(&str, u64) -> Fault + Send + Sync + 'static,
    {
        Self { inner, schedule: Arc::new(schedule), counts: Arc::default(), declared: None }
    }

    /// Declares other abilities than the inner queue has.
    #[must_use]
    pub fn declaring(mut self, has: Capabilities) -> Self {
        self.declared = Some(has);
        self
    }

    /// How often `operation` was called.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied().unwrap_or(0)
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let n = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(operation).or_default();
            *count += 1;
            *count - 1
        };
        match (self.schedule)(operation, n) {
            Fault::None => call.await,
            Fault::Before(kind) => Err(Error::new(kind, operation, format!("fault injected into call {n}"))),
            Fault::After(kind) => {
                call.await?;
                Err(Error::new(kind, operation, format!("answer of call {n} dropped")).outcome_unknown())
            }
        }
    }
}

impl<Q: fmt::Debug> fmt::Debug for FaultyQueue<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyQueue").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<Q: SyncQueue> SyncQueue for FaultyQueue<Q> {
    fn capabilities(&self) -> Capabilities {
        self.declared.clone().unwrap_or_else(|| self.inner.capabilities())
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        self.call("publish", self.inner.publish(messages)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        self.call("lease", self.inner.lease(request)).await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        self.call("extend", self.inner.extend(tokens, ttl)).await
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        self.call("settle", self.inner.settle(settlements)).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.call("dead_letters", self.inner.dead_letters(page)).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        self.call("redrive", self.inner.redrive(redrive)).await
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        self.call("discard", self.inner.discard(discard)).await
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        self.call("pause", self.inner.pause(pause)).await
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        self.call("resume", self.inner.resume(resume)).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.call("pauses", self.inner.pauses()).await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.call("find", self.inner.find(id)).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        self.call("stats", self.inner.stats()).await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        self.call("maintain", self.inner.maintain(budget)).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.call("close", self.inner.close()).await
    }
}
