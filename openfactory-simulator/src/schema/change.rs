//! What hangs on change requests: models, templates, affected items, workers, conflicts.

use super::FieldType::{Integer, String as Text};
use super::Table;

/// The ways in which a change can be in conflict, with their labels.
const CONFLICTS: &[(&str, &str)] = &[
    ("ci_already_scheduled", "CI Already Scheduled"),
    ("parent_already_scheduled", "Parent CI Already Scheduled"),
    ("child_already_scheduled", "Child CI Already Scheduled"),
    ("not_in_maintenance_window", "Not In Maintenance Window"),
    ("parent_not_in_maintenance_window", "Parent Not In Maintenance Window"),
    ("child_not_in_maintenance_window", "Child Not In Maintenance Window"),
    ("blackout", "Blackout"),
    ("parent_blackout", "Parent Blackout"),
    ("child_blackout", "Child Blackout"),
    ("assigned_to_already_scheduled", "Assigned To Already Scheduled"),
];

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
            .references(&[("task", "Task", "task"), ("ci_item", "Configuration item", "cmdb_ci")])
            .flags(&[("manually_added", "Manually added")]),
        Table::new("task_cmdb_ci_service", "Impacted Service")
            .display("cmdb_ci_service")
            .references(&[("task", "Task", "task"), ("cmdb_ci_service", "Service", "cmdb_ci")])
            .flags(&[("manually_added", "Manually added")]),
        Table::new("task_service_offering", "Task Service Offering")
            .display("service_offering")
            .references(&[("task", "Task", "task"), ("service_offering", "Offering", "cmdb_ci")]),
        Table::new("chg_mgt_worker", "Change Management Worker")
            .display("type")
            .strings(&[
                ("type", "Type"),
                ("request", "Request"),
                ("messages", "Messages"),
                ("payload", "Payload"),
            ])
            .field("state", "State", Text)
            .default("1")
            .choices(&[("1", "Waiting"), ("2", "In-Progress"), ("3", "Complete"), ("4", "Error")]),
        Table::new("risk_conditions", "Risk Condition")
            .display("name")
            .strings(&[("name", "Name"), ("condition", "Condition"), ("risk", "Risk"), ("impact", "Impact")])
            .switches(&[("active", "Active")])
            .field("order", "Order", Integer)
            .default("100"),
        Table::new("conflict", "Conflict")
            .display("type")
            .references(&[
                ("change", "Change", "change_request"),
                ("configuration_item", "Affected CI", "cmdb_ci"),
                ("related_configuration_item", "Related CI", "cmdb_ci"),
                ("conflicting_change", "Conflicting change", "change_request"),
                ("schedule", "Schedule", "cmn_schedule"),
            ])
            .dates(&[("last_checked", "Last checked")])
            .field("type", "Type", Text)
            .choices(CONFLICTS),
        Table::new("cmn_schedule", "Schedule")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description"), ("condition", "Condition")])
            .switches(&[("active", "Active")]),
        Table::new("cmn_schedule_blackout", "Blackout Schedule").extends("cmn_schedule"),
        Table::new("cmn_schedule_maintenance", "Maintenance Schedule").extends("cmn_schedule"),
        Table::new("cmn_schedule_span", "Schedule Entry")
            .display("name")
            .strings(&[("name", "Name"), ("type", "Type")])
            .references(&[("schedule", "Schedule", "cmn_schedule")])
            .dates(&[("start_date_time", "When"), ("end_date_time", "To"), ("repeat_until", "Repeat until")])
            .field("repeat_type", "Repeats", Text)
            .choices(&[
                ("daily", "Daily"),
                ("weekdays", "Every Weekday (Mon-Fri)"),
                ("weekends", "Every Weekend (Sat, Sun)"),
                ("weekly", "Weekly"),
            ]),
    ]
}
