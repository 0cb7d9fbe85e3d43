use serde::{Deserialize, Serialize};

use super::super::event::device::Finding;
use super::super::id::{BuildId, DeviceId};

/// A fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fleet {
    /// Builds whose rollout reached all of it, the latest last; at most 8.
    #[serde(default)]
    pub reached_full: Vec<BuildId>,
    /// What is told in one report at the end of the day; none on a quiet one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<Minor>,
}

/// Findings of one day (UTC) that have no incident of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Minor {
    /// The day, counted from 1970-01-01.
    pub day: u64,
    /// The findings, each once; at most 500.
    pub findings: Vec<MinorFinding>,
    /// How many more there were.
    pub left_out: u64,
}

/// A finding that has no incident of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MinorFinding {
    /// The device.
    pub device: DeviceId,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}
