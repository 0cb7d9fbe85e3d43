//! The vocabulary: what happened, who may say so, and in which lane it is handled.
//!
//! An [`Event`] travels as the payload of a DSSE envelope (`payloadType` [`PAYLOAD_TYPE`]), the envelope as the
//! `data` of a CloudEvent. What counts is the signature: [`Event::check_sender`] says whose word it takes.
//! Facts that the workflow derives ([`EventBody::is_derived`]) are nobody's to send; they come out of the outbox.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use openfactory_attest::{Ed25519Key, Envelope, KeyKind, Signer as _, TrustStore, TrustedKey};
//! use openfactory_sn::SysId;
//! use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE, SenderError, record::RecordChanged};
//! use openfactory_sn::lifecycle::id::EventId;
//!
//! // The webhook's side: a hint, signed.
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let hint = RecordChanged::new("change_request", SysId::new("6b566b0977684da34ed046d34287f7ec")?);
//! let event = Event::new(EventId::new("hint-1")?, "/webhook", now, EventBody::RecordChanged(Box::new(hint)));
//! let key = Ed25519Key::generate()?;
//! let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, &key)?;
//!
//! // The router's side: the signature counts, and this signer may say such things.
//! let mut trust = TrustStore::new();
//! trust.add(TrustedKey::new("webhook-1", KeyKind::Integration, key.public_key().clone()))?;
//! let opened = envelope.open(&trust, PAYLOAD_TYPE, &[KeyKind::Integration])?;
//! let read = Event::parse(opened.get())?;
//! assert_eq!(read, event);
//! read.check_sender(opened.signer().kind, &opened.signer().name)?;
//! assert_eq!(
//!     read.check_sender(KeyKind::DeviceAttestation, "press-7"),
//!     Err(SenderError::Kind { type_name: read.body.type_name(), kind: KeyKind::DeviceAttestation }),
//! );
//! assert_eq!(read.body.signers(), [KeyKind::Integration]);
//! assert_eq!(read.body.speaker(), None, "a webhook does not speak for a device");
//!
//! // It is queued under its identity, which drops repetitions, in the lane of its record.
//! assert_eq!(read.identity(), EventId::identity("/webhook", &read.id));
//! assert_eq!(read.body.key(), "change_request:6b566b0977684da34ed046d34287f7ec");
//!
//! // What the workflow derives from it has a name that follows from it, and nobody else may send it.
//! # let refused = serde_json::json!({
//! #     "build_id": "b-1", "change_request": "6b566b0977684da34ed046d34287f7ec", "number": "CHG0030001",
//! #     "reason": "rejected", "updated_by": "cab", "seen_at": "2026-11-25T14:43:25.120Z",
//! # });
//! # let body = EventBody::GateRefused(serde_json::from_value(refused)?);
//! let derived = Event::derived(&read.identity(), "gate", now, body);
//! assert_eq!(derived.id, EventId::derived(&read.identity(), "gate"));
//! assert!(derived.body.is_derived());
//! assert!(matches!(
//!     derived.check_sender(KeyKind::Integration, "webhook-1"),
//!     Err(SenderError::Derived { type_name: "tech.openfactory.gate.refused.v1" }),
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod build;
pub mod codec;
pub mod command;
pub mod deadline;
pub mod device;
pub mod fleet;
pub mod gate;
pub mod incident;
pub mod key;
pub mod lockdown;
pub mod order;
pub mod record;
pub mod remediation;
pub mod rollout;

use std::time::SystemTime;

use openfactory_attest::key::{KeyId, KeyKind};

