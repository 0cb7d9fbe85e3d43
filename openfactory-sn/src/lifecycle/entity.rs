//! What the workflow remembers: builds, gates, devices, orders, rollouts, fleets,
//! compromised keys, instructions of persons.
//!
//! Each is kept as a JSON document with a format version under an [`EntityKey`], written by compare-and-swap on
//! a version that counts its writes.
//!
//! A store keeps text under text, and counts how often it was written:
//!
//! ```
//! use openfactory_sn::lifecycle::entity::{
//!     Entity, EntityError, EntityKey, EntityKeyError, EntityKind, FORMAT_VERSION, Versioned,
//! };
//!
//! fn read(key: &str, document: &str, version: u64) -> Result<(EntityKey, Versioned<Entity>), Box<dyn std::error::Error>> {
//!     let key: EntityKey = key.parse().map_err(|error: EntityKeyError| error)?;
//!     let value = Entity::parse_document(document)?;
//!     if value.kind() != key.kind() {
//!         return Err(format!("a {} stands under {key}", value.kind().as_str()).into());
//!     }
//!     Ok((key, Versioned { version, value }))
//! }
//!
//! let document = r#"{"kind":"fleet","format":1,"data":{"reached_full":["b-1"]}}"#;
//! let (key, kept) = read("fleet/line-7", document, 3)?;
//! assert_eq!((key.kind(), &*key.id(), kept.version), (EntityKind::Fleet, "line-7", 3));
//! assert_eq!(kept.value.to_document()?, document);
//! assert!(read("device/line-7", document, 3).is_err());
//!
//! // What a later version of the software wrote is left alone.
//! let later = document.replace("\"format\":1", "\"format\":2");
//! assert!(matches!(Entity::parse_document(&later), Err(EntityError::Newer { found: 2 })));
//! assert_eq!(FORMAT_VERSION, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is remembered is read by pages and reports:
//!
//! ```
//! use openfactory_sn::lifecycle::entity::{
//!     Build, BuildStage, Device, Entity, Fleet, Gate, GateState, Instruction, Member, Minor, MinorFinding, OpenIncident,
//!     OrderRecord, Overlay, Remediation, RemediationState, Restart, Rollout, RolloutState, Shown, Standing,
//! };
//! use openfactory_sn::lifecycle::event::rollout::Stage;
//! use openfactory_sn::lifecycle::priority::Priority;
//! use openfactory_zone2::LockdownState;
//! # use serde_json::json;
//!
//! fn line(entity: &Entity) -> String {
//!     match entity {
//!         Entity::Build(build) => of_build(build),
//!         Entity::Gate(gate) => of_gate(gate),
//!         Entity::Device(device) => of_device(device),
//!         Entity::Order(order) => of_order(order),
//!         Entity::Rollout(rollout) => of_rollout(rollout),
//!         Entity::Fleet(fleet) => of_fleet(fleet),
//!         Entity::Remediation(remediation) => of_remediation(remediation),
//!         other => other.kind().as_str().to_owned(),
//!     }
//! }
//!
//! fn of_build(build: &Build) -> String {
//!     let fit = if build.stage == BuildStage::Verified { "may be rolled out to" } else { "is not fit for" };
//!     format!("{fit} {}", build.fleet)
//! }
//!
//! fn of_gate(gate: &Gate) -> String {
//!     match &gate.state {
//!         GateState::Waiting => format!("{} waits for approval", gate.build_id),
//!         GateState::Refused { reason, .. } => format!("{} will not be built: {reason}", gate.build_id),
//!         _ => format!("{} may be built", gate.build_id),
//!     }
//! }
//!
//! fn of_device(device: &Device) -> String {
//!     let urgent = |incident: &&OpenIncident| incident.priority == Priority::P1;
//!     let urgent = device.incidents.iter().filter(urgent).count();
//!     let open = |overlay: &Overlay| overlay.lockdown != LockdownState::Locked;
//!     let overlay = if device.overlay.as_ref().is_some_and(open) { "open" } else { "locked" };
//!     let tries = device.restarts.iter().map(|restart: &Restart| restart.tries).sum::<u32>();
//!     let verity = if device.shown.as_ref().is_some_and(|shown: &Shown| shown.verity) { ", by dm-verity" } else { "" };
//!     format!("{}{verity}: {urgent} P1, overlay {overlay}, {tries} restart(s)", device.compliance)
//! }
//!
//! fn of_order(record: &OrderRecord) -> String {
//!     let state = match (&record.performed, record.proved) {
//!         (None, _) => "is under way",
//!         (Some(_), false) => "waits for its proof",
//!         (Some(_), true) => "is proved",
//!     };
//!     format!("{} {state}", record.order.id)
//! }
//!
//! fn of_rollout(rollout: &Rollout) -> String {
//!     let stage = match &rollout.state {
//!         RolloutState::Running { stage, .. } | RolloutState::Passed { stage, .. } => stage,
//!         RolloutState::Failed { reason, .. } => return format!("halted: {reason}"),
//!         _ => return "everywhere".to_owned(),
//!     };
//!     let passed = |member: &Member| member.standing == Standing::Passed;
//!     let passed = rollout.of_stage(*stage).filter(|(_, member)| passed(member)).count();
//!     format!("{stage}: {passed} of {} passed", rollout.of_stage(*stage).count())
//! }
//!
//! fn of_fleet(fleet: &Fleet) -> String {
//!     let build = fleet.reached_full.last().map_or_else(|| "on nothing yet".to_owned(), |build| format!("on {build}"));
//!     let found = |found: &MinorFinding| format!("; {}: {}", found.device, found.finding.path);
//!     let today = |minor: &Minor| minor.findings.iter().map(found).collect::<String>();
//!     build + &fleet.minor.as_ref().map(today).unwrap_or_default()
//! }
//!
//! fn of_remediation(remediation: &Remediation) -> String {
//!     let what = match remediation.instruction {
//!         Instruction::Rollback => "to go back",
//!         Instruction::Rebuild => "to be built anew",
//!         _ => "to be kept apart",
//!     };
//!     let state = match &remediation.state {
//!         RemediationState::Dropped { reason } | RemediationState::Failed { reason } => reason,
//!         _ if remediation.is_pending() => "it waits",
//!         _ => "it is under way, or done",
//!     };
//!     format!("{} is {what}, says {}: {state}", remediation.device, remediation.by)
//! }
//!
//! let read = |kind: &str, data: serde_json::Value| {
//!     Entity::parse_document(&serde_json::json!({"kind": kind, "format": 1, "data": data}).to_string())
//! };
//! # let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
//! # let build = json!({"fleet": "line-7", "change_request": "6b566b0977684da34ed046d34287f7ec", "stage": "verified",
//! #     "root_hash": hex, "manifest_digest": hex, "document_digest": hex});
//! assert_eq!(line(&read("build", build)?), "may be rolled out to line-7");
//! # let gate = json!({"build_id": "b-2", "requested_by": "e-1", "state": {"state": "waiting"}});
//! assert_eq!(line(&read("gate", gate)?), "b-2 waits for approval");
//! # let device = json!({
//! #     "fleet": "line-7", "build_id": "b-1", "compliance": "drifted", "quarantined": false,
//! #     "last_report": null, "reports_count_from": "2026-11-25T14:00:00Z", "awaiting_since": null, "recorded_at": null,
//! #     "incidents": [{"incident": "incident/press-7/39fffec3e6c3d26e", "cause": hex, "priority": "P1"}],
//! #     "order": "o-1", "known_good": ["b-1"], "supersedes": null,
//! #     "overlay": {"lockdown": "locked", "seal": hex, "policy": hex, "sequence": 1, "recorded": 1},
//! #     "shown": {"build_id": "b-1", "verity": true, "services": false},
//! # });
//! assert_eq!(line(&read("device", device)?), "Drifted, by dm-verity: 1 P1, overlay locked, 0 restart(s)");
//! # let order = json!({
//! #     "order": {"id": "o-1", "device": "press-7", "fleet": "line-7", "build_id": "b-1", "reason": "tampered",
//! #         "actions": [{"action": "quarantine"}], "incidents": []},
//! #     "performed": null, "performed_at": null, "proved": false,
//! # });
//! assert_eq!(line(&read("order", order)?), "o-1 is under way");
//! # let rollout = json!({
//! #     "fleet": "line-7", "requested_by": "e-1", "begun_at": "2026-11-25T14:00:00Z", "soak_s": 3600, "reports": 3,
//! #     "image": {"base_image": "", "base_version": "", "os_version": "", "distribution": "",
//! #         "recipe_hash": hex, "root_hash": hex, "document_digest": hex},
//! #     "requires_verity": true, "stage_within_s": 86400,
//! #     "state": "running", "stage": "staged", "since": "2026-11-25T15:00:00Z",
//! #     "devices": {
//! #         "press-1": {"stage": "canary", "serial": "SN-0001", "standing": "passed"},
//! #         "press-2": {"stage": "staged", "serial": "SN-0002", "standing": "passed"},
//! #         "press-3": {"stage": "staged", "serial": "SN-0003", "standing": "soaking"},
//! #     },
//! # });
//! let rollout = read("rollout", rollout)?;
//! assert_eq!(line(&rollout), "staged: 1 of 2 passed");
//! let Entity::Rollout(rollout) = rollout else { panic!() };
//! assert!(rollout.is_under_way() && rollout.of_stage(Stage::Full).next().is_none());
//! # let minor = json!({"device": "press-7", "priority": "P4", "path": "etc/motd", "kind": "content", "class": ""});
//! # let fleet = json!({"reached_full": ["b-0", "b-1"], "minor": {"day": 20782, "findings": [minor], "left_out": 0}});
//! assert_eq!(line(&read("fleet", fleet)?), "on b-1; press-7: etc/motd");
//! # let remediation = json!({"incident": "incident/press-7/39fffec3e6c3d26e", "device": "press-7", "fleet": "line-7",
//! #     "build_id": "b-1", "instruction": "rebuild", "by": "ada", "order": "o-1", "since": "2026-11-25T14:00:00Z",
//! #     "state": "waiting"});
//! assert_eq!(line(&read("remediation", remediation)?), "press-7 is to be built anew, says ada: it waits");
//! let known = Instruction::ALL.map(|instruction| Instruction::from_raw(instruction.as_str()));
//! assert!(known.iter().all(Option::is_some) && Instruction::from_raw("Rebuild it!").is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
pub mod compromise;
mod device;
mod fleet;
mod gate;
mod key;
mod order;
mod overlay;
mod remediation;
mod rollout;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::build::{Build, BuildStage};
use self::compromise::Compromise;
pub(crate) use self::device::timer_name;
pub use self::device::{Device, OpenIncident, Shown};
pub use self::fleet::{Fleet, Minor, MinorFinding};
pub use self::gate::{Gate, GateState};
pub use self::key::{EntityKey, EntityKeyError, EntityKind};
pub use self::order::OrderRecord;
pub use self::overlay::{Overlay, Restart};
pub use self::remediation::{Instruction, Remediation, RemediationState};
pub use self::rollout::{Member, Rollout, RolloutState, Standing};

