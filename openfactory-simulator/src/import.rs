//! Import sets: rows of a staging table become rows of another by way of a transform map.
//!
//! A staging table extends `sys_import_set_row`; maps are rows of `sys_transform_map` and `sys_transform_entry`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::query::{Condition, Operator, Query, evaluate, walk};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// What every staging table extends.
pub(crate) const ROOT: &str = "sys_import_set_row";

/// A new import set for a staging table.
pub(crate) fn begin(session: &Session<'_>, writer: &Writer<'_>, staging: &str) -> Result<Record, Refusal> {
    let input = Input::of([("table_name", staging), ("state", "processed")]);
    write::create(session, writer, "sys_import_set", &input)
}

/// Stores a row and transforms it by every map of its table; tells what each made of it.
pub(crate) fn row(
    session: &Session<'_>,
    writer: &Writer<'_>,
    set: &Record,
    staging: &str,
    mut values: BTreeMap<String, String>,
    base_url: &str,
) -> Result<Vec<Value>, Refusal> {
    values.insert("sys_import_set".to_owned(), set.sys_id.clone());
    let staged = write::create(session, writer, staging, &Input::values(values))?;
    let mut told = Vec::new();
    for map in maps(session, staging)? {
        let done = transform(session, writer, &map, &staged);
        let mut noted = vec![("sys_transform_map", map.sys_id.clone())];
        let target = map.value("target_table").to_owned();
        match done {
            Ok((status, record)) => {
                noted.push(("sys_import_state", status.to_owned()));
                noted.push(("sys_target_table", target));
                noted.push(("sys_target_sys_id", record.sys_id));
            }
            Err(refusal) if refusal.status.is_client_error() => {
                let message = refusal.detail.unwrap_or(refusal.message);
                noted.push(("sys_import_state", "error".to_owned()));
                noted.push(("sys_target_table", target));
                noted.push(("sys_import_state_comment", message));
            }
            Err(refusal) => return Err(refusal),
        }
        let noted: BTreeMap<_, _> = noted.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let staged = write::update(session, writer, &staged, &Input::values(noted))?;
        told.push(outcome(session, &staged, base_url)?);
    }
    Ok(told)
}

/// The maps of a staging table, in their order.
fn maps(session: &Session<'_>, staging: &str) -> Result<Vec<Record>, StoreError> {
    let mut maps = session.by("sys_transform_map", "source_table", staging)?;
    maps.retain(|map| map.value("active") == "true");
    maps.sort_by_key(|map| map.value("order").parse::<i64>().unwrap_or(i64::MAX));
    Ok(maps)
}

/// Makes or changes the row that the coalescing fields find.
fn transform(
    session: &Session<'_>,
    writer: &Writer<'_>,
    map: &Record,
    staged: &Record,
) -> Result<(&'static str, Record), Refusal> {
    let target = map.value("target_table");
    if session.schema.table(target).is_none() {
        return Err(Refusal::invalid_table(target));
    }
    let mut values = BTreeMap::new();
    let mut query = Query::default();
    let (mut coalesces, mut keyless) = (false, false);
    for entry in session.by("sys_transform_entry", "map", &map.sys_id)? {
        let value = staged.value(entry.value("source_field"));
        let field = entry.value("target_field").to_owned();
        if entry.value("coalesce") == "true" {
            coalesces = true;
            // What says nothing of which row it is stands for none that is there, unless its map wants it so.
            keyless = keyless || (value.is_empty() && entry.value("coalesce_empty_fields") != "true");
            let value = value.to_owned();
            query = query.and(Condition { field: field.clone(), operator: Operator::Is, value });
        }
        if !value.is_empty() {
            values.insert(field, value.to_owned());
        }
    }
    let mut input = Input::values(values);
    input.resolve_display(session, target, &writer.caller.locale)?;
    let looks = coalesces && !keyless;
    let found = if looks { evaluate::run(session, target, &query)?.into_iter().next() } else { None };
    let Some(old) = found else {
        return Ok(("inserted", write::create(session, writer, target, &input)?));
    };
    let new = write::update(session, writer, &old, &input)?;
    Ok((if new == old { "ignored" } else { "updated" }, new))
}

/// What became of a staged row, as the API tells it.
pub(crate) fn outcome(session: &Session<'_>, staged: &Record, base_url: &str) -> Result<Value, StoreError> {
    let (table, sys_id) = (staged.value("sys_target_table"), staged.value("sys_target_sys_id"));
    let map = walk::display_of(session, "sys_transform_map", staged.value("sys_transform_map"))?;
    let mut told = json!({
        "transform_map": map,
        "table": table,
        "status": staged.value("sys_import_state"),
    });
    let Value::Object(members) = &mut told else { return Ok(told) };
    if sys_id.is_empty() {
        members.insert("error_message".to_owned(), json!(staged.value("sys_import_state_comment")));
    } else {
        let link = format!("{base_url}/api/now/table/{table}/{sys_id}");
        members.insert("display_name".to_owned(), json!(session.schema.display_field(table)));
        members.insert("display_value".to_owned(), json!(walk::display_of(session, table, sys_id)?));
        members.insert("record_link".to_owned(), json!(link));
        members.insert("sys_id".to_owned(), json!(sys_id));
    }
    Ok(told)
}
