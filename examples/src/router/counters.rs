//! What the router counts for `/metrics`.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use openfactory_queue::SyncQueue;
use openfactory_sn::lifecycle::state::StateStore;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::{Metrics, Refresh};

/// The label of a refusal: its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Refusal {
    status: u16,
}

/// The label of a handled message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Handled {
    kind: String,
    outcome: &'static str,
}

/// The router's counters. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    refusals: Family<Refusal, Counter>,
    handled: Family<Handled, Counter>,
    possible_duplicates: Counter,
}

impl Counters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            refusals: metrics.counters("events_refused", "Events refused at intake, by HTTP status"),
            handled: metrics.counters("messages_handled", "Messages handled, by kind and outcome"),
            possible_duplicates: metrics.counter(
                "possible_duplicate_notes",
                "Work notes that may stand twice because the instance hides its journal",
            ),
        }
    }

    pub(super) fn refused(&self, status: StatusCode) {
        self.refusals.get_or_create(&Refusal { status: status.as_u16() }).inc();
    }

    pub(super) fn handled(&self, kind: &str, outcome: &'static str) {
        self.handled.get_or_create(&Handled { kind: kind.to_owned(), outcome }).inc();
    }

    pub(super) fn possible_duplicates(&self, notes: u64) {
        self.possible_duplicates.inc_by(notes);
    }
}

/// Rows of the outbox that are counted at most.
const OUTBOX_COUNTED: usize = 1000;

/// Keeps the queue's gauges up to date at each scrape.
pub(super) struct QueueGauges {
    queue: Arc<dyn SyncQueue>,
    state: Arc<dyn StateStore>,
    outbox: Gauge,
    held: Gauge,
    ready: Gauge,
    delayed: Gauge,
    leased: Gauge,
    dead: Gauge,
    blocked: Gauge,
    oldest_ready: Gauge,
}

impl QueueGauges {
    pub(super) fn new(metrics: &Metrics, queue: Arc<dyn SyncQueue>, state: Arc<dyn StateStore>) -> Self {
        Self {
            queue,
            state,
            outbox: metrics.gauge("outbox", "Events that wait to be published, up to 1000"),
            held: metrics.gauge("queue_held", "Messages that wait behind another of their key"),
            ready: metrics.gauge("queue_ready", "Messages that could be leased now"),
            delayed: metrics.gauge("queue_delayed", "Messages that wait for their time"),
            leased: metrics.gauge("queue_leased", "Messages being handled"),
            dead: metrics.gauge("queue_dead", "Dead letters"),
            blocked: metrics.gauge("queue_blocked_keys", "Keys that stand still behind a dead letter"),
            oldest_ready: metrics
                .gauge("queue_oldest_ready_seconds", "Age of the oldest message that could be leased"),
        }
    }
}

#[async_trait]
impl Refresh for QueueGauges {
    async fn refresh(&self) {
        match self.queue.stats().await {
            Ok(stats) => {
                let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                self.ready.set(whole(stats.ready));
                self.held.set(whole(stats.held));
                self.delayed.set(whole(stats.delayed));
                self.leased.set(whole(stats.leased));
                self.dead.set(whole(stats.dead));
                self.blocked.set(whole(stats.blocked_keys));
                self.oldest_ready.set(whole(stats.oldest_ready.map_or(0, |age| age.as_secs())));
            }
            Err(error) => tracing::warn!(%error, "the queue's figures can't be read"),
        }
        match self.state.outbox(OUTBOX_COUNTED).await {
            Ok(rows) => {
                self.outbox.set(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            }
            Err(error) => tracing::warn!(%error, "the outbox can't be counted"),
        }
    }
}
