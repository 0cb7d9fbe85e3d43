use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_zone2::LockdownState;
use serde::{Deserialize, Serialize};

use super::super::id::OrderId;
use super::super::timestamp;
use crate::id::CorrelationId;

/// What a device has told of its overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Overlay {
    /// Whether it may be written.
    pub lockdown: LockdownState,
    /// The seal that has to be in force: the one that the latest known transition left.
    pub seal: Option<Sha256Digest>,
    /// The policy that the device applied last.
    pub policy: Option<Sha256Digest>,
    /// The latest known transition of its lockdown, as the device counts them.
    pub sequence: u64,
    /// The latest transition that was recorded in ServiceNow.
    pub recorded: u64,
    /// The emergency change request of the unlock that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock: Option<CorrelationId>,
}

/// A required service that the device is to start again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restart {
    /// The service.
    pub service: String,
    /// How often that was ordered.
    pub tries: u32,
    /// The last order.
    pub order: OrderId,
    /// When it was given.
    #[serde(with = "timestamp")]
    pub at: SystemTime,
    /// Whether a person was told that it does not help.
    pub escalated: bool,
}
