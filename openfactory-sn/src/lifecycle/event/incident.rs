//! Facts about what has become of a device's incidents.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::id::{BuildId, DeviceId, FleetId};
use crate::lifecycle::timestamp;

/// Type name of [`DeviceCleared`].
pub const CLEARED: &str = "tech.openfactory.device.cleared.v1";
/// Type name of [`DeviceEscalated`].
pub const ESCALATED: &str = "tech.openfactory.device.escalated.v1";

/// A device's report no longer has the cause of some incidents, or the flags of its configuration item are others.
/// Whether the device complies is not said by this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceCleared {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// The report's own time.
    #[serde(with = "timestamp")]
    pub reported_at: SystemTime,
    /// The incidents that this resolves.
    pub resolves: Vec<CorrelationId>,
    /// How many incidents of the device stay open.
    pub open: usize,
    /// The flags that hold now, such as `Cert Expired`.
    pub flags: Vec<String>,
}

/// What is done by itself has not helped: a person has to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeviceEscalated {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// The incident that this is about, if one is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<CorrelationId>,
    /// What was tried and what is still wrong.
    pub reason: String,
}
