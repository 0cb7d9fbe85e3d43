//! The dictionary as rows that can be read: tables, their fields, the choices of these.

use std::collections::BTreeMap;

use super::{delivered, derived_id, once};
use crate::refusal::Refusal;
use crate::schema::{Field, FieldType, Schema, Table};
use crate::store::Session;
use crate::write::value;

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for table in session.schema.tables() {
        let parent = table.extends.as_deref().map(|parent| derived_id("sys_db_object", parent));
        let values = [
            ("name", table.name.as_str()),
            ("label", &table.label),
            ("sys_name", &table.label),
            ("super_class", parent.as_deref().unwrap_or_default()),
        ];
        once(session, "sys_db_object", &derived_id("sys_db_object", &table.name), values)?;
        let whole =
            [("name", table.name.as_str()), ("internal_type", "collection"), ("sys_name", &table.name)];
        once(session, "sys_dictionary", &derived_id("sys_dictionary", &table.name), whole)?;
        // The fields that every table has stand at the top of its hierarchy.
        let top = table.extends.is_none();
        let inherited = session.schema.fields(&table.name).iter();
        let system = inherited.filter(|field| top && Schema::is_system_field(&field.name));
        for field in table.fields.iter().chain(system) {
            entry(session, table, field)?;
            choices(session, table, field)?;
        }
    }
    Ok(())
}

fn entry(session: &Session<'_>, table: &Table, field: &Field) -> Result<(), Refusal> {
    let reference = match &field.kind {
        FieldType::Reference(to) | FieldType::List(to) => to.as_str(),
        _ => "",
    };
    let length = value::size(field).to_string();
    let shows = table.display.as_deref() == Some(&field.name);
    let values = [
        ("name", table.name.as_str()),
        ("element", &field.name),
        ("column_label", &field.label),
        ("internal_type", kind(field)),
        ("reference", reference),
        ("default_value", &field.default),
        ("max_length", &length),
        ("display", if shows { "true" } else { "false" }),
        ("sys_name", &field.label),
    ];
    let values: BTreeMap<_, _> =
        values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    delivered(session, "sys_dictionary", &derived_id("sys_dictionary", &key(table, field)), values)?;
    Ok(())
}

/// The type as the dictionary names it.
fn kind(field: &Field) -> &'static str {
    match field.name.as_str() {
        "sys_id" => "GUID",
        "sys_class_name" => "sys_class_name",
        _ => field.kind.name(),
    }
}

fn choices(session: &Session<'_>, table: &Table, field: &Field) -> Result<(), Refusal> {
    for (position, choice) in field.choices.iter().enumerate() {
        let key = format!("{}.{}", key(table, field), choice.value);
        let sequence = position.to_string();
        let values = [
            ("name", table.name.as_str()),
            ("element", &field.name),
            ("value", &choice.value),
            ("label", &choice.label),
            ("language", "en"),
            ("sequence", &sequence),
        ];
        once(session, "sys_choice", &derived_id("sys_choice", &key), values)?;
    }
    Ok(())
}

fn key(table: &Table, field: &Field) -> String {
    format!("{}.{}", table.name, field.name)
}
