//! Operations on records, as data that a person can read before anything is done.
//!
//! An integration that has records of its own plans them in the same words, and has them applied by
//! [`apply`](crate::lifecycle::apply::apply):
//!
//! ```
//! use openfactory_sn::lifecycle::correlation;
//! use openfactory_sn::lifecycle::mapping::Mapping;
//! use openfactory_sn::lifecycle::plan::operation::{File, Operation, Plan, RecordKey, Value, Values};
//! use openfactory_sn::{CorrelationId, SysId};
//!
//! let mapping = Mapping::guide();
//! let item = RecordKey::new(&mapping.tables.device, correlation::device_item(&"press-7".parse()?));
//! let visit = RecordKey::new("u_maintenance_visit", CorrelationId::new("visit/press-7/2026-11")?);
//! assert_eq!(visit.sys_id(), SysId::derived("u_maintenance_visit", &visit.correlation), "known before it is made");
//!
//! let ours = Values::new().text("correlation_id", visit.correlation.as_str()).text("u_source", "OpenFactory");
//! let no_such_column = None;
//! let values = ours
//!     .text("short_description", "Yearly visit of press-7")
//!     .text("u_comment", "") // what is empty is not sent
//!     .record("cmdb_ci", item.clone())
//!     .lookup("assigned_to", &mapping.tables.user, "email", "ada@plant.example")
//!     .column(mapping.incident.device_column.as_ref(), "press-7")
//!     .column(no_such_column, "nor is what has no column")
//!     .and(Values::new().clear(Some(&"u_next_visit".to_owned())));
//! let fields: Vec<&str> = values.iter().map(|(field, _)| field).collect();
//! assert_eq!(
//!     fields,
//!     ["correlation_id", "u_source", "short_description", "cmdb_ci", "assigned_to", "u_device", "u_next_visit"],
//! );
//! assert_eq!(values.get("cmdb_ci"), Some(&Value::Record(item)));
//! assert_eq!((values.get_text("u_next_visit"), values.get_text("cmdb_ci")), (Some(""), None));
//!
//! let file = File::new("checklist.txt", "text/plain", "1. oil\n");
//! let steps =
//!     vec![Operation::Create { record: visit.clone(), values }, Operation::Attach { record: visit, file }];
//! let plan = Plan::new("visit-2026-11".parse()?, steps);
//! assert!(!plan.is_empty());
//! assert_eq!(
//!     plan.operations[1].to_string(),
//!     "attach checklist.txt to u_maintenance_visit visit/press-7/2026-11",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use openfactory_attest::digest::Sha256Digest;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::id::{CorrelationId, SysId};
use crate::lifecycle::id::{BuildId, DeviceId, EventId, hashed};
use crate::models::change_request::State;
use crate::models::incident;

/// A record of ours, by its table and our own key of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct RecordKey {
    /// Its table.
    pub table: String,
    /// Our own key of it.
    pub correlation: CorrelationId,
}

impl RecordKey {
    /// All there is to say.
    pub fn new(table: impl Into<String>, correlation: CorrelationId) -> Self {
        Self { table: table.into(), correlation }
    }

    /// The sys_id that it has, or will have when it is made.
    #[must_use]
    pub fn sys_id(&self) -> SysId {
        SysId::derived(&self.table, &self.correlation)
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.correlation)
    }
}

/// What a field is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// This text, raw as ServiceNow stores it.
    Text(String),
    /// A reference to a record of ours.
    Record(RecordKey),
    /// A reference to the one record of a table whose field has this value, looked up when the plan is applied.
    /// If there is none or more than one, the field stays empty and the receipt has a finding.
    Lookup {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
}

/// Fields to write, in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(Vec<(String, Value)>);

impl Values {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a text; an empty one is left out.
    #[must_use]
    pub fn text(mut self, field: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((field.to_owned(), Value::Text(text)));
        }
        self
    }

    /// The same with a text in a column that the instance may not have.
    #[must_use]
    pub fn column(self, column: Option<&String>, text: impl Into<String>) -> Self {
        match column {
            Some(column) => self.text(column, text),
            None => self,
        }
    }

    /// The same and these after them.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The same with this field emptied.
    #[must_use]
    pub fn clear(mut self, column: Option<&String>) -> Self {
        if let Some(column) = column {
            self.0.push((column.clone(), Value::Text(String::new())));
        }
        self
    }

    /// The same with a reference to a record of ours.
    #[must_use]
    pub fn record(mut self, field: &str, key: RecordKey) -> Self {
        self.0.push((field.to_owned(), Value::Record(key)));
        self
    }

    /// The same with a reference that is looked up.
    #[must_use]
    pub fn lookup(mut self, field: &str, table: &str, by: &str, value: impl Into<String>) -> Self {
        let (table, by, value) = (table.to_owned(), by.to_owned(), value.into());
        self.0.push((field.to_owned(), Value::Lookup { table, field: by, value }));
        self
    }

    /// Fields and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(field, value)| (field.as_str(), value))
    }

    /// What a field is to hold.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The text that a field is to hold.
    #[must_use]
    pub fn get_text(&self, field: &str) -> Option<&str> {
        match self.get(field)? {
            Value::Text(text) => Some(text),
            Value::Record(_) | Value::Lookup { .. } => None,
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in &self.0 {
            match value {
                Value::Text(text) => map.serialize_entry(field, text)?,
                other => map.serialize_entry(field, other)?,
            }
        }
        map.end()
    }
}

