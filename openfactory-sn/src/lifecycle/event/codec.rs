//! Events as bytes: the JSON that a DSSE envelope signs.
//!
//! `{"id", "source", "type", "time", "data": {...}}`, at most [`MAX_PAYLOAD`] bytes. Members that this version
//! does not know are ignored, a type that it does not know is [`EventError::UnknownType`], which keeps what a
//! dead letter has to say.
//!
//! ```
//! use openfactory_sn::lifecycle::event::{Event, EventBody, codec::EventError};
//!
//! let hint = r#"{
//!     "id": "hint-1", "source": "/webhook", "type": "tech.openfactory.servicenow.record_changed.v1",
//!     "time": "2026-11-25T14:43:25.120Z",
//!     "data": {"table": "incident", "sys_id": "9d385017c611228701d22104cc95c371", "a-later-member": 1}
//! }"#;
//! let event = Event::parse(hint.as_bytes())?;
//! assert!(matches!(&event.body, EventBody::RecordChanged(hint) if hint.table == "incident"));
//! // What is written has the members that this version knows, and reads back as the same.
//! assert_eq!(Event::parse(&event.to_payload()?)?, event);
//!
//! // An event of a later version is told from one that is damaged: it may be kept until somebody can read it.
//! let later = hint.replace("record_changed.v1", "record_changed.v2");
//! match Event::parse(later.as_bytes()) {
//!     Err(EventError::UnknownType { type_name, id, .. }) => {
//!         assert_eq!(type_name, "tech.openfactory.servicenow.record_changed.v2");
//!         assert_eq!(id.as_str(), "hint-1");
//!     }
//!     other => panic!("{other:?}"),
//! }
//! let damaged = hint.replace("\"incident\"", "7");
//! assert!(matches!(Event::parse(damaged.as_bytes()), Err(EventError::Data { .. })));
//! # Ok::<(), EventError>(())
//! ```

use openfactory_attest::canonical::{self, Limits};
use openfactory_attest::digest::Sha256Digest;
use openfactory_zone2::overlay_report::MAX_FINDINGS;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::command::CommandOutcome;
use super::{
    Event, EventBody, build, command, deadline, device, fleet, gate, incident, key, lockdown, order, record,
    remediation, rollout,
};
use crate::lifecycle::id::{BuildId, DeviceId, EventId};
use crate::lifecycle::timestamp;