/// The version in which documents are written. Older ones are read, newer ones refused.
pub const FORMAT_VERSION: u32 = 1;

/// Something remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entity {
    /// A build.
    Build(Build),
    /// A device.
    Device(Device),
    /// A fleet.
    Fleet(Fleet),
    /// A gate.
    Gate(Gate),
    /// An order.
    Order(OrderRecord),
    /// A rollout.
    Rollout(Rollout),
    /// A compromised key.
    Compromise(Box<Compromise>),
    /// What a person has told us to do about a device.
    Remediation(Box<Remediation>),
}

/// An entity and how often it was written: 1 after the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair with names, made by every state store")]
pub struct Versioned<T> {
    /// How often it was written.
    pub version: u64,
    /// It.
    pub value: T,
}

/// Why a document is not an entity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntityError {
    /// It was written by a later version of this software.
    #[error("the document has format version {found}, this software reads up to {FORMAT_VERSION}")]
    Newer {
        /// Its format version.
        found: u32,
    },
    /// It is not JSON with the members of an entity.
    #[error("the document can not be read")]
    Document {
        /// Where and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is of a kind that this software does not know.
    #[error("the document is of the unknown kind {kind:?}")]
    Kind {
        /// The kind.
        kind: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Document<T> {
    kind: String,
    format: u32,
    data: T,
}

impl Entity {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Build(_) => EntityKind::Build,
            Self::Device(_) => EntityKind::Device,
            Self::Fleet(_) => EntityKind::Fleet,
            Self::Gate(_) => EntityKind::Gate,
            Self::Order(_) => EntityKind::Order,
            Self::Rollout(_) => EntityKind::Rollout,
            Self::Compromise(_) => EntityKind::Compromise,
            Self::Remediation(_) => EntityKind::Remediation,
        }
    }

    /// The document to keep: `{"kind", "format", "data"}`, with the members of `data` by name, whatever order another
    /// crate of the same build chose for `serde_json`'s maps.
    ///
    /// # Errors
    /// [`EntityError::Document`] if it can not be written as JSON.
    pub fn to_document(&self) -> Result<String, EntityError> {
        let data = match self {
            Self::Build(value) => serde_json::to_value(value),
            Self::Device(value) => serde_json::to_value(value),
            Self::Fleet(value) => serde_json::to_value(value),
            Self::Gate(value) => serde_json::to_value(value),
            Self::Order(value) => serde_json::to_value(value),
            Self::Rollout(value) => serde_json::to_value(value),
            Self::Compromise(value) => serde_json::to_value(value),
            Self::Remediation(value) => serde_json::to_value(value),
        };
        data.and_then(|mut data| {
            data.sort_all_objects();
            serde_json::to_string(&Document {
                kind: self.kind().as_str().to_owned(),
                format: FORMAT_VERSION,
                data,
            })
        })
        .map_err(|error| EntityError::Document { source: error.into() })
    }

    /// Reads a kept document.
    ///
    /// # Errors
    /// [`EntityError`] says why it is none.
    pub fn parse_document(text: &str) -> Result<Self, EntityError> {
        let fault = |error: serde_json::Error| EntityError::Document { source: error.into() };
        let document: Document<Value> = serde_json::from_str(text).map_err(fault)?;
        if document.format > FORMAT_VERSION {
            return Err(EntityError::Newer { found: document.format });
        }
        let data = document.data;
        match document.kind.as_str() {
            "build" => serde_json::from_value(data).map(Self::Build).map_err(fault),
            "device" => serde_json::from_value(data).map(Self::Device).map_err(fault),
            "fleet" => serde_json::from_value(data).map(Self::Fleet).map_err(fault),
            "gate" => serde_json::from_value(data).map(Self::Gate).map_err(fault),
            "order" => serde_json::from_value(data).map(Self::Order).map_err(fault),
            "rollout" => serde_json::from_value(data).map(Self::Rollout).map_err(fault),
            "compromise" => serde_json::from_value(data).map(Self::Compromise).map_err(fault),
            "remediation" => serde_json::from_value(data).map(Self::Remediation).map_err(fault),
            _ => Err(EntityError::Kind { kind: document.kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::id::{BuildId, EventId};
    use super::*;

    fn gate() -> Entity {
        Entity::Gate(Gate {
            build_id: BuildId::new("b-1").unwrap(),
            state: GateState::Waiting,
            requested_by: EventId::new("e-1").unwrap(),
        })
    }

    /// Kept documents of format 1 must be readable for ever.
    #[test]
    fn a_document_is_as_it_is_written_down() {
        let document = r#"{"kind":"gate","format":1,"data":{"build_id":"b-1","requested_by":"e-1","state":{"state":"waiting"}}}"#;
        assert_eq!(gate().to_document().unwrap(), document);
        assert_eq!(Entity::parse_document(document).unwrap(), gate());
    }

    #[test]
    fn what_a_later_version_wrote_is_told_from_what_is_damaged() {
        let parse = |text: &str| Entity::parse_document(text).unwrap_err();
        assert!(matches!(parse(r#"{"kind":"gate","format":2,"data":{}}"#), EntityError::Newer { found: 2 }));
        assert!(matches!(parse(r#"{"kind":"gaet","format":1,"data":{}}"#), EntityError::Kind { .. }));
        assert!(matches!(parse(r#"{"kind":"gate","format":1,"data":{}}"#), EntityError::Document { .. }));
        assert!(matches!(parse("{"), EntityError::Document { .. }));
    }

    #[test]
    fn keys_read_back() {
        for text in [
            "build/b-1",
            "device/edge-1",
            "fleet/line-7",
            "gate/0123456789abcdef0123456789abcdef",
            "order/o-1",
            "rollout/b-1",
            "remediation/0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(text.parse::<EntityKey>().unwrap().to_string(), text);
        }
        for bad in ["", "build", "build/", "build/a/b", "fleets/x"] {
            assert!(bad.parse::<EntityKey>().is_err(), "{bad}");
        }
    }
}
