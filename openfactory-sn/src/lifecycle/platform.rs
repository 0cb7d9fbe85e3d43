//! What the platform is asked to do, and how it answers.
//!
//! The workflow orders, the platform acts: an [`Order`] is durable before [`Platform::perform`] is called, and
//! may be handed over again after a crash, so performing is idempotent by the order's id: the second call
//! answers what the first one did.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Mutex, PoisonError};
//!
//! use openfactory_sn::lifecycle::id::{BuildId, OrderId};
//! use openfactory_sn::lifecycle::platform::{
//!     Action, ActionOutcome, ActionResult, Order, Performed, Platform, PlatformError,
//! };
//!
//! /// A platform that moves devices between VLANs, and remembers what it did.
//! #[derive(Default)]
//! struct Plant {
//!     done: Mutex<BTreeMap<OrderId, Performed>>,
//! }
//!
//! #[async_trait::async_trait]
//! impl Platform for Plant {
//!     async fn perform(&self, order: &Order) -> Result<Performed, PlatformError> {
//!         if order.fleet.as_str() != "line-7" {
//!             return Err(PlatformError::Refused { reason: format!("{} is not ours", order.fleet) });
//!         }
//!         let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
//!         let performed = done.entry(order.id.clone()).or_insert_with(|| {
//!             let outcomes = order.actions.iter().map(|action| match action {
//!                 Action::Quarantine => ActionOutcome::done(action.clone(), "moved to VLAN 99"),
//!                 other => ActionOutcome::failed(other.clone(), "ask the build host; it is off"),
//!             });
//!             Performed::new(outcomes.collect())
//!         });
//!         Ok(performed.clone())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let back = Action::RollBack { to_build: BuildId::new("b-1")? };
//! let actions = vec![Action::Quarantine, back.clone()];
//! let (id, device, fleet, build) = ("o-1".parse()?, "press-7".parse()?, "line-7".parse()?, "b-2".parse()?);
//! let order = Order::new(id, device, fleet, build, actions, "etc/shadow was changed");
//! assert_eq!(order.rolls_back_to().map(BuildId::as_str), Some("b-1"));
//! assert_eq!((order.deploys(), order.rebuilds()), (None, None));
//! assert!(order.is_change(), "so it gets an emergency change request");
//!
//! // What failed is said, what was done is done, and a second call answers the same.
//! let plant = Plant::default();
//! let performed = plant.perform(&order).await?;
//! assert!(performed.did(&Action::Quarantine) && !performed.did(&back) && !performed.is_complete());
//! assert!(performed.outcomes[0].is_done());
//! assert!(matches!(&performed.outcomes[1].outcome, ActionResult::Failed { reason } if reason.contains("off")));
//! assert_eq!(plant.perform(&order).await?, performed);
//! # Ok(())
//! # }
//! ```

use std::fmt;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;
use serde::{Deserialize, Serialize};

use super::id::{BuildId, DeviceId, FleetId, OrderId};

/// Something done to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Keep the device away from everything but attestation and remediation.
    Quarantine,
    /// End a quarantine.
    Release,
    /// Make the device run this build's stored image, after hashing it against its signed document.
    RollBack {
        /// The build whose image is wanted.
        to_build: BuildId,
    },
    /// Build this build's image anew from its original recipe, and make the device run it.
    Rebuild {
        /// The build.
        build: BuildId,
    },
    /// Start a service of the device again.
    RestartService {
        /// The service, by the name under which the device reports it.
        name: String,
    },
    /// Give the device the document that was signed anew for the build that it runs, and the list of revoked keys.
    PushDocument {
        /// The build.
        build: BuildId,
        /// The digest of the new document.
        document_digest: Sha256Digest,
    },
    /// Make the device run this build's stored image from its other slot, after hashing it against its signed
    /// document.
    Deploy {
        /// The build whose image is wanted.
        build: BuildId,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quarantine => f.write_str("quarantine"),
            Self::Release => f.write_str("release from quarantine"),
            Self::RollBack { to_build } => write!(f, "roll back to build {to_build}"),
            Self::Rebuild { build } => write!(f, "rebuild build {build} from its recipe"),
            Self::RestartService { name } => write!(f, "restart service {name}"),
            Self::PushDocument { build, document_digest } => {
                write!(f, "push the document {document_digest} of build {build}")
            }
            Self::Deploy { build } => write!(f, "deploy build {build}"),
        }
    }
}

/// Actions on one device, in the order in which they are to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// Its id; performing is idempotent by it.
    pub id: OrderId,
    /// The device.
    pub device: DeviceId,
    /// The device's fleet.
    pub fleet: FleetId,
    /// The build that the device ran when this was ordered.
    pub build_id: BuildId,
    /// What to do, first to last; what follows a failed action is still tried, unless it needs the failed one.
    pub actions: Vec<Action>,
    /// Correlation ids of the incidents that it answers.
    pub incidents: Vec<String>,
    /// The build whose rollout it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<BuildId>,
    /// Why, for a person to read.
    pub reason: String,
    /// The compromised key that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_key: Option<KeyId>,
    /// The person whose instruction it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructed_by: Option<String>,
}

