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
        Table::new("cmdb_related_entry", "Related Entry")
            .display("table")
            .references(&[("identifier", "Identifier", "cmdb_identifier")])
            .strings(&[
                ("table", "Related table"),
                ("referenced_field", "Referenced field"),
                ("attributes", "Criterion attributes"),
            ])
            .switches(&[("active", "Active")]),
        Table::new("cmdb_reconciliation_definition", "Reconciliation Definition")
            .display("applies_to")
            .strings(&[
                ("applies_to", "Applies to"),
                ("discovery_source", "Discovery source"),
                ("attributes", "Attributes"),
                ("condition", "Filter condition"),
            ])
            .switches(&[("active", "Active")])
            .field("priority", "Priority", Integer)
            .default("100"),
        Table::new("cmdb_datasource_last_update", "Data Source History")
            .display("attribute")
            .references(&[("cmdb_ci", "Configuration item", "cmdb_ci")])
            .strings(&[("attribute", "Attribute"), ("source", "Discovery source")])
            .dates(&[("last_update", "Last update")]),
        Table::new("cmdb_datasource_staleness", "Data Source Staleness Definition")
            .display("applies_to")
            .strings(&[("applies_to", "Applies to"), ("discovery_source", "Discovery source")])
            .field("effective_duration", "Effective duration (seconds)", Integer),
        Table::new("cmdb_ire_incomplete_payloads", "CMDB IRE Incomplete Payload")
            .display("source")
            .strings(&[("source", "Source"), ("payload", "Payload"), ("errors", "Errors")]),
        Table::new("cmdb_ire_partial_payloads", "CMDB IRE Partial Payload").display("source_name").strings(
            &[
                ("source_name", "Source"),
                ("source_native_key", "Source native key"),
                ("source_recency_timestamp", "Source recency timestamp"),
                ("payload", "Payload"),
            ],
        ),
        Table::new("cmdb_key_value", "Key Value")
            .display("key")
            .references(&[("configuration_item", "Configuration item", "cmdb_ci")])
            .strings(&[("key", "Key"), ("value", "Value")]),
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
