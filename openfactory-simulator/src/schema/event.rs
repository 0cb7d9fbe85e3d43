//! The tables of Event Management, a plugin that an instance prepared for the guide has.

use super::FieldType::{Integer, String as Text};
use super::Table;

const SEVERITIES: [(&str, &str); 6] =
    [("0", "Clear"), ("1", "Critical"), ("2", "Major"), ("3", "Minor"), ("4", "Warning"), ("5", "OK")];

pub(super) fn tables() -> Vec<Table> {
    vec![
        told(Table::new("em_event", "Event"))
            .strings(&[("resolution_state", "Resolution state"), ("state", "State")])
            .dates(&[("time_of_event", "Time of event")]),
        told(Table::new("em_alert", "Alert"))
            .numbered("Alert")
            .strings(&[("number", "Number"), ("state", "State")])
            .field("event_count", "Event count", Integer),
    ]
}

/// What events and alerts tell.
fn told(table: Table) -> Table {
    table
        .display("description")
        .strings(&[
            ("source", "Source"),
            ("event_class", "Source instance"),
            ("node", "Node"),
            ("resource", "Resource"),
            ("metric_name", "Metric name"),
            ("type", "Type"),
            ("message_key", "Message key"),
            ("description", "Description"),
            ("additional_info", "Additional information"),
        ])
        .field("severity", "Severity", Text)
        .choices(&SEVERITIES)
}
