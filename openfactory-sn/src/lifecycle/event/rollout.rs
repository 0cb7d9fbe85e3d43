//! Facts about the rollout of a build to a fleet (guide, Stage 3, "Rollout Stages").
//!
//! A rollout is asked for by one event:
//!
//! ```
//! use openfactory_attest::Sha256Digest;
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::event::rollout::{ImageFacts, RolloutDevice, RolloutRequested, Stage};
//! use openfactory_sn::lifecycle::id::{BuildId, DeviceId, FleetId};
//!
//! let digest = |of: &str| Sha256Digest::of(of.as_bytes());
//! let mut image = ImageFacts::new(digest("recipe"), digest("root"), digest("document"));
//! image.distribution = "Debian".to_owned();
//! let devices = (1..=20).map(|n| Ok(RolloutDevice::new(DeviceId::new(format!("press-{n}"))?, format!("SN-{n:04}"))));
//! let devices = devices.collect::<Result<_, openfactory_sn::lifecycle::id::IdError>>()?;
//!
//! let (build, fleet) = (BuildId::new("b-2")?, FleetId::new("line-7")?);
//! let mut request = RolloutRequested::new(build, fleet, devices, image);
//! request.canary = Some(DeviceId::new("press-7")?);
//! request.soak_s = Some(3600);
//! assert_eq!(EventBody::RolloutRequested(Box::new(request)).key(), "rollout:b-2");
//!
//! // One device, a tenth, the rest.
//! let stages: Vec<_> = std::iter::successors(Some(Stage::Canary), |stage| stage.next()).collect();
//! assert_eq!(stages, Stage::ALL);
//! assert_eq!(stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>(), ["canary", "staged", "full"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What becomes of it is told step by step, here as lines of a log:
//!
//! ```
//! use openfactory_sn::lifecycle::event::rollout::{
//!     DeviceAssigned, DeviceChecked, DeviceHealth, DeviceWithdrawn, RolloutCompleted, RolloutFailed, StageOverdue,
//!     StagePassed, StageStarted,
//! };
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//!
//! fn line(told: &Event) -> Option<String> {
//!     Some(match &told.body {
//!         EventBody::RolloutStageStarted(body) => started(body),
//!         EventBody::RolloutDeviceAssigned(body) => assigned(body),
//!         EventBody::RolloutDeviceChecked(body) => checked(body),
//!         EventBody::RolloutStagePassed(body) => passed(body),
//!         EventBody::RolloutStageOverdue(body) => overdue(body),
//!         EventBody::RolloutFailed(body) => failed(body),
//!         EventBody::RolloutDeviceWithdrawn(body) => withdrawn(body),
//!         EventBody::RolloutCompleted(body) => completed(body),
//!         _ => return None,
//!     })
//! }
//!
//! fn started(body: &StageStarted) -> String {
//!     format!("{}: {} of {} device(s), {} s each", body.stage, body.devices.len(), body.of, body.soak_s)
//! }
//! fn assigned(body: &DeviceAssigned) -> String {
//!     format!("{}: {} is to run {}", body.stage, body.device, body.build_id)
//! }
//! fn checked(body: &DeviceChecked) -> String {
//!     if body.is_healthy() { format!("{} is healthy", body.device) } else { body.faults.join(", ") }
//! }
//! fn passed(body: &StagePassed) -> String {
//!     let reports = body.health.iter().map(|health: &DeviceHealth| health.reports);
//!     format!("{}: passed after {} report(s)", body.stage, reports.sum::<u32>())
//! }
//! fn overdue(body: &StageOverdue) -> String {
//!     format!("{}: not passed in time", body.stage)
//! }
//! fn failed(body: &RolloutFailed) -> String {
//!     format!("{}: {}; {} rolled back", body.stage, body.reason, body.rolled_back.len())
//! }
//! fn withdrawn(body: &DeviceWithdrawn) -> String {
//!     format!("{} leaves {}: {}", body.device, body.build_id, body.reason)
//! }
//! fn completed(body: &RolloutCompleted) -> String {
//!     format!("{} runs on {} device(s)", body.build_id, body.devices)
//! }
//!
//! let told = |type_name: &str, data: &str| {
//!     let head = r#"{"id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:43:25Z", "type""#;
//!     Event::parse(format!(r#"{head}: "tech.openfactory.rollout.{type_name}.v1", "data": {data}}}"#).as_bytes())
//! };
//! let rows = [
//!     (
//!         "device_assigned",
//!         r#"{"device": "press-7", "fleet": "line-7", "build_id": "b-2", "stage": "canary"}"#,
//!         "canary: press-7 is to run b-2",
//!     ),
//!     (
//!         "device_checked",
//!         r#"{"device": "press-7", "build_id": "b-2", "at": "2026-11-25T14:43:25Z"}"#,
//!         "press-7 is healthy",
//!     ),
//!     (
//!         "stage_passed",
//!         r#"{"build_id": "b-2", "fleet": "line-7", "stage": "canary", "soak_s": 3600, "health": [
//!             {"device": "press-7", "stage": "canary", "standing": "passed", "reports": 12}
//!         ]}"#,
//!         "canary: passed after 12 report(s)",
//!     ),
//!     (
//!         "failed",
//!         r#"{"build_id": "b-2", "fleet": "line-7", "stage": "staged", "reason": "press-9: sshd is stopped",
//!             "soak_s": 3600, "rolled_back": ["press-7", "press-9"], "health": []}"#,
//!         "staged: press-9: sshd is stopped; 2 rolled back",
//!     ),
//! ];
//! for (type_name, data, expected) in rows {
//!     assert_eq!(line(&told(type_name, data)?).as_deref(), Some(expected));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use serde::{Deserialize, Serialize};

