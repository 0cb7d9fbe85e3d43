//! Facts about what has become of a device's incidents.
//!
//! ```
//! use openfactory_sn::lifecycle::event::incident::{IncidentOverdue, Promise, DeviceCleared, DeviceEscalated, IncidentAssigned, IncidentClosed};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//!
//! /// A line for the people on duty.
//! fn line(told: &Event) -> Option<String> {
//!     match &told.body {
//!         EventBody::DeviceEscalated(escalated) => Some(ask_for_help(escalated)),
//!         EventBody::DeviceCleared(cleared) => Some(give_the_all_clear(cleared)),
//!         EventBody::IncidentAssigned(assigned) => Some(hand_over(assigned)),
//!         EventBody::IncidentClosed(closed) => Some(file(closed)),
//!         EventBody::IncidentOverdue(late) => Some(remind(late)),
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
//! fn hand_over(assigned: &IncidentAssigned) -> String {
//!     format!("{} ({}) is yours, {}", assigned.number, assigned.priority, assigned.assigned_to)
//! }
//!
//! fn remind(late: &IncidentOverdue) -> String {
//!     match late.promise {
//!         Promise::Resolve => format!("{}: is it mended?", late.device),
//!         _ => format!("{}: does anybody look at it?", late.device),
//!     }
//! }
//!
//! fn file(closed: &IncidentClosed) -> String {
//!     format!("{}: {} is closed, the device is {}", closed.device, closed.number, closed.compliance)
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
//!
//! let told = Event::parse(br#"{
//!     "id": "3", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:54:25.120Z",
//!     "type": "tech.openfactory.incident.assigned.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "incident": "incident/press-7/39fffec3e6c3d26e",
//!         "number": "INC0010042", "priority": "P2", "assigned_to": "46d44a23a9fe19810012d100cca80666",
//!         "group": "287ebd7da9fe198100f92cc8d1d2154e", "updated_by": "dispatcher"
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("INC0010042 (P2) is yours, 46d44a23a9fe19810012d100cca80666"));
//!
//! let told = Event::parse(br#"{
//!     "id": "4", "source": "/openfactory/lifecycle", "time": "2026-11-25T15:54:25.120Z",
//!     "type": "tech.openfactory.incident.closed.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "incident": "incident/press-7/39fffec3e6c3d26e",
//!         "number": "INC0010042", "updated_by": "ada", "compliance": "unknown", "released": false
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: INC0010042 is closed, the device is Unknown"));
//!
//! let told = Event::parse(br#"{
//!     "id": "5", "source": "/openfactory/lifecycle", "time": "2026-11-25T15:54:25.120Z",
//!     "type": "tech.openfactory.incident.overdue.v1",
//!     "data": {
//!         "device": "press-7", "incident": "incident/press-7/39fffec3e6c3d26e", "priority": "P2", "promise": "respond"
//!     }
//! }"#)?;
//! assert_eq!(line(&told).as_deref(), Some("press-7: does anybody look at it?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::id::{BuildId, DeviceId, FleetId};
use crate::lifecycle::priority::Priority;
use crate::lifecycle::timestamp;

/// Type name of [`DeviceCleared`].
pub const CLEARED: &str = "tech.openfactory.device.cleared.v1";
/// Type name of [`DeviceEscalated`].
pub const ESCALATED: &str = "tech.openfactory.device.escalated.v1";

/// Type name of [`IncidentAssigned`].
pub const ASSIGNED: &str = "tech.openfactory.incident.assigned.v1";
/// Type name of [`IncidentClosed`].
pub const CLOSED: &str = "tech.openfactory.incident.closed.v1";

/// Type name of [`IncidentOverdue`].
pub const OVERDUE: &str = "tech.openfactory.incident.overdue.v1";

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

/// A person, or another group, is to work on an incident of ours: whoever that is, is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncidentAssigned {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// The incident.
    pub incident: CorrelationId,
    /// Its number.
    pub number: String,
    /// Its priority.
    pub priority: Priority,
    /// The sys_id of the user who is to work on it; empty if only a group is.
    pub assigned_to: String,
    /// The sys_id of the group that is.
    pub group: String,
    /// Who had updated it last when it was read.
    pub updated_by: String,
}

/// A person has closed, or canceled, an incident that was open here. What kept the device apart because of it ends, and a
/// fresh report is awaited: only that makes it compliant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncidentClosed {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// The incident.
    pub incident: CorrelationId,
    /// Its number.
    pub number: String,
    /// Who had updated it last when it was read.
    pub updated_by: String,
    /// What is known about the device's compliance now.
    pub compliance: Compliance,
    /// Whether the end of a quarantine is ordered.
    pub released: bool,
}

/// What is promised of an incident (guide, "Incident Priority Matrix").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Promise {
    /// That somebody looks at it: it leaves New, or is assigned to a person.
    Respond,
    /// That it is resolved.
    Resolve,
}

impl Promise {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Respond, Self::Resolve];
}

/// The time within which something was promised of an incident is over. Whether the promise was kept is decided then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncidentOverdue {
    /// The device.
    pub device: DeviceId,
    /// The incident.
    pub incident: CorrelationId,
    /// Its priority.
    pub priority: Priority,
    /// What was promised.
    pub promise: Promise,
}
