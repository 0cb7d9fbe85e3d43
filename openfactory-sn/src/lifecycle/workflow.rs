//! What follows from an event: one pure function, [`decide`].
//!
//! ```text
//! loop {
//!     match decide(&event, &view, &policy, now) {
//!         Missing(what)  => load it into the view, ask again
//!         Apply(step)    => StateStore::commit(&step.commit); on Conflict start over with an empty view
//!         NotYet { .. }  => try the event again later, without counting an attempt
//!         Refused { .. } => a dead letter: a person has to look
//!     }
//! }
//! ```
//! The same event, view and instant give the same decision, and the same event always the same ids, so a step
//! that was cut off is taken again and comes to the same.
//!
//! Here is that loop, and a build whose change request is approved:
//!
//! ```
//! use std::time::SystemTime;
//!
//! use openfactory_attest::{BuildRecipe, Ed25519Key, Envelope};
//! use openfactory_sn::lifecycle::event::{Event, EventBody, build::BuildRequested, record::RecordChanged};
//! use openfactory_sn::lifecycle::state::{StateStore, commit::CommitOutcome, memory::MemoryStateStore, signed};
//! use openfactory_sn::lifecycle::state::receipt::Receipt;
//! use openfactory_sn::lifecycle::workflow::view::{Missing, Observed, View};
//! use openfactory_sn::lifecycle::workflow::{Decision, Step, decide};
//! use openfactory_sn::lifecycle::{correlation, policy::Policy, timestamp};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{Client, SysId};
//!
//! /// Has the event decided and its step stored; what was decided, in words.
//! async fn handle(
//!     event: &Event,
//!     store: &dyn StateStore,
//!     client: &Client,
//!     now: SystemTime,
//! ) -> Result<String, Box<dyn std::error::Error>> {
//!     let mut view = View::new();
//!     loop {
//!         match decide(event, &view, &Policy::default(), now) {
//!             Decision::Missing(Missing::Entity(key)) => {
//!                 store.load(&[key]).await?.into_iter().for_each(|(key, kept)| view.add_entity(key, kept));
//!             }
//!             Decision::Missing(Missing::Receipt(of)) => {
//!                 let receipt = store.receipt(&of).await?;
//!                 view.add_receipt(of, receipt);
//!             }
//!             Decision::Missing(Missing::Record { table, sys_id }) => {
//!                 view.add_record(match client.dynamic_table(&table).get_opt(&sys_id).await? {
//!                     Some(row) => Observed::of_row(table, &row, now),
//!                     None => Observed::absent(table, sys_id, now),
//!                 });
//!             }
//!             Decision::Missing(Missing::SignedBuilds(key)) => {
//!                 view.add_signed_builds(key, signed::by_key(store, &key).await?);
//!             }
//!             Decision::Apply(Step { commit, remark, .. }) => match store.commit(&commit).await? {
//!                 CommitOutcome::Applied | CommitOutcome::AlreadyApplied => return Ok(remark),
//!                 CommitOutcome::Conflict => view = View::new(),
//!             },
//!             Decision::NotYet { reason, .. } | Decision::Refused { reason } => return Err(reason.into()),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, now) = (MemoryStateStore::new(), timestamp::parse("2026-11-25T14:43:25.120Z")?);
//! let change = SysId::derived("change_request", &correlation::change(&"b-1".parse()?));
//! let approved = serde_json::json!({
//!     "sys_id": change.as_str(), "number": "CHG0030001", "approval": "approved", "state": "-2", "sys_updated_by": "cab",
//! });
//! let path = format!("/api/now/table/change_request/{change}");
//! let instance = ScriptedTransport::new().on(Expected::get(path), Reply::result(200, approved));
//! let client = client(&instance);
//!
//! let recipe = BuildRecipe::parse(br#"{"name": "press", "baseImage": "debian-trixie", "features": ["ssh"]}"#)?;
//! let intent = Envelope::sign("application/vnd.in-toto+json", b"{}", &Ed25519Key::generate()?)?;
//! let (build, fleet) = ("b-1".parse()?, "line-7".parse()?);
//! let body = BuildRequested::new(build, fleet, "13.1", "ada@plant.example", "An image.", recipe, intent);
//! let requested = Event::new("r-1".parse()?, "/platform", now, EventBody::BuildRequested(Box::new(body)));
//! let remark = handle(&requested, &store, &client, now).await?;
//! assert_eq!(remark, "build b-1 is recorded; its gate waits for approval");
//!
//! // The change request stands in ServiceNow, as the receipt tells; now a hint comes, and it is read.
//! store.record_receipt(&Receipt::new(requested.identity(), now, vec![])).await?;
//! let body = EventBody::RecordChanged(Box::new(RecordChanged::new("change_request", change)));
//! let hint = Event::new("hint-1".parse()?, "/webhook", now, body);
//! assert_eq!(handle(&hint, &store, &client, now).await?, "the gate of build b-1 is open");
//! instance.assert_done();
//! assert!(matches!(&store.outbox(1).await?[0].event.body, EventBody::GateOpened(_)));
//!
//! // Neither comes to anything new a second time.
//! handle(&hint, &store, &client, now).await?;
//! assert_eq!(store.outbox(10).await?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! An order is performed before ServiceNow hears of it, and its end is committed like a step:
//!
//! ```
//! use openfactory_sn::lifecycle::event::{Event, EventBody, order::OrderGiven};
//! use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};
//! use openfactory_sn::lifecycle::state::{StateStore as _, memory::MemoryStateStore};
//! use openfactory_sn::lifecycle::workflow::{failed, is_performed_key, performed};
//! use openfactory_sn::lifecycle::timestamp;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, now) = (MemoryStateStore::new(), timestamp::parse("2026-11-25T14:43:25.120Z")?);
//! let (id, device, fleet, build) = ("o-1".parse()?, "press-7".parse()?, "line-7".parse()?, "b-1".parse()?);
//! let order = Order::new(id, device, fleet, build, vec![Action::Quarantine], "etc/shadow was changed");
//! let body = EventBody::OrderGiven(Box::new(OrderGiven::new(order)));
//! let ordered = Event::derived(&"e-1".parse()?, "order", now, body);
//!
//! if !store.is_applied(&is_performed_key(&ordered)).await? {
//!     let outcome = Performed::new(vec![ActionOutcome::done(Action::Quarantine, "moved to VLAN 99")]);
//!     let commit = performed(&ordered, outcome, now).ok_or("not an order")?;
//!     store.commit(&commit).await?;
//! }
//! assert!(store.is_applied(&is_performed_key(&ordered)).await?, "the platform need not be asked again");
//! let EventBody::OrderPerformed(told) = &store.outbox(1).await?[0].event.body else { panic!() };
//! assert!(told.performed.is_complete());
//!
//! // What a platform refuses has ended, too: the workflow hears that none of it was done.
//! assert!(!failed(&told.order, "the platform knows no such device").did(&Action::Quarantine));
//! # Ok(())
//! # }
//! ```