use crate::lifecycle::id::{BuildId, DeviceId, FleetId, OrderId};
use crate::lifecycle::timestamp;

/// Type name of [`RolloutRequested`].
pub const REQUESTED: &str = "tech.openfactory.rollout.requested.v1";
/// Type name of [`StageStarted`].
pub const STAGE_STARTED: &str = "tech.openfactory.rollout.stage_started.v1";
/// Type name of [`DeviceAssigned`].
pub const DEVICE_ASSIGNED: &str = "tech.openfactory.rollout.device_assigned.v1";
/// Type name of [`DeviceChecked`].
pub const DEVICE_CHECKED: &str = "tech.openfactory.rollout.device_checked.v1";
/// Type name of [`StagePassed`].
pub const STAGE_PASSED: &str = "tech.openfactory.rollout.stage_passed.v1";
/// Type name of [`StageOverdue`].
pub const STAGE_OVERDUE: &str = "tech.openfactory.rollout.stage_overdue.v1";
/// Type name of [`DeviceWithdrawn`].
pub const DEVICE_WITHDRAWN: &str = "tech.openfactory.rollout.device_withdrawn.v1";
/// Type name of [`RolloutFailed`].
pub const FAILED: &str = "tech.openfactory.rollout.failed.v1";
/// Type name of [`RolloutCompleted`].
pub const COMPLETED: &str = "tech.openfactory.rollout.completed.v1";

/// The most devices of one rollout.
pub const MAX_DEVICES: usize = 1000;
/// The longest soak, and the longest stage, in seconds: 30 days.
pub const MAX_SECONDS: u64 = 30 * 24 * 3600;

/// A stage of a rollout, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the guide's table has three rows")]
pub enum Stage {
    /// One device.
    Canary,
    /// A tenth of the fleet.
    Staged,
    /// The rest.
    Full,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Canary, Self::Staged, Self::Full];

    /// The stage after it.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Canary => Some(Self::Staged),
            Self::Staged => Some(Self::Full),
            Self::Full => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Staged => "staged",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is to be said of an image when a device runs it: see
/// [`DeviceDeployed`](super::device::DeviceDeployed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageFacts {
    /// The base image that the build was made from, such as `debian-trixie`.
    pub base_image: String,
    /// The base image's version.
    pub base_version: String,
    /// The OS version.
    pub os_version: String,
    /// The distribution: `Ubuntu`, `Debian`, `Fedora`, `Elster OS`.
    pub distribution: String,
    /// The recipe's features.
    #[serde(default)]
    pub features: Vec<String>,
    /// `minimal`, `standard`, `strict`, or empty if the recipe has none.
    #[serde(default)]
    pub security_level: String,
    /// The recipe's hash.
    pub recipe_hash: Sha256Digest,
    /// The image's dm-verity root hash.
    pub root_hash: Sha256Digest,
    /// The verification document's digest.
    pub document_digest: Sha256Digest,
}

impl ImageFacts {
    /// Facts about a plain base image; the text fields and features are set afterwards.
    #[must_use]
    pub fn new(recipe_hash: Sha256Digest, root_hash: Sha256Digest, document_digest: Sha256Digest) -> Self {
        Self {
            base_image: String::new(),
            base_version: String::new(),
            os_version: String::new(),
            distribution: String::new(),
            features: Vec::new(),
            security_level: String::new(),
            recipe_hash,
            root_hash,
            document_digest,
        }
    }
}

/// A device that is to run the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RolloutDevice {
    /// The device.
    pub device: DeviceId,
    /// Its serial number.
    pub serial: String,
}

impl RolloutDevice {
    /// All there is to say.
    pub fn new(device: DeviceId, serial: impl Into<String>) -> Self {
        Self { device, serial: serial.into() }
    }
}

/// A verified build is to be rolled out to a fleet, stage by stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RolloutRequested {
    /// The build.
    pub build_id: BuildId,
    /// The fleet, the same that the build was requested for.
    pub fleet: FleetId,
    /// The fleet's devices, at most [`MAX_DEVICES`], each once.
    pub devices: Vec<RolloutDevice>,
    /// Which of them is the first; without it, one is drawn by hash of build and device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<DeviceId>,
    /// How long each device must stay healthy, in seconds; without it, what the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak_s: Option<u64>,
    /// How long each stage may take, in seconds; without it, what the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_within_s: Option<u64>,
    /// What is deployed.
    pub image: ImageFacts,
}

