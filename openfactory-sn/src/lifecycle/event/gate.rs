//! Facts about the gate between a change request and the work that it is to approve.

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