/// The largest payload of an event, in bytes.
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;
/// The longest `source`, in bytes.
pub const MAX_SOURCE: usize = 256;
/// The longest text field of an event, in bytes.
pub const MAX_TEXT: usize = 32 * 1024;
/// The most files of evidence that an event carries.
pub const MAX_EVIDENCE_FILES: usize = 32;

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The payload is larger than [`MAX_PAYLOAD`].
    #[error("an event has at most {MAX_PAYLOAD} bytes, this one has {length}")]
    TooLarge {
        /// Its length in bytes.
        length: usize,
    },
    /// It is not JSON as signed documents have it, or not an object with the event's members.
    #[error("the event's JSON can not be read")]
    Json {
        /// Where and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its `source` is empty, too long, or holds blanks or control characters.
    #[error("{text:?} is not the source of an event")]
    Source {
        /// The beginning of it.
        text: String,
    },
    /// Its `time` is not an RFC 3339 instant.
    #[error("the event's time can not be read")]
    Time {
        /// Why.
        #[source]
        source: timestamp::TimestampError,
    },
    /// Its type is not one that this version knows.
    #[error("events of type {type_name:?} are not known to this version")]
    UnknownType {
        /// The type.
        type_name: String,
        /// The event's id.
        id: EventId,
        /// The event's source.
        source_uri: String,
    },
    /// Its data does not have the members of its type.
    #[error("the data of a {type_name} can not be read")]
    Data {
        /// The type.
        type_name: &'static str,
        /// Where and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its data contradicts itself or is out of bounds.
    #[error("the data of a {type_name} is wrong: {reason}")]
    Contradiction {
        /// The type.
        type_name: &'static str,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Wire<T> {
    id: EventId,
    source: String,
    #[serde(rename = "type")]
    type_name: String,
    time: String,
    data: T,
}

impl Event {
    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// [`EventError`] says what is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, EventError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(EventError::TooLarge { length: payload.len() });
        }
        let value = canonical::parse(payload, &Limits::FOREIGN)
            .map_err(|error| EventError::Json { source: error.into() })?;
        let wire: Wire<Value> =
            serde_json::from_value(value).map_err(|error| EventError::Json { source: error.into() })?;
        check_source(&wire.source)?;
        let time = timestamp::parse(&wire.time).map_err(|source| EventError::Time { source })?;
        let Wire { id, source, type_name, data, .. } = wire;
        let Some(body) = body(&type_name, data)? else {
            return Err(EventError::UnknownType { type_name, id, source_uri: source });
        };
        check_body(&body)?;
        Ok(Self { id, source, time, body })
    }

    /// The payload that an envelope signs.
    ///
    /// # Errors
    /// [`EventError::Data`] if the data can not be written as JSON; [`EventError::TooLarge`] and
    /// [`EventError::Source`] if nobody could read it again.
    pub fn to_payload(&self) -> Result<Vec<u8>, EventError> {
        check_source(&self.source)?;
        let type_name = self.body.type_name();
        let fault = |error: serde_json::Error| EventError::Data { type_name, source: error.into() };
        let mut data = data(&self.body).map_err(fault)?;
        // The bytes are the same whatever order another crate of the build chose for maps.
        data.sort_all_objects();
        let wire = Wire {
            id: self.id.clone(),
            source: self.source.clone(),
            type_name: type_name.to_owned(),
            time: timestamp::format(self.time),
            data,
        };
        let bytes = serde_json::to_vec(&wire).map_err(fault)?;
        if bytes.len() > MAX_PAYLOAD {
            return Err(EventError::TooLarge { length: bytes.len() });
        }
        Ok(bytes)
    }
}

fn check_source(source: &str) -> Result<(), EventError> {
    if source.is_empty() || source.len() > MAX_SOURCE || !source.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EventError::Source { text: source.chars().take(64).collect() });
    }
    Ok(())
}

fn read<T: DeserializeOwned>(type_name: &'static str, data: Value) -> Result<Box<T>, EventError> {
    serde_json::from_value(data)
        .map(Box::new)
        .map_err(|error| EventError::Data { type_name, source: error.into() })
}

