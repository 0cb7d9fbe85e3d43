use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;
use serde::{Deserialize, Serialize};

use super::super::compliance::Compliance;
use super::super::event::device::Awaited;
use super::super::id::{BuildId, DeviceId, FleetId, OrderId};
use super::super::priority::Priority;
use super::super::timestamp;
use super::overlay::{Overlay, Restart};
use crate::id::{CorrelationId, SysId};

/// An incident that was opened for a device and is not resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenIncident {
    /// Its correlation id.
    pub incident: CorrelationId,
    /// Digest of what it is about.
    pub cause: Sha256Digest,
    /// Its priority.
    pub priority: Priority,
    /// Each finding that it is about, as a short hash: it is over when a report has none of them. Empty where only
    /// compliance ends it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// The sys_id of the group that it was last seen to be assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The sys_id of the user that it was last seen to be assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
}

impl OpenIncident {
    /// One that nobody was seen to work on.
    pub(crate) const fn new(
        incident: CorrelationId,
        cause: Sha256Digest,
        priority: Priority,
        about: Vec<String>,
    ) -> Self {
        Self { incident, cause, priority, about, group: None, assigned_to: None }
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Device {
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// What is known about its compliance.
    pub compliance: Compliance,
    /// Whether it is kept apart.
    pub quarantined: bool,
    /// The time of its last accepted report, by its own clock.
    #[serde(with = "timestamp::option")]
    pub last_report: Option<SystemTime>,
    /// Reports from before this instant speak of what was there before.
    #[serde(with = "timestamp")]
    pub reports_count_from: SystemTime,
    /// Since when, by our clock, its next report is awaited.
    #[serde(with = "timestamp::option")]
    pub awaiting_since: Option<SystemTime>,
    /// When its compliance was last recorded.
    #[serde(with = "timestamp::option")]
    pub recorded_at: Option<SystemTime>,
    /// Its open incidents.
    pub incidents: Vec<OpenIncident>,
    /// The order that is under way or waits for its proof.
    pub order: Option<OrderId>,
    /// Builds that ran compliant on it, the latest last.
    pub known_good: Vec<BuildId>,
    /// The build that it was related to before, until the new one is proved.
    pub supersedes: Option<BuildId>,
    /// The build whose rollout it takes part in: its reports are told to the rollout while it runs that build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<BuildId>,
    /// The compromised key that signed what it runs, until it has proved itself without that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_key: Option<KeyId>,
    /// What it told of its overlay; none of a device that never told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// Required services that it is to start again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<Restart>,
    /// The flags that its configuration item has, such as `Cert Expired`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What its reports have shown beside its files; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// The person's instruction that waits to be begun: the key of its [`Remediation`](super::Remediation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructed: Option<SysId>,
    /// The incident whose author keeps it apart: no report of its own ends that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<CorrelationId>,
}

impl Device {
    /// A device of which nothing is known but what it should be running.
    pub(crate) fn new(fleet: FleetId, build_id: BuildId, reports_count_from: SystemTime) -> Self {
        Self {
            fleet,
            build_id,
            compliance: Compliance::Unknown,
            quarantined: false,
            last_report: None,
            reports_count_from,
            awaiting_since: None,
            recorded_at: None,
            incidents: Vec::new(),
            order: None,
            known_good: Vec::new(),
            supersedes: None,
            rollout: None,
            compromised_key: None,
            overlay: None,
            restarts: Vec::new(),
            flags: Vec::new(),
            shown: None,
            instructed: None,
            held: None,
        }
    }
}

/// What a device's reports of one build have shown beside its files. A later report that leaves it out has not checked
/// it; another build need not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shown {
    /// The build that it ran.
    pub build_id: BuildId,
    /// Whether dm-verity proves its image, or found it broken.
    pub verity: bool,
    /// The states of its services.
    pub services: bool,
}

impl Shown {
    /// Nothing yet, of this build.
    pub(crate) const fn nothing(build_id: BuildId) -> Self {
        Self { build_id, verity: false, services: false }
    }
}

/// A wait that ends by itself: the name of a timer, one per thing waited for.
pub(crate) fn timer_name(device: &DeviceId, awaited: &Awaited) -> String {
    match awaited {
        Awaited::Report => format!("report:{device}"),
        Awaited::Proof { order } => format!("proof:{order}"),
    }
}
