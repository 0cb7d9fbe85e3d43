//! What says who may do what, and which fields must be filled.

use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("sys_security_acl", "Access Control")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("operation", "Operation"),
                ("roles", "Requires role"),
                ("condition", "Condition"),
                ("description", "Description"),
            ])
            .strings(&[("type", "Type")])
            .default("record")
            .switches(&[("active", "Active"), ("admin_overrides", "Admin overrides")]),
    ]
}
