//! What hangs on change requests: models, templates, affected items, workers.

use super::FieldType::{Integer, String as Text};
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("chg_model", "Change Model")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description")])
            .switches(&[("active", "Active"), ("available_in_ui", "Available in UI")]),
        Table::new("std_change_record_producer", "Standard Change Template")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("short_description", "Short description"),
                ("category", "Category"),
                ("template", "Change request values"),
            ])
            .references(&[("current_version", "Current version", "std_change_producer_version")])
            .switches(&[("active", "Active")]),
        Table::new("std_change_producer_version", "Standard Change Template Version")
            .display("name")
            .strings(&[("name", "Name")])
            .references(&[("std_change_producer", "Standard change producer", "std_change_record_producer")])
            .field("version", "Version", Integer)
            .default("1"),
        Table::new("task_ci", "Affected CI")
            .display("ci_item")
            .references(&[("task", "Task", "task"), ("ci_item", "Configuration item", "cmdb_ci")]),
        Table::new("task_cmdb_ci_service", "Impacted Service")
            .display("cmdb_ci_service")
            .references(&[("task", "Task", "task"), ("cmdb_ci_service", "Service", "cmdb_ci")]),
        Table::new("task_service_offering", "Task Service Offering")
            .display("service_offering")
            .references(&[("task", "Task", "task"), ("service_offering", "Offering", "cmdb_ci")]),
        Table::new("chg_mgt_worker", "Change Management Worker")
            .display("type")
            .strings(&[("type", "Type"), ("request", "Request"), ("messages", "Messages")])
            .field("state", "State", Text)
            .default("1")
            .choices(&[("1", "Waiting"), ("2", "In-Progress"), ("3", "Complete"), ("4", "Error")]),
    ]
}
