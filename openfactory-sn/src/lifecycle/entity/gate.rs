use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::id::{BuildId, EventId};
use super::super::timestamp;

/// Whether a gate is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GateState {
    /// It waits for the change request's approval.
    Waiting,
    /// It is open.
    Open {
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// It will not open.
    Refused {
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
        /// Why.
        reason: String,
    },
}

/// The gate of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gate {
    /// The build that waits for it.
    pub build_id: BuildId,
    /// Whether it is open.
    pub state: GateState,
    /// The identity of the event that asked for the build: its receipt tells that the change request is whole.
    pub requested_by: EventId,
}
