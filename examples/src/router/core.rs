//! What all parts of the router share.

use std::path::Path;
use std::sync::Arc;

use openfactory_attest::key::Signer;
use openfactory_queue::SyncQueue;
use openfactory_queue::clock::Clock;
use openfactory_queue::policy::breaker::Breakers;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::notify::Notifier;
use openfactory_sn::lifecycle::platform::Platform;
use openfactory_sn::lifecycle::policy::Policy;
use openfactory_sn::lifecycle::state::StateStore;
use openfactory_sn::{Client, Secret};
use tokio::sync::{Notify, watch};

use super::audit::Auditor;
use super::counters::Counters;
use super::edges::{Edge, Edges};
use super::vault::Keeper;
use crate::state::SqliteStateStore;
use crate::trust_file::TrustFile;

/// The destination whose outages the breaker watches.
pub(super) const SERVICENOW: &str = "servicenow";

/// The router's parts. Cheap to clone; every clone is the same router.
#[derive(Clone)]
pub(super) struct Core(Arc<Parts>);

/// See [`Core`].
pub(super) struct Parts {
    pub(super) queue: Arc<dyn SyncQueue>,
    pub(super) state: Arc<dyn StateStore>,
    /// What is kept for devices: challenges and commands, in the file of `state`.
    pub(super) devices: SqliteStateStore,
    pub(super) audit: Auditor,
    /// Whose signatures count, read again whenever it was replaced.
    pub(super) trust: TrustFile,
    /// The vault that compromised keys are revoked in, if this router has one.
    pub(super) keeper: Option<Arc<Keeper>>,
    /// Where the audit log is.
    pub(super) audit_directory: Arc<Path>,
    pub(super) client: Client,
    pub(super) mapping: Mapping,
    pub(super) policy: Policy,
    pub(super) platform: Arc<dyn Platform>,
    /// Who tells persons.
    pub(super) notifier: Arc<dyn Notifier>,
    pub(super) breakers: Breakers,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) edges: Arc<dyn Edges>,
    pub(super) counters: Counters,
    /// Rung when the outbox has something.
    pub(super) outbox: Notify,
    /// Rung when a timer was set.
    pub(super) timers: Notify,
    /// Counts the changes of gates, so that who waits for one looks again.
    pub(super) gates: watch::Sender<u64>,
    /// Counts what is new for devices, so that who waits for a command looks again.
    pub(super) commands: watch::Sender<u64>,
    /// Whether a report has to answer a challenge.
    pub(super) require_nonce: bool,
    /// Signs the router's own commands to devices.
    pub(super) signer: Option<Arc<dyn Signer>>,
    /// What an operator shows.
    pub(super) operator_token: Option<Secret>,
}

impl Core {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Passes an edge; where a test stops the router, nothing follows: the caller never goes on.
    pub(super) async fn pass(&self, edge: Edge) {
        if let Err(stopped) = self.edges.pass(edge) {
            tracing::warn!("{stopped}");
            std::future::pending::<()>().await;
        }
    }
}

impl std::ops::Deref for Core {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
