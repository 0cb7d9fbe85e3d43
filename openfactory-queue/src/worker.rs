//! The loop that consumes a queue.

use std::sync::Arc;
use std::time::Duration;

use crate::capabilities::Requirements;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::ext::SyncQueueExt;
use crate::jitter::{Jitter, RandomJitter};
use crate::policy::backoff::Backoff;
use crate::policy::breaker::Breakers;
use crate::policy::limits::Limits;
use crate::queue::SyncQueue;

pub mod alert;
mod decide;
mod gate;
mod handler;
mod run;
mod task;

pub use handler::{BatchHandler, Handler, Outcome};

use alert::{Alert, LogAlert};
use handler::Each;

/// Leases messages, has them handled, renews their leases meanwhile, and settles them as the [`Outcome`] says.
///
/// Order per key is the queue's: the worker never has two messages of one key at once. A destination that is down
/// opens its breaker: messages that name it as their [`destination`](crate::Message::destination) wait, and one of them
/// probes now and then. Where part of their work needs no destination, the handler shares the worker's
/// [`breakers`](Self::breakers): then the worker goes on handing out messages, and the handler asks before it calls.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::{Handler, Leased, Message, Outcome, SyncQueue, SyncQueueExt, Worker};
///
/// struct Print(tokio::sync::Notify);
///
/// #[async_trait::async_trait]
/// impl Handler for Print {
///     async fn handle(&self, leased: &Leased) -> Outcome {
///         assert_eq!(leased.message.kind, "greeting");
///         self.0.notify_one();
///         Outcome::Done
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_queue::Error> {
/// let queue = MemoryQueue::new();
/// queue.send(Message::new("1", "greeting", "hello")).await?;
///
/// let handler = Arc::new(Print(tokio::sync::Notify::new()));
/// let stop = handler.clone();
/// let summary = Worker::on(Arc::new(queue.clone())).run(async move { stop.0.notified().await }, handler).await?;
/// assert_eq!(summary.done, 1);
/// assert_eq!(queue.stats().await?.ready, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a worker does nothing until it runs"]
pub struct Worker {
    queue: Arc<dyn SyncQueue>,
    name: String,
    concurrency: usize,
    lease: Duration,
    grace: Duration,
    maintenance: Duration,
    backoff: Backoff,
    limits: Limits,
    clock: Arc<dyn Clock>,
    jitter: Arc<dyn Jitter>,
    alert: Arc<dyn Alert>,
    breakers: Option<Breakers>,
}

/// What a worker has done from start to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Messages that left the queue.
    pub done: u64,
    /// Retries that counted.
    pub retried: u64,
    /// Retries that did not count.
    pub deferred: u64,
    /// Messages moved to the dead letters.
    pub dead: u64,
    /// Leases that were lost to somebody else.
    pub lost: u64,
    /// Messages given back when the grace of the stop was over.
    pub released: u64,
}

impl Worker {
    /// A worker on `queue`: 8 messages at once, leases of 30 s, 20 s of grace, upkeep each minute, alarms to the log.
    pub fn on(queue: Arc<dyn SyncQueue>) -> Self {
        Self {
            queue,
            name: format!("worker-{}", std::process::id()),
            concurrency: 8,
            lease: Duration::from_secs(30),
            grace: Duration::from_secs(20),
            maintenance: Duration::from_secs(60),
            backoff: Backoff::default(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            jitter: Arc::new(RandomJitter),
            alert: Arc::new(LogAlert),
            breakers: None,
        }
    }

    /// Its name, shown with its leases.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many messages at once; at least 1.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = messages.max(1);
        self
    }

    /// How long a lease lasts; it is renewed each third of that. At least 30 ms.
    pub fn lease(mut self, ttl: Duration) -> Self {
        self.lease = ttl.max(Duration::from_millis(30));
        self
    }

    /// How long running handlers may go on after the stop.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How often [`SyncQueue::maintain`] is called.
    pub fn maintenance(mut self, every: Duration) -> Self {
        self.maintenance = every;
        self
    }

    /// How long to wait between tries.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// When to give up on a message.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the time comes from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where randomness comes from.
    pub fn jitter(mut self, jitter: Arc<dyn Jitter>) -> Self {
        self.jitter = jitter;
        self
    }

    /// Where alarms go.
    pub fn alert(mut self, alert: Arc<dyn Alert>) -> Self {
        self.alert = alert;
        self
    }

    /// Shares these breakers with the handler, which asks them before it calls and tells them what came of it.
    ///
    /// Without this the worker has its own, and does both for each message that names its
    /// [`destination`](crate::Message::destination): while that is down, its messages wait without being handled, but
    /// for one at a time that probes. What the handler says of a destination that its message does not name makes that
    /// message wait, and is over with the next message of that sort that is done.
    pub fn breakers(mut self, breakers: Breakers) -> Self {
        self.breakers = Some(breakers);
        self
    }

    /// Works until `shutdown` completes; then leases no more, lets running handlers go on for the grace, gives back
    /// what is still not done, and returns.
    ///
    /// # Errors
    /// `Unsupported` if the queue has no fenced leases or no delay. `Closed`, `Corrupt` and others that no waiting
    /// cures, from any call of the queue; whatever is retryable is retried.
    ///
    /// # Cancel safety
    /// Dropping the future stops all handlers at their next await; their messages come again when the leases lapse.
    pub async fn run<S>(self, shutdown: S, handler: Arc<dyn Handler>) -> Result<Summary, Error>
    where
        S: Future<Output = ()> + Send,
    {
        self.run_batches(1, shutdown, Arc::new(Each(handler))).await
    }

    /// As [`run`](Self::run), with up to `size` messages in one call of the handler, each of another key; still not more
    /// than [`concurrency`](Self::concurrency) at once. Nobody waits for a batch to be full.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use openfactory_queue::backend::memory::MemoryQueue;
    /// use openfactory_queue::worker::BatchHandler;
    /// use openfactory_queue::{Leased, Message, Outcome, SyncQueue, Worker};
    ///
    /// struct Count(tokio::sync::Notify);
    ///
    /// #[async_trait::async_trait]
    /// impl BatchHandler for Count {
    ///     async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
    ///         assert_eq!(leased.len(), 3);
    ///         self.0.notify_one();
    ///         leased.iter().map(|_| Outcome::Done).collect()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_queue::Error> {
    /// let queue = MemoryQueue::new();
    /// let messages = ["a", "b", "c"].map(|key| Message::new(key, "greeting", "hello").with_key(key));
    /// queue.publish(messages.to_vec()).await?;
    /// let handler = Arc::new(Count(tokio::sync::Notify::new()));
    /// let stop = handler.clone();
    /// let worker = Worker::on(Arc::new(queue));
    /// let summary = worker.run_batches(10, async move { stop.0.notified().await }, handler).await?;
    /// assert_eq!(summary.done, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_batches<S>(
        self,
        size: usize,
        shutdown: S,
        handler: Arc<dyn BatchHandler>,
    ) -> Result<Summary, Error>
    where
        S: Future<Output = ()> + Send,
    {
        self.queue.require(&Requirements::new().fencing().delay())?;
        run::run(self, size.max(1), shutdown, handler).await
    }
}
