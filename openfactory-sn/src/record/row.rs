//! One record as it was read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FromRow;
use super::layout::Layout;
use crate::id::{Number, SysId};
use crate::value::{FieldType, Raw, Reference, ValueError};

/// A record that does not hold what its type needs, or no record at all.
///
/// ```
/// use openfactory_sn::Row;
/// use openfactory_sn::value::ValueError;
///
/// let row: Row = serde_json::from_str(r#"{"sys_id": "a1", "priority": "high"}"#)?;
/// let malformed = row.read::<i64>("priority").unwrap_err();
/// assert_eq!((malformed.sys_id.as_ref(), malformed.field.as_str()), (Some(row.sys_id()), "priority"));
/// assert_eq!(malformed.reason, ValueError::Form { expected: "a whole number", found: "high".to_owned() });
///
/// let no_record = serde_json::from_str::<Row>(r#"{"state": "1"}"#).unwrap_err();
/// assert_eq!(no_record.to_string(), "record without sys_id: field sys_id");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {}: field {field}", sys_id.as_ref().map_or("without sys_id", SysId::as_str))]
#[non_exhaustive]
pub struct Malformed {
    /// The record, if it could be told.
    pub sys_id: Option<SysId>,
    /// The field.
    pub field: String,
    /// What is wrong with the field.
    #[source]
    pub reason: ValueError,
}

/// One record with all fields that were sent, known or not, in the shapes in which they came.
///
/// Bare numbers, booleans and nulls, which the Table API does not send but its neighbours do, become their text.
///
/// ```
/// use openfactory_sn::{Number, Row};
///
/// let row: Row = serde_json::from_str(
///     r#"{"sys_id": "c1", "number": "CHG0030001", "state": "-2", "on_hold": "false",
///         "assigned_to": {"value": "u1", "display_value": "Eve Example"}, "u_line": "4"}"#,
/// )?;
/// assert_eq!((row.sys_id().as_str(), row.number()), ("c1", Number::new("CHG0030001").ok()));
/// assert_eq!((row.text("u_line"), row.read::<i64>("u_line")?), ("4", 4));
/// assert_eq!(row.read::<Option<bool>>("on_hold")?, Some(false));
/// assert_eq!(row.raw("assigned_to")?.display(), Some("Eve Example"));
/// let assigned = row.reference("assigned_to")?.ok_or("nobody")?;
/// assert_eq!(assigned.sys_id().as_str(), "u1");
/// assert!(!row.has("close_notes"), "not sent");
/// assert_eq!(row.iter().count(), 6);
/// assert_eq!(row.read::<i64>("number").unwrap_err().to_string(), "record c1: field number");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Row {
    sys_id: SysId,
    layout: Arc<Layout>,
    /// One for each name of the layout.
    values: Vec<Value>,
}

impl Row {
    /// A record with these fields, a value for each name.
    pub(crate) fn of(layout: Arc<Layout>, mut values: Vec<Value>) -> Result<Self, Malformed> {
        values.iter_mut().for_each(become_text);
        let key = layout.place("sys_id").and_then(|place| values.get(place));
        let sys_id = key
            .map_or(Ok(Raw::EMPTY), Raw::of)
            .and_then(SysId::read)
            .map_err(|reason| Malformed { sys_id: None, field: "sys_id".to_owned(), reason })?;
        Ok(Self { sys_id, layout, values })
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(self.layout.place(name)?)
    }

    /// Its key.
    #[must_use]
    pub fn sys_id(&self) -> &SysId {
        &self.sys_id
    }

