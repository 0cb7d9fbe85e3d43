//! A queue that takes no more than so much at once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::capabilities::Capabilities;
use crate::clock::{Clock, SystemClock};
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stamp::Stamp;
use crate::stats::{Found, Maintained, Stats};

/// A queue that takes no more than so many calls at once, and no more than so many messages a second.
///
/// What is too much waits: publishes in the order of their coming, and those that would wait longer than is
/// configured are answered `Full` at once, with nothing stored. Leases and `close` are never held back: a lease
/// waits by itself, and what holds messages up is the consumer's own choice. Clones share the limits.
///
/// ```
/// use std::time::Duration;
/// use openfactory_queue::adapter::limited::LimitedQueue;
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::{ErrorKind, Message, SyncQueueExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_queue::Error> {
/// let queue = LimitedQueue::new(MemoryQueue::new()).rate(1, 2).longest_wait(Duration::ZERO);
/// queue.send(Message::new("1", "greeting", "hello")).await?;
/// queue.send(Message::new("2", "greeting", "hello")).await?;
/// assert_eq!(queue.send(Message::new("3", "greeting", "hello")).await.unwrap_err().kind(), ErrorKind::Full);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LimitedQueue<Q> {
    inner: Q,
    calls: Option<Arc<Semaphore>>,
    rate: Option<Arc<Rate>>,
    longest_wait: Duration,
    clock: Arc<dyn Clock>,
}

/// Messages a second, as a bucket that fills: the instant at which it is full again.
struct Rate {
    each: Duration,
    burst: u32,
    full: Mutex<Stamp>,
}

impl Rate {
    /// How long `messages` have to wait for their turn, which is taken; none if that is more than `longest`.
    fn take(&self, messages: usize, now: Stamp, longest: Duration) -> Option<Duration> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let then = (*full).max(now).plus(self.each.saturating_mul(messages));
        // More than a burst at once is taken by a bucket that was full: it goes ahead and is paid for afterwards.
        let room = self.each.saturating_mul(self.burst.max(messages));
        let wait = then.minus(room).since(now);
        if wait > longest {
            return None;
        }
        *full = then;
        Some(wait)
    }
}

impl<Q> LimitedQueue<Q> {
    /// No limit yet; waits up to 30 s.
    pub fn new(inner: Q) -> Self {
        let longest_wait = Duration::from_secs(30);
        Self { inner, calls: None, rate: None, longest_wait, clock: Arc::new(SystemClock) }
    }

    /// At most so many calls at once, at least 1.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = Some(Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS))));
        self
    }

    /// At most so many published messages a second, after a burst of so many; each at least 1.
    #[must_use]
    pub fn rate(mut self, per_second: u32, burst: u32) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        let full = Mutex::new(Stamp(i64::MIN));
        self.rate = Some(Arc::new(Rate { each, burst: burst.max(1), full }));
        self
    }

    /// Answers `Full` to a publish that would wait longer for its turn.
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some(calls) = &self.calls else { return call.await };
        // Nobody closes it.
        let _permit = calls.acquire().await.map_err(|source| {
            Error::new(ErrorKind::Other, operation, "the limit of calls is gone").with_source(source)
        })?;
        call.await
    }

    async fn turn(&self, messages: usize) -> Result<(), Error> {
        let Some(rate) = &self.rate else { return Ok(()) };
        match rate.take(messages, Stamp::from(self.clock.now()), self.longest_wait) {
            Some(wait) if wait.is_zero() => Ok(()),
            Some(wait) => {
                self.clock.sleep(wait).await;
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Full, "publish", "the rate of publishes is at its limit")),
        }
    }
}

impl<Q: fmt::Debug> fmt::Debug for LimitedQueue<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedQueue").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<Q: SyncQueue> SyncQueue for LimitedQueue<Q> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        self.turn(messages.len()).await?;
        self.call("publish", self.inner.publish(messages)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        self.inner.lease(request).await
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
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn rate(per_second: u32, burst: u32) -> Rate {
        let each = Duration::from_secs(1) / per_second;
        Rate { each, burst, full: Mutex::new(Stamp(i64::MIN)) }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (rate, mut now) = (rate(10, 3), Stamp(0));
        let waits: Vec<Duration> = (0..6).filter_map(|_| rate.take(1, now, Duration::from_secs(9))).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300].map(|millis| MILLI * millis));
        // What was promised is kept: the bucket is full only when all of that has run off.
        now = now.plus(MILLI * 600);
        let waits: Vec<Duration> = (0..4).filter_map(|_| rate.take(1, now, Duration::from_secs(9))).collect();
        assert_eq!(waits, [0, 0, 0, 100].map(|millis| MILLI * millis));
    }

    #[test]
    fn who_would_wait_too_long_is_refused_and_takes_nothing() {
        let (rate, now) = (rate(10, 1), Stamp(0));
        assert_eq!(rate.take(1, now, MILLI * 50), Some(Duration::ZERO));
        for _ in 0..5 {
            assert_eq!(rate.take(1, now, MILLI * 50), None);
        }
        assert_eq!(rate.take(1, now.plus(MILLI * 60), MILLI * 50), Some(MILLI * 40));
    }

    #[test]
    fn a_batch_beyond_the_burst_goes_once_the_bucket_is_full() {
        let (rate, now) = (rate(10, 2), Stamp(0));
        assert_eq!(rate.take(5, now, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(rate.take(1, now, Duration::from_secs(1)), Some(MILLI * 400));
    }
}