fn body(type_name: &str, data: Value) -> Result<Option<EventBody>, EventError> {
    Ok(Some(match type_name {
        build::REQUESTED => EventBody::BuildRequested(read(build::REQUESTED, data)?),
        build::COMPLETED => EventBody::BuildCompleted(read(build::COMPLETED, data)?),
        build::VERIFIED => EventBody::BuildVerified(read(build::VERIFIED, data)?),
        gate::OPENED => EventBody::GateOpened(read(gate::OPENED, data)?),
        gate::REFUSED => EventBody::GateRefused(read(gate::REFUSED, data)?),
        device::DEPLOYED => EventBody::DeviceDeployed(read(device::DEPLOYED, data)?),
        device::REPORTED => EventBody::DeviceReported(read(device::REPORTED, data)?),
        device::DRIFTED => EventBody::DeviceDrifted(read(device::DRIFTED, data)?),
        device::UNATTESTED => EventBody::DeviceUnattested(read(device::UNATTESTED, data)?),
        device::COMPLIED => EventBody::DeviceComplied(read(device::COMPLIED, data)?),
        device::REPORT_OVERDUE => EventBody::ReportOverdue(read(device::REPORT_OVERDUE, data)?),
        command::ISSUED => EventBody::CommandIssued(read(command::ISSUED, data)?),
        command::HANDLED => EventBody::CommandHandled(read(command::HANDLED, data)?),
        lockdown::CHANGED => EventBody::LockdownChanged(read(lockdown::CHANGED, data)?),
        lockdown::RECORDED => EventBody::LockdownRecorded(read(lockdown::RECORDED, data)?),
        incident::CLEARED => EventBody::DeviceCleared(read(incident::CLEARED, data)?),
        incident::ESCALATED => EventBody::DeviceEscalated(read(incident::ESCALATED, data)?),
        order::GIVEN => EventBody::OrderGiven(read(order::GIVEN, data)?),
        order::PERFORMED => EventBody::OrderPerformed(read(order::PERFORMED, data)?),
        record::CHANGED => EventBody::RecordChanged(read(record::CHANGED, data)?),
        key::COMPROMISED => EventBody::KeyCompromised(read(key::COMPROMISED, data)?),
        key::REVOCATION_ORDERED => EventBody::RevocationOrdered(read(key::REVOCATION_ORDERED, data)?),
        key::REVOKED => EventBody::KeyRevoked(read(key::REVOKED, data)?),
        key::ARTIFACT_RESIGNED => EventBody::ArtifactResigned(read(key::ARTIFACT_RESIGNED, data)?),
        key::DEVICE_CONVERGED => EventBody::DeviceConverged(read(key::DEVICE_CONVERGED, data)?),
        key::REVIEWED => EventBody::CompromiseReviewed(read(key::REVIEWED, data)?),
        key::RECOVERED => EventBody::KeyRecovered(read(key::RECOVERED, data)?),
        rollout::REQUESTED => EventBody::RolloutRequested(read(rollout::REQUESTED, data)?),
        rollout::STAGE_STARTED => EventBody::RolloutStageStarted(read(rollout::STAGE_STARTED, data)?),
        rollout::DEVICE_ASSIGNED => EventBody::RolloutDeviceAssigned(read(rollout::DEVICE_ASSIGNED, data)?),
        rollout::DEVICE_CHECKED => EventBody::RolloutDeviceChecked(read(rollout::DEVICE_CHECKED, data)?),
        rollout::STAGE_PASSED => EventBody::RolloutStagePassed(read(rollout::STAGE_PASSED, data)?),
        rollout::STAGE_OVERDUE => EventBody::RolloutStageOverdue(read(rollout::STAGE_OVERDUE, data)?),
        rollout::DEVICE_WITHDRAWN => {
            EventBody::RolloutDeviceWithdrawn(read(rollout::DEVICE_WITHDRAWN, data)?)
        }
        rollout::FAILED => EventBody::RolloutFailed(read(rollout::FAILED, data)?),
        rollout::COMPLETED => EventBody::RolloutCompleted(read(rollout::COMPLETED, data)?),
        remediation::CHANGED => EventBody::RemediationChanged(read(remediation::CHANGED, data)?),
        incident::ASSIGNED => EventBody::IncidentAssigned(read(incident::ASSIGNED, data)?),
        incident::CLOSED => EventBody::IncidentClosed(read(incident::CLOSED, data)?),
        incident::OVERDUE => EventBody::IncidentOverdue(read(incident::OVERDUE, data)?),
        fleet::DAY_OVER => EventBody::DayOver(read(fleet::DAY_OVER, data)?),
        fleet::DAY_REPORTED => EventBody::DayReported(read(fleet::DAY_REPORTED, data)?),
        deadline::REACHED => EventBody::DeadlineReached(read(deadline::REACHED, data)?),
        deadline::LATE => EventBody::ResponseLate(read(deadline::LATE, data)?),
        _ => return Ok(None),
    }))
}

