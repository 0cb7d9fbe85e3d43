//! The body of a webhook: a hint that a record changed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::BODY_MAX;
use crate::id::{Number, SysId};
use crate::value::{FieldType, Raw};

/// Most members of the body.
const MEMBERS_MAX: usize = 64;
/// Longest text of a member, in bytes.
const TEXT_MAX: usize = 8 * 1024;
/// Deepest nesting, the body itself included.
const DEPTH_MAX: usize = 8;

/// Why a body is no hint that can be followed.
///
/// ```
/// use openfactory_sn::webhook::{HintError, RecordChanged};
///
/// let refused = |body: &str| RecordChanged::parse(body.as_bytes(), &["incident"]).unwrap_err();
/// assert_eq!(refused("<html>"), HintError::Json);
/// assert_eq!(refused(r#"{"table":"incident"}"#), HintError::Missing { member: "sys_id" });
/// assert_eq!(refused(r#"{"table":"sys_user","sys_id":"a1"}"#), HintError::Table { table: "sys_user".to_owned() });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintError {
    /// It is over a limit: 64 KiB, 64 members, 8 KiB for a text, 8 levels.
    #[error("body over the limit of {limit}")]
    Limit {
        /// Which limit.
        limit: &'static str,
    },
    /// It is not a JSON object, or names a member twice.
    #[error("body is not a JSON object with each member once")]
    Json,
    /// A member that must be there is missing or empty.
    #[error("no member {member}")]
    Missing {
        /// Its name.
        member: &'static str,
    },
    /// A member does not have its form.
    #[error("member {member} has not its form")]
    Malformed {
        /// Its name.
        member: &'static str,
    },
    /// The table is not one of those listened to.
    #[error("table {table:?} is not listened to")]
    Table {
        /// The table, cut at 80 characters.
        table: String,
    },
}

/// What was done to a record.
///
/// ```
/// use openfactory_sn::webhook::{Operation, RecordChanged};
///
/// let body = br#"{"table":"incident","sys_id":"a1","operation":"insert"}"#;
/// assert_eq!(RecordChanged::parse(body, &["incident"])?.operation, Operation::Insert);
/// # Ok::<(), openfactory_sn::webhook::HintError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// It was deleted.
    Delete,
    /// It was created.
    Insert,
    /// It was changed.
    Update,
}

/// A record changed, says the instance. What it is now, only the record itself tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordChanged {
    /// Its table: one of those asked for.
    pub table: String,
    /// Its key.
    pub sys_id: SysId,
    /// Its number, if it has one.
    pub number: Option<Number>,
    /// What was done to it.
    pub operation: Operation,
    /// When, by the instance's clock, to the second.
    pub sys_updated_on: Option<SystemTime>,
    /// By whom.
    pub sys_updated_by: Option<String>,
    /// Effective updates since it was created: tells an older hint from a newer one.
    pub sys_mod_count: Option<i64>,
    members: BTreeMap<String, String>,
}

impl RecordChanged {
    /// Reads a body.
    ///
    /// Members that are objects or lists are passed over; numbers and booleans are taken as their text, as scripts on the
    /// instance mix the two. Without an `operation` that is one of the three it is an update; what else is not in its form,
    /// such as a time as it is displayed, is as if it were not there: it is a hint, and the record is read anyway.
    ///
    /// # Errors
    ///
    /// [`HintError`] says what the body is not.
    pub fn parse(body: &[u8], tables: &[&str]) -> Result<Self, HintError> {
        if body.len() > BODY_MAX {
            return Err(HintError::Limit { limit: "65536 bytes" });
        }
        if is_deep(body) {
            return Err(HintError::Limit { limit: "8 levels" });
        }
        let Members(members) = serde_json::from_slice(body).map_err(|_| HintError::Json)?;
        if members.len() > MEMBERS_MAX {
            return Err(HintError::Limit { limit: "64 members" });
        }
        if members.values().any(|text| text.len() > TEXT_MAX) {
            return Err(HintError::Limit { limit: "8192 bytes for a text" });
        }
        let table = required(&members, "table")?;
        if !tables.contains(&table) {
            return Err(HintError::Table { table: table.chars().take(80).collect() });
        }
        Ok(Self {
            table: table.to_owned(),
            sys_id: SysId::new(required(&members, "sys_id")?)
                .map_err(|_| HintError::Malformed { member: "sys_id" })?,
            number: optional(&members, "number"),
            operation: operation(&members),
            sys_updated_on: optional(&members, "sys_updated_on"),
            sys_updated_by: optional(&members, "sys_updated_by"),
            sys_mod_count: optional(&members, "sys_mod_count"),
            members,
        })
    }

    /// Any member of the body as text, such as `state` or `approval`; `""` if it is not there. For logs and for deciding
    /// what to read first, not for acting on.
    ///
    /// ```
    /// use openfactory_sn::webhook::RecordChanged;
    ///
    /// let body = br#"{"table":"change_request","sys_id":"c1","state":-1,"approval":"approved"}"#;
    /// let hint = RecordChanged::parse(body, &["change_request"])?;
    /// assert_eq!((hint.text("state"), hint.text("approval"), hint.text("risk")), ("-1", "approved", ""));
    /// # Ok::<(), openfactory_sn::webhook::HintError>(())
    /// ```
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.members.get(member).map_or("", String::as_str)
    }
}

fn required<'m>(members: &'m BTreeMap<String, String>, member: &'static str) -> Result<&'m str, HintError> {
    members
        .get(member)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .ok_or(HintError::Missing { member })
}

fn optional<T: FieldType>(members: &BTreeMap<String, String>, member: &str) -> Option<T> {
    T::read(Raw::of_text(members.get(member)?)).ok()
}

fn operation(members: &BTreeMap<String, String>) -> Operation {
    match members.get("operation").map_or("", String::as_str) {
        "delete" => Operation::Delete,
        "insert" => Operation::Insert,
        _ => Operation::Update,
    }
}

/// Whether arrays and objects nest deeper than allowed, by looking at brackets outside of strings.
fn is_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// The members of an object that are scalars, as text; each name once.
struct Members(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let Text(text) = map.next_value()?;
                    if members.insert(name, text.unwrap_or_default()).is_some() {
                        return Err(serde::de::Error::custom("member named twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A scalar as its text; none for null, a list or an object.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
                Ok(Text(Some(value.to_string())))
            }

            fn visit_str<E>(self, value: &str) -> Result<Text, E> {
                Ok(Text(Some(value.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests;
