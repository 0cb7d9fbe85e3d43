//! The values that a caller sends, brought into the form in which they are kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::duration;
use crate::fold::same;
use crate::locale::Locale;
use crate::query::walk;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::dictionary;
use crate::schema::{FieldType, Schema};
use crate::store::{Session, StoreError};
use crate::write::{audit, value};

/// Longest `sys_id`.
const SYS_ID_MAX: usize = 32;

/// A write's values: text, by field; fields that the table has not got are left out when it is applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    values: BTreeMap<String, String>,
    /// Those of them that were sent as `null`.
    nulls: BTreeSet<String>,
    /// Whether `sys_` fields are taken too.
    trusted: bool,
    /// Whether the caller says who made or changed the row and when, and not the instance.
    stamped: bool,
}

impl Input {
    /// Takes a JSON body: an object, or an array whose first member alone is taken.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Refusal::unreadable(error.to_string()))?;
        let value = match value {
            Value::Array(mut rows) if !rows.is_empty() => rows.swap_remove(0),
            value => value,
        };
        let Value::Object(members) = value else {
            return Err(Refusal::unreadable("the body is not a JSON object"));
        };
        Ok(Self::members(members))
    }

    /// Takes the members of an object.
    pub(crate) fn members(members: Map<String, Value>) -> Self {
        let nulls =
            members.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
        let values = members.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect();
        Self { values, nulls, ..Self::default() }
    }

    /// Takes values of the instance's own.
    pub(crate) fn of<const N: usize>(values: [(&str, &str); N]) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { values, ..Self::default() }
    }

    /// Takes values that a caller sent by another way than a row of JSON.
    pub(crate) fn values(values: BTreeMap<String, String>) -> Self {
        Self { values, ..Self::default() }
    }

    /// Takes a seed's row, `sys_` fields included.
    pub(crate) fn seed(values: BTreeMap<String, String>) -> Self {
        Self { values, trusted: true, ..Self::default() }
    }

    /// Lets the caller say who made or changed the row and when: the instance then keeps none of that.
    pub(crate) fn stamped(mut self) -> Self {
        self.stamped = true;
        self
    }

    /// Whether it does.
    pub(super) fn is_stamped(&self) -> bool {
        self.stamped
    }

    /// One of the values.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The names of the values.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Leaves these values out.
    pub(crate) fn without(&mut self, names: &BTreeSet<String>) {
        self.values.retain(|name, _| !names.contains(name));
    }

    /// The `sys_id` that the caller wishes for a new row, as it is written; none if it could not stand in a path.
    pub(crate) fn sys_id(&self) -> Option<&str> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_key = |sys_id: &&str| (1..=SYS_ID_MAX).contains(&sys_id.len()) && sys_id.bytes().all(good);
        self.values.get("sys_id").map(String::as_str).filter(is_key)
    }

    /// Whether it adds an entry to a journal field.
    pub(crate) fn has_journal(&self, schema: &Schema, table: &str) -> bool {
        self.journal(schema, table).next().is_some()
    }

    /// The entries for journal fields.
    pub(crate) fn journal<'a>(
        &'a self,
        schema: &'a Schema,
        table: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(name, value)| {
            let field = schema.field(table, name)?;
            (field.kind == FieldType::Journal && !value.is_empty()).then_some((name.as_str(), value.as_str()))
        })
    }

    /// Turns display values into values, as `sysparm_input_display_value=true` asks; a date that can't be read is empty,
    /// or, where a switch says so, left out.
    pub(crate) fn resolve_display(
        &mut self,
        session: &Session<'_>,
        table: &str,
        locale: &Locale,
    ) -> Result<(), StoreError> {
        self.resolve_references(session, table)?;
        let ignore = session.switches.unreadable_dates_are_ignored;
        self.values.retain(|name, value| {
            let Some(field) = session.schema.field(table, name) else { return true };
            if matches!(field.kind, FieldType::DateTime | FieldType::Date) {
                let read = locale.read(&field.kind, value);
                if ignore && read.is_none() && !value.is_empty() {
                    return false;
                }
                *value = read.unwrap_or_default();
            } else if field.kind == FieldType::Duration {
                if let Some(read) = duration::read_words(value) {
                    *value = read;
                }
            } else if let Some(choice) = field.choices.iter().find(|choice| choice.label == *value) {
                value.clone_from(&choice.value);
            }
            true
        });
        Ok(())
    }

    /// Turns what stands for a row into its `sys_id`, where a reference is not one.
    fn resolve_references(&mut self, session: &Session<'_>, table: &str) -> Result<(), StoreError> {
        for (name, value) in &mut self.values {
            let field = session.schema.field(table, name).map(|field| &field.kind);
            let Some(FieldType::Reference(to)) = field.filter(|_| !value.is_empty()) else { continue };
            if let Some(found) = referred(session, to, value)? {
                *value = found;
            }
        }
        Ok(())
    }

    /// The values as this instance takes them, where its switches differ from the defaults.
    pub(crate) fn taken(&self, session: &Session<'_>, table: &str) -> Result<Cow<'_, Self>, StoreError> {
        let switches = session.switches;
        let refers = switches.references_by_name || switches.unknown_references_are_emptied;
        let differs = refers
            || switches.null_is_ignored
            || switches.unreadable_dates_are_ignored
            || switches.dictionary_read_only_is_enforced
            || switches.reference_qualifiers_run;
        if !differs || self.trusted {
            return Ok(Cow::Borrowed(self));
        }
        let mut taken = self.clone();
        if switches.null_is_ignored {
            taken.values.retain(|name, _| !self.nulls.contains(name));
        }
        if switches.unreadable_dates_are_ignored {
            taken.values.retain(|name, sent| {
                let kind = session.schema.field(table, name).map(|field| &field.kind);
                sent.is_empty()
                    || match kind {
                        Some(kind @ (FieldType::DateTime | FieldType::Date)) => {
                            value::date(kind, sent).is_some()
                        }
                        Some(FieldType::Duration) => duration::read(sent.trim()).is_some(),
                        _ => true,
                    }
            });
        }
        if switches.dictionary_read_only_is_enforced {
            taken.values.retain(|name, _| !dictionary::is_read_only(session.schema, table, name));
        }
        if switches.references_by_name {
            taken.resolve_references(session, table)?;
        }
        for (name, value) in &mut taken.values {
            let field = session.schema.field(table, name).map(|field| &field.kind);
            let Some(FieldType::Reference(to)) = field.filter(|_| !value.is_empty()) else { continue };
            let known = session.find(to, &value.to_ascii_lowercase())?;
            let refused = match known {
                None => switches.unknown_references_are_emptied,
                Some(row) => switches.reference_qualifiers_run && dictionary::is_disqualified(name, &row),
            };
            if refused {
                value.clear();
            }
        }
        Ok(Cow::Owned(taken))
    }

    /// Writes the values into a row; what the table has not got is dropped without a word.
    pub(crate) fn apply(&self, schema: &Schema, record: &mut Record) {
        for (name, value) in &self.values {
            let Some(field) = schema.field(&record.class, name) else { continue };
            let own = Schema::is_system_field(name);
            let apart = matches!(field.kind, FieldType::Journal | FieldType::Password);
            let stamp = self.stamped && audit::STAMPS.contains(&name.as_str());
            if apart || name == "sys_id" || (own && !self.trusted && !stamp) {
                continue;
            }
            let kept = value::kept(field, value);
            // A row always says who made it and when: what says nothing of that is not taken.
            if stamp && kept.is_empty() {
                continue;
            }
            record.set(name, kept);
        }
    }
}

