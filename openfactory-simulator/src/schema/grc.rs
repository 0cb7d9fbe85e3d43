//! Governance beside the items themselves: what is controlled, by what, and how that was tested. Where these plugins are
//! active, their tables are there; the rules that compute their figures are not.

use super::FieldType::{Integer, String as Text};
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    let effectiveness: &[(&str, &str)] = &[("effective", "Effective"), ("ineffective", "Ineffective")];
    vec![
        Table::new("sn_grc_profile", "Entity")
            .display("name")
            .strings(&[("name", "Name"), ("table", "Table")])
            .references(&[("applies_to", "Applies to", "cmdb_ci")]),
        Table::new("sn_grc_document", "Document")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description")]),
        Table::new("sn_grc_content", "Content")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description")])
            .references(&[("document", "Document", "sn_grc_document")]),
        Table::new("sn_compliance_policy_statement", "Control Objective").extends("sn_grc_content"),
        Table::new("sn_compliance_control", "Control")
            .extends("sn_grc_item")
            .references(&[
                ("content", "Control objective", "sn_grc_content"),
                ("profile", "Entity", "sn_grc_profile"),
            ])
            .strings(&[("implementation_statement", "Implementation statement")])
            .field("status", "Status", Text)
            .choices(&[
                ("compliant", "Compliant"),
                ("non_compliant", "Non compliant"),
                ("not_applicable", "Not applicable"),
            ])
            .field("failed_indicators", "Failed indicators", Integer)
            .field("passed_indicators", "Passed indicators", Integer),
        Table::new("sn_grc_issue", "Issue")
            .extends("task")
            .numbered("ISS")
            .references(&[("item", "Item", "sn_grc_item"), ("profile", "Entity", "sn_grc_profile")]),
        Table::new("sn_audit_control_test", "Control Test")
            .extends("task")
            .numbered("CT")
            .references(&[("control", "Control", "sn_compliance_control")])
            .strings(&[("actual_results", "Actual results"), ("opinion", "Opinion")])
            .field("design_effectiveness", "Design effectiveness", Text)
            .choices(effectiveness)
            .field("operation_effectiveness", "Operation effectiveness", Text)
            .choices(effectiveness),
    ]
}
