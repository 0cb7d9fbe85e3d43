//! Opening what a router needs, in the order in which each refuses: files of its own before the network.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_attest::audit::{Log, OpenLogError};
use openfactory_attest::key::Ed25519Key;
use openfactory_attest::vault::{FileVault, VaultError};
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::{Clock, SystemClock};
use openfactory_queue::jitter::RandomJitter;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::Breakers;
use openfactory_sn::lifecycle::event::codec::MAX_PAYLOAD;
use openfactory_sn::lifecycle::id::FleetId;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::policy::Policy;
use openfactory_sn::{Auth, Client};
use thiserror::Error;

use super::alarms::HttpPost;
use super::audit::Auditor;
use super::config::{Profile, RouterConfig};
use super::core::{Core, Parts};
use super::counters::{Counters, QueueGauges};
use super::edges::Edges;
use super::notices::Notices;
use super::vault::Keeper;
use crate::config::{ConfigError, read_secret_file};
use crate::metrics::Metrics;
use crate::passphrase::{self, PassphraseError};
use crate::platform::LocalPlatform;
use crate::private_key::{self, PrivateKeyError};
use crate::serve::ServeError;
use crate::state::SqliteStateStore;
use crate::tls::TlsError;
use crate::trust_file::{TrustFile, TrustFileError};

