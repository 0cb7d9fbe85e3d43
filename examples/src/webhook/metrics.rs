//! What the receiver counts, and its queue in numbers.

use std::sync::Arc;

use async_trait::async_trait;
use openfactory_queue::SyncQueue;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::health::Component;
use crate::metrics::{Metrics, Refresh};
use crate::told::told;

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Result {
    pub(super) result: &'static str,
}

/// The receiver's counters.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    pub(super) calls: Family<Result, Counter>,
    pub(super) forwarded: Counter,
}

impl Counters {
    pub(super) fn register(metrics: &Metrics) -> Self {
        Self {
            calls: metrics.counters("calls", "Webhook calls by how they ended"),
            forwarded: metrics.counter("forwarded", "Events that the router holds"),
        }
    }
}

/// The queue in numbers, asked for at each scrape; tells the health check too.
#[derive(Debug)]
pub(super) struct QueueGauges {
    queue: Arc<dyn SyncQueue>,
    health: Component,
    waiting: Gauge,
    dead: Gauge,
    oldest: Gauge,
}

impl QueueGauges {
    pub(super) fn register(metrics: &Metrics, queue: Arc<dyn SyncQueue>, health: Component) -> Arc<Self> {
        let gauges = Arc::new(Self {
            queue,
            health,
            waiting: metrics.gauge("queue_waiting", "Calls that wait to be forwarded"),
            dead: metrics.gauge("queue_dead", "Calls that the router will never take"),
            oldest: metrics
                .gauge("queue_oldest_seconds", "Age of the oldest call that could be forwarded now"),
        });
        metrics.before_scrape(Arc::clone(&gauges) as Arc<dyn Refresh>);
        gauges
    }
}

#[async_trait]
impl Refresh for QueueGauges {
    async fn refresh(&self) {
        match self.queue.stats().await {
            Ok(stats) => {
                self.health.ready();
                let waiting = stats.ready + stats.delayed + stats.held + stats.leased;
                for (gauge, value) in [
                    (&self.waiting, waiting),
                    (&self.dead, stats.dead),
                    (&self.oldest, stats.oldest_ready.unwrap_or_default().as_secs()),
                ] {
                    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
                }
            }
            Err(error) => {
                let reason = told(&error);
                tracing::error!(reason, "the queue can't be asked how full it is");
                self.health.unready(reason);
            }
        }
    }
}
