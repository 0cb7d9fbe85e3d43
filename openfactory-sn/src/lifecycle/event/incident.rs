//! Facts about what has become of a device's incidents.
//!
//! ```
//! use openfactory_sn::lifecycle::event::incident::{DeviceCleared, DeviceEscalated};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//!
//! /// A line for the people on duty.
//! fn line(told: &Event) -> Option<String> {
//!     match &told.body {
//!         EventBody::DeviceEscalated(escalated) => Some(ask_for_help(escalated)),
//!         EventBody::DeviceCleared(cleared) => Some(give_the_all_clear(cleared)),
//!         _ => None,
//!     }
//! }
//!
//! fn ask_for_help(escalated: &DeviceEscalated) -> String {
//!     format!("{} needs a person: {}", escalated.device, escalated.reason)
//! }
//!
//! fn give_the_all_clear(cleared: &DeviceCleared) -> String {
//!     format!("{}: {} resolved, {} open", cleared.device, cleared.resolves.len(), cleared.open)
//! }
//!
//! let told = Event::parse(br#"{
//!     "id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:43:25.120Z",
//!     "type": "tech.openfactory.device.cleared.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "reported_at": "2026-11-25T14:43:20Z",
//!         "resolves": ["incident/press-7/39fffec3e6c3d26e"], "open": 1, "flags": []
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: 1 resolved, 1 open"));
//!
//! let told = Event::parse(br#"{
//!     "id": "2", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:53:25.120Z",
//!     "type": "tech.openfactory.device.escalated.v1",
//!     "data": {"device": "press-7", "fleet": "line-7", "build_id": "b-1", "reason": "sshd was started 3 times"}
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7 needs a person: sshd was started 3 times"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
