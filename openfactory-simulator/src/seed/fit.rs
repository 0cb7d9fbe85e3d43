//! Whether a seed fits an instance: rows their tables, and references what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Seed, SeedError};
use crate::schema::{FieldType, Schema};
use crate::write::value;

/// Refuses rows of a table that have one `sys_id`.
pub(super) fn distinct(table: &str, rows: &[BTreeMap<String, String>]) -> Result<(), SeedError> {
    let mut seen = BTreeSet::new();
    for sys_id in rows.iter().filter_map(|row| row.get("sys_id")).map(|sys_id| sys_id.to_ascii_lowercase()) {
        if seen.contains(&sys_id) {
            return Err(SeedError::Twice { table: table.to_owned(), sys_id });
        }
        seen.insert(sys_id);
    }
    Ok(())
}

/// Refuses tables whose fields refer to none that there is.
pub(super) fn references(seed: &Seed, schema: &Schema) -> Result<(), SeedError> {
    for table in seed.tables.keys().filter_map(|name| schema.table(name)) {
        for field in &table.fields {
            if let FieldType::Reference(to) | FieldType::List(to) = &field.kind
                && schema.table(to).is_none()
            {
                let (table, field, to) = (table.name.clone(), field.name.clone(), to.clone());
                return Err(SeedError::Reference { table, field, to });
            }
        }
    }
    Ok(())
}

/// Refuses rows with fields that their table has not got, and with dates that are none.
pub(super) fn rows(seed: &Seed, schema: &Schema) -> Result<(), SeedError> {
    for (table, rows) in seed.rows.iter().filter(|(table, _)| schema.table(table).is_some()) {
        let named = rows.iter().enumerate();
        for (index, name, sent) in
            named.flat_map(|(index, row)| row.iter().map(move |(name, sent)| (index, name, sent)))
        {
            let (table, field) = (table.clone(), name.clone());
            let Some(known) = schema.field(&table, name) else {
                // That of each table, if only some keep it.
                if Schema::is_system_field(name) {
                    continue;
                }
                return Err(SeedError::Field { table, index, field });
            };
            let is_date = matches!(known.kind, FieldType::DateTime | FieldType::Date);
            if is_date && !sent.is_empty() && value::date(&known.kind, sent).is_none() {
                return Err(SeedError::Date { table, index, field, value: sent.clone() });
            }
        }
    }
    Ok(())
}