impl RolloutRequested {
    /// A rollout by the policy's numbers, with a drawn canary.
    #[must_use]
    pub fn new(build_id: BuildId, fleet: FleetId, devices: Vec<RolloutDevice>, image: ImageFacts) -> Self {
        Self { build_id, fleet, devices, canary: None, soak_s: None, stage_within_s: None, image }
    }

    /// What the members' types can't say; why it is wrong, if it is.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.devices.is_empty() || self.devices.len() > MAX_DEVICES {
            return Err(format!(
                "a rollout has 1 to {MAX_DEVICES} devices, this one has {}",
                self.devices.len()
            ));
        }
        let devices: BTreeSet<&DeviceId> = self.devices.iter().map(|one| &one.device).collect();
        if devices.len() != self.devices.len() {
            return Err("a device is named twice".to_owned());
        }
        if let Some(canary) = self.canary.as_ref().filter(|canary| !devices.contains(canary)) {
            return Err(format!("the canary {canary} is none of its devices"));
        }
        for (name, seconds) in [("soak_s", self.soak_s), ("stage_within_s", self.stage_within_s)] {
            if seconds.is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds)) {
                return Err(format!("{name} is 1 to {MAX_SECONDS} seconds"));
            }
        }
        Ok(())
    }
}

/// A stage has begun: its devices are assigned to the build. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageStarted {
    /// The build.
    pub build_id: BuildId,
    /// The fleet.
    pub fleet: FleetId,
    /// The stage.
    pub stage: Stage,
    /// Its devices.
    pub devices: Vec<DeviceId>,
    /// How many devices the whole rollout has.
    pub of: usize,
    /// How long each device must stay healthy, in seconds.
    pub soak_s: u64,
    /// How many healthy reports that takes at least.
    pub reports: u32,
    /// Whether each must prove the signed dm-verity root hash.
    pub requires_verity: bool,
    /// When the stage is overdue.
    #[serde(with = "timestamp")]
    pub due: SystemTime,
}

/// A device is to run the build. Derived; whether and when it is ordered is decided in the device's own lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceAssigned {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build.
    pub build_id: BuildId,
    /// The stage.
    pub stage: Stage,
}

/// What a report, or a failed deployment, says of a device's health. Derived, from the device's lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceChecked {
    /// The device.
    pub device: DeviceId,
    /// The build that is rolled out.
    pub build_id: BuildId,
    /// When the device looked, or the platform gave up; never later than our clock.
    #[serde(with = "timestamp")]
    pub at: SystemTime,
    /// What is wrong with it; healthy if nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The order by which its own lane has rolled it back already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Whether the build never came to it: then there is nothing to roll back.
    #[serde(default)]
    pub not_deployed: bool,
}

impl DeviceChecked {
    /// Whether nothing is wrong with it.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What is known of a device's health at the end of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceHealth {
    /// The device.
    pub device: DeviceId,
    /// Its stage.
    pub stage: Stage,
    /// `passed`, `failed`, `soaking`, `assigned` or `waiting`.
    pub standing: String,
    /// How many healthy reports it made.
    pub reports: u32,
    /// When it made the first of them.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub healthy_since: Option<SystemTime>,
    /// When it made the last of them.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub healthy_until: Option<SystemTime>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// Every device of a stage has passed; an empty stage has, too, and says so. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StagePassed {
    /// The build.
    pub build_id: BuildId,
    /// The fleet.
    pub fleet: FleetId,
    /// The stage.
    pub stage: Stage,
    /// How long each device had to stay healthy, in seconds.
    pub soak_s: u64,
    /// Its devices.
    pub health: Vec<DeviceHealth>,
}

/// A stage has not passed in time; whether that still matters is decided when this is handled. Derived, from a
/// timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageOverdue {
    /// The build.
    pub build_id: BuildId,
    /// The stage.
    pub stage: Stage,
    /// When the stage began.
    #[serde(with = "timestamp")]
    pub since: SystemTime,
}

/// The rollout has failed, so the device is to run its last known-good build again. Derived; which one that is
/// is decided in the device's own lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceWithdrawn {
    /// The device.
    pub device: DeviceId,
    /// The build that it is to run no longer.
    pub build_id: BuildId,
    /// Why the rollout has failed.
    pub reason: String,
}

/// A stage has failed: the rollout has halted, and what it had deployed is rolled back. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RolloutFailed {
    /// The build.
    pub build_id: BuildId,
    /// The fleet.
    pub fleet: FleetId,
    /// The stage that failed.
    pub stage: Stage,
    /// Why.
    pub reason: String,
    /// How long each device had to stay healthy, in seconds.
    pub soak_s: u64,
    /// The devices that are rolled back, those of earlier stages too.
    pub rolled_back: Vec<DeviceId>,
    /// All devices of the stages that had begun.
    pub health: Vec<DeviceHealth>,
}

/// Every device of the fleet runs the build and has passed. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RolloutCompleted {
    /// The build.
    pub build_id: BuildId,
    /// The fleet.
    pub fleet: FleetId,
    /// How many devices run it.
    pub devices: usize,
    /// When the rollout was begun.
    #[serde(with = "timestamp")]
    pub begun_at: SystemTime,
}