use self::build::{BuildCompleted, BuildRequested, BuildVerified};
use self::command::{CommandHandled, CommandIssued};
use self::deadline::{DeadlineReached, ResponseLate};
use self::device::{
    DeviceComplied, DeviceDeployed, DeviceDrifted, DeviceReported, DeviceUnattested, ReportOverdue,
};
use self::fleet::{DayOver, DayReported};
use self::gate::{GateOpened, GateRefused};
use self::incident::{DeviceCleared, DeviceEscalated, IncidentAssigned, IncidentClosed, IncidentOverdue};
use self::key::{
    ArtifactResigned, CompromiseReviewed, DeviceConverged, KeyCompromised, KeyRecovered, KeyRevoked,
    RevocationOrdered,
};
use self::lockdown::{LockdownChanged, LockdownRecorded};
use self::order::{OrderGiven, OrderPerformed};
use self::record::RecordChanged;
use self::remediation::RemediationChanged;
use self::rollout::{
    DeviceAssigned, DeviceChecked, DeviceWithdrawn, RolloutCompleted, RolloutFailed, RolloutRequested,
    StageOverdue, StagePassed, StageStarted,
};
use super::id::EventId;
use super::timestamp;

/// The DSSE payload type of an event.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.event.v1+json";

/// The `source` of everything that the workflow derives, whichever router derived it.
pub const DERIVED_SOURCE: &str = "/openfactory/lifecycle";

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its id, unique within its source.
    pub id: EventId,
    /// Where it comes from, a URI reference.
    pub source: String,
    /// When it happened, by the clock of its source.
    pub time: SystemTime,
    /// What happened.
    pub body: EventBody,
}

/// What happened, with its data. The names on the wire are those of [`EventBody::type_name`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// Someone wants an image built: a change request is made, its gate waits.
    BuildRequested(Box<BuildRequested>),
    /// The image is built.
    BuildCompleted(Box<BuildCompleted>),
    /// The image was verified; here is the evidence.
    BuildVerified(Box<BuildVerified>),
    /// The build gate is open. Derived.
    GateOpened(Box<GateOpened>),
    /// The build gate will not open. Derived.
    GateRefused(Box<GateRefused>),
    /// A device was made to run a build.
    DeviceDeployed(Box<DeviceDeployed>),
    /// A device says what it found on itself.
    DeviceReported(Box<DeviceReported>),
    /// A device is not what was built. Derived.
    DeviceDrifted(Box<DeviceDrifted>),
    /// A device's report is missing or was refused. Derived.
    DeviceUnattested(Box<DeviceUnattested>),
    /// A device proved that it is what was built. Derived.
    DeviceComplied(Box<DeviceComplied>),
    /// A report did not come in time. Derived, from a timer.
    ReportOverdue(Box<ReportOverdue>),
    /// An operator has signed a command for a device.
    CommandIssued(Box<CommandIssued>),
    /// A device has handled a command.
    CommandHandled(Box<CommandHandled>),
    /// A device's overlay was opened or closed.
    LockdownChanged(Box<LockdownChanged>),
    /// A transition of a device's lockdown is to be recorded. Derived.
    LockdownRecorded(Box<LockdownRecorded>),
    /// The cause of incidents is gone. Derived.
    DeviceCleared(Box<DeviceCleared>),
    /// What is done by itself has not helped. Derived.
    DeviceEscalated(Box<DeviceEscalated>),
    /// The platform is to act on a device. Derived.
    OrderGiven(Box<OrderGiven>),
    /// The platform acted. Derived.
    OrderPerformed(Box<OrderPerformed>),
    /// Something happened to a record in ServiceNow: a hint to read it again.
    RecordChanged(Box<RecordChanged>),
    /// A key is in other hands.
    KeyCompromised(Box<KeyCompromised>),
    /// The vault is to revoke a key. Derived.
    RevocationOrdered(Box<RevocationOrdered>),
    /// A key is revoked, and what it touched is known. Derived.
    KeyRevoked(Box<KeyRevoked>),
    /// A build's document was signed anew for the same image.
    ArtifactResigned(Box<ArtifactResigned>),
    /// A device has proved itself without the compromised key. Derived.
    DeviceConverged(Box<DeviceConverged>),
    /// A person has looked back on a compromise.
    CompromiseReviewed(Box<CompromiseReviewed>),
    /// A compromise is over. Derived.
    KeyRecovered(Box<KeyRecovered>),
    /// A verified build is to be rolled out to a fleet.
    RolloutRequested(Box<RolloutRequested>),
    /// A stage of a rollout has begun. Derived.
    RolloutStageStarted(Box<StageStarted>),
    /// A device is to run the build that is rolled out. Derived.
    RolloutDeviceAssigned(Box<DeviceAssigned>),
    /// What was found of a device whose rollout is under way. Derived.
    RolloutDeviceChecked(Box<DeviceChecked>),
    /// Every device of a stage has passed. Derived.
    RolloutStagePassed(Box<StagePassed>),
    /// A stage has not passed in time. Derived, from a timer.
    RolloutStageOverdue(Box<StageOverdue>),
    /// A device is to be rolled back, since the rollout has failed. Derived.
    RolloutDeviceWithdrawn(Box<DeviceWithdrawn>),
    /// A rollout has failed and halted. Derived.
    RolloutFailed(Box<RolloutFailed>),
    /// A rollout has reached every device. Derived.
    RolloutCompleted(Box<RolloutCompleted>),
    /// What has become of a person's instruction. Derived.
    RemediationChanged(Box<RemediationChanged>),
    /// Somebody else is to work on an incident. Derived.
    IncidentAssigned(Box<IncidentAssigned>),
    /// A person has closed an incident. Derived.
    IncidentClosed(Box<IncidentClosed>),
    /// The time to respond to an incident, or to resolve it, is over. Derived, from a timer.
    IncidentOverdue(Box<IncidentOverdue>),
    /// A day on which something minor was found in a fleet is over. Derived, from a timer.
    DayOver(Box<DayOver>),
    /// What was found in a fleet on one day and has no incident of its own. Derived.
    DayReported(Box<DayReported>),
    /// By now something of the response to a compromised key has to be done. Derived.
    DeadlineReached(Box<DeadlineReached>),
    /// It was not: a person has to act. Derived.
    ResponseLate(Box<ResponseLate>),
}