fn data(body: &EventBody) -> serde_json::Result<Value> {
    match body {
        EventBody::BuildRequested(body) => serde_json::to_value(body),
        EventBody::BuildCompleted(body) => serde_json::to_value(body),
        EventBody::BuildVerified(body) => serde_json::to_value(body),
        EventBody::GateOpened(body) => serde_json::to_value(body),
        EventBody::GateRefused(body) => serde_json::to_value(body),
        EventBody::DeviceDeployed(body) => serde_json::to_value(body),
        EventBody::DeviceReported(body) => serde_json::to_value(body),
        EventBody::DeviceDrifted(body) => serde_json::to_value(body),
        EventBody::DeviceUnattested(body) => serde_json::to_value(body),
        EventBody::DeviceComplied(body) => serde_json::to_value(body),
        EventBody::ReportOverdue(body) => serde_json::to_value(body),
        EventBody::CommandIssued(body) => serde_json::to_value(body),
        EventBody::CommandHandled(body) => serde_json::to_value(body),
        EventBody::LockdownChanged(body) => serde_json::to_value(body),
        EventBody::LockdownRecorded(body) => serde_json::to_value(body),
        EventBody::DeviceCleared(body) => serde_json::to_value(body),
        EventBody::DeviceEscalated(body) => serde_json::to_value(body),
        EventBody::OrderGiven(body) => serde_json::to_value(body),
        EventBody::OrderPerformed(body) => serde_json::to_value(body),
        EventBody::RecordChanged(body) => serde_json::to_value(body),
        EventBody::KeyCompromised(body) => serde_json::to_value(body),
        EventBody::RevocationOrdered(body) => serde_json::to_value(body),
        EventBody::KeyRevoked(body) => serde_json::to_value(body),
        EventBody::ArtifactResigned(body) => serde_json::to_value(body),
        EventBody::DeviceConverged(body) => serde_json::to_value(body),
        EventBody::CompromiseReviewed(body) => serde_json::to_value(body),
        EventBody::KeyRecovered(body) => serde_json::to_value(body),
        EventBody::RolloutRequested(body) => serde_json::to_value(body),
        EventBody::RolloutStageStarted(body) => serde_json::to_value(body),
        EventBody::RolloutDeviceAssigned(body) => serde_json::to_value(body),
        EventBody::RolloutDeviceChecked(body) => serde_json::to_value(body),
        EventBody::RolloutStagePassed(body) => serde_json::to_value(body),
        EventBody::RolloutStageOverdue(body) => serde_json::to_value(body),
        EventBody::RolloutDeviceWithdrawn(body) => serde_json::to_value(body),
        EventBody::RolloutFailed(body) => serde_json::to_value(body),
        EventBody::RolloutCompleted(body) => serde_json::to_value(body),
        EventBody::RemediationChanged(body) => serde_json::to_value(body),
        EventBody::IncidentAssigned(body) => serde_json::to_value(body),
        EventBody::IncidentClosed(body) => serde_json::to_value(body),
        EventBody::IncidentOverdue(body) => serde_json::to_value(body),
        EventBody::DayOver(body) => serde_json::to_value(body),
        EventBody::DayReported(body) => serde_json::to_value(body),
        EventBody::DeadlineReached(body) => serde_json::to_value(body),
        EventBody::ResponseLate(body) => serde_json::to_value(body),
    }
}

fn check_text(type_name: &'static str, name: &str, text: &str) -> Result<(), EventError> {
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        let reason = format!("{name} must have 1 to {MAX_TEXT} bytes");
        return Err(EventError::Contradiction { type_name, reason });
    }
    Ok(())
}

