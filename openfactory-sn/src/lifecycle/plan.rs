//! What ServiceNow is to hear of an event: one pure function, [`plan`].
//!
//! A plan needs nothing but the event and the mapping. It is a list of [`Operation`]s in the order in which they
//! are performed; each can be repeated, as its record's key follows from the event and its notes carry a marker.
//!
//! ```
//! use openfactory_attest::Sha256Digest;
//! use openfactory_sn::SysId;
//! use openfactory_sn::lifecycle::event::build::{BuildCompleted, Image};
//! use openfactory_sn::lifecycle::event::{Event, EventBody, record::RecordChanged};
//! use openfactory_sn::lifecycle::mapping::Mapping;
//! use openfactory_sn::lifecycle::plan::{Operation, plan};
//! use openfactory_sn::lifecycle::{id::BuildId, id::EventId, timestamp};
//!
//! let now = timestamp::parse("2026-11-25T14:43:25.120Z")?;
//! let digest = |of: &str| Sha256Digest::of(of.as_bytes());
//! let image = Image::new("press.squashfs", 4096, digest("image"));
//! let completed = BuildCompleted::new(BuildId::new("b-1")?, image, digest("root"), digest("log"), 254);
//! let body = EventBody::BuildCompleted(Box::new(completed));
//! let event = Event::new(EventId::new("completed-1")?, "/platform", now, body);
//!
//! // One work note, with a marker by which it is found again.
//! let planned = plan(&event, &Mapping::guide());
//! let [Operation::Note { record, text, marker }] = planned.operations.as_slice() else { panic!("{planned:?}") };
//! assert_eq!(record.to_string(), "change_request change/b-1");
//! assert!(text.starts_with("Build b-1 is completed in 254 s.") && marker.starts_with("[openfactory:"));
//! assert_eq!(plan(&event, &Mapping::guide()), planned, "the same, whoever asks and whenever");
//!
//! // Of a hint ServiceNow hears nothing; what follows from it is an event of its own.
//! let hint = RecordChanged::new("change_request", SysId::new("6b566b0977684da34ed046d34287f7ec")?);
//! let hint = Event::new(EventId::new("hint-1")?, "/webhook", now, EventBody::RecordChanged(Box::new(hint)));
//! assert!(plan(&hint, &Mapping::guide()).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod cmdb;
mod compromise;
mod daily;
mod drift;
mod evidence;
mod instruction;
mod lockdown;
pub mod operation;
mod remediation;
mod rollout;
mod text;

pub use self::operation::{Operation, Plan};
use super::event::{Event, EventBody};
use super::id::EventId;
use super::mapping::Mapping;

/// Plans what ServiceNow is to hear of an event. An event of which it hears nothing has an empty plan.
#[must_use]
pub fn plan(event: &Event, mapping: &Mapping) -> Plan {
    let identity = event.identity();
    let desk = Desk { mapping, event, identity: &identity };
    let operations = match &event.body {
        EventBody::BuildRequested(body) => build::requested(&desk, body),
        EventBody::BuildCompleted(body) => build::completed(&desk, body),
        EventBody::GateOpened(body) => build::gate_opened(&desk, body),
        EventBody::GateRefused(body) => build::gate_refused(&desk, body),
        EventBody::BuildVerified(body) => evidence::verified(&desk, body),
        EventBody::DeviceDeployed(body) => cmdb::deployed(&desk, body),
        EventBody::DeviceDrifted(body) => drift::drifted(&desk, body),
        EventBody::DeviceUnattested(body) => drift::unattested(&desk, body),
        EventBody::DeviceComplied(body) => remediation::complied(&desk, body),
        EventBody::DeviceCleared(body) => drift::cleared(&desk, body),
        EventBody::DeviceEscalated(body) => drift::escalated(&desk, body),
        EventBody::LockdownRecorded(body) => lockdown::recorded(&desk, body),
        EventBody::OrderGiven(body) => remediation::ordered(&desk, body),
        EventBody::OrderPerformed(body) => remediation::performed(&desk, body),
        EventBody::RevocationOrdered(body) => compromise::ordered(&desk, body),
        EventBody::KeyRevoked(body) => compromise::revoked(&desk, body),
        EventBody::ArtifactResigned(body) => compromise::resigned(&desk, body),
        EventBody::KeyRecovered(body) => compromise::recovered(&desk, body),
        EventBody::ResponseLate(body) => vec![compromise::late(&desk, body)],
        EventBody::RemediationChanged(body) => instruction::changed(&desk, body),
        EventBody::DayReported(body) => daily::reported(&desk, body),
        EventBody::IncidentClosed(body) => vec![instruction::closed(&desk, body)],
        EventBody::RolloutStageStarted(body) => rollout::stage_started(&desk, body),
        EventBody::RolloutStagePassed(body) => rollout::stage_passed(&desk, body),
        EventBody::RolloutFailed(body) => rollout::failed(&desk, body),
        EventBody::RolloutCompleted(body) => rollout::completed(&desk, body),
        // What follows from these is told by the events that the workflow derives from them.
        EventBody::DeviceReported(_)
        | EventBody::ReportOverdue(_)
        | EventBody::CommandIssued(_)
        | EventBody::CommandHandled(_)
        | EventBody::LockdownChanged(_)
        | EventBody::RecordChanged(_)
        | EventBody::KeyCompromised(_)
        | EventBody::DeviceConverged(_)
        | EventBody::CompromiseReviewed(_)
        | EventBody::IncidentAssigned(_)
        | EventBody::IncidentOverdue(_)
        | EventBody::DayOver(_)
        | EventBody::DeadlineReached(_)
        | EventBody::RolloutRequested(_)
        | EventBody::RolloutDeviceAssigned(_)
        | EventBody::RolloutDeviceChecked(_)
        | EventBody::RolloutStageOverdue(_)
        | EventBody::RolloutDeviceWithdrawn(_) => Vec::new(),
    };
    Plan::new(identity.clone(), operations)
}

/// What every stage's planning needs.
struct Desk<'a> {
    mapping: &'a Mapping,
    event: &'a Event,
    identity: &'a EventId,
}