impl EventBody {
    /// Every type name, in the order of [`EventBody`].
    pub const TYPE_NAMES: [&str; 44] = [
        build::REQUESTED,
        build::COMPLETED,
        build::VERIFIED,
        gate::OPENED,
        gate::REFUSED,
        device::DEPLOYED,
        device::REPORTED,
        device::DRIFTED,
        device::UNATTESTED,
        device::COMPLIED,
        device::REPORT_OVERDUE,
        command::ISSUED,
        command::HANDLED,
        lockdown::CHANGED,
        lockdown::RECORDED,
        incident::CLEARED,
        incident::ESCALATED,
        order::GIVEN,
        order::PERFORMED,
        record::CHANGED,
        key::COMPROMISED,
        key::REVOCATION_ORDERED,
        key::REVOKED,
        key::ARTIFACT_RESIGNED,
        key::DEVICE_CONVERGED,
        key::REVIEWED,
        key::RECOVERED,
        rollout::REQUESTED,
        rollout::STAGE_STARTED,
        rollout::DEVICE_ASSIGNED,
        rollout::DEVICE_CHECKED,
        rollout::STAGE_PASSED,
        rollout::STAGE_OVERDUE,
        rollout::DEVICE_WITHDRAWN,
        rollout::FAILED,
        rollout::COMPLETED,
        remediation::CHANGED,
        incident::ASSIGNED,
        incident::CLOSED,
        incident::OVERDUE,
        fleet::DAY_OVER,
        fleet::DAY_REPORTED,
        deadline::REACHED,
        deadline::LATE,
    ];