/// Why a router does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file can't be read or written.
    #[error("can't use {path}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret or key file can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The trust file can't be used.
    #[error(transparent)]
    Trust(#[from] TrustFileError),
    /// The vault can't be opened.
    #[error("the vault can't be opened")]
    Vault(#[from] VaultError),
    /// The vault's passphrase can't be used.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// A key of the router's own can't be used.
    #[error("the key {path} can't be used")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PrivateKeyError,
    },
    /// What is said of a fleet's timing is said of no fleet.
    #[error("[timing.fleets] {fleet:?} is no fleet's id")]
    Fleet {
        /// The id.
        fleet: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The audit log can't be opened.
    #[error("the audit log can't be opened")]
    Audit(#[from] OpenLogError),
    /// The queue can't be opened.
    #[error("the queue can't be opened")]
    Queue(#[from] openfactory_queue::Error),
    /// The state store can't be opened.
    #[error("the state store can't be opened")]
    State(#[from] crate::state::OpenError),
    /// The platform can't be used.
    #[error("the platform can't be used")]
    Platform(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ServiceNow client can't be built.
    #[error("the ServiceNow client can't be set up")]
    Client(#[from] openfactory_sn::Error),
    /// The webhook of the alerts is not configured as it should be.
    #[error("[alerts] {reason}")]
    Webhook {
        /// What is wrong.
        reason: &'static str,
    },
    /// The secret of the alerts' webhook can't be used.
    #[error("[alerts] webhook_secret_file holds no secret for a webhook")]
    WebhookSecret(#[source] openfactory_sn::webhook::SecretError),
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener can't be opened.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// All that the router is made of.
pub(super) async fn core(
    config: &RouterConfig,
    metrics: &Metrics,
    edges: Arc<dyn Edges>,
) -> Result<Core, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let trust = TrustFile::open(&config.trust.file)?;
    let keeper = keeper(config, &trust)?;
    make(&config.state.directory)?;
    let state = SqliteStateStore::open(&config.state.directory.join("state.sqlite"))?;
    let queue = SqliteConfig::new(config.state.directory.join("queue.sqlite")).max_payload(MAX_PAYLOAD);
    let queue = SqliteQueue::open(queue).await?;
    let audit = Auditor::new(log(config)?, Arc::clone(&clock));
    let platform = LocalPlatform::open(&config.platform.local_directory, trust.clone())
        .map_err(|error| StartError::Platform(Box::new(error)))?;
    let client = client(config)?;
    let mapping = match config.servicenow.mapping {
        Profile::Guide => Mapping::guide(),
    };
    let signer = match &config.signing.key_file {
        Some(path) => Some(key(path)? as Arc<dyn openfactory_attest::key::Signer>),
        None => None,
    };
    let operator_token = config.operator.token_file.as_deref().map(read_secret_file).transpose()?;
    let devices = state.clone();
    let (queue, state) = (Arc::new(queue), Arc::new(state));
    metrics.before_scrape(Arc::new(QueueGauges::new(metrics, queue.clone(), state.clone())));
    let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
    Ok(Core::new(Parts {
        queue,
        state,
        devices,
        audit,
        trust,
        keeper,
        audit_directory: config.audit.directory.clone().into(),
        client,
        policy: policy(config, &mapping)?,
        mapping,
        platform: Arc::new(platform),
        notifier: Arc::new(Notices::new(HttpPost::new(&config.alerts)?)),
        breakers: Breakers::new(backoff, Arc::clone(&clock), Arc::new(RandomJitter)),
        clock,
        edges,
        counters: Counters::new(metrics),
        outbox: tokio::sync::Notify::new(),
        timers: tokio::sync::Notify::new(),
        gates: tokio::sync::watch::Sender::new(0),
        commands: tokio::sync::watch::Sender::new(0),
        require_nonce: config.attestation.require_nonce,
        signer,
        operator_token,
    }))
}

fn policy(config: &RouterConfig, mapping: &Mapping) -> Result<Policy, StartError> {
    let mut policy = Policy::for_mapping(mapping);
    policy.report_within = match config.timing.report_within_s {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    for (fleet, seconds) in &config.timing.fleets {
        let fleet = FleetId::new(fleet)
            .map_err(|source| StartError::Fleet { fleet: fleet.clone(), source: Box::new(source) })?;
        policy.report_within_of.insert(fleet, *seconds);
    }
    policy.proof_within = Duration::from_secs(config.timing.proof_within_s);
    policy.rollout_soak = Duration::from_secs(config.rollout.soak_s);
    policy.rollout_reports = config.rollout.reports;
    policy.rollout_requires_verity = config.rollout.require_verity;
    policy.rollout_stage_within = Duration::from_secs(config.rollout.stage_within_s);
    policy.instructors = config.remediation.instructors.iter().cloned().collect();
    policy.instructions_that_wait = config.remediation.approved_first.iter().copied().collect();
    Ok(policy)
}

fn keeper(config: &RouterConfig, trust: &TrustFile) -> Result<Option<Arc<Keeper>>, StartError> {
    let Some(directory) = &config.vault.directory else { return Ok(None) };
    let mut vault = FileVault::open(directory, "event-router", SystemTime::now)?;
    if let Some(passphrase) = passphrase::given()? {
        vault = vault.encrypted_by(passphrase);
    }
    Ok(Some(Arc::new(Keeper::new(vault, config.vault.root_key.clone(), trust.clone()))))
}

fn log(config: &RouterConfig) -> Result<Log, StartError> {
    let key = key(&config.audit.key_file)?;
    make(&config.audit.directory)?;
    Ok(Log::open(&config.audit.directory, &config.audit.origin, key)?)
}

fn key(path: &Path) -> Result<Arc<Ed25519Key>, StartError> {
    let key = private_key::read(path).map_err(|source| StartError::Key { path: path.to_owned(), source })?;
    Ok(Arc::new(key))
}

fn client(config: &RouterConfig) -> Result<Client, StartError> {
    crate::tls::install_provider();
    let secret = read_secret_file(&config.servicenow.client_secret_file)?;
    let mut builder = Client::builder(&config.servicenow.url)
        .auth(Auth::client_credentials(&config.servicenow.client_id, secret));
    if let Some(path) = &config.servicenow.ca_file {
        let pem = std::fs::read(path).map_err(|source| StartError::File { path: path.clone(), source })?;
        builder = builder.root_certificate_pem(pem);
    }
    Ok(builder.build()?)
}

fn make(directory: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| StartError::File { path: directory.to_owned(), source })
}
