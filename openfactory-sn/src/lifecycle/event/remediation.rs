//! Facts about what persons tell us to do about devices, in the fields of incidents.
//!
//! ```
//! use openfactory_sn::lifecycle::entity::{Instruction, Remediation, RemediationState};
//! use openfactory_sn::lifecycle::event::remediation::RemediationChanged;
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//!
//! /// A line for the people on duty.
//! fn line(told: &RemediationChanged) -> String {
//!     let Remediation { device, instruction, by, state, .. } = &told.remediation;
//!     match state {
//!         RemediationState::Dropped { reason } => format!("{by}'s {instruction} of {device} is not done: {reason}"),
//!         RemediationState::Failed { reason } => format!("{by}'s {instruction} of {device} has failed: {reason}"),
//!         _ if told.remediation.is_pending() => format!("{by}'s {instruction} of {device} waits"),
//!         _ => format!("{by}'s {instruction} of {device} is under way"),
//!     }
//! }
//!
//! let told = Event::parse(br#"{
//!     "id": "1", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:43:25.120Z",
//!     "type": "tech.openfactory.remediation.changed.v1",
//!     "data": {
//!         "incident": "incident/press-7/39fffec3e6c3d26e", "device": "press-7", "fleet": "line-7", "build_id": "b-1",
//!         "instruction": "rollback", "by": "ada", "order": "o-1", "since": "2026-11-25T14:43:25.120Z",
//!         "state": "dropped", "reason": "no build is known to be good on it"
//!     }
//! }"#)?;
//! let EventBody::RemediationChanged(told) = &told.body else { panic!() };
//! assert_eq!(line(told), "ada's rollback of press-7 is not done: no build is known to be good on it");
//! assert_eq!(told.supersedes, None);
//!
//! // What counts is one of three words, spelt like this.
//! assert_eq!(Instruction::from_raw("rollback"), Some(Instruction::Rollback));
//! assert_eq!(Instruction::from_raw("Rollback, please"), None);
//! assert_eq!(Instruction::ALL.map(Instruction::as_str), ["rollback", "rebuild", "quarantine"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::lifecycle::entity::Remediation;
use crate::lifecycle::id::OrderId;
use crate::lifecycle::platform::Order;

/// Type name of [`RemediationChanged`].
pub const CHANGED: &str = "tech.openfactory.remediation.changed.v1";

/// An instruction was taken, waits, was begun, has failed or is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemediationChanged {
    /// The instruction, as it stands now.
    #[serde(flatten)]
    pub remediation: Remediation,
    /// What is to be approved before it is begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Order>,
    /// The order, performed but not proved, whose place this one takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<OrderId>,
}
