use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::event::rollout::{ImageFacts, Stage};
use super::super::id::{DeviceId, EventId, FleetId};
use super::super::timestamp;

/// How far a rollout has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RolloutState {
    /// The devices of this stage, and of those before it, are watched.
    Running {
        /// The stage.
        stage: Stage,
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// Every device of this stage has passed; the next stage begins when its approval was read again.
    Passed {
        /// The stage.
        stage: Stage,
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// Every device has passed.
    Completed {
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// It has halted; what it had deployed is rolled back.
    Failed {
        /// In which stage.
        stage: Stage,
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
        /// Why.
        reason: String,
    },
}

/// How a device stands in its rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// Its stage has not begun.
    Waiting,
    /// It is to run the build; no healthy report has come.
    Assigned,
    /// Its reports are healthy, for too short a time yet.
    Soaking,
    /// Its reports were healthy for long enough.
    Passed,
    /// A report of it was not healthy, or it could not be deployed.
    Failed,
}

/// A device in a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// Its stage.
    pub stage: Stage,
    /// Its serial number.
    pub serial: String,
    /// How it stands.
    pub standing: Standing,
    /// How many healthy reports it made.
    #[serde(default)]
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

/// The rollout of a build to a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rollout {
    /// The fleet.
    pub fleet: FleetId,
    /// The identity of the event that asked for it.
    pub requested_by: EventId,
    /// When it was begun.
    #[serde(with = "timestamp")]
    pub begun_at: SystemTime,
    /// What is deployed.
    pub image: ImageFacts,
    /// How long each device must stay healthy, in seconds.
    pub soak_s: u64,
    /// How many healthy reports of each device that takes at least.
    pub reports: u32,
    /// Whether a report must prove the signed dm-verity root hash.
    pub requires_verity: bool,
    /// How long each stage may take, in seconds.
    pub stage_within_s: u64,
    /// How far it has come.
    #[serde(flatten)]
    pub state: RolloutState,
    /// Its devices.
    pub devices: BTreeMap<DeviceId, Member>,
}

impl Rollout {
    /// The devices of one stage.
    pub fn of_stage(&self, stage: Stage) -> impl Iterator<Item = (&DeviceId, &Member)> {
        self.devices.iter().filter(move |(_, member)| member.stage == stage)
    }

    /// Whether devices are watched for it.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self.state, RolloutState::Running { .. } | RolloutState::Passed { .. })
    }
}
