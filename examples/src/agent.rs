//! The agent: looks whether a device still is what was built, and reports it, signed.
//!
//! One pass ([`once`]) checks the tree against the signed manifest, signs a report with the device's own key, puts
//! it into the agent's own durable queue, and then delivers what waits there to the event router. A report that
//! can't be delivered stays in the queue for the next pass; reports arrive in the order in which they were made.

mod check;
pub mod command;
pub mod config;
mod counter;
mod deliver;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{Ed25519Key, Signer};
use openfactory_attest::report::DeviceReport;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::dead_letter::DeadPolicy;
use openfactory_queue::{Message, Published, SyncQueue, SyncQueueExt as _};
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use thiserror::Error;

use crate::config::{ConfigError, read_secret_file};
use crate::event_client::{EventClient, EventClientError};

pub use check::CheckError;
pub use counter::CounterError;
pub use deliver::Delivered;

use config::AgentConfig;

/// The queue's file name in the agent's state directory.
const QUEUE: &str = "queue.sqlite";

/// Told how far the check is: bytes done, and bytes in all. Called from any thread.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Why a pass came to nothing: the device was not checked, or the report is not durable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The device could not be checked.
    #[error("the device could not be checked")]
    Check(#[from] CheckError),
    /// The device's id is none.
    #[error("{id:?} is no device id")]
    Device {
        /// The id in the configuration.
        id: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The device's key can't be used.
    #[error("the device key {path} can't be used")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The agent's state directory can't be used.
    #[error("the state directory {path} can't be used")]
    State {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The next report has no number.
    #[error("the report could not be numbered")]
    Counter(#[from] CounterError),
    /// The report could not be signed or written.
    #[error("the report could not be signed")]
    Sign {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The queue refused; whether the report is in it is in the source.
    #[error("the agent's queue failed")]
    Queue(#[from] openfactory_queue::Error),
    /// The queue holds another report under this id: its counter was set back by hand.
    #[error("the queue holds another report under the id {id}; remove reports.json to begin a new series")]
    Conflict {
        /// The report's id.
        id: EventId,
    },
    /// The router can't be talked to as configured.
    #[error("the event router can't be used as configured")]
    Router(#[from] EventClientError),
    /// Work was cut short inside this process.
    #[error("the check was cut short")]
    Interrupted {
        /// By what.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What one pass came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgentOutcome {
    /// The report.
    pub report: DeviceReport,
    /// The id of the event that carries it.
    pub event: EventId,
    /// What became of the queue.
    pub delivery: Delivered,
}

impl AgentOutcome {
    /// Whether this report and all before it are at the router.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivery.waiting == 0 && self.delivery.refused == 0
    }
}

/// One pass: check, sign, store, deliver. `now` is when the report says that it was made.
///
/// # Errors
/// When the device could not be checked or the report is not durable. A report that is durable but could not be
/// delivered is no error: see [`AgentOutcome::delivery`].
pub async fn once(
    config: &AgentConfig,
    now: SystemTime,
    progress: Progress,
) -> Result<AgentOutcome, AgentError> {
    let device = DeviceId::new(&config.device.id)
        .map_err(|source| AgentError::Device { id: config.device.id.clone(), source: Box::new(source) })?;
    let key = read_key(&config.device.key_file)?;
    let timeout = Duration::from_secs(config.router.timeout_s);
    let client = EventClient::new(&config.router.url, config.router.ca_file.as_deref(), timeout)?;
    let directory = &config.state.directory;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| AgentError::State { path: directory.clone(), source })?;
    // Before the check, which may take long: a second agent on this directory is to hear of it at once.
    let queue = SqliteQueue::open(SqliteConfig::new(directory.join(QUEUE))).await?;

    let outcome = pass(config, &device, &key, now, progress, &queue, &client).await;
    let closed = queue.close().await;
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}

async fn pass(
    config: &AgentConfig,
    device: &DeviceId,
    key: &Ed25519Key,
    now: SystemTime,
    progress: Progress,
    queue: &SqliteQueue,
    client: &EventClient,
) -> Result<AgentOutcome, AgentError> {
    let to_check = config.clone();
    let checked = tokio::task::spawn_blocking(move || check::check(&to_check, now, progress.as_ref())).await;
    let report = checked.map_err(|error| AgentError::Interrupted { source: error.into() })??;
    let id = counter::next(&config.state.directory, now)?;
    let message = sign(device, key, id.clone(), now, &report)?;
    if let Published::Conflict { .. } = queue.send(message).await? {
        return Err(AgentError::Conflict { id });
    }
    let attempt = Duration::from_secs(config.router.timeout_s);
    let within = Duration::from_secs(config.router.deadline_s);
    let delivery = deliver::deliver(queue, client, attempt, within).await?;
    Ok(AgentOutcome { report, event: id, delivery })
}

/// The report as a message of the queue: a CloudEvent whose data the device has signed. A report that the router
/// refuses for good does not hold up those after it.
fn sign(
    device: &DeviceId,
    key: &dyn Signer,
    id: EventId,
    now: SystemTime,
    report: &DeviceReport,
) -> Result<Message, AgentError> {
    let signed = || -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
        let body = EventBody::DeviceReported(Box::new(DeviceReported::new(report.clone())));
        let event = Event::new(id, format!("/agent/{device}"), now, body);
        let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, key)?;
        let bytes = CloudEvent::of(&event, envelope).to_json();
        Ok(Message::new(event.id.as_str(), event.body.type_name(), bytes)
            .with_key(event.body.key())
            .on_dead(DeadPolicy::Skip))
    };
    signed().map_err(|source| AgentError::Sign { source })
}

fn read_key(path: &Path) -> Result<Ed25519Key, AgentError> {
    let error = |source| AgentError::Key { path: path.to_owned(), source };
    let pem = read_secret_file(path).map_err(|source: ConfigError| error(source.into()))?;
    Ed25519Key::from_pem(pem.expose()).map_err(|source| error(source.into()))
}
