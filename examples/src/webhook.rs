//! The webhook receiver: takes ServiceNow's calls, believes none of them unproved, and hands them on as hints.
//!
//! A call is verified, stored in the receiver's own durable queue, and answered at once. A worker forwards it to the
//! event router as an event that this receiver has signed. The router may be down for as long as it likes.

pub mod command;
pub mod config;
mod error;
mod forward;
mod metrics;
mod receive;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::key::Signer;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::SystemClock;
use openfactory_queue::jitter::RandomJitter;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::Breakers;
use openfactory_queue::{SyncQueue, Worker};
use openfactory_sn::webhook::{Verifier, WebhookSecret};
use tokio::task::JoinHandle;

use crate::config::read_secret_file;
use crate::event_client::EventClient;
use crate::health::Health;
use crate::metrics::{Metrics, Refresh as _};
use crate::private_key;
use crate::serve::{Limits, serve};
use crate::shutdown::Shutdown;

pub use error::WebhookError;
pub use receive::PATH;

use config::WebhookConfig;
use forward::Forwarder;
use metrics::{Counters, QueueGauges};
use receive::Receiver;

/// The pauses while the router does not answer: from the first to the longest.
const ROUTER_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// How often the queue is asked how it is, besides each scrape.
const CHECK_UP: Duration = Duration::from_secs(10);

/// A receiver that runs.
#[derive(Debug)]
pub struct Running {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Its base URL for a client on this machine.
    pub url: String,
    /// Ends when the stop was asked for and everything has stopped, or when a part has failed, which stops the rest.
    pub join: JoinHandle<Result<(), WebhookError>>,
}

/// Starts the receiver. When this returns it takes calls.
///
/// # Errors
/// When a secret, key, certificate or the queue can't be used, or the address is taken.
pub async fn start(config: &WebhookConfig, stop: &Shutdown) -> Result<Running, WebhookError> {
    let verifier =
        Verifier::new(secrets(config)?).tolerance(Duration::from_secs(config.servicenow.tolerance_s));
    let signer = signer(&config.signing.key_file)?;
    let timeout = Duration::from_secs(config.router.timeout_s);
    let client = EventClient::new(&config.router.url, config.router.ca_file.as_deref(), timeout)?;
    let listen = &config.listen;
    let tls = listen.tls(SystemTime::now())?;
    let queue = open_queue(&config.queue.file).await?;

    let (health, metrics) = (Health::new(), Metrics::new("webhook"));
    let counters = Counters::register(&metrics);
    let gauges = QueueGauges::register(&metrics, Arc::clone(&queue), health.component("queue"));
    gauges.refresh().await;
    let receiver = Arc::new(Receiver {
        verifier,
        tables: config.servicenow.tables.clone(),
        queue: Arc::clone(&queue),
        counters: counters.clone(),
    });
    let app = receive::routes(receiver).merge(health.routes()).merge(metrics.routes());
    let server = serve(app, listen.address, tls.as_ref(), Limits::default(), stop)?;
    let (address, url) = (server.address, server.local_url());
    tracing::info!(%address, path = PATH, "webhook receiver listens");

    let (clock, jitter) = (Arc::new(SystemClock), Arc::new(RandomJitter));
    let breakers = Breakers::new(Backoff::new(ROUTER_PAUSES.0, ROUTER_PAUSES.1), clock, jitter);
    let handler = Forwarder {
        client,
        signer,
        source: config.signing.source.clone(),
        tables: config.servicenow.tables.clone(),
        breakers: breakers.clone(),
        forwarded: counters.forwarded,
    };
    let worker = Worker::on(Arc::clone(&queue))
        .name("webhook")
        .concurrency(config.queue.concurrency)
        .lease((timeout * 2).max(Duration::from_secs(30)))
        .breakers(breakers)
        .run(stop.triggered(), Arc::new(handler));

    let stop = stop.clone();
    let join = tokio::spawn(async move {
        // Whichever ends first, by the stop or by itself, ends the others.
        let forwarding = async {
            let ended = worker.await;
            stop.trigger();
            ended
        };
        let serving = async {
            let ended = server.join.await;
            stop.trigger();
            ended
        };
        let (forwarded, served, ()) = tokio::join!(forwarding, serving, check_up(&gauges, &stop));
        let closed = queue.close().await;
        let failed = |part, source| WebhookError::Failed { part, source };
        served
            .map_err(|error| failed("listener", error.into()))?
            .map_err(|error| failed("listener", error.into()))?;
        forwarded.map_err(|error| failed("worker", error.into()))?;
        closed.map_err(|error| failed("queue", error.into()))
    });
    Ok(Running { address, url, join })
}

/// Keeps the health check true between scrapes.
async fn check_up(gauges: &QueueGauges, stop: &Shutdown) {
    while tokio::time::timeout(CHECK_UP, stop.triggered()).await.is_err() {
        gauges.refresh().await;
    }
}

fn secrets(config: &WebhookConfig) -> Result<Vec<WebhookSecret>, WebhookError> {
    let read = |path: &std::path::PathBuf| {
        let text = read_secret_file(path).map_err(WebhookError::Secret)?;
        WebhookSecret::parse(text.expose())
            .map_err(|source| WebhookError::NoSecret { path: path.clone(), source: Box::new(source) })
    };
    let secrets = config.servicenow.secret_files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if secrets.is_empty() { Err(WebhookError::NoSecrets) } else { Ok(secrets) }
}

fn signer(path: &Path) -> Result<Arc<dyn Signer>, WebhookError> {
    let error = |source| WebhookError::Key { path: path.to_owned(), source };
    let key = private_key::read(path).map_err(|source| error(source.into()))?;
    Ok(Arc::new(key))
}

async fn open_queue(path: &Path) -> Result<Arc<dyn SyncQueue>, WebhookError> {
    let queue = SqliteQueue::open(SqliteConfig::new(path)).await;
    Ok(Arc::new(queue.map_err(|source| WebhookError::Queue { path: path.to_owned(), source })?))
}
