//! The event router: takes signed events, keeps them, decides what follows, tells ServiceNow.
//!
//! | file | holds |
//! |---|---|
//! | [`config`] | what it is told |
//! | `intake` | `POST /v1/events`: from foreign bytes to a durable message |
//! | `handle` | one message from lease to settlement: `step`, `order`, `deliver`, audit |
//! | `relay` | outbox into queue, timers into outbox |
//! | `gates`, `poll` | who waits for an approval, and what repairs a webhook that never came |
//! | `page` | the operator's page, and the same facts as JSON |
//! | `rollouts` | how a rollout stands |
//! | `queue_control` | what an operator does with the queue |
//! | `challenge`, `commands` | what devices ask for: nonces, signed commands |
//! | `refusal` | why an event is not taken, and what the sender is told |
//! | [`edges`] | where a crash may fall, for tests |

mod alarms;
mod audit;
mod challenge;
pub mod command;
mod commands;
pub mod config;
mod core;
mod counters;
mod deliver;
mod destination;
pub mod edges;
mod gates;
mod handle;
mod intake;
mod message;
mod notices;
mod open;
mod operator;
mod order;
mod page;
mod poll;
mod proof;
mod queue_control;
mod refusal;
mod relay;
mod rollouts;
mod step;
mod vault;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use openfactory_queue::Worker;
use openfactory_queue::clock::{Clock as _, SystemClock};
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::worker::alert::Alert;
use tokio::task::JoinHandle;

pub use open::StartError;

use crate::health::Health;
use crate::metrics::Metrics;
use crate::serve::{self, Limits};
use crate::shutdown::Shutdown;
use crate::told::told;
use alarms::{Alarms, HttpPost};
use config::RouterConfig;
use core::Core;
use edges::{Edges, NoStops};

/// A router that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its base URL for clients on this machine.
    pub local_url: String,
    ended: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Waits until everything has stopped.
    ///
    /// # Errors
    /// When the listener failed, or the worker: then the router has stopped by itself.
    pub async fn stopped(self) -> io::Result<()> {
        self.ended.await.map_err(io::Error::other)?
    }
}

/// Starts a router, as an operator runs it.
///
/// # Errors
/// [`StartError`]: nothing runs then.
pub async fn start(config: &RouterConfig, stop: &Shutdown) -> Result<Running, StartError> {
    start_with(config, stop, Arc::new(NoStops)).await
}

/// Starts a router that can be stopped at its edges: for tests.
///
/// # Errors
/// [`StartError`]: nothing runs then.
pub async fn start_with(
    config: &RouterConfig,
    stop: &Shutdown,
    edges: Arc<dyn Edges>,
) -> Result<Running, StartError> {
    let health = Health::new();
    let starting = health.component("router");
    let metrics = Metrics::new("event_router");
    let tls = config.listen.tls(SystemClock.now())?;
    let post = HttpPost::new(&config.alerts)?;
    let core = open::core(config, &metrics, edges).await?;
    let alarms = Alarms::start(post, core.clone());

    let app = Router::new()
        .merge(intake::routes(core.clone()))
        .merge(gates::routes(core.clone()))
        .merge(challenge::routes(core.clone()))
        .merge(commands::routes(core.clone()))
        .merge(page::routes(core.clone(), config)?)
        .merge(rollouts::routes(core.clone()))
        .merge(queue_control::routes(core.clone()))
        .merge(health.routes())
        .merge(metrics.routes());
    let served = serve::serve(app, config.listen.address, tls.as_ref(), Limits::default(), stop)?;
    let local_url = served.local_url();

    let poll = Duration::from_secs(config.servicenow.poll_s.max(1));
    let checkpoint = Duration::from_secs(config.audit.checkpoint_s.max(1));
    let parts = Parts {
        server: served.join,
        worker: tokio::spawn(work(core.clone(), config.clone(), alarms.alert(), stop.clone())),
        others: vec![
            tokio::spawn(alarms.watch(config, &core).run(stop.triggered())),
            tokio::spawn(relay::outbox(core.clone(), stop.clone())),
            tokio::spawn(relay::timers(core.clone(), stop.clone())),
            tokio::spawn(poll::gates(core.clone(), poll, stop.clone())),
        ],
        alarms,
    };
    let ended = tokio::spawn(checkpoints(core, checkpoint, stop.clone(), parts));
    starting.ready();
    Ok(Running { address: served.address, local_url, ended })
}

/// What runs and must have ended before the audit log's last checkpoint.
struct Parts {
    server: JoinHandle<io::Result<()>>,
    worker: JoinHandle<io::Result<()>>,
    others: Vec<JoinHandle<()>>,
    alarms: Alarms,
}

impl Parts {
    async fn ended(self) -> io::Result<()> {
        for task in self.others {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the router ended badly");
            }
        }
        let worker = self.worker.await.map_err(io::Error::other);
        self.alarms.stop().await;
        self.server.await.map_err(io::Error::other)??;
        worker?
    }
}

async fn work(core: Core, config: RouterConfig, alert: Arc<dyn Alert>, stop: Shutdown) -> io::Result<()> {
    let worker = Worker::on(Arc::clone(&core.queue))
        .name("event-router")
        .concurrency(config.worker.concurrency)
        .lease(Duration::from_secs(config.worker.lease_s.max(1)))
        .backoff(Backoff::new(Duration::from_millis(500), Duration::from_secs(300)))
        .breakers(core.breakers.clone())
        .alert(alert);
    let handler = Arc::new(handle::EventHandler::new(core));
    match worker.run(stop.triggered(), handler).await {
        Ok(summary) => {
            tracing::info!(?summary, "the worker has stopped");
            Ok(())
        }
        Err(error) => {
            tracing::error!("the worker has stopped: {}", told(&error));
            // Events that are taken but never handled would be lost silently: better to be seen to be down.
            stop.trigger();
            Err(io::Error::other(error))
        }
    }
}

/// Signs a checkpoint now and then, and a last one when all `parts` have ended, over all that they wrote.
async fn checkpoints(core: Core, every: Duration, stop: Shutdown, parts: Parts) -> io::Result<()> {
    let mut stopped = Box::pin(stop.triggered());
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => checkpoint(&core).await,
            () = &mut stopped => break,
        }
    }
    let ended = parts.ended().await;
    checkpoint(&core).await;
    // Whoever starts next on these files is not to find them owned, whatever still holds a copy of `core`.
    let closed = core.queue.close().await.map_err(io::Error::other);
    ended.and(closed)
}

async fn checkpoint(core: &Core) {
    if let Err(error) = core.audit.checkpoint().await {
        tracing::error!("the audit log's checkpoint could not be signed: {}", told(&error));
    }
}
