//! What Identification and Reconciliation works by: rules, look-up tables, the keys of sources.

use super::FieldType::Integer;
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("cmdb_identifier", "Identifier")
            .display("name")
            .strings(&[("name", "Name"), ("applies_to", "Applies to"), ("description", "Description")])
            .switches(&[("independent", "Independent"), ("active", "Active")]),
        Table::new("cmdb_identifier_entry", "Identifier Entry")
            .display("attributes")
            .references(&[("identifier", "Identifier", "cmdb_identifier")])
            .strings(&[("attributes", "Criterion attributes"), ("table", "Search on table")])
            .switches(&[("active", "Active")])
            .field("order", "Priority", Integer)
            .default("100"),
        Table::new("cmdb_serial_number", "Serial Number")
            .display("serial_number")
            .references(&[("cmdb_ci", "Configuration item", "cmdb_ci")])
            .strings(&[("serial_number", "Serial number"), ("serial_number_type", "Serial number type")])
            .switches(&[("valid", "Valid")]),
        Table::new("sys_object_source", "Source")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("id", "ID"),
                ("target_table", "Target table"),
                ("target_sys_id", "Target sys ID"),
                ("source_feed", "Source feed"),
            ])
            .dates(&[("last_scan", "Last scan"), ("source_recency_timestamp", "Source recency timestamp")]),
    ]
}
