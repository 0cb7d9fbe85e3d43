//! What the workflow remembers: builds, gates, devices, orders, rollouts, fleets,
//! compromised keys.
//!
//! Each is kept as a JSON document with a format version under an [`EntityKey`], written by compare-and-swap on
//! a version that counts its writes.

mod build;
pub mod compromise;
mod device;
mod fleet;
mod gate;
mod key;
mod order;
mod overlay;
mod rollout;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::build::{Build, BuildStage};
use self::compromise::Compromise;
pub use self::device::{Device, OpenIncident, timer_name};
pub use self::fleet::Fleet;
pub use self::gate::{Gate, GateState};
pub use self::key::{EntityKey, EntityKeyError, EntityKind};
pub use self::order::OrderRecord;
pub use self::overlay::{Overlay, Restart};
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
        ] {
            assert_eq!(text.parse::<EntityKey>().unwrap().to_string(), text);
        }
        for bad in ["", "build", "build/", "build/a/b", "fleets/x"] {
            assert!(bad.parse::<EntityKey>().is_err(), "{bad}");
        }
    }
}
