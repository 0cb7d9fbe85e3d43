//! The agent: looks whether a device still is what was built, reports it, signed, and obeys signed commands.
//!
//! One pass asks the event router for a challenge, checks the tree against the signed manifest, looks at what guards the
//! image, at services and at the overlay, signs a report with the device's own key, puts it into the agent's own durable
//! queue, and then delivers what waits there. Without a challenge, because the router can't be reached, the report
//! tells what was, and proves nothing about now. What can't be delivered stays in the queue, in the order in which
//! it was made.
//!
//! | file | holds |
//! |---|---|
//! | [`config`] | what it is told |
//! | `check`, `verity`, `services`, `overlay` | looking |
//! | `outbox`, `counter`, `deliver` | telling |
//! | `obey` | signed commands, and the lockdown that they change |
//! | `run` | the loop: passes at an interval, commands by long poll |
//! | `issue` | signing a command, at an operator's desk |
//! | `provision` | the first values of an overlay |

mod check;
pub mod command;
pub mod config;
mod counter;
mod deliver;
mod issue;
mod obey;
mod outbox;
mod overlay;
mod provision;
mod read;
mod run;
mod services;
mod verity;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::Ed25519Key;
use openfactory_attest::report::{DeviceReport, Nonce};
use openfactory_queue::SyncQueue as _;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use openfactory_zone2::OverlayReport;
use openfactory_zone2::lockdown::store::LockdownStore;
use thiserror::Error;

use crate::device_client::DeviceClient;
use crate::event_client::{EventClient, EventClientError};
use crate::private_key;
use crate::told::told;

pub use check::CheckError;
pub use counter::CounterError;
pub use deliver::Delivered;
pub use obey::Obeyed;
pub use overlay::OverlayError;
pub use provision::{ProvisionError, Provisioned, provision};
pub use run::run;

