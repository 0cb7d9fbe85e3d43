//! `/metrics`: the registry of a service's metrics and the handler that writes it out for Prometheus.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The media type of the text that `/metrics` answers: OpenMetrics 1.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Brings gauges up to date just before they are read, for what is asked rather than counted (a queue's depth).
#[async_trait]
pub trait Refresh: Send + Sync {
    /// Sets the gauges. What can't be learnt now keeps its last value; say so in the log.
    async fn refresh(&self);
}

/// A service's metrics. Cheap to clone; all clones are one registry.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    refreshers: Arc<Mutex<Vec<Arc<dyn Refresh>>>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// An empty registry whose metric names all begin with `prefix` and an underscore.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix(prefix))),
            refreshers: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// Registers a counter. `name` without prefix and without `_total`, `help` without a full stop.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        lock(&self.registry).register(name, help, counter.clone());
        counter
    }

    /// Registers a gauge. `name` without prefix, `help` without a full stop.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        lock(&self.registry).register(name, help, gauge.clone());
        gauge
    }

    /// Registers a counter with labels. Keep the labels' values few: each combination is a time series.
    #[must_use]
    pub fn counters<L>(&self, name: &str, help: &str) -> Family<L, Counter>
    where
        L: EncodeLabelSet + Clone + Eq + std::hash::Hash + fmt::Debug + Send + Sync + 'static,
    {
        let family = Family::<L, Counter>::default();
        lock(&self.registry).register(name, help, family.clone());
        family
    }

    /// Registers a gauge with labels.
    #[must_use]
    pub fn gauges<L>(&self, name: &str, help: &str) -> Family<L, Gauge>
    where
        L: EncodeLabelSet + Clone + Eq + std::hash::Hash + fmt::Debug + Send + Sync + 'static,
    {
        let family = Family::<L, Gauge>::default();
        lock(&self.registry).register(name, help, family.clone());
        family
    }

    /// Asks `refresher` to set its gauges at each scrape.
    pub fn before_scrape(&self, refresher: Arc<dyn Refresh>) {
        lock(&self.refreshers).push(refresher);
    }

    /// Everything registered, as OpenMetrics text, after the refreshers have run.
    ///
    /// # Errors
    /// When a metric can't be written as text.
    pub async fn scrape(&self) -> Result<String, fmt::Error> {
        let refreshers = lock(&self.refreshers).clone();
        for refresher in refreshers {
            refresher.refresh().await;
        }
        let mut text = String::new();
        encode(&mut text, &lock(&self.registry))?;
        Ok(text)
    }

    /// `GET /metrics`.
    pub fn routes(&self) -> Router {
        Router::new().route("/metrics", get(metrics)).with_state(self.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Registering and pushing are single steps: a panic elsewhere leaves nothing half-done behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn metrics(State(metrics): State<Metrics>) -> Response {
    match metrics.scrape().await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics can't be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[tokio::test]
    async fn what_is_counted_is_scraped() {
        let metrics = Metrics::new("webhook");
        let received = metrics.counter("received", "Webhook calls received");
        received.inc_by(3);
        let text = metrics.scrape().await.unwrap();
        assert!(text.contains("webhook_received_total 3\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
