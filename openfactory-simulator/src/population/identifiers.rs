//! The identification rules of a fresh instance.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

/// Name, class, whether it stands by itself, entries: attributes and, where it is a look-up, the table.
type Rule = (&'static str, &'static str, bool, &'static [(&'static str, &'static str)]);

const RULES: [Rule; 6] = [
    (
        "Hardware Rule",
        "cmdb_ci_hardware",
        true,
        &[
            ("serial_number,serial_number_type", "cmdb_serial_number"),
            ("serial_number", ""),
            ("name", ""),
            ("ip_address,mac_address", "cmdb_ci_network_adapter"),
        ],
    ),
    ("Network Adapter Rule", "cmdb_ci_network_adapter", true, &[("mac_address,name", "")]),
    ("Application Service Rule", "cmdb_ci_service", true, &[("name", "")]),
    ("Cloud Datacenter Rule", "cmdb_ci_logical_datacenter", true, &[("object_id", ""), ("name", "")]),
    ("Image Rule", "cmdb_ci_os_template", false, &[("object_id", "")]),
    ("Software Rule", "cmdb_ci_spkg", true, &[("name,version", "")]),
];

/// Rule, related table, its field for the item, what tells its rows apart.
const RELATED: [(&str, &str, &str, &str); 3] = [
    ("Hardware Rule", "cmdb_serial_number", "cmdb_ci", "serial_number,serial_number_type"),
    ("Hardware Rule", "cmdb_ci_network_adapter", "cmdb_ci", "name"),
    ("Hardware Rule", "cmdb_key_value", "configuration_item", "key"),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (name, applies_to, independent, entries) in RULES {
        let rule = derived_id("cmdb_identifier", name);
        let independent = independent.to_string();
        let values = [("name", name), ("applies_to", applies_to), ("independent", &independent)];
        once(session, "cmdb_identifier", &rule, values)?;
        for (position, (attributes, table)) in entries.iter().enumerate() {
            let id = derived_id("cmdb_identifier_entry", &format!("{name}.{attributes}"));
            let order = ((position + 1) * 100).to_string();
            let values = [
                ("identifier", rule.as_str()),
                ("attributes", attributes),
                ("table", table),
                ("order", &order),
            ];
            once(session, "cmdb_identifier_entry", &id, values)?;
        }
    }
    for (rule, table, field, attributes) in RELATED {
        let identifier = derived_id("cmdb_identifier", rule);
        let values = [
            ("identifier", identifier.as_str()),
            ("table", table),
            ("referenced_field", field),
            ("attributes", attributes),
        ];
        once(
            session,
            "cmdb_related_entry",
            &derived_id("cmdb_related_entry", &format!("{rule}.{table}")),
            values,
        )?;
    }
    Ok(())
}