    /// `tech.openfactory.<area>.<fact>.v1`.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::BuildRequested(_) => build::REQUESTED,
            Self::BuildCompleted(_) => build::COMPLETED,
            Self::BuildVerified(_) => build::VERIFIED,
            Self::GateOpened(_) => gate::OPENED,
            Self::GateRefused(_) => gate::REFUSED,
            Self::DeviceDeployed(_) => device::DEPLOYED,
            Self::DeviceReported(_) => device::REPORTED,
            Self::DeviceDrifted(_) => device::DRIFTED,
            Self::DeviceUnattested(_) => device::UNATTESTED,
            Self::DeviceComplied(_) => device::COMPLIED,
            Self::ReportOverdue(_) => device::REPORT_OVERDUE,
            Self::CommandIssued(_) => command::ISSUED,
            Self::CommandHandled(_) => command::HANDLED,
            Self::LockdownChanged(_) => lockdown::CHANGED,
            Self::LockdownRecorded(_) => lockdown::RECORDED,
            Self::DeviceCleared(_) => incident::CLEARED,
            Self::DeviceEscalated(_) => incident::ESCALATED,
            Self::OrderGiven(_) => order::GIVEN,
            Self::OrderPerformed(_) => order::PERFORMED,
            Self::RecordChanged(_) => record::CHANGED,
            Self::KeyCompromised(_) => key::COMPROMISED,
            Self::RevocationOrdered(_) => key::REVOCATION_ORDERED,
            Self::KeyRevoked(_) => key::REVOKED,
            Self::ArtifactResigned(_) => key::ARTIFACT_RESIGNED,
            Self::DeviceConverged(_) => key::DEVICE_CONVERGED,
            Self::CompromiseReviewed(_) => key::REVIEWED,
            Self::KeyRecovered(_) => key::RECOVERED,
            Self::RolloutRequested(_) => rollout::REQUESTED,
            Self::RolloutStageStarted(_) => rollout::STAGE_STARTED,
            Self::RolloutDeviceAssigned(_) => rollout::DEVICE_ASSIGNED,
            Self::RolloutDeviceChecked(_) => rollout::DEVICE_CHECKED,
            Self::RolloutStagePassed(_) => rollout::STAGE_PASSED,
            Self::RolloutStageOverdue(_) => rollout::STAGE_OVERDUE,
            Self::RolloutDeviceWithdrawn(_) => rollout::DEVICE_WITHDRAWN,
            Self::RolloutFailed(_) => rollout::FAILED,
            Self::RolloutCompleted(_) => rollout::COMPLETED,
            Self::RemediationChanged(_) => remediation::CHANGED,
            Self::IncidentAssigned(_) => incident::ASSIGNED,
            Self::IncidentClosed(_) => incident::CLOSED,
            Self::IncidentOverdue(_) => incident::OVERDUE,
            Self::DayOver(_) => fleet::DAY_OVER,
            Self::DayReported(_) => fleet::DAY_REPORTED,
            Self::DeadlineReached(_) => deadline::REACHED,
            Self::ResponseLate(_) => deadline::LATE,
        }
    }

    /// The lane: events of one key are handled one after the other, in the order in which they were taken in.
    ///
    /// An order has a lane of its own, so that nothing that waits in the device's lane can delay the act.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::BuildRequested(body) => format!("build:{}", body.build_id),
            Self::BuildCompleted(body) => format!("build:{}", body.build_id),
            Self::BuildVerified(body) => format!("build:{}", body.build_id),
            Self::GateOpened(body) => format!("build:{}", body.build_id),
            Self::GateRefused(body) => format!("build:{}", body.build_id),
            Self::DeviceDeployed(body) => format!("device:{}", body.device),
            Self::DeviceReported(body) => format!("device:{}", body.report.device),
            Self::DeviceDrifted(body) => format!("device:{}", body.device),
            Self::DeviceUnattested(body) => format!("device:{}", body.device),
            Self::DeviceComplied(body) => format!("device:{}", body.device),
            Self::ReportOverdue(body) => format!("device:{}", body.device),
            Self::CommandIssued(body) => format!("device:{}", body.device),
            Self::CommandHandled(body) => format!("device:{}", body.device),
            Self::LockdownChanged(body) => format!("device:{}", body.device),
            Self::LockdownRecorded(body) => format!("device:{}", body.device),
            Self::DeviceCleared(body) => format!("device:{}", body.device),
            Self::DeviceEscalated(body) => format!("device:{}", body.device),
            Self::OrderGiven(body) => format!("order:{}", body.order.id),
            Self::OrderPerformed(body) => format!("device:{}", body.order.device),
            Self::RecordChanged(body) => format!("{}:{}", body.table, body.sys_id),
            Self::KeyCompromised(body) => key_lane(&body.key.key_id),
            Self::RevocationOrdered(body) => key_lane(&body.key.key_id),
            Self::KeyRevoked(body) => key_lane(&body.key.key_id),
            Self::ArtifactResigned(body) => key_lane(&body.key_id),
            Self::DeviceConverged(body) => key_lane(&body.key_id),
            Self::CompromiseReviewed(body) => key_lane(&body.key_id),
            Self::KeyRecovered(body) => key_lane(&body.key.key_id),
            Self::RolloutRequested(body) => format!("rollout:{}", body.build_id),
            Self::RolloutStageStarted(body) => format!("rollout:{}", body.build_id),
            Self::RolloutDeviceAssigned(body) => format!("device:{}", body.device),
            Self::RolloutDeviceChecked(body) => format!("rollout:{}", body.build_id),
            Self::RolloutStagePassed(body) => format!("rollout:{}", body.build_id),
            Self::RolloutStageOverdue(body) => format!("rollout:{}", body.build_id),
            Self::RolloutDeviceWithdrawn(body) => format!("device:{}", body.device),
            Self::RolloutFailed(body) => format!("rollout:{}", body.build_id),
            Self::RolloutCompleted(body) => format!("rollout:{}", body.build_id),
            Self::RemediationChanged(body) => format!("device:{}", body.remediation.device),
            Self::IncidentAssigned(body) => format!("device:{}", body.device),
            Self::IncidentClosed(body) => format!("device:{}", body.device),
            Self::IncidentOverdue(body) => format!("device:{}", body.device),
            Self::DayOver(body) => format!("fleet:{}", body.fleet),
            Self::DayReported(body) => format!("fleet:{}", body.fleet),
            Self::DeadlineReached(body) => key_lane(&body.key_id),
            Self::ResponseLate(body) => key_lane(&body.key_id),
        }
    }

    /// The kinds of key whose signature counts on it. Empty: nobody may send it, it is derived.
    #[must_use]
    pub const fn signers(&self) -> &'static [KeyKind] {
        match self {
            Self::BuildRequested(_)
            | Self::BuildCompleted(_)
            | Self::BuildVerified(_)
            | Self::ArtifactResigned(_) => &[KeyKind::BuildPlatformSigning],
            Self::KeyCompromised(_) | Self::CompromiseReviewed(_) => {
                &[KeyKind::RootSigning, KeyKind::Operator]
            }
            Self::DeviceDeployed(_) | Self::RolloutRequested(_) => {
                &[KeyKind::BuildPlatformSigning, KeyKind::ReleaseSigning]
            }
            Self::DeviceReported(_) | Self::CommandHandled(_) | Self::LockdownChanged(_) => {
                &[KeyKind::DeviceAttestation]
            }
            Self::CommandIssued(_) => &[KeyKind::Operator],
            Self::RecordChanged(_) => &[KeyKind::Integration],
            Self::GateOpened(_)
            | Self::GateRefused(_)
            | Self::DeviceDrifted(_)
            | Self::DeviceUnattested(_)
            | Self::DeviceComplied(_)
            | Self::LockdownRecorded(_)
            | Self::DeviceCleared(_)
            | Self::DeviceEscalated(_)
            | Self::ReportOverdue(_)
            | Self::OrderGiven(_)
            | Self::OrderPerformed(_)
            | Self::RevocationOrdered(_)
            | Self::KeyRevoked(_)
            | Self::DeviceConverged(_)
            | Self::KeyRecovered(_)
            | Self::RolloutStageStarted(_)
            | Self::RolloutDeviceAssigned(_)
            | Self::RolloutDeviceChecked(_)
            | Self::RolloutStagePassed(_)
            | Self::RolloutStageOverdue(_)
            | Self::RolloutDeviceWithdrawn(_)
            | Self::RolloutFailed(_)
            | Self::RolloutCompleted(_)
            | Self::RemediationChanged(_)
            | Self::IncidentAssigned(_)
            | Self::IncidentClosed(_)
            | Self::IncidentOverdue(_)
            | Self::DayOver(_)
            | Self::DayReported(_)
            | Self::DeadlineReached(_)
            | Self::ResponseLate(_) => &[],
        }
    }

    /// The device that alone may say this, where one speaks for itself.
    #[must_use]
    pub fn speaker(&self) -> Option<&str> {
        match self {
            Self::DeviceReported(body) => Some(&body.report.device),
            Self::CommandHandled(body) => Some(body.device.as_str()),
            Self::LockdownChanged(body) => Some(body.device.as_str()),
            _ => None,
        }
    }

    /// Whether only the workflow makes such events.
    #[must_use]
    pub const fn is_derived(&self) -> bool {
        self.signers().is_empty()
    }
}

