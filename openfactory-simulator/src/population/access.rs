//! The access rules that an instance begins with.

mod hardened;

use super::{Population, derived_id, once};
use crate::access::INTERNAL_ROLE;
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::store::Session;
pub(super) use hardened::{CHANGE_ROLE, CMDB_ROLE, GRC_ROLE, INCIDENT_ROLE, POINT_ROLES};

/// Tables that only an administrator writes, beside those whose name begins with `sys_`.
const PLATFORM_TABLES: [&str; 15] = [
    "cmdb_rel_type",
    "cmdb_identifier",
    "cmdb_identifier_entry",
    "cmdb_related_entry",
    "cmdb_reconciliation_definition",
    "cmdb_datasource_staleness",
    "cmdb_datasource_last_update",
    "cmdb_ire_partial_payloads",
    "cmdb_ire_incomplete_payloads",
    "chg_model",
    "chg_mgt_worker",
    "risk_conditions",
    "std_change_record_producer",
    "std_change_producer_version",
    "syslog",
];

/// Tables of the platform that integrations write nevertheless.
const OPEN_TABLES: [&str; 3] = ["sys_object_source", "sys_import_set", "sys_import_set_row"];

/// Roles that let their holder write records of the process tables.
const WRITERS: &str = "itil,change_manager,asset";

/// Whether whoever calls is asked by an approver row.
const ASKED: &str = "approver=javascript:gs.getUserID()";

/// Name, operation, roles, condition.
const RULES: [(&str, &str, &str, &str); 16] = [
    // Any role reads; a user without one is shown no rows.
    ("*", "read", INTERNAL_ROLE, ""),
    ("*", "write", WRITERS, ""),
    ("*", "create", WRITERS, ""),
    ("*", "delete", WRITERS, ""),
    // Approver rows are made by the instance, and answered by whoever is asked, with a role or without.
    ("sysapproval_approver", "read", INTERNAL_ROLE, ""),
    ("sysapproval_approver", "read", "", ASKED),
    ("sysapproval_approver", "write", "", ASKED),
    ("sysapproval_approver", "write", "itil,change_manager,asset,approver_user", ""),
    ("sysapproval_approver", "create", "admin", ""),
    ("sysapproval_approver", "delete", "admin", ""),
    // Tasks stay, except for administrators and change managers.
    ("task", "delete", "admin", ""),
    ("change_request", "delete", "change_manager", ""),
    ("change_task", "delete", "change_manager", ""),
    // A closed incident stays as it is.
    ("incident", "write", WRITERS, "state!=7"),
    ("incident", "write", "itil_admin", ""),
    ("sys_security_acl", "read", "admin", ""),
];

/// The field by which people choose, and which everybody who reads choices sees.
const CHOICE_LABEL: &str = "sys_choice.label";

pub(super) fn plant(session: &Session<'_>, population: Population) -> Result<(), Refusal> {
    let hardened = population.profile == Profile::Hardened;
    if hardened {
        hardened::plant(session)?;
    }
    for (name, operation, roles, condition) in RULES {
        // There, to have some role is not enough to read.
        if hardened && (operation, roles) == ("read", INTERNAL_ROLE) {
            continue;
        }
        rule(session, name, operation, roles, condition)?;
    }
    choices(session, population)?;
    for table in session.schema.tables() {
        let root = session.schema.root(&table.name) == table.name;
        let platform = table.name.starts_with("sys_") || PLATFORM_TABLES.contains(&table.name.as_str());
        if root && platform && !OPEN_TABLES.contains(&table.name.as_str()) {
            for operation in ["create", "write", "delete"] {
                rule(session, &table.name, operation, "admin", "")?;
            }
        }
    }
    Ok(())
}

/// Who learns from `sys_choice` what a field offers, and not its labels alone: administrators; what integrates besides,
/// where an administrator has seen to it; on the guide's own instance everyone.
fn choices(session: &Session<'_>, population: Population) -> Result<(), Refusal> {
    let readers = match population.profile {
        Profile::Guide => return Ok(()),
        Profile::Hardened => format!("admin,{POINT_ROLES}"),
        Profile::Stock if population.prepared => "admin,itil".to_owned(),
        Profile::Stock => "admin".to_owned(),
    };
    rule(session, "sys_choice.*", "read", &readers, "")?;
    rule(session, CHOICE_LABEL, "read", INTERNAL_ROLE, "")
}

/// Plants a rule for a table or a field.
fn rule(
    session: &Session<'_>,
    name: &str,
    operation: &str,
    roles: &str,
    condition: &str,
) -> Result<(), Refusal> {
    let id = derived_id("sys_security_acl", &format!("{operation} {name} {roles} {condition}"));
    let values = [("name", name), ("operation", operation), ("roles", roles), ("condition", condition)];
    once(session, "sys_security_acl", &id, values)
}
