//! A queue whose every call is a span and a measurement.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::meter::{Measurement, Meter};
use crate::capabilities::Capabilities;
use crate::clock::{Clock, SystemClock};
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::Error;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::queue::SyncQueue;
use crate::stats::{Found, Maintained, Stats};

/// A queue whose every call is a `tracing` span and a [`Measurement`].
///
/// Spans are named `queue` and carry the attributes of OpenTelemetry's conventions: `otel.name`,
/// `messaging.system` (`openfactory_queue`), `messaging.destination.name`, `messaging.operation.name`,
/// `messaging.operation.type` (`send`, `receive`, `settle`), `messaging.batch.message_count`, and, of a single
/// published message, `messaging.message.id`; if the call fails, `error.type`. A payload is never in one.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_queue::adapter::instrumented::InstrumentedQueue;
/// use openfactory_queue::adapter::meter::Tally;
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::{Message, SyncQueueExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_queue::Error> {
/// let tally = Arc::new(Tally::default());
/// let queue = InstrumentedQueue::new(MemoryQueue::new(), "events").meter(tally.clone());
/// queue.send(Message::new("1", "greeting", "hello")).await?;
/// assert_eq!(tally.sum("publish", None).messages, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InstrumentedQueue<Q> {
    inner: Q,
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    meter: Option<Arc<dyn Meter>>,
}

impl<Q> InstrumentedQueue<Q> {
    /// Instruments `inner`, which is called `name` in spans.
    pub fn new(inner: Q, name: &str) -> Self {
        Self { inner, name: name.into(), clock: Arc::new(SystemClock), meter: None }
    }

    /// Gives measurements to `meter` too.
    #[must_use]
    pub fn meter(mut self, meter: Arc<dyn Meter>) -> Self {
        self.meter = Some(meter);
        self
    }

    /// Measures time by `clock`.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn span(&self, operation: &'static str, kind: Option<&'static str>) -> Span {
        tracing::info_span!(
            "queue",
            otel.name = %format_args!("{operation} {}", self.name),
            otel.kind = match kind {
                Some("send") => "producer",
                Some("receive") => "consumer",
                _ => "client",
            },
            messaging.system = "openfactory_queue",
            messaging.destination.name = &*self.name,
            messaging.operation.name = operation,
            messaging.operation.r#type = kind,
            messaging.batch.message_count = Empty,
            messaging.message.id = Empty,
            error.r#type = Empty,
        )
    }

    /// Runs a call in its span; `count` tells how many messages its success was about.
    async fn call<T>(
        &self,
        span: Span,
        operation: &'static str,
        count: impl FnOnce(Option<&T>) -> usize,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let begun = self.clock.now();
        let done = call.instrument(span.clone()).await;
        // A clock that was set back meanwhile has measured nothing.
        let duration = self.clock.now().duration_since(begun).unwrap_or(Duration::ZERO);
        let messages = count(done.as_ref().ok()) as u64;
        span.record("messaging.batch.message_count", messages);
        let mut measurement = Measurement::new(operation, duration, messages);
        if let Err(error) = &done {
            span.record("error.type", error.kind().name());
            measurement = measurement.failed(error.kind());
        }
        if let Some(meter) = &self.meter {
            meter.record(&measurement);
        }
        done
    }

    async fn other<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call(self.span(operation, None), operation, |_| 0, call).await
    }
}

impl<Q: fmt::Debug> fmt::Debug for InstrumentedQueue<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstrumentedQueue")
            .field("name", &self.name)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<Q: SyncQueue> SyncQueue for InstrumentedQueue<Q> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        let span = self.span("publish", Some("send"));
        if let [message] = &messages[..] {
            span.record("messaging.message.id", &*message.id);
        }
        let sent = messages.len();
        self.call(span, "publish", |_| sent, self.inner.publish(messages)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        let count = |leased: Option<&Vec<Leased>>| leased.map_or(0, Vec::len);
        self.call(self.span("lease", Some("receive")), "lease", count, self.inner.lease(request)).await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        let leases = tokens.len();
        self.call(self.span("extend", None), "extend", |_| leases, self.inner.extend(tokens, ttl)).await
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        let settled = settlements.len();
        let span = self.span("settle", Some("settle"));
        self.call(span, "settle", |_| settled, self.inner.settle(settlements)).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.other("dead_letters", self.inner.dead_letters(page)).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        let count = |moved: Option<&Moved>| moved.map_or(0, |moved| moved.ids.len());
        self.call(self.span("redrive", None), "redrive", count, self.inner.redrive(redrive)).await
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        let count = |moved: Option<&Moved>| moved.map_or(0, |moved| moved.ids.len());
        self.call(self.span("discard", None), "discard", count, self.inner.discard(discard)).await
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        self.other("pause", self.inner.pause(pause)).await
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        self.other("resume", self.inner.resume(resume)).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        self.other("pauses", self.inner.pauses()).await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.other("find", self.inner.find(id)).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        self.other("stats", self.inner.stats()).await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        self.other("maintain", self.inner.maintain(budget)).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.other("close", self.inner.close()).await
    }
}
