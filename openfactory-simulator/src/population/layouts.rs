//! The lists that are laid out on a fresh instance.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

/// Name and title; the default view has no name.
const VIEWS: [(&str, &str); 2] = [("", "Default view"), ("mobile", "Mobile")];

/// View, table, its fields in order.
const LISTS: [(&str, &str, &[&str]); 9] = [
    (
        "",
        "task",
        &[
            "number",
            "priority",
            "state",
            "assigned_to",
            "short_description",
            "assignment_group",
            "sys_class_name",
            "active",
        ],
    ),
    (
        "",
        "incident",
        &[
            "number",
            "opened_at",
            "short_description",
            "caller_id",
            "priority",
            "state",
            "category",
            "assignment_group",
            "assigned_to",
            "sys_updated_on",
            "sys_updated_by",
        ],
    ),
    (
        "",
        "change_request",
        &[
            "number",
            "short_description",
            "type",
            "state",
            "start_date",
            "end_date",
            "assigned_to",
            "approval",
        ],
    ),
    (
        "",
        "cmdb_ci",
        &["name", "sys_class_name", "operational_status", "serial_number", "assigned_to", "sys_updated_on"],
    ),
    ("", "sys_user", &["user_name", "name", "email", "active", "sys_created_on", "sys_updated_on"]),
    ("", "sys_user_group", &["name", "description", "active", "manager"]),
    ("mobile", "task", &["number", "short_description", "state", "priority", "assigned_to"]),
    ("mobile", "cmdb_ci", &["name", "sys_class_name", "operational_status"]),
    ("mobile", "sys_user", &["name", "email", "title"]),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (name, title) in VIEWS {
        once(session, "sys_ui_view", &derived_id("sys_ui_view", name), [("name", name), ("title", title)])?;
    }
    for (view, table, fields) in LISTS {
        let list = derived_id("sys_ui_list", &format!("{view} {table}"));
        let values = [("name", table), ("view", &derived_id("sys_ui_view", view))];
        once(session, "sys_ui_list", &list, values)?;
        for (position, element) in fields.iter().enumerate() {
            let id = derived_id("sys_ui_list_element", &format!("{list} {element}"));
            let position = position.to_string();
            let values = [("list_id", list.as_str()), ("element", element), ("position", &position)];
            once(session, "sys_ui_list_element", &id, values)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn every_field_that_is_laid_out_exists() {
        let schema = Schema::of(false);
        for (view, table, fields) in LISTS {
            assert!(VIEWS.iter().any(|(name, _)| *name == view), "{view}");
            for field in fields {
                assert!(schema.field(table, field).is_some(), "{table}.{field}");
            }
        }
    }
}
