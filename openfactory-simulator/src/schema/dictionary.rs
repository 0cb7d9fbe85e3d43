//! The platform's tables about itself: tables, fields, choices, properties, scripts, its log.

use super::FieldType::{Boolean, Integer};
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("sys_metadata", "Application File")
            .display("sys_name")
            .strings(&[("sys_name", "Display name"), ("sys_update_name", "Update name")]),
        Table::new("sys_db_object", "Tables")
            .extends("sys_metadata")
            .display("label")
            .strings(&[("name", "Name"), ("label", "Label")])
            .references(&[("super_class", "Extends table", "sys_db_object")])
            .flags(&[("is_extendable", "Extensible")]),
        Table::new("sys_dictionary", "Dictionary Entry")
            .extends("sys_metadata")
            .display("element")
            .strings(&[
                ("name", "Table"),
                ("element", "Column name"),
                ("column_label", "Column label"),
                ("internal_type", "Type"),
                ("reference", "Reference"),
                ("default_value", "Default value"),
            ])
            .field("max_length", "Max length", Integer)
            .flags(&[("mandatory", "Mandatory"), ("read_only", "Read only"), ("display", "Display")])
            .switches(&[("active", "Active")]),
        Table::new("sys_script", "Business Rule")
            .extends("sys_metadata")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("collection", "Table"),
                ("filter_condition", "Filter condition"),
                ("message", "Message"),
                ("script", "Script"),
            ])
            .strings(&[("when", "When")])
            .default("before")
            .choices(&[("before", "before"), ("after", "after"), ("async", "async"), ("display", "display")])
            .field("order", "Order", Integer)
            .default("100")
            .flags(&[
                ("action_insert", "Insert"),
                ("action_update", "Update"),
                ("action_delete", "Delete"),
                ("action_query", "Query"),
                ("abort_action", "Abort action"),
                ("add_message", "Add message"),
                ("advanced", "Advanced"),
            ])
            .switches(&[("active", "Active")]),
        Table::new("sys_properties", "System Property")
            .display("name")
            .strings(&[
                ("name", "Name"),
                ("value", "Value"),
                ("type", "Type"),
                ("description", "Description"),
                ("suffix", "Suffix"),
            ])
            .flags(&[("is_private", "Private")]),
        Table::new("sys_choice", "Choice")
            .display("label")
            .strings(&[
                ("name", "Table"),
                ("element", "Element"),
                ("value", "Value"),
                ("label", "Label"),
                ("language", "Language"),
            ])
            .field("sequence", "Sequence", Integer)
            .field("inactive", "Inactive", Boolean)
            .default("false"),
        Table::new("sys_ui_view", "View").display("title").strings(&[("name", "Name"), ("title", "Title")]),
        Table::new("sys_ui_list", "List").display("name").strings(&[("name", "Table")]).references(&[(
            "view",
            "View",
            "sys_ui_view",
        )]),
        Table::new("sys_ui_list_element", "List Element")
            .display("element")
            .references(&[("list_id", "List", "sys_ui_list")])
            .strings(&[("element", "Element")])
            .field("position", "Position", Integer),
        Table::new("syslog", "Log Entry")
            .display("message")
            .strings(&[("message", "Message"), ("source", "Source")])
            .strings(&[("level", "Level")])
            .default("0")
            .choices(&[("0", "Information"), ("1", "Warning"), ("2", "Error"), ("-1", "Debug")]),
        Table::new("bsm_chart", "BSM Chart").display("name").strings(&[("name", "Name"), ("type", "Type")]),
        Table::new("alm_asset", "Asset")
            .display("display_name")
            .strings(&[
                ("display_name", "Display name"),
                ("asset_tag", "Asset tag"),
                ("serial_number", "Serial number"),
            ])
            .references(&[
                ("ci", "Configuration Item", "cmdb_ci"),
                ("assigned_to", "Assigned to", "sys_user"),
                ("location", "Location", "cmn_location"),
            ]),
    ]
}
