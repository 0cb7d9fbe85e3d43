//! What the workflow remembers: builds, gates, devices, orders.
//!
//! Each is kept as a JSON document with a format version under an [`EntityKey`], written by compare-and-swap on
//! a version that counts its writes.

pub mod compromise;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::KeyId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::compromise::Compromise;
use super::compliance::Compliance;
use super::event::device::Awaited;
use super::id::{BuildId, DeviceId, EventId, FleetId, OrderId};
use super::platform::{Order, Performed};
use super::priority::Priority;
use super::timestamp;
use crate::id::{CorrelationId, SysId};

/// The version in which documents are written. Older ones are read, newer ones refused.
pub const FORMAT_VERSION: u32 = 1;

/// Which sort of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntityKind {
    /// A [`Build`].
    Build,
    /// A [`Device`].
    Device,
    /// A [`Gate`].
    Gate,
    /// An [`OrderRecord`].
    Order,
    /// A [`Compromise`].
    Compromise,
}

impl EntityKind {
    /// The word in keys and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Device => "device",
            Self::Gate => "gate",
            Self::Order => "order",
            Self::Compromise => "compromise",
        }
    }
}

/// The key of something remembered; its text form is `kind/id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntityKey {
    /// A build by its id.
    Build(BuildId),
    /// A device by its id.
    Device(DeviceId),
    /// A gate by the sys_id of its change request, which is what a hint names.
    Gate(SysId),
    /// An order by its id.
    Order(OrderId),
    /// A compromised key by its id.
    Compromise(KeyId),
}

impl EntityKey {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Build(_) => EntityKind::Build,
            Self::Device(_) => EntityKind::Device,
            Self::Gate(_) => EntityKind::Gate,
            Self::Order(_) => EntityKind::Order,
            Self::Compromise(_) => EntityKind::Compromise,
        }
    }

    /// The part after the kind.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        match self {
            Self::Build(id) => id.as_str().into(),
            Self::Device(id) => id.as_str().into(),
            Self::Gate(id) => id.as_str().into(),
            Self::Order(id) => id.as_str().into(),
            Self::Compromise(id) => id.to_string().into(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind().as_str(), self.id())
    }
}

/// A text that is not the key of anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the key of a build, device, gate, order or compromise")]
pub struct EntityKeyError {
    text: String,
}

impl FromStr for EntityKey {
    type Err = EntityKeyError;

    fn from_str(text: &str) -> Result<Self, EntityKeyError> {
        let fault = || EntityKeyError { text: text.chars().take(80).collect() };
        let (kind, id) = text.split_once('/').ok_or_else(fault)?;
        match kind {
            "build" => BuildId::new(id).map(Self::Build).map_err(|_| fault()),
            "device" => DeviceId::new(id).map(Self::Device).map_err(|_| fault()),
            "gate" => SysId::new(id).map(Self::Gate).map_err(|_| fault()),
            "order" => OrderId::new(id).map(Self::Order).map_err(|_| fault()),
            "compromise" => id.parse().map(Self::Compromise).map_err(|_| fault()),
            _ => Err(fault()),
        }
    }
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildStage {
    /// It was requested.
    Requested,
    /// Its image exists.
    Completed,
    /// Its image was verified and no link of the chain is broken.
    Verified,
    /// Its image was verified and a link of the chain is broken, or nothing was proved.
    Rejected,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// Its fleet.
    pub fleet: FleetId,
    /// Its change request.
    pub change_request: SysId,
    /// How far it has come.
    pub stage: BuildStage,
    /// Its dm-verity root hash, once known.
    pub root_hash: Option<Sha256Digest>,
    /// The digest of its manifest, once verified.
    pub manifest_digest: Option<Sha256Digest>,
    /// The digest of its verification document, once verified.
    pub document_digest: Option<Sha256Digest>,
    /// The key that signed that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<KeyId>,
}

/// Whether a gate is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GateState {
    /// It waits for the change request's approval.
    Waiting,
    /// It is open.
    Open {
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
    },
    /// It will not open.
    Refused {
        /// Since when.
        #[serde(with = "timestamp")]
        since: SystemTime,
        /// Why.
        reason: String,
    },
}

