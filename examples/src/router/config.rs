//! What the event router is told: `examples/config/event-router.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use openfactory_sn::lifecycle::entity::Instruction;
use serde::Deserialize;

use crate::serve::ListenConfig;
use crate::telemetry::LogConfig;

/// The router's defaults, and the list of its keys.
pub const DEFAULTS: &str = include_str!("../../config/event-router.toml");

/// The event router's configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterConfig {
    /// Where it listens.
    pub listen: ListenConfig,
    /// Whom it believes.
    pub trust: TrustConfig,
    /// Where compromised keys are revoked.
    pub vault: VaultConfig,
    /// Where queue and state live.
    pub state: StateConfig,
    /// Where the audit log lives.
    pub audit: AuditConfig,
    /// Whom it talks to.
    pub servicenow: ServiceNowConfig,
    /// Who carries out its orders.
    pub platform: PlatformConfig,
    /// How it works.
    pub worker: WorkerConfig,
    /// What it takes for proof.
    pub attestation: AttestationConfig,
    /// What it signs with.
    pub signing: SigningConfig,
    /// Who may ask it for things.
    pub operator: OperatorConfig,
    /// How long it waits.
    pub timing: TimingConfig,
    /// What operators are told, and where.
    pub alerts: AlertsConfig,
    /// The operator's page.
    pub page: PageConfig,
    /// What a rollout asks of devices, unless its request says otherwise.
    pub rollout: RolloutConfig,
    /// Who may say on an incident what is to be done about its device.
    pub remediation: RemediationConfig,
    /// Logs.
    pub log: LogConfig,
}

/// `[vault]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultConfig {
    /// The vault's directory; without one the router revokes no key.
    pub directory: Option<PathBuf>,
    /// The name of the root key in it, which signs revocation lists.
    pub root_key: String,
}

/// `[trust]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustConfig {
    /// The trust file.
    pub file: PathBuf,
}

/// `[state]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// Where `queue.sqlite` and `state.sqlite` are.
    pub directory: PathBuf,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// The log's directory.
    pub directory: PathBuf,
    /// The log's name.
    pub origin: String,
    /// The log's key.
    pub key_file: PathBuf,
    /// Seconds between checkpoints.
    pub checkpoint_s: u64,
}

/// `[servicenow]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceNowConfig {
    /// The instance's base URL.
    pub url: String,
    /// The CA to trust, and no other.
    pub ca_file: Option<PathBuf>,
    /// OAuth client id.
    pub client_id: String,
    /// File with the OAuth client secret.
    pub client_secret_file: PathBuf,
    /// Which profile is spoken.
    pub mapping: Profile,
    /// Seconds between two readings of a waiting gate's change request.
    pub poll_s: u64,
}

/// The tables, fields and choices that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// Those of the integration guide.
    Guide,
}

/// `[platform]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// The local platform's directory.
    pub local_directory: PathBuf,
}

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Messages handled at once.
    pub concurrency: usize,
    /// Seconds of a lease.
    pub lease_s: u64,
}

/// `[timing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingConfig {
    /// Seconds of silence after which a device raises an incident; 0: never.
    pub report_within_s: u64,
    /// The same for single fleets, by the fleet's id.
    pub fleets: BTreeMap<String, u64>,
    /// Seconds within which a remediation must be proved.
    pub proof_within_s: u64,
}

/// `[alerts]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsConfig {
    /// Where alarms are posted to.
    pub webhook_url: Option<String>,
    /// File with the secret that signs these calls.
    pub webhook_secret_file: Option<PathBuf>,
    /// The CA of the receiver, and no other.
    pub webhook_ca_file: Option<PathBuf>,
    /// Seconds after which a message that could be handled has waited for long; 0: never.
    pub waiting_s: u64,
    /// Seconds after which a message is worked on for long; 0: never.
    pub working_s: u64,
    /// Seconds after which a destination is down for long; 0: never.
    pub down_s: u64,
    /// MiB of free room below which the disk is nearly full; 0: never.
    pub free_mib: u64,
    /// Seconds between two looks.
    pub look_s: u64,
}

/// `[page]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageConfig {
    /// Whether `/` and `/v1/overview` are served at all.
    pub enabled: bool,
    /// File with the token that a look at them needs; without it they are for this machine alone.
    pub token_file: Option<PathBuf>,
}

/// `[rollout]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutConfig {
    /// Seconds for which each device must stay healthy.
    pub soak_s: u64,
    /// Healthy reports of a device that takes at least.
    pub reports: u32,
    /// Whether a report must prove the signed dm-verity root hash to count.
    pub require_verity: bool,
    /// Seconds that each stage may take.
    pub stage_within_s: u64,
}

/// `[remediation]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemediationConfig {
    /// Whose instructions count, by their `user_name` in ServiceNow.
    pub instructors: Vec<String>,
    /// Which of them wait for the approval of their change request.
    pub approved_first: Vec<Instruction>,
}

/// `[attestation]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationConfig {
    /// Whether a report has to answer a challenge.
    pub require_nonce: bool,
}

/// `[signing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningConfig {
    /// The router's own key; without it the router asks no device for a report.
    pub key_file: Option<PathBuf>,
}

/// `[operator]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorConfig {
    /// File with the operators' token; without it nobody may ask.
    pub token_file: Option<PathBuf>,
}