use config::AgentConfig;
use outbox::Outgoing;
use overlay::Overlay;

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
    /// The overlay could not be looked at.
    #[error("the overlay could not be checked")]
    Overlay(#[from] OverlayError),
    /// The lockdown record could not be changed.
    #[error("the lockdown record could not be changed")]
    Lockdown(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// An event could not be signed or written.
    #[error("the event could not be signed")]
    Sign {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The queue refused; whether the event is in it is in the source.
    #[error("the agent's queue failed")]
    Queue(#[from] openfactory_queue::Error),
    /// The queue holds another event under this id: a counter was set back by hand.
    #[error("the queue holds another event under the id {id}; remove reports.json to begin a new series")]
    Conflict {
        /// The event's id.
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
    /// What it says of the overlay, if the device has one.
    pub overlay: Option<OverlayReport>,
    /// The id of the event that carries it.
    pub event: EventId,
    /// What became of the queue.
    pub delivery: Delivered,
}

impl AgentOutcome {
    /// Whether this report is at the router.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivery.waiting == 0 && !self.delivery.refused_events.contains(&self.event.to_string())
    }

    /// Whether nothing was found that must not be: neither in the base nor in the overlay.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.report.compliant() && self.overlay.as_ref().is_none_or(|overlay| overlay.findings.is_empty())
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
    let agent = Agent::open(config).await?;
    let outcome = agent.pass(now, progress).await;
    let closed = agent.queue.close().await;
    let outcome = outcome?;
    closed?;
    Ok(outcome)
}

/// Does what a signed command says, if it counts, and delivers what is to be told of it.
///
/// # Errors
/// As [`once`]. That the command does not count is no error: see [`Obeyed::outcome`].
pub async fn obey(
    config: &AgentConfig,
    command: &[u8],
    now: SystemTime,
) -> Result<(Obeyed, Delivered), AgentError> {
    let agent = Agent::open(config).await?;
    let done = async {
        let obeyed = obey::obey(&agent, command, now).await?;
        Ok::<_, AgentError>((obeyed, agent.deliver().await?))
    };
    let done = done.await;
    let closed = agent.queue.close().await;
    let done = done?;
    closed?;
    Ok(done)
}

/// An agent with all that it needs, alone on its state directory.
struct Agent {
    config: AgentConfig,
    device: DeviceId,
    key: Arc<Ed25519Key>,
    queue: SqliteQueue,
    events: EventClient,
    router: DeviceClient,
    overlay: Option<Overlay>,
    lockdown: LockdownStore,
    verity: Arc<verity::Cache>,
    /// What the last report said, but for when and to which challenge.
    last: Mutex<Option<Sha256Digest>>,
}

impl Agent {
    async fn open(config: &AgentConfig) -> Result<Self, AgentError> {
        let device = DeviceId::new(&config.device.id).map_err(|source| AgentError::Device {
            id: config.device.id.clone(),
            source: Box::new(source),
        })?;
        let key = Arc::new(read_key(&config.device.key_file)?);
        let timeout = Duration::from_secs(config.router.timeout_s);
        let ca = config.router.ca_file.as_deref();
        let events = EventClient::new(&config.router.url, ca, timeout)?;
        let router = DeviceClient::new(&config.router.url, ca, device.clone(), key.clone(), timeout)
            .map_err(EventClientError::from)?;
        let directory = &config.state.directory;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| AgentError::State { path: directory.clone(), source })?;
        // Before the check, which may take long: a second agent on this directory is to hear of it at once.
        let queue = SqliteQueue::open(SqliteConfig::new(directory.join(QUEUE))).await?;
        let overlay = Overlay::of(&config.overlay, directory, &device, &config.baseline.trust, &key)?;
        let agent = Self {
            device,
            key,
            queue,
            events,
            router,
            overlay,
            lockdown: LockdownStore::new(directory),
            verity: Arc::default(),
            last: Mutex::new(None),
            config: config.clone(),
        };
        obey::finish(&agent).await?;
        Ok(agent)
    }

    async fn pass(&self, now: SystemTime, progress: Progress) -> Result<AgentOutcome, AgentError> {
        obey::expire(self, now).await?;
        let nonce = match self.router.challenge(now).await {
            Ok(nonce) => Some(nonce),
            Err(error) => {
                tracing::warn!("no challenge, so the report will prove nothing about now: {}", told(&error));
                None
            }
        };
        let (DeviceReported { report, overlay, .. }, event) = self.report(now, nonce, progress).await?;
        let delivery = self.deliver().await?;
        Ok(AgentOutcome { report, overlay, event, delivery })
    }

    /// Looks, and puts the report into the queue. A report that answers no challenge and says what the last one said,
    /// while that one still waits, adds nothing to it and is not stored; the event is then the one that waits.
    async fn report(
        &self,
        now: SystemTime,
        nonce: Option<Nonce>,
        progress: Progress,
    ) -> Result<(DeviceReported, EventId), AgentError> {
        let reported = self.look(now, nonce, progress).await?;
        let said = says(&reported)?;
        let waits = deliver::waiting(&self.queue).await? > 0;
        let known = { *self.last.lock().unwrap_or_else(PoisonError::into_inner) };
        if nonce.is_none()
            && waits
            && known == Some(said)
            && let Some(id) = counter::last(&self.config.state.directory)?
        {
            return Ok((reported, id));
        }
        let id = counter::next(&self.config.state.directory, now)?;
        let body = EventBody::DeviceReported(Box::new(reported.clone()));
        self.sign(id.clone(), now, body)?.store(&self.queue).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
        Ok((reported, id))
    }

    async fn look(
        &self,
        now: SystemTime,
        nonce: Option<Nonce>,
        progress: Progress,
    ) -> Result<DeviceReported, AgentError> {
        let (config, cache) = (self.config.clone(), Arc::clone(&self.verity));
        let (overlay, lockdown) = (self.overlay.clone(), self.lockdown.load(now));
        let looked = tokio::task::spawn_blocking(move || {
            let report = check::check(&config, now, &cache, progress.as_ref())?;
            let overlay = overlay.map(|overlay| overlay.look(&lockdown, now)).transpose()?;
            Ok::<_, AgentError>((report, overlay))
        });
        let (mut report, overlay) =
            looked.await.map_err(|error| AgentError::Interrupted { source: error.into() })??;
        report.nonce = nonce;
        let mut reported = DeviceReported::new(report);
        reported.overlay = overlay;
        Ok(reported)
    }

    async fn deliver(&self) -> Result<Delivered, AgentError> {
        let attempt = Duration::from_secs(self.config.router.timeout_s);
        let within = Duration::from_secs(self.config.router.deadline_s);
        Ok(deliver::deliver(&self.queue, &self.events, attempt, within).await?)
    }

    fn sign(&self, id: EventId, now: SystemTime, body: EventBody) -> Result<Outgoing, AgentError> {
        Outgoing::sign(&self.device, self.key.as_ref(), id, now, body)
    }
}

/// Digest of what a report says, but for when and to which challenge.
fn says(reported: &DeviceReported) -> Result<Sha256Digest, AgentError> {
    let mut same = reported.clone();
    same.report.nonce = None;
    same.report.time = SystemTime::UNIX_EPOCH;
    let bytes = serde_json::to_vec(&same).map_err(|source| AgentError::Sign { source: source.into() })?;
    Ok(Sha256Digest::of(&bytes))
}

fn read_key(path: &Path) -> Result<Ed25519Key, AgentError> {
    let error = |source| AgentError::Key { path: path.to_owned(), source };
    private_key::read(path).map_err(|source| error(source.into()))
}
