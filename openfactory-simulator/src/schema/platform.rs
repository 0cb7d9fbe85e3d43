//! The platform's own tables that hang on records: approvals, attachments, journal entries; and the limits of its APIs.

use super::FieldType::{Boolean, Integer, Journal, List, String as Text};
use super::Table;
use super::choices;

pub(super) fn tables() -> Vec<Table> {
    vec![
        approver(),
        attachment(),
        Table::new("sys_attachment_attribute", "Attachment Attribute")
            .display("key")
            .references(&[("sys_attachment", "Sys Attachment", "sys_attachment")])
            .strings(&[("key", "Key"), ("value", "Value")]),
        Table::new("sys_journal_field", "Journal Entry").display("element").strings(&[
            ("name", "Name"),
            ("element", "Element"),
            ("element_id", "Element ID"),
            ("value", "Value"),
        ]),
        Table::new("sys_filter_option_dynamic", "Dynamic Filter Option")
            .extends("sys_metadata")
            .display("label")
            .strings(&[("label", "Label"), ("script", "Script"), ("table", "Referenced table")])
            .switches(&[("active", "Active"), ("available_for_filter", "Available for filter")]),
        Table::new("sys_rate_limit_rules", "Rate Limit Rule")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("rest_api", "REST API"),
                ("path_prefix", "Path begins with"),
                ("role", "Role"),
            ])
            .references(&[("user", "User", "sys_user")])
            .field("request_limit_per_hour", "Request limit per hour", Integer)
            .field("active", "Active", Boolean)
            .default("true"),
    ]
}

fn approver() -> Table {
    Table::new("sysapproval_approver", "Approval")
        .display("sysapproval")
        .references(&[("sysapproval", "Approval for", "task"), ("approver", "Approver", "sys_user")])
        .strings(&[("source_table", "Source table"), ("document_id", "Approving")])
        .dates(&[("due_date", "Due date"), ("expected_start", "Expected start")])
        .field("state", "State", Text)
        .default("requested")
        .choices(choices::APPROVER_STATE)
        .field("comments", "Comments", Journal)
        .field("watch_list", "Watch list", List("sys_user".to_owned()))
}

fn attachment() -> Table {
    Table::new("sys_attachment", "Attachment")
        .display("file_name")
        .strings(&[
            ("file_name", "File name"),
            ("content_type", "Content type"),
            ("table_name", "Table name"),
            ("table_sys_id", "Table sys ID"),
            ("hash", "Hash"),
            ("average_image_color", "Average image color"),
        ])
        .field("size_bytes", "Size bytes", Integer)
        .field("size_compressed", "Size compressed", Integer)
        .field("image_width", "Image width", Integer)
        .field("image_height", "Image height", Integer)
        .field("compressed", "Compressed", Boolean)
        .default("false")
}
