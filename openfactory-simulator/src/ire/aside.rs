//! What can't be identified is put aside: for good, to be looked at, or until the source tells more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::identify::Identified;
use super::payload::{Item, Payload};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

const INCOMPLETE: &str = "cmdb_ire_incomplete_payloads";

const PARTIAL: &str = "cmdb_ire_partial_payloads";

/// Errors of items that more of their source can still complete.
const COMPLETED_LATER: [&str; 4] = [
    "MISSING_MATCHING_ATTRIBUTES",
    "REQUIRED_ATTRIBUTE_EMPTY",
    "MISSING_DEPENDENCY",
    "INSERT_NOT_ALLOWED_FOR_SOURCE",
];

/// Keeps a payload whose source is not known.
pub(super) fn whole(
    session: &Session<'_>,
    writer: &Writer<'_>,
    payload: &Payload,
    source: &str,
) -> Result<(), Refusal> {
    let values =
        [("source", source), ("payload", &payload.sent.to_string()), ("errors", "INVALID_INPUT_DATA")];
    write::create(session, writer, INCOMPLETE, &Input::of(values)).map(drop)
}

/// Keeps an item that has errors; what became of it, as the API calls it.
pub(super) fn item(
    session: &Session<'_>,
    writer: &Writer<'_>,
    item: &Item,
    identified: &Identified,
    source: &str,
) -> Result<&'static str, Refusal> {
    let errors: Vec<&str> = identified.faults.iter().map(|fault| fault.error).collect();
    let later = errors.iter().all(|error| COMPLETED_LATER.contains(error));
    let text = json!({ "items": [{ "className": item.class, "values": item.values }] }).to_string();
    match &item.sys_object_source_info {
        Some(info) if later => {
            let values = [
                ("source_name", info.source_name.as_str()),
                ("source_native_key", &info.source_native_key),
                ("source_recency_timestamp", &info.source_recency_timestamp),
                ("payload", &text),
            ];
            write::create(session, writer, PARTIAL, &Input::of(values))?;
            Ok("INSERT_AS_PARTIAL")
        }
        _ => {
            let values = [("source", source), ("payload", &text), ("errors", &errors.join(","))];
            write::create(session, writer, INCOMPLETE, &Input::of(values))?;
            Ok("INSERT_AS_INCOMPLETE")
        }
    }
}

/// Adds to an item what its source told of it before; which rows that was. What was told later counts.
pub(super) fn complete(session: &Session<'_>, item: &mut Item) -> Result<Vec<String>, StoreError> {
    let Some(info) = &item.sys_object_source_info else { return Ok(Vec::new()) };
    let mut merged = Vec::new();
    for row in session.by(PARTIAL, "source_native_key", &info.source_native_key)? {
        if row.value("source_name") != info.source_name
            || row.value("source_native_key") != info.source_native_key
        {
            continue;
        }
        let kept: Value = serde_json::from_str(row.value("payload")).unwrap_or_default();
        let values = kept.pointer("/items/0/values").and_then(Value::as_object);
        let values: BTreeMap<String, Value> =
            values.map(|values| values.clone().into_iter().collect()).unwrap_or_default();
        let later = row.value("source_recency_timestamp") > info.source_recency_timestamp.as_str();
        for (name, value) in values {
            if later {
                item.values.insert(name, value);
            } else {
                item.values.entry(name).or_insert(value);
            }
        }
        merged.push(row.sys_id);
    }
    Ok(merged)
}

/// Removes what counts now.
pub(super) fn taken_up(session: &Session<'_>, writer: &Writer<'_>, merged: &[String]) -> Result<(), Refusal> {
    for id in merged {
        if let Some(row) = session.find(PARTIAL, id)? {
            write::delete(session, writer, &row)?;
        }
    }
    Ok(())
}
