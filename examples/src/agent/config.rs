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
    /// How often it is checked.
    pub run: RunConfig,
    /// What guards its image.
    pub verity: VerityConfig,
    /// What runs on it.
    pub services: ServicesConfig,
    /// Its overlay.
    pub overlay: OverlayConfig,
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
    /// The fleet whose commands count too; empty: none.
    pub fleet: String,
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

/// `[run]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Seconds between two passes.
    pub interval_s: u64,
    /// At most so many seconds more, at random.
    pub jitter_s: u64,
    /// How long one request for commands waits, in seconds.
    pub poll_s: u64,
}

/// `[verity]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerityConfig {
    /// How it is found out.
    pub probe: VerityProbe,
    /// The image that the slot was filled from.
    pub image: Option<PathBuf>,
    /// Its hash tree.
    pub hash_tree: Option<PathBuf>,
}

/// How the agent finds out what guards the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerityProbe {
    /// Not at all.
    Off,
    /// The kernel is asked for the dm-verity target that the root is on.
    Kernel,
    /// The image is hashed against its hash tree.
    File,
}

/// `[services]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicesConfig {
    /// Who is asked.
    pub probe: ServicesProbe,
    /// The file with the services of a simulated device.
    pub file: Option<PathBuf>,
    /// Services that have to run.
    pub required: Vec<String>,
    /// Services that may run; a name that ends in `*` is any that begins so.
    pub allowed: Vec<String>,
}

/// Who is asked which services run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServicesProbe {
    /// Nobody.
    Off,
    /// systemd.
    Systemd,
    /// A file: for simulated devices.
    File,
}

/// `[overlay]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlayConfig {
    /// The root of Zone 2.
    pub root: Option<PathBuf>,
    /// `zone2-manifest.json`.
    pub manifest: Option<PathBuf>,
    /// `zone2-constraints.json`.
    pub constraints: Option<PathBuf>,
    /// The file with the interface addresses of a simulated device.
    pub facts: Option<PathBuf>,
    /// The image's SBOM, which the signed document names.
    pub sbom: Option<PathBuf>,
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
