use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::id::{BuildId, DeviceId, FleetId, OrderId};
use super::super::timestamp;
use crate::id::CorrelationId;

/// What a person may tell us, in an incident's own field, to do about its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Instruction {
    /// Back to the last build that is known to be good on it.
    Rollback,
    /// What it runs, built anew from its recipe.
    Rebuild,
    /// Kept apart until the incident is closed, or another instruction mends the device.
    Quarantine,
}

impl Instruction {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Rollback, Self::Rebuild, Self::Quarantine];

    /// The field's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Rebuild => "rebuild",
            Self::Quarantine => "quarantine",
        }
    }

    /// From the field's value; nothing but these three words counts.
    #[must_use]
    pub fn from_raw(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|instruction| instruction.as_str() == raw)
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far an instruction has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RemediationState {
    /// It waits for the approval of its change request.
    Waiting,
    /// It waits until another order on the device has ended.
    Queued,
    /// The platform is to act.
    Ordered,
    /// The platform has acted; the device's next report tells whether it helped.
    Performed,
    /// The device has proved it, or, of a quarantine, it is in force.
    Done,
    /// It could not be done, or was not proved in time: a person was told.
    Failed {
        /// What stood in the way.
        reason: String,
    },
    /// It was not begun, and will not be.
    Dropped {
        /// Why.
        reason: String,
    },
}

/// An instruction of a person, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remediation {
    /// The incident that it was written on.
    pub incident: CorrelationId,
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that the device should have been running.
    pub build_id: BuildId,
    /// What is to be done.
    pub instruction: Instruction,
    /// Who said so, as the instance recorded it.
    pub by: String,
    /// The order that carries it out, and whose change request it has.
    pub order: OrderId,
    /// Whether its change request has to be approved first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// How far it has come.
    #[serde(flatten)]
    pub state: RemediationState,
    /// Since when.
    #[serde(with = "timestamp")]
    pub since: SystemTime,
}

impl Remediation {
    /// Whether it has not begun, and may.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, RemediationState::Waiting | RemediationState::Queued)
    }
}