/// What the members' types can't say.
fn check_body(body: &EventBody) -> Result<(), EventError> {
    let type_name = body.type_name();
    let fault = |reason: String| Err(EventError::Contradiction { type_name, reason });
    match body {
        EventBody::BuildRequested(body) => {
            for (name, text) in [("requester", &body.requester), ("request_text", &body.request_text)] {
                check_text(type_name, name, text)?;
            }
        }
        EventBody::BuildVerified(body) => {
            let payload = body.document.payload_unverified();
            if Sha256Digest::of(payload) != body.document_digest {
                return fault("document_digest is not that of the document's payload".to_owned());
            }
            if body.evidence.len() > MAX_EVIDENCE_FILES {
                return fault(format!("more than {MAX_EVIDENCE_FILES} files of evidence"));
            }
            for file in &body.evidence {
                if file.name.is_empty()
                    || file.name.len() > 100
                    || file.name.contains(['/', '\\', '\0', '\n'])
                {
                    return fault(format!("{:?} is not a file name", file.name));
                }
            }
        }
        EventBody::DeviceReported(body) => {
            if let Err(error) = DeviceId::new(body.report.device.as_str()) {
                return fault(format!("device: {error}"));
            }
            if let Err(error) = BuildId::new(body.report.build_id.as_str()) {
                return fault(format!("build_id: {error}"));
            }
        }
        EventBody::RecordChanged(body) => {
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if body.table.is_empty() || body.table.len() > 80 || !body.table.bytes().all(good) {
                return fault("table is not the name of a table".to_owned());
            }
        }
        EventBody::CommandHandled(body) => {
            let long = match &body.outcome {
                CommandOutcome::Done { detail } => detail.len() > command::MAX_TEXT,
                CommandOutcome::Failed { reason } => reason.len() > command::MAX_TEXT,
                CommandOutcome::Refused { code, reason } => {
                    let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
                    if code.is_empty() || code.len() > 64 || !code.bytes().all(word) {
                        return fault("code is not one word of a-z and -".to_owned());
                    }
                    reason.len() > command::MAX_TEXT
                }
            };
            if long {
                return fault(format!("its text has more than {} bytes", command::MAX_TEXT));
            }
        }
        EventBody::LockdownChanged(body) => {
            if body.findings.len() > MAX_FINDINGS {
                return fault(format!("more than {MAX_FINDINGS} findings"));
            }
        }
        EventBody::RolloutRequested(body) => {
            if let Err(reason) = body.check() {
                return fault(reason);
            }
        }
        EventBody::KeyCompromised(body) => {
            let texts =
                [("name", &body.key.name), ("reported_by", &body.reported_by), ("evidence", &body.evidence)];
            for (name, text) in texts {
                check_text(type_name, name, text)?;
            }
        }
        EventBody::CompromiseReviewed(body) => {
            let texts = [
                ("reviewer", &body.reviewer),
                ("root_cause", &body.root_cause),
                ("lessons", &body.lessons),
                ("policy_changes", &body.policy_changes),
            ];
            for (name, text) in texts {
                check_text(type_name, name, text)?;
            }
        }
        EventBody::ArtifactResigned(body) => {
            if body.document.payload_digest() != body.document_digest {
                return fault("document_digest is not that of the document's payload".to_owned());
            }
        }
        EventBody::RevocationOrdered(_)
        | EventBody::KeyRevoked(_)
        | EventBody::DeviceConverged(_)
        | EventBody::KeyRecovered(_)
        | EventBody::BuildCompleted(_)
        | EventBody::CommandIssued(_)
        | EventBody::GateOpened(_)
        | EventBody::GateRefused(_)
        | EventBody::DeviceDeployed(_)
        | EventBody::DeviceDrifted(_)
        | EventBody::DeviceUnattested(_)
        | EventBody::DeviceComplied(_)
        | EventBody::LockdownRecorded(_)
        | EventBody::DeviceCleared(_)
        | EventBody::DeviceEscalated(_)
        | EventBody::ReportOverdue(_)
        | EventBody::OrderGiven(_)
        | EventBody::OrderPerformed(_)
        | EventBody::RolloutStageStarted(_)
        | EventBody::RolloutDeviceAssigned(_)
        | EventBody::RolloutDeviceChecked(_)
        | EventBody::RolloutStagePassed(_)
        | EventBody::RolloutStageOverdue(_)
        | EventBody::RolloutDeviceWithdrawn(_)
        | EventBody::RolloutFailed(_)
        | EventBody::RolloutCompleted(_)
        | EventBody::RemediationChanged(_)
        | EventBody::IncidentAssigned(_)
        | EventBody::IncidentClosed(_)
        | EventBody::IncidentOverdue(_)
        | EventBody::DayOver(_)
        | EventBody::DayReported(_)
        | EventBody::DeadlineReached(_)
        | EventBody::ResponseLate(_) => {}
    }
    Ok(())
}