fn key_lane(key: &KeyId) -> String {
    format!("key:{key}")
}

/// Why a signer is not taken at its word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderError {
    /// The event is derived by the workflow; nobody may send it.
    #[error("events of type {type_name} are derived and can not be sent")]
    Derived {
        /// The event's type.
        type_name: &'static str,
    },
    /// A key of this kind does not speak for such events.
    #[error("a key of kind {kind:?} may not sign events of type {type_name}")]
    Kind {
        /// The event's type.
        type_name: &'static str,
        /// The signer's kind.
        kind: KeyKind,
    },
    /// A device speaks for itself only: the name of its key is its id.
    #[error("the attestation key {name:?} may not speak for device {device:?}")]
    OtherDevice {
        /// The name of the signer's key.
        name: String,
        /// The device that the event is about.
        device: String,
    },
}

impl Event {
    /// An event; its time is kept in milliseconds.
    #[must_use]
    pub fn new(id: EventId, source: impl Into<String>, time: SystemTime, body: EventBody) -> Self {
        Self { id, source: source.into(), time: timestamp::truncate(time), body }
    }

    /// An event that follows from another: its id from the other's identity and the label, its source
    /// [`DERIVED_SOURCE`].
    #[must_use]
    pub fn derived(parent: &EventId, label: &str, time: SystemTime, body: EventBody) -> Self {
        Self::new(EventId::derived(parent, label), DERIVED_SOURCE, time, body)
    }

    /// What makes it one and the same event however often it comes: see [`EventId::identity`].
    #[must_use]
    pub fn identity(&self) -> EventId {
        EventId::identity(&self.source, &self.id)
    }

    /// Whether this signer (its key's kind and name in the trust store) may say this.
    ///
    /// # Errors
    /// [`SenderError`] says why not.
    pub fn check_sender(&self, kind: KeyKind, name: &str) -> Result<(), SenderError> {
        let type_name = self.body.type_name();
        if self.body.is_derived() {
            return Err(SenderError::Derived { type_name });
        }
        if !self.body.signers().contains(&kind) {
            return Err(SenderError::Kind { type_name, kind });
        }
        match self.body.speaker() {
            Some(device) if device != name => {
                Err(SenderError::OtherDevice { name: name.to_owned(), device: device.to_owned() })
            }
            Some(_) | None => Ok(()),
        }
    }
}
