//! A compromised key, from the report of it to the last device that has proved itself again.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::super::event::key::{BlastRadius, CompromiseReviewed, CompromisedKey, Revocation};
use super::super::id::{BuildId, DeviceId};
use super::super::timestamp;
use crate::id::CorrelationId;

/// How far the response has come (guide, "Key Compromise Response", its four phases).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CompromiseStage {
    /// Phase 1: the vault is to revoke the key.
    Containing,
    /// Phases 2 to 4: the key is revoked, what it touched is known; builds are signed anew, devices converge.
    Remediating,
    /// It is over.
    Recovered,
}

/// A compromised key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Compromise {
    /// The key and the suspected window.
    pub key: CompromisedKey,
    /// Its incident.
    pub incident: CorrelationId,
    /// When it was detected.
    #[serde(with = "timestamp")]
    pub detected_at: SystemTime,
    /// How far it has come.
    pub stage: CompromiseStage,
    /// What the vault did.
    pub revocation: Option<Revocation>,
    /// What the key touched.
    pub radius: BlastRadius,
    /// Builds that were signed again.
    pub resigned: BTreeSet<BuildId>,
    /// Devices that have to prove themselves.
    pub devices: BTreeSet<DeviceId>,
    /// Those that did.
    pub converged: BTreeSet<DeviceId>,
    /// What a person said in looking back.
    pub review: Option<CompromiseReviewed>,
}

impl Compromise {
    /// Whether nothing is left to wait for: every device has proved itself, and the review is in.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == CompromiseStage::Remediating
            && self.review.is_some()
            && self.devices.is_subset(&self.converged)
    }
}
