//! Import sets, staging tables and transform maps.

use super::FieldType::Integer;
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("sys_import_set", "Import Set").display("number").numbered("ISET").strings(&[
            ("number", "Number"),
            ("table_name", "Table"),
            ("state", "State"),
        ]),
        Table::new("sys_import_set_row", "Import Set Row")
            .display("sys_import_set")
            .references(&[
                ("sys_import_set", "Set", "sys_import_set"),
                ("sys_transform_map", "Transform map", "sys_transform_map"),
            ])
            .strings(&[
                ("sys_import_state", "State"),
                ("sys_import_state_comment", "Comment"),
                ("sys_target_table", "Target table"),
                ("sys_target_sys_id", "Target record"),
            ]),
        Table::new("sys_transform_map", "Table Transform Map")
            .display("name")
            .strings(&[("name", "Name"), ("source_table", "Source table"), ("target_table", "Target table")])
            .switches(&[("active", "Active"), ("run_business_rules", "Run business rules")])
            .field("order", "Order", Integer)
            .default("100"),
        Table::new("sys_transform_entry", "Field Map")
            .display("target_field")
            .references(&[("map", "Map", "sys_transform_map")])
            .strings(&[("source_field", "Source field"), ("target_field", "Target field")])
            .flags(&[("coalesce", "Coalesce"), ("coalesce_empty_fields", "Coalesce empty fields")]),
        Table::new("imp_user", "Import User").extends("sys_import_set_row").strings(&[
            ("first_name", "First name"),
            ("last_name", "Last name"),
            ("user_id", "User ID"),
            ("email", "Email"),
        ]),
    ]
}
