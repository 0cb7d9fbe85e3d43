//! What an instance prepared for the integration guide has beyond a stock one.

use super::FieldType::{Decimal, String as Text};
use super::choices::{CHANGE_CATEGORY, DISCOVERY_SOURCE};
use super::{Choice, Schema, Table, event, grc};

/// Values of `operational_status` in the guide's fleet CMDB table, beside the stock ones.
const STATUSES: [&str; 5] = ["Compliant", "Drifted", "Unknown", "Quarantined", "Remediated"];

pub(super) fn extend(schema: &mut Schema) {
    schema.add(os_image(schema));
    schema.add(grc_item());
    grc::tables().into_iter().for_each(|table| schema.add(table));
    event::tables().into_iter().for_each(|table| schema.add(table));
    let categories: Vec<_> =
        CHANGE_CATEGORY.iter().copied().chain([("Operating System", "Operating System")]).collect();
    schema.add(
        Table::new("change_request", "Change Request")
            .field("category", "Category", Text)
            .default("Other")
            .choices(&categories)
            .strings(&[("u_build_id", "Build ID"), ("u_fleet", "Fleet")]),
    );
    let sources: Vec<_> = DISCOVERY_SOURCE.iter().copied().chain([("OpenFactory", "OpenFactory")]).collect();
    schema.add(
        Table::new("cmdb_ci", "Configuration Item")
            .field("discovery_source", "Discovery source", Text)
            .choices(&sources),
    );
    schema.add(
        Table::new("incident", "Incident")
            .strings(&[
                ("u_build_id", "Build ID"),
                ("u_device", "Device"),
                ("u_remediation_by", "Remediation instructed by"),
            ])
            .dates(&[("u_remediation_at", "Remediation instructed at")])
            .field("u_remediation", "Remediation", Text)
            .choices(&[("rollback", "rollback"), ("rebuild", "rebuild"), ("quarantine", "quarantine")]),
    );
}

fn os_image(schema: &Schema) -> Table {
    let mut table = Table::new("cmdb_ci_os_image", "OS Image")
        .extends("cmdb_ci_computer")
        .strings(&[
            ("u_kind", "Kind"),
            ("u_build_id", "Build ID"),
            ("u_fleet", "Fleet"),
            ("u_features", "Features"),
            ("u_security_level", "Security level"),
            ("u_recipe_hash", "Recipe hash"),
            ("u_root_hash", "Root hash"),
            ("u_document_digest", "Verification document digest"),
            ("u_document_link", "Verification document link"),
            ("u_compliance_status", "Compliance status"),
            ("u_overlay_state", "Overlay state"),
            ("u_lockdown_state", "Lockdown state"),
            ("u_seal_digest", "Seal digest"),
            ("u_compliance_flags", "Compliance flags"),
        ])
        .dates(&[("u_last_attestation", "Last attestation")])
        .field("operational_status", "Operational status", Text)
        .default("Unknown");
    let stock = schema.field("cmdb_ci", "operational_status").map(|field| field.choices.clone());
    if let Some(status) = table.fields.last_mut() {
        status.choices = STATUSES
            .iter()
            .map(|name| Choice { value: (*name).to_owned(), label: (*name).to_owned() })
            .chain(stock.unwrap_or_default())
            .collect();
    }
    table
}

fn grc_item() -> Table {
    Table::new("sn_grc_item", "Item")
        .display("number")
        .numbered("ITEM")
        .strings(&[
            ("number", "Number"),
            ("name", "Name"),
            ("short_description", "Short description"),
            ("description", "Description"),
            ("u_kind", "Kind"),
            ("u_framework", "Framework"),
            ("u_build_id", "Build ID"),
            ("u_device", "Device"),
            ("u_result", "Result"),
            ("u_evidence_digest", "Evidence digest"),
            ("correlation_id", "Correlation ID"),
            ("correlation_display", "Correlation display"),
        ])
        .references(&[("cmdb_ci", "Configuration item", "cmdb_ci")])
        .field("u_score", "Score", Decimal)
        .field("state", "State", Text)
        .default("draft")
        .choices(&[
            ("draft", "Draft"),
            ("attest", "Attest"),
            ("review", "Review"),
            ("monitor", "Monitor"),
            ("retired", "Retired"),
        ])
}
