//! What forms hold people to and the API does not: read-only and mandatory fields, and which rows a reference may name.
//! An instance whose switches say so holds the API to them, too.

use crate::record::Record;
use crate::refusal::Refusal;
use crate::schema::Schema;

/// Table and fields that the dictionary calls read-only.
const READ_ONLY: [(&str, &[&str]); 1] =
    [("task", &["opened_at", "opened_by", "closed_at", "closed_by", "approval_set"])];

/// Table and fields that the dictionary calls mandatory.
const MANDATORY: [(&str, &[&str]); 3] = [
    ("incident", &["caller_id", "short_description"]),
    ("change_request", &["short_description"]),
    ("problem", &["short_description"]),
];

/// Values of `operational_status` and `install_status` of what is retired.
const RETIRED: [(&str, &str); 2] = [("operational_status", "6"), ("install_status", "7")];

pub(crate) fn is_read_only(schema: &Schema, table: &str, field: &str) -> bool {
    READ_ONLY.iter().any(|(own, fields)| schema.is_a(table, own) && fields.contains(&field))
}

/// Whether the reference's qualifier leaves this row out: retired items, for the item of a task.
pub(crate) fn is_disqualified(field: &str, row: &Record) -> bool {
    field == "cmdb_ci" && RETIRED.iter().any(|(status, retired)| row.value(status) == *retired)
}

/// Refuses a new row that lacks a mandatory field.
pub(super) fn check_mandatory(schema: &Schema, new: &Record) -> Result<(), Refusal> {
    let wanted = MANDATORY.iter().filter(|(own, _)| schema.is_a(&new.class, own));
    let missing = wanted.flat_map(|(_, fields)| *fields).filter(|name| new.value(name).is_empty());
    let labels: Vec<&str> = missing
        .map(|name| schema.field(&new.class, name).map_or(*name, |field| field.label.as_str()))
        .collect();
    if labels.is_empty() { Ok(()) } else { Err(Refusal::data_policy(&labels)) }
}