//! A release may have been overtaken by an incident, so it is looked at once more before it is performed:
//!
//! ```
//! use openfactory_sn::lifecycle::entity::Device;
//! use openfactory_sn::lifecycle::platform::{Action, Order};
//! use openfactory_sn::lifecycle::workflow::withheld;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (id, device, fleet, build) = ("o-2".parse()?, "press-7".parse()?, "line-7".parse()?, "b-1".parse()?);
//! let order = Order::new(id, device, fleet, build, vec![Action::Release], "it proved that it is build b-1");
//! # let mut device: Device = serde_json::from_value(serde_json::json!({
//! #     "fleet": "line-7", "build_id": "b-1", "compliance": "quarantined", "quarantined": true, "last_report": null,
//! #     "reports_count_from": "2026-11-25T14:00:00Z", "awaiting_since": null, "recorded_at": null, "incidents": [],
//! #     "order": null, "known_good": [], "supersedes": null,
//! # }))?;
//! assert_eq!(withheld(&order, &device), None);
//! # let cause = openfactory_attest::digest::Sha256Digest::of(b"etc/shadow");
//! # device.incidents.push(serde_json::from_value(
//! #     serde_json::json!({"incident": "incident/press-7/39fffec3e6c3d26e", "cause": cause, "priority": "P1"}))?);
//! let kept = withheld(&order, &device).ok_or("it has an open P1")?;
//! assert!(kept.outcomes[0].to_string().contains("stays apart"));
//! # Ok(())
//! # }
//! ```

mod build;
mod closure;
mod comply;
pub mod compromise;
mod daily;
mod deadline;
mod deployment;
mod finding;
mod gate;
mod incident;
mod instruction;
mod known_good;
mod lockdown;
mod order;
mod overdue;
mod promise;
mod record;
mod remediation;
mod report;
mod restart;
mod rollout;
pub mod view;

use std::time::{Duration, SystemTime};

pub use self::order::{failed, is_performed_key, performed, withheld};
use self::view::{Missing, View};
use super::entity::{Entity, EntityKey};
use super::event::command::{CommandHandled, CommandOutcome};
use super::event::{Event, EventBody};
use super::policy::Policy;
use super::state::commit::{Commit, Write};
use super::state::timer::Timer;

/// What an event comes to in our own state.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// What to commit.
    pub commit: Commit,
    /// What was decided, in words, for the audit trail.
    pub remark: String,
}