/// The gate of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gate {
    /// The build that waits for it.
    pub build_id: BuildId,
    /// Whether it is open.
    pub state: GateState,
    /// The identity of the event that asked for the build: its receipt tells that the change request is whole.
    pub requested_by: EventId,
}

/// An incident that was opened for a device and is not resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenIncident {
    /// Its correlation id.
    pub incident: CorrelationId,
    /// Digest of what it is about.
    pub cause: Sha256Digest,
    /// Its priority.
    pub priority: Priority,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Device {
    /// Its fleet.
    pub fleet: FleetId,
    /// The build that it should be running.
    pub build_id: BuildId,
    /// What is known about its compliance.
    pub compliance: Compliance,
    /// Whether it is kept apart.
    pub quarantined: bool,
    /// The time of its last accepted report, by its own clock.
    #[serde(with = "timestamp::option")]
    pub last_report: Option<SystemTime>,
    /// Reports from before this instant speak of what was there before.
    #[serde(with = "timestamp")]
    pub reports_count_from: SystemTime,
    /// Since when, by our clock, its next report is awaited.
    #[serde(with = "timestamp::option")]
    pub awaiting_since: Option<SystemTime>,
    /// When its compliance was last recorded.
    #[serde(with = "timestamp::option")]
    pub recorded_at: Option<SystemTime>,
    /// Its open incidents.
    pub incidents: Vec<OpenIncident>,
    /// The order that is under way or waits for its proof.
    pub order: Option<OrderId>,
    /// Builds that ran compliant on it, the latest last.
    pub known_good: Vec<BuildId>,
    /// The build that it was related to before, until the new one is proved.
    pub supersedes: Option<BuildId>,
    /// The compromised key that signed what it runs, until it has proved itself without that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_key: Option<KeyId>,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderRecord {
    /// The order.
    pub order: Order,
    /// How it ended, once it did.
    pub performed: Option<Performed>,
    /// When its end was recorded.
    #[serde(with = "timestamp::option")]
    pub performed_at: Option<SystemTime>,
    /// Whether a report has proved it.
    pub proved: bool,
}

/// Something remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entity {
    /// A build.
    Build(Build),
    /// A device.
    Device(Device),
    /// A gate.
    Gate(Gate),
    /// An order.
    Order(OrderRecord),
    /// A compromised key.
    Compromise(Box<Compromise>),
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
            Self::Gate(_) => EntityKind::Gate,
            Self::Order(_) => EntityKind::Order,
            Self::Compromise(_) => EntityKind::Compromise,
        }
    }

    /// The document to keep: `{"kind", "format", "data"}`.
    ///
    /// # Errors
    /// [`EntityError::Document`] if it can not be written as JSON.
    pub fn to_document(&self) -> Result<String, EntityError> {
        let data = match self {
            Self::Build(value) => serde_json::to_value(value),
            Self::Device(value) => serde_json::to_value(value),
            Self::Gate(value) => serde_json::to_value(value),
            Self::Order(value) => serde_json::to_value(value),
            Self::Compromise(value) => serde_json::to_value(value),
        };
        data.and_then(|data| {
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
            "gate" => serde_json::from_value(data).map(Self::Gate).map_err(fault),
            "order" => serde_json::from_value(data).map(Self::Order).map_err(fault),
            "compromise" => serde_json::from_value(data).map(Self::Compromise).map_err(fault),
            _ => Err(EntityError::Kind { kind: document.kind }),
        }
    }
}

/// A wait that ends by itself: the name of a timer, one per thing waited for.
#[must_use]
pub fn timer_name(device: &DeviceId, awaited: &Awaited) -> String {
    match awaited {
        Awaited::Report => format!("report:{device}"),
        Awaited::Proof { order } => format!("proof:{order}"),
    }
}

#[cfg(test)]
mod tests {
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
        for text in ["build/b-1", "device/edge-1", "gate/0123456789abcdef0123456789abcdef", "order/o-1"] {
            assert_eq!(text.parse::<EntityKey>().unwrap().to_string(), text);
        }
        for bad in ["", "build", "build/", "build/a/b", "fleet/x"] {
            assert!(bad.parse::<EntityKey>().is_err(), "{bad}");
        }
    }
}
