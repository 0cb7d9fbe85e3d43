//! A device's overlay was opened or closed (guide, "Lockdown State Transitions").

use std::time::SystemTime;

use openfactory_zone2::lockdown::TransitionRecord;
use openfactory_zone2::overlay_report::OverlayFinding;
use serde::{Deserialize, Serialize};

use crate::lifecycle::id::DeviceId;
use crate::lifecycle::timestamp;

/// Type name of [`LockdownChanged`].
pub const CHANGED: &str = "tech.openfactory.device.lockdown_changed.v1";

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