impl Order {
    /// An order with no incident yet.
    #[must_use]
    pub fn new(
        id: OrderId,
        device: DeviceId,
        fleet: FleetId,
        build_id: BuildId,
        actions: Vec<Action>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            id,
            device,
            fleet,
            build_id,
            actions,
            incidents: Vec::new(),
            rollout: None,
            reason: reason.into(),
            compromised_key: None,
            instructed_by: None,
        }
    }

    /// The build to which it rolls the device back, if it does.
    #[must_use]
    pub fn rolls_back_to(&self) -> Option<&BuildId> {
        self.actions.iter().find_map(|action| match action {
            Action::RollBack { to_build } => Some(to_build),
            _ => None,
        })
    }

    /// The build that it deploys to the device, if it does.
    #[must_use]
    pub fn deploys(&self) -> Option<&BuildId> {
        self.actions.iter().find_map(|action| match action {
            Action::Deploy { build } => Some(build),
            _ => None,
        })
    }

    /// The build that it has built anew, if it does.
    #[must_use]
    pub fn rebuilds(&self) -> Option<&BuildId> {
        self.actions.iter().find_map(|action| match action {
            Action::Rebuild { build } => Some(build),
            _ => None,
        })
    }

    /// Whether it changes what stands on the device, so that it has a change request of its own.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.rolls_back_to().or_else(|| self.rebuilds()).is_some()
    }
}

/// How one action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ActionResult {
    /// It is done; the text tells what was found and changed.
    Done {
        /// For the audit trail and the work notes.
        detail: String,
    },
    /// It can not be done, now or later: a person has to look.
    Failed {
        /// Why, and what to do about it.
        reason: String,
    },
}

/// One action and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActionOutcome {
    /// The action.
    pub act: Action,
    /// How it ended.
    pub outcome: ActionResult,
}

impl ActionOutcome {
    /// An action that was done.
    pub fn done(act: Action, detail: impl Into<String>) -> Self {
        Self { act, outcome: ActionResult::Done { detail: detail.into() } }
    }

    /// An action that can't be done.
    pub fn failed(act: Action, reason: impl Into<String>) -> Self {
        Self { act, outcome: ActionResult::Failed { reason: reason.into() } }
    }

    /// Whether it was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.outcome, ActionResult::Done { .. })
    }
}

impl fmt::Display for ActionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            ActionResult::Done { detail } if detail.is_empty() => write!(f, "{}: done", self.act),
            ActionResult::Done { detail } => write!(f, "{}: done, {detail}", self.act),
            ActionResult::Failed { reason } => write!(f, "{}: FAILED, {reason}", self.act),
        }
    }
}

/// What performing an order came to: one outcome for each of its actions, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Performed {
    /// The outcomes.
    pub outcomes: Vec<ActionOutcome>,
}

impl Performed {
    /// From the outcomes.
    #[must_use]
    pub fn new(outcomes: Vec<ActionOutcome>) -> Self {
        Self { outcomes }
    }

    /// Whether every action of the order was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(ActionOutcome::is_done)
    }

    /// Whether this action was done.
    #[must_use]
    pub fn did(&self, action: &Action) -> bool {
        self.outcomes.iter().any(|outcome| outcome.act == *action && outcome.is_done())
    }
}

/// What a platform could not say yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// It can't be reached, or is busy: try again. Nothing is known about the order.
    #[error("the platform could not be asked to perform the order")]
    Unavailable {
        /// What stood in the way.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It does not take orders of this kind, or knows no such device: trying again changes nothing.
    #[error("the platform refuses the order: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
}

/// The platform's side of the remediation workflow.
///
/// Idempotent by [`Order::id`]: an order that was performed is not performed again but answered with the first
/// outcome, also after a restart of either side. Cancel-safe in the same sense: a dropped call may have
/// happened, and the next one tells.
#[async_trait::async_trait]
pub trait Platform: Send + Sync {
    /// Performs the order, or tells how it ended when it was performed before.
    ///
    /// # Errors
    /// [`PlatformError::Unavailable`] when nothing can be said, [`PlatformError::Refused`] when it never will.
    async fn perform(&self, order: &Order) -> Result<Performed, PlatformError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back() {
        let order = Order::new(
            OrderId::new("o-1").unwrap(),
            DeviceId::new("edge-1").unwrap(),
            FleetId::new("line-7").unwrap(),
            BuildId::new("b-2").unwrap(),
            vec![Action::Quarantine, Action::RollBack { to_build: BuildId::new("b-1").unwrap() }],
            "tampered",
        );
        let json = serde_json::to_value(&order).unwrap();
        assert_eq!(json["actions"][1], serde_json::json!({"action": "roll-back", "to_build": "b-1"}));
        assert_eq!(serde_json::from_value::<Order>(json).unwrap(), order);
        assert_eq!(order.rolls_back_to().unwrap().as_str(), "b-1");
    }

    #[test]
    fn one_failed_action_makes_it_incomplete() {
        let roll_back = Action::RollBack { to_build: BuildId::new("b-1").unwrap() };
        let performed = Performed::new(vec![
            ActionOutcome::done(Action::Quarantine, ""),
            ActionOutcome::failed(roll_back.clone(), "the stored image is gone"),
        ]);
        assert!(!performed.is_complete());
        assert!(performed.did(&Action::Quarantine));
        assert!(!performed.did(&roll_back));
        assert_eq!(
            performed.outcomes[1].to_string(),
            "roll back to build b-1: FAILED, the stored image is gone"
        );
    }
}
