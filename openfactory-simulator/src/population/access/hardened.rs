//! The rules that lock an instance down: least rights for each integration point, and doors that are closed.

use super::{WRITERS, rule};
use crate::access::INTERNAL_ROLE;
use crate::population::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

pub(in crate::population) const CHANGE_ROLE: &str = "x_openfactory.change";
pub(in crate::population) const CMDB_ROLE: &str = "x_openfactory.cmdb";
pub(in crate::population) const GRC_ROLE: &str = "x_openfactory.grc";
pub(in crate::population) const INCIDENT_ROLE: &str = "x_openfactory.incident";

/// The roles of all four points.
pub(in crate::population) const POINT_ROLES: &str =
    "x_openfactory.change,x_openfactory.cmdb,x_openfactory.grc,x_openfactory.incident";

/// Role, its tables, what it may do to their rows.
const POINTS: [(&str, &[&str], &[&str]); 9] = [
    (CHANGE_ROLE, &["change_request", "change_task"], &["read", "write", "create"]),
    // What is related to a change is not moved to another task.
    (CHANGE_ROLE, &OF_CHANGES, &["read", "create"]),
    (
        CHANGE_ROLE,
        &[
            "sysapproval_approver",
            "chg_model",
            "chg_mgt_worker",
            "conflict",
            "cmn_schedule",
            "cmn_schedule_span",
            "std_change_record_producer",
            "std_change_producer_version",
        ],
        &["read"],
    ),
    (CMDB_ROLE, &["cmdb_ci", "cmdb_rel_ci", "cmdb_serial_number"], &["read", "write", "create", "delete"]),
    (CMDB_ROLE, &["sys_object_source"], &["read", "write", "create"]),
    (CMDB_ROLE, &["cmdb_rel_type", "cmdb_identifier", "cmdb_identifier_entry"], &["read"]),
    (GRC_ROLE, &["sn_grc_item"], &["read", "write", "create"]),
    (INCIDENT_ROLE, &["incident"], &["read", "write", "create"]),
    // An attachment is read by whoever may read its record.
    (
        INTERNAL_ROLE,
        &["sys_user", "sys_user_group", "sys_user_grmember", "sys_choice", "sys_attachment"],
        &["read"],
    ),
];

/// Tables whose rows belong to tasks of whatever kind, of which the point of the changes is concerned with theirs.
const OF_CHANGES: [&str; 3] = ["task_ci", "task_cmdb_ci_service", "task_service_offering"];

/// Fields that only people with a role of the process read.
const HIDDEN_FIELDS: [&str; 2] = ["sys_user.email", "sys_user.roles"];

/// Fields that only they ask about by more than their value, or sort by: what can be asked can be guessed.
const GUARDED_FIELDS: [&str; 3] = ["task.short_description", "task.description", "sys_attachment.file_name"];

/// Path of the API, roles that it is open to beside those of the process.
const DOORS: [(&str, &str); 5] = [
    ("/api/now/identifyreconcile", CMDB_ROLE),
    ("/api/now/cmdb", CMDB_ROLE),
    ("/api/sn_chg_rest", CHANGE_ROLE),
    ("/api/now/batch", POINT_ROLES),
    ("/api/now/import", "import_transformer"),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    let people = format!("{WRITERS},approver_user");
    rule(session, "*", "read", &people, "")?;
    for (role, tables, operations) in POINTS {
        for table in tables {
            for operation in operations {
                let people = match (*table, *operation) {
                    ("change_request", "delete") => "change_manager",
                    (_, "read") => people.as_str(),
                    _ => WRITERS,
                };
                if OF_CHANGES.contains(table) {
                    rule(session, table, operation, people, "")?;
                    rule(session, table, operation, role, "task.sys_class_name=change_request")?;
                    continue;
                }
                // A closed incident stays as it is, here too.
                let condition = if (*table, *operation) == ("incident", "write") { "state!=7" } else { "" };
                rule(session, table, operation, &format!("{people},{role}"), condition)?;
            }
        }
    }
    for field in HIDDEN_FIELDS {
        rule(session, field, "read", &people, "")?;
    }
    for field in GUARDED_FIELDS {
        rule(session, field, "query_range", &people, "")?;
    }
    rule(session, "sys_journal_field", "read", "admin", "")?;
    for (path, roles) in DOORS {
        let id = derived_id("sys_security_acl", path);
        let roles = format!("{people},{roles}");
        let values = [("type", "REST_Endpoint"), ("name", path), ("operation", "execute"), ("roles", &roles)];
        once(session, "sys_security_acl", &id, values)?;
    }
    Ok(())
}