/// What is attached to a record.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Content.
    pub content: Bytes,
}

impl File {
    /// All there is to say.
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { name: name.into(), media_type: media_type.into(), content: content.into() }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({}, {}, {} bytes)", self.name, self.media_type, self.content.len())
    }
}

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut file = serializer.serialize_struct("File", 4)?;
        file.serialize_field("name", &self.name)?;
        file.serialize_field("media_type", &self.media_type)?;
        file.serialize_field("size", &self.content.len())?;
        file.serialize_field("sha256", &Sha256Digest::of(&self.content).to_string())?;
        file.end()
    }
}

/// One thing to do in ServiceNow. Every one may be repeated.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Make sure that a record exists; one that does is left as it is.
    Create {
        /// Which record.
        record: RecordKey,
        /// What it holds at first.
        values: Values,
    },
    /// Make sure that a record exists and holds this.
    Put {
        /// Which record.
        record: RecordKey,
        /// What it holds.
        values: Values,
    },
    /// Set fields of a record that exists.
    Update {
        /// Which record.
        record: RecordKey,
        /// What they are to hold.
        values: Values,
    },
    /// Write a work note with a marker by which it is found again.
    Note {
        /// On which record.
        record: RecordKey,
        /// The note, without the marker.
        text: String,
        /// The marker, as in `[openfactory:0123456789abcdef]`.
        marker: String,
    },
    /// Ask the CMDB which devices some builds run on, and write a work note of that and of where it differs from what is
    /// known.
    NoteImpact {
        /// On which record.
        record: RecordKey,
        /// The devices that are known to run each build.
        known: BTreeMap<BuildId, BTreeSet<DeviceId>>,
        /// The type of relation that leads from a build to its devices, by name.
        type_name: String,
        /// The marker by which the note is found again.
        marker: String,
    },
    /// Attach a file, once by its name and size.
    Attach {
        /// To which record.
        record: RecordKey,
        /// The file.
        file: File,
    },
    /// Make sure that a relation between two configuration items exists.
    Relate {
        /// The parent.
        parent: RecordKey,
        /// The child.
        child: RecordKey,
        /// The type, by name.
        type_name: String,
    },
    /// Take away such a relation, if it exists.
    Unrelate {
        /// The parent.
        parent: RecordKey,
        /// The child.
        child: RecordKey,
        /// The type, by name.
        type_name: String,
    },
    /// Walk a change request forward, state by state. One that is there or beyond stays.
    MoveChange {
        /// Which change request.
        record: RecordKey,
        /// How far.
        #[serde(serialize_with = "state_word")]
        to: State,
        /// What is set with the last step.
        values: Values,
    },
    /// Move an incident forward: from New to In Progress, from there to Resolved. One that is resolved, closed or
    /// canceled stays as it is.
    MoveIncident {
        /// Which incident.
        record: RecordKey,
        /// How far.
        #[serde(serialize_with = "incident_state_word")]
        to: incident::State,
        /// What is set with it.
        values: Values,
    },
}

fn state_word<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{state:?}"))
}

fn incident_state_word<S: Serializer>(state: &incident::State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{state:?}"))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { record, .. } => write!(f, "create {record}"),
            Self::Put { record, .. } => write!(f, "create or update {record}"),
            Self::Update { record, .. } => write!(f, "update {record}"),
            Self::Note { record, .. } => write!(f, "write a work note on {record}"),
            Self::NoteImpact { record, known, .. } => {
                write!(f, "note on {record} what {} build(s) run on by the CMDB", known.len())
            }
            Self::Attach { record, file } => write!(f, "attach {} to {record}", file.name),
            Self::Relate { parent, child, type_name } => {
                write!(f, "relate {parent} to {child} ({type_name})")
            }
            Self::Unrelate { parent, child, type_name } => {
                write!(f, "take away the relation of {parent} to {child} ({type_name})")
            }
            Self::MoveChange { record, to, .. } => write!(f, "move {record} to {to:?}"),
            Self::MoveIncident { record, to, .. } => write!(f, "move {record} to {to:?}"),
        }
    }
}

/// What ServiceNow is to hear of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The identity of the event.
    pub event: EventId,
    /// What to do, first to last.
    pub operations: Vec<Operation>,
}

impl Plan {
    /// All there is to say.
    #[must_use]
    pub fn new(event: EventId, operations: Vec<Operation>) -> Self {
        Self { event, operations }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// The marker of an event's note: `[openfactory:` and 16 hex digits that follow from the event and the label.
pub(super) fn marker(event: &EventId, label: &str) -> String {
    let mut hash = hashed("openfactory/note_marker/v1", &[event.as_str(), label]);
    hash.truncate(16);
    format!("[openfactory:{hash}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change would write every note anew that is repeated across it.
    #[test]
    fn markers_are_frozen() {
        assert_eq!(marker(&EventId::new("e-1").unwrap(), "label"), "[openfactory:2189b72c46d6c94b]");
    }
}
