//! Facts about the gate between a change request and the work that it is to approve.
//!
//! These two are what a build platform waits for. It reads them as it reads every event:
//!
//! ```
//! use openfactory_sn::lifecycle::event::gate::{GateOpened, GateRefused};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::id::BuildId;
//!
//! /// Whether the build may begin: `None` as long as nobody has decided.
//! fn may_begin(build: &BuildId, told: &Event) -> Option<Result<(), String>> {
//!     match &told.body {
//!         EventBody::GateOpened(gate) if gate.build_id == *build => Some(approved(gate)),
//!         EventBody::GateRefused(gate) if gate.build_id == *build => Some(Err(refused(gate))),
//!         _ => None,
//!     }
//! }
//!
//! fn approved(gate: &GateOpened) -> Result<(), String> {
//!     if gate.state == -1 || gate.state == -2 { Ok(()) } else { Err(format!("{} is over", gate.number)) }
//! }
//!
//! fn refused(gate: &GateRefused) -> String {
//!     format!("{}: {} (last updated by {})", gate.number, gate.reason, gate.updated_by)
//! }
//!
//! let told = Event::parse(br#"{
//!     "id": "0df94010bca85c0417a8c217d4aeb393", "source": "/openfactory/lifecycle",
//!     "type": "tech.openfactory.gate.refused.v1", "time": "2026-11-25T14:43:25.120Z",
//!     "data": {
//!         "build_id": "b-1", "change_request": "6b566b0977684da34ed046d34287f7ec", "number": "CHG0030001",
//!         "reason": "the change request is rejected", "updated_by": "cab", "seen_at": "2026-11-25T14:43:25.120Z"
//!     }
//! }"#)?;
//! assert_eq!(
//!     may_begin(&BuildId::new("b-1")?, &told),
//!     Some(Err("CHG0030001: the change request is rejected (last updated by cab)".to_owned())),
//! );
//! assert_eq!(may_begin(&BuildId::new("b-2")?, &told), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::id::SysId;
use crate::lifecycle::id::BuildId;
use crate::lifecycle::timestamp;

/// Type name of [`GateOpened`].
pub const OPENED: &str = "tech.openfactory.gate.opened.v1";
/// Type name of [`GateRefused`].
pub const REFUSED: &str = "tech.openfactory.gate.refused.v1";

/// The change request was read and is approved: the build may begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateOpened {
    /// The build that waited.
    pub build_id: BuildId,
    /// The change request.
    pub change_request: SysId,
    /// The change request's number.
    pub number: String,
    /// Its state when it was read.
    pub state: i32,
    /// Who had updated it last when it was read.
    pub updated_by: String,
    /// When it was read.
    #[serde(with = "timestamp")]
    pub seen_at: SystemTime,
}

/// The change request was read and is rejected or canceled: the build will not begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateRefused {
    /// The build that waited.
    pub build_id: BuildId,
    /// The change request.
    pub change_request: SysId,
    /// The change request's number.
    pub number: String,
    /// Why, in words.
    pub reason: String,
    /// Who had updated it last when it was read.
    pub updated_by: String,
    /// When it was read.
    #[serde(with = "timestamp")]
    pub seen_at: SystemTime,
}
