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
        Table::new("sys_data_policy2", "Data Policy")
            .display("short_description")
            .strings(&[
                ("model_table", "Table"),
                ("short_description", "Short description"),
                ("conditions", "Conditions"),
            ])
            .switches(&[("active", "Active")]),
        Table::new("sys_data_policy_rule", "Data Policy Rule")
            .display("field")
            .references(&[("sys_data_policy", "Data policy", "sys_data_policy2")])
            .strings(&[("table", "Table"), ("field", "Field")])
            .switches(&[("mandatory", "Mandatory")]),
    ]
}