    /// Its `number`, if it has one.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        Number::new(self.text("number")).ok()
    }

    /// The raw value of a field; `""` if it is empty, was not sent, or has a foreign shape.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).map_or("", |raw| raw.text())
    }

    /// Whether the field was sent at all: one that the credential may not read is not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.layout.place(name).is_some()
    }

    /// The field through its shape; [`Raw::EMPTY`] if it was not sent.
    ///
    /// # Errors
    ///
    /// [`ValueError::Shape`] if no field has that shape.
    pub fn raw(&self, name: &str) -> Result<Raw<'_>, ValueError> {
        self.value(name).map_or(Ok(Raw::EMPTY), Raw::of)
    }

    /// The record that a reference field refers to; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the field holds no sys_id.
    pub fn reference(&self, name: &str) -> Result<Option<Reference>, Malformed> {
        self.read(name)
    }

    /// The field as a type.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the field does not hold one.
    pub fn read<T: FieldType>(&self, name: &str) -> Result<T, Malformed> {
        self.raw(name).and_then(T::read).map_err(|reason| Malformed {
            sys_id: Some(self.sys_id.clone()),
            field: name.to_owned(),
            reason,
        })
    }

    /// All fields as they came, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.layout.by_name().filter_map(|(name, place)| Some((name, self.values.get(place)?)))
    }
}

impl FromRow for Row {
    fn from_row(row: Row) -> Result<Self, Malformed> {
        Ok(row)
    }
}

impl PartialEq for Row {
    /// Whether all fields are equal, in whatever order they came.
    fn eq(&self, other: &Self) -> bool {
        self.values.len() == other.values.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Row {}

impl TryFrom<Value> for Row {
    type Error = Malformed;

    fn try_from(value: Value) -> Result<Self, Malformed> {
        match value {
            Value::Object(fields) => {
                let (names, values) =
                    fields.into_iter().map(|(name, value)| (name.into_boxed_str(), value)).unzip();
                Self::of(Layout::new(names), values)
            }
            Value::Array(_) => Err(not_a_record("list")),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
                Err(not_a_record("bare value"))
            }
        }
    }
}

/// Why a value that is no object is no record.
pub(crate) fn not_a_record(found: &'static str) -> Malformed {
    Malformed { sys_id: None, field: "sys_id".to_owned(), reason: ValueError::Shape { found } }
}

/// Bare numbers and booleans become their text, also one level down.
fn become_text(value: &mut Value) {
    match value {
        Value::String(_) | Value::Array(_) => {}
        Value::Bool(truth) => *value = Value::String(truth.to_string()),
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::Null => *value = Value::String(String::new()),
        Value::Object(members) => {
            members.values_mut().filter(|member| !member.is_object()).for_each(become_text);
        }
    }
}

impl From<Row> for Value {
    fn from(row: Row) -> Self {
        let Row { layout, values, .. } = row;
        let names = (0..layout.len()).filter_map(|place| layout.name(place).map(str::to_owned));
        Self::Object(names.zip(values).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let sent = json!({
            "sys_id": "1c741bd70b2322007518478d83673af3",
            "number": "INC0000060",
            "assigned_to": {"link": "https://x/api/now/table/sys_user/5137", "value": "5137"},
            "u_customer": {"display_value": "x", "value": "y", "display_value_internal": "z"},
            "parent_incident": "",
        });
        let row = Row::try_from(sent.clone()).unwrap();
        assert_eq!(row.number().unwrap().as_str(), "INC0000060");
        assert_eq!(row.text("u_customer"), "y");
        assert_eq!(row.text("absent"), "");
        assert!(!row.has("absent"));
        assert_eq!(row.reference("parent_incident").unwrap(), None);
        assert_eq!(row.reference("assigned_to").unwrap().unwrap().sys_id().as_str(), "5137");
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), sent);
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }

    #[test]
    fn typed_values_of_the_neighbour_api_are_text() {
        let row = Row::try_from(json!({
            "sys_id": {"value": "abc", "display_value": "abc"},
            "state": {"display_value": "New", "value": -5.0},
            "active": true,
            "closed_at": null,
        }))
        .unwrap();
        assert_eq!(row.read::<i64>("state"), Ok(-5));
        assert_eq!(row.text("active"), "true");
        assert_eq!(row.text("closed_at"), "");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for value in [json!([]), json!("x"), json!({}), json!({"sys_id": ""}), json!({"sys_id": "a/b"})] {
            assert!(Row::try_from(value.clone()).is_err(), "{value}");
        }
        let row = Row::try_from(json!({"sys_id": "abc", "list": [1]})).unwrap();
        assert_eq!(row.read::<String>("list").unwrap_err().field, "list");
    }
}