/// The row that a display value stands for, unless it is a `sys_id` already.
fn referred(session: &Session<'_>, to: &str, shown: &str) -> Result<Option<String>, StoreError> {
    if shown.is_empty() || session.find(to, shown)?.is_some() {
        return Ok(None);
    }
    // Most tables are displayed by a field of their own, which may be indexed.
    if let Some(name) = session.schema.display_field(to) {
        let found = session.by(to, name, shown)?.into_iter().next();
        if found.is_some() {
            return Ok(found.map(|row| row.sys_id));
        }
    }
    for row in session.scan(to, &crate::store::Narrow::All)? {
        if same(&walk::display_of(session, to, &row.sys_id)?, shown) {
            return Ok(Some(row.sys_id));
        }
    }
    Ok(None)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(body: &str) -> Record {
        let schema = Schema::of(true);
        let mut record = Record::new("incident", "0");
        Input::from_json(body.as_bytes()).unwrap().apply(&schema, &mut record);
        record
    }

    #[test]
    fn everything_becomes_text_of_the_fields_type() {
        let record = applied(
            r#"{"impact": 1, "urgency": "2", "active": false, "state": "resolved", "bogus": "x",
                "short_description": null, "close_code": "Solved", "sys_created_by": "mallory", "work_notes": "n"}"#,
        );
        for (field, value) in [
            ("impact", "1"),
            ("urgency", "2"),
            ("active", "false"),
            ("state", "1"),
            ("bogus", ""),
            ("short_description", ""),
            ("close_code", ""),
            ("sys_created_by", ""),
            ("work_notes", ""),
        ] {
            assert_eq!(record.value(field), value, "{field}");
        }
        assert_eq!(
            applied(&format!(r#"{{"short_description":"{}"}}"#, "é".repeat(200)))
                .value("short_description")
                .chars()
                .count(),
            160
        );
        assert_eq!(applied(r#"[{"impact": "2"}, {"impact": "1"}]"#).value("impact"), "2");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "7", "[]", "\"x\""] {
            assert!(Input::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
