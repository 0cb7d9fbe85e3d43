//! A device's overlay was opened or closed (guide, "Lockdown State Transitions").
//!
//! ```
//! use openfactory_sn::lifecycle::event::lockdown::{LockdownChanged, LockdownRecorded, TransitionRecordedAs};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::id::DeviceId;
//! use openfactory_sn::lifecycle::timestamp;
//! use openfactory_zone2::lockdown::TransitionRecord;
//!
//! // The device tells of the transition before it opens its overlay, and until when the window is open.
//! let transition: TransitionRecord = serde_json::from_str(r#"{
//!     "sequence": 2, "from": "locked", "to": "unlocked", "at": "2026-11-25T14:00:00Z", "row": "zone2.lockdown.unlocked",
//!     "cause": {"command": {
//!         "id": "unlock-42", "signer": "ada", "operator": "ada@plant.example",
//!         "justification": "the gateway is replaced", "change_request": "CHG0030001"
//!     }},
//!     "seal": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
//! }"#)?;
//! let mut changed = LockdownChanged::new(DeviceId::new("press-7")?, transition.clone());
//! changed.expires = Some(timestamp::parse("2026-11-25T16:00:00Z")?);
//! let body = EventBody::LockdownChanged(Box::new(changed));
//! assert_eq!((body.key().as_str(), body.speaker()), ("device:press-7", Some("press-7")));
//!
//! // What comes of it in ServiceNow follows from the state that was left and the one that was entered.
//! fn recorded(told: &LockdownRecorded) -> String {
//!     match &told.recorded {
//!         TransitionRecordedAs::Opened { change_request } => format!("{change_request} is opened"),
//!         TransitionRecordedAs::Closed { change_request } => format!("{change_request} is closed"),
//!         TransitionRecordedAs::Review { change_request } => format!("{change_request} is to be looked at"),
//!         TransitionRecordedAs::Note { build_id } => format!("a note on the change of {build_id}"),
//!         _ => String::new(),
//!     }
//! }
//!
//! let told = serde_json::json!({
//!     "id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:00:01Z",
//!     "type": "tech.openfactory.device.lockdown_recorded.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "transition": transition,
//!         "recorded": {"as": "opened", "change_request": "unlock/press-7/2"}, "differences": 0,
//!         "compliance": "compliant",
//!     },
//! });
//! let told = Event::parse(told.to_string().as_bytes())?;
//! let EventBody::LockdownRecorded(told) = &told.body else { panic!("{told:?}") };
//! assert_eq!(recorded(told), "unlock/press-7/2 is opened");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::SystemTime;

use openfactory_zone2::lockdown::TransitionRecord;
use openfactory_zone2::overlay_report::OverlayFinding;
use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::compliance::Compliance;
use crate::lifecycle::id::{BuildId, DeviceId, FleetId};
use crate::lifecycle::timestamp;

/// Type name of [`LockdownChanged`].
pub const CHANGED: &str = "tech.openfactory.device.lockdown_changed.v1";
/// Type name of [`LockdownRecorded`].
pub const RECORDED: &str = "tech.openfactory.device.lockdown_recorded.v1";

/// A transition of a device's lockdown, told by the device, once for each of its sequence numbers. It is durable at the
/// device before the overlay is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockdownChanged {
    /// The device.
    pub device: DeviceId,
    /// What changed, why, by whose command (operator, justification, change request), and the digest of the seal that
    /// is in force.
    pub transition: TransitionRecord,
    /// When the window that was opened closes by itself; none where none was opened.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub expires: Option<SystemTime>,
    /// What differs from the seal, where the overlay was closed against the old one: each a P1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<OverlayFinding>,
}

impl LockdownChanged {
    /// A transition without a window and without findings.
    #[must_use]
    pub const fn new(device: DeviceId, transition: TransitionRecord) -> Self {
        Self { device, transition, expires: None, findings: Vec::new() }
    }
}

/// Where a transition is recorded (guide, "Lockdown State Transitions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TransitionRecordedAs {
    /// A work note on the change request of a build: that of the rollout, if there is one.
    Note {
        /// The build.
        build_id: BuildId,
    },
    /// A new emergency change request.
    Opened {
        /// It.
        change_request: CorrelationId,
    },
    /// The emergency change request of the unlock is closed: the device was provisioned and sealed anew.
    Closed {
        /// It.
        change_request: CorrelationId,
    },
    /// The emergency change request of the unlock goes to Review: its window has ended, and nothing was sealed.
    Review {
        /// It.
        change_request: CorrelationId,
    },
}

/// A transition of a device's lockdown is to be recorded. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockdownRecorded {
    /// The device.
    pub device: DeviceId,
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// The transition.
    pub transition: TransitionRecord,
    /// When the window that was opened closes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub expires: Option<SystemTime>,
    /// Where it is recorded.
    pub recorded: TransitionRecordedAs,
    /// How many entries differ from the seal that is in force again.
    pub differences: usize,
    /// The incidents that were opened for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<CorrelationId>,
    /// What is known about the device's compliance now.
    pub compliance: Compliance,
}
