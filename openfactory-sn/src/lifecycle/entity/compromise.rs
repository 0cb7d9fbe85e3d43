//! A compromised key, from the report of it to the last device that has proved itself again.
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Signer as _};
//! use openfactory_sn::lifecycle::entity::Entity;
//! use openfactory_sn::lifecycle::entity::compromise::{Compromise, CompromiseStage};
//!
//! /// Who is still waited for.
//! fn left(compromise: &Compromise) -> String {
//!     let devices: Vec<_> = compromise.devices.difference(&compromise.converged).map(|id| id.as_str()).collect();
//!     match (compromise.stage, devices.as_slice()) {
//!         (CompromiseStage::Containing, _) => "the vault".to_owned(),
//!         (_, []) if compromise.review.is_none() => "a person's review".to_owned(),
//!         (_, []) => "nobody".to_owned(),
//!         (_, devices) => devices.join(", "),
//!     }
//! }
//!
//! # let (stolen, successor) = (*Ed25519Key::generate()?.key_id(), *Ed25519Key::generate()?.key_id());
//! # let document = serde_json::json!({"kind": "compromise", "format": 1, "data": {
//! #     "key": {"key_id": stolen, "kind": "build-platform-signing", "name": "build platform",
//! #         "window": {"log": "plant.example/audit", "from": 40}},
//! #     "incident": "compromise/1", "detected_at": "2026-11-25T14:00:00Z", "stage": "remediating", "radius": {},
//! #     "revocation": {"revoked_at": "2026-11-25T14:43:25Z", "log_size": 60, "successor": successor, "list_sequence": 1},
//! #     "resigned": ["b-2"], "devices": ["press-7", "press-8"], "converged": ["press-7"], "review": null,
//! # }}).to_string();
//! let Entity::Compromise(mut compromise) = Entity::parse_document(&document)? else { panic!() };
//! assert_eq!(left(&compromise), "press-8");
//!
//! // Nothing is left to be signed anew: its radius holds no build that is not.
//! assert!(compromise.is_remediated() && compromise.to_resign().next().is_none());
//!
//! // Machines have done their part with the last device; it is over when a person has looked back.
//! compromise.converged.insert("press-8".parse()?);
//! assert_eq!(left(&compromise), "a person's review");
//! assert!(!compromise.is_over());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
    /// Since when nothing is left to be signed anew, so that only devices are waited for (guide, Phase 4).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    pub recovering_since: Option<SystemTime>,
}

impl Compromise {
    /// The builds that can be signed anew, since they are proved to be from before the window, and are not yet.
    pub fn to_resign(&self) -> impl Iterator<Item = &BuildId> {
        let proved = self.radius.iter().filter(|(_, build)| !build.place.is_affected());
        proved.map(|(id, _)| id).filter(|id| !self.resigned.contains(*id))
    }

    /// Whether the key is revoked and nothing is left to be signed anew.
    #[must_use]
    pub fn is_remediated(&self) -> bool {
        self.stage != CompromiseStage::Containing && self.to_resign().next().is_none()
    }

    /// Whether nothing is left to wait for: every device has proved itself, and the review is in.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == CompromiseStage::Remediating
            && self.review.is_some()
            && self.devices.is_subset(&self.converged)
    }
}
