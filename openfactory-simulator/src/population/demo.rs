//! Records to look at and to try things on, as an instance has them that was asked to be delivered with demo data.

mod log;

use std::collections::{BTreeMap, HashMap};

use axum::http::StatusCode;

use super::{delivered, derived_id, people};
use crate::refusal::Refusal;
use crate::store::Session;

/// Rows by table. A value that begins with `@` is the `sys_id` of the row that has this name, user name or number.
const ROWS: &str = include_str!("demo/rows.json");

/// Fields that name a row, the most telling first.
const NAMES: [&str; 5] = ["user_name", "number", "name", "display_name", "id"];

/// When a row was made that does not say so.
const MADE: &str = "2025-01-06 09:00:00";

/// Table, `sys_id`, values.
type Row = (String, String, BTreeMap<String, String>);

type Rows = BTreeMap<String, Vec<BTreeMap<String, String>>>;

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (table, sys_id, values) in rows()? {
        // The guide's tables are not on every instance.
        if session.schema.table(&table).is_some() {
            delivered(session, &table, &sys_id, values)?;
        }
    }
    log::plant(session)
}

/// Table, `sys_id` and values of every row, its references resolved.
fn rows() -> Result<Vec<Row>, Refusal> {
    let broken = |what: String| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Demo data can't be read").detail(what)
    };
    let rows: Rows = serde_json::from_str(ROWS).map_err(|error| broken(error.to_string()))?;
    let mut ids: HashMap<String, String> = HashMap::new();
    for user in [people::CHANGE_MANAGER_USER, people::ADMIN_USER] {
        ids.insert(user.to_owned(), people::user_id(user));
    }
    for role in ["itil", "itil_admin", "asset", "approver_user"] {
        ids.insert(format!("{role} (role)"), people::role_id(role));
    }
    for (table, row) in rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row))) {
        if let Some(name) = NAMES.iter().find_map(|name| row.get(*name)) {
            ids.insert(name.clone(), id(table, row));
        }
    }
    let mut resolved = Vec::new();
    for (table, row) in
        rows.into_iter().flat_map(|(table, rows)| rows.into_iter().map(move |row| (table.clone(), row)))
    {
        let sys_id = id(&table, &row);
        let mut values = BTreeMap::new();
        for (field, value) in row {
            let value = match value.strip_prefix('@') {
                Some(name) => {
                    ids.get(name).cloned().ok_or_else(|| broken(format!("nothing is called {name:?}")))?
                }
                None => value,
            };
            values.insert(field, value);
        }
        complete(&table, &mut values);
        resolved.push((table, sys_id, values));
    }
    Ok(resolved)
}

fn id(table: &str, row: &BTreeMap<String, String>) -> String {
    row.get("sys_id").cloned().unwrap_or_else(|| derived_id(table, &format!("{row:?}")))
}

/// What follows from a row's other values.
fn complete(table: &str, values: &mut BTreeMap<String, String>) {
    let made = values.get("opened_at").map_or(MADE, String::as_str).to_owned();
    values.entry("sys_created_on".to_owned()).or_insert(made);
    if table == "sys_user"
        && let (Some(user_name), Some(name)) = (values.get("user_name").cloned(), values.get("name").cloned())
    {
        let (first, last) = name.rsplit_once(' ').unwrap_or(("", &name));
        let own = [("email", format!("{user_name}@example.com")), ("first_name", first.to_owned())];
        for (field, value) in own.into_iter().chain([("last_name", last.to_owned())]) {
            values.entry(field.to_owned()).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{FieldType, Schema};

    #[test]
    fn every_value_fits_its_field_and_every_reference_leads_somewhere() {
        let schema = Schema::of(true);
        let rows = rows().unwrap();
        let own = [people::CHANGE_MANAGER_USER, people::ADMIN_USER].map(people::user_id);
        let roles = ["itil", "itil_admin", "asset", "approver_user"].map(people::role_id);
        for (table, sys_id, values) in &rows {
            for (name, value) in values {
                let field = schema.field(table, name).unwrap_or_else(|| panic!("{table}.{name}"));
                if let FieldType::Reference(to) = &field.kind
                    && to != "cmdb_rel_type"
                {
                    let found = rows.iter().any(|(other, id, _)| id == value && schema.is_a(other, to));
                    assert!(found || own.contains(value) || roles.contains(value), "{table}.{name} {value}");
                }
                if !field.choices.is_empty() {
                    assert!(field.choice_label(value).is_some(), "{table}.{name} {value}");
                }
            }
            assert!(rows.iter().filter(|(_, id, _)| id == sys_id).count() == 1, "{table} {sys_id}");
        }
    }
}
