//! What the webhook receiver is told: `examples/config/webhook.toml`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::serve::ListenConfig;
use crate::telemetry::LogConfig;

/// The receiver's defaults, and the list of its keys.
pub const DEFAULTS: &str = include_str!("../../config/webhook.toml");

/// The webhook receiver's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where it listens.
    pub listen: ListenConfig,
    /// Whom it believes.
    pub servicenow: ServiceNowConfig,
    /// Where it forwards to.
    pub router: RouterConfig,
    /// What it signs with.
    pub signing: SigningConfig,
    /// Where calls wait.
    pub queue: QueueConfig,
    /// Logs.
    pub log: LogConfig,
}

/// `[servicenow]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceNowConfig {
    /// Files with the secrets that calls may be signed with.
    pub secret_files: Vec<PathBuf>,
    /// How far a call's timestamp may be off, in seconds.
    pub tolerance_s: u64,
    /// The tables whose changes are listened to.
    pub tables: Vec<String>,
}

/// `[router]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterConfig {
    /// The router's base URL.
    pub url: String,
    /// The CA to trust, and no other.
    pub ca_file: Option<PathBuf>,
    /// How long one attempt may take, in seconds.
    pub timeout_s: u64,
}

/// `[signing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningConfig {
    /// The integration key, PKCS#8 PEM.
    pub key_file: PathBuf,
    /// The CloudEvents source of what is forwarded.
    pub source: String,
}

/// `[queue]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// The queue's SQLite file.
    pub file: PathBuf,
    /// How many events are forwarded at once.
    pub concurrency: usize,
}