/// What [`decide`] says.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "every caller must say what it does about each")]
pub enum Decision {
    /// Take this step.
    Apply(Step),
    /// The view lacks this: add it and ask again.
    Missing(Missing),
    /// Something else has to happen first.
    NotYet {
        /// What.
        reason: String,
        /// How long to wait before asking again.
        after: Duration,
    },
    /// The event contradicts what is known, now and later: a person has to look.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Decides what follows from an event.
///
/// `now` is the instant by our own clock; the event's time is its source's.
#[must_use]
pub fn decide(event: &Event, view: &View, policy: &Policy, now: SystemTime) -> Decision {
    let context = Context { event, view, policy, now };
    let outcome = match &event.body {
        EventBody::BuildRequested(body) => build::requested(&context, body),
        EventBody::BuildCompleted(body) => build::completed(&context, body),
        EventBody::BuildVerified(body) => build::verified(&context, body),
        EventBody::RecordChanged(body) => record::changed(&context, body),
        EventBody::DeviceDeployed(body) => deployment::deployed(&context, body),
        EventBody::DeviceReported(body) => report::reported(&context, body),
        EventBody::ReportOverdue(body) => overdue::overdue(&context, body),
        EventBody::CommandIssued(body) => {
            Ok(context.step(format!("the command is kept for device {}", body.device)))
        }
        EventBody::CommandHandled(body) => Ok(context.step(command_handled(body))),
        EventBody::LockdownChanged(body) => lockdown::changed(&context, body),
        EventBody::KeyCompromised(body) => compromise::compromised(&context, body),
        EventBody::KeyRevoked(body) => compromise::revoked(&context, body),
        EventBody::ArtifactResigned(body) => compromise::resigned(&context, body),
        EventBody::DeviceConverged(body) => compromise::converged(&context, body),
        EventBody::CompromiseReviewed(body) => compromise::reviewed(&context, body),
        EventBody::DayOver(body) => daily::over(&context, body),
        EventBody::DeadlineReached(body) => deadline::reached(&context, body),
        EventBody::IncidentOverdue(body) => promise::overdue(&context, body),
        EventBody::OrderPerformed(body) => order::outcome(&context, body),
        EventBody::RolloutRequested(body) => rollout::requested(&context, body),
        EventBody::RolloutDeviceAssigned(body) => rollout::assigned(&context, body),
        EventBody::RolloutDeviceChecked(body) => rollout::checked(&context, body),
        EventBody::RolloutStagePassed(body) => rollout::passed(&context, body),
        EventBody::RolloutStageOverdue(body) => rollout::overdue(&context, body),
        EventBody::RolloutDeviceWithdrawn(body) => rollout::withdrawn(&context, body),
        EventBody::GateOpened(_)
        | EventBody::GateRefused(_)
        | EventBody::DeviceDrifted(_)
        | EventBody::DeviceUnattested(_)
        | EventBody::DeviceComplied(_)
        | EventBody::LockdownRecorded(_)
        | EventBody::DeviceCleared(_)
        | EventBody::DeviceEscalated(_)
        | EventBody::OrderGiven(_)
        | EventBody::RevocationOrdered(_)
        | EventBody::KeyRecovered(_)
        | EventBody::RolloutStageStarted(_)
        | EventBody::RolloutFailed(_)
        | EventBody::RolloutCompleted(_)
        | EventBody::RemediationChanged(_)
        | EventBody::IncidentAssigned(_)
        | EventBody::IncidentClosed(_)
        | EventBody::DayReported(_)
        | EventBody::ResponseLate(_) => Ok(context.step("what it says was decided when it was published")),
    };
    match outcome {
        Ok(step) => Decision::Apply(step),
        Err(decision) => *decision,
    }
}

fn command_handled(body: &CommandHandled) -> String {
    let CommandHandled { device, command_id, outcome, .. } = body;
    match outcome {
        CommandOutcome::Done { detail } if detail.is_empty() => {
            format!("device {device} has done command {command_id}")
        }
        CommandOutcome::Done { detail } => {
            format!("device {device} has done command {command_id}: {detail}")
        }
        CommandOutcome::Refused { reason, .. } => {
            format!("device {device} refuses command {command_id}: {reason}")
        }
        CommandOutcome::Failed { reason } => {
            format!("device {device} could not carry out command {command_id}: {reason}")
        }
    }
}

/// A decision other than to go on; boxed because it is rare and large.
type Stop = Box<Decision>;

fn refuse<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Box::new(Decision::Refused { reason: reason.into() }))
}

fn not_yet<T>(reason: impl Into<String>, after: Duration) -> Result<T, Stop> {
    Err(Box::new(Decision::NotYet { reason: reason.into(), after }))
}

struct Context<'a> {
    event: &'a Event,
    view: &'a View,
    policy: &'a Policy,
    now: SystemTime,
}

impl Context<'_> {
    fn step(&self, remark: impl Into<String>) -> Step {
        Step { commit: Commit::new(self.event.identity()), remark: remark.into() }
    }

    /// An event that follows from the one at hand, at the instant `time`.
    fn derived(&self, label: &str, time: SystemTime, body: EventBody) -> Event {
        Event::derived(&self.event.identity(), label, time, body)
    }
}

impl Step {
    fn write(&mut self, key: EntityKey, over: u64, entity: Entity) {
        self.commit.writes.push(Write::new(key, over, entity));
    }

    fn publish(&mut self, event: Event) {
        self.commit.outbox.push(event);
    }

    fn set_timer(&mut self, timer: Timer) {
        self.commit.timers.push(timer);
    }

    fn cancel_timer(&mut self, name: String) {
        self.commit.cancel.push(name);
    }
}
