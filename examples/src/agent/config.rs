//! What the agent is told: `examples/config/agent.toml`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::telemetry::LogConfig;

/// The agent's defaults, and the list of its keys.
pub const DEFAULTS: &str = include_str!("../../config/agent.toml");

/// The agent's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The device.
    pub device: DeviceConfig,
    /// What the device should be.
    pub baseline: BaselineConfig,
    /// How it is checked.
    pub check: CheckConfig,
    /// Where reports go.
    pub router: RouterConfig,
    /// What the agent remembers.
    pub state: StateConfig,
    /// Logs.
    pub log: LogConfig,
}

/// `[device]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// The id under which the platform knows it.
    pub id: String,
    /// The root of the tree that is checked.
    pub root: PathBuf,
    /// The device-attestation key, PKCS#8 PEM.
    pub key_file: PathBuf,
}

/// `[baseline]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineConfig {
    /// The signed verification document.
    pub document: PathBuf,
    /// The manifest whose digest the document holds.
    pub manifest: PathBuf,
    /// Whom to trust to sign documents.
    pub trust: PathBuf,
}

/// `[check]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckConfig {
    /// Whether owners are compared.
    pub ownership: Ownership,
    /// Whether modification times are compared.
    pub modification_times: bool,
    /// How many files are hashed at once; 0: one per processor.
    pub threads: usize,
}

/// Whether the owners of files are compared with the manifest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When this process is root: only then can a tree have been unpacked with its owners.
    AsRoot,
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
    /// How long one pass tries to deliver, in seconds.
    pub deadline_s: u64,
}

/// `[state]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// The directory of the agent's queue and report counter.
    pub directory: PathBuf,
}
