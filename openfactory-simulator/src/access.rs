//! What a caller may do.

use std::collections::BTreeSet;

use crate::schema::Schema;

/// Tables that only an administrator writes.
const PLATFORM_TABLES: [&str; 16] = [
    "sys_user",
    "sys_user_group",
    "sys_user_grmember",
    "sys_choice",
    "sys_properties",
    "sys_rate_limit_rules",
    "sys_journal_field",
    "sys_attachment",
    "cmdb_rel_type",
    "chg_model",
    "sys_transform_map",
    "sys_transform_entry",
    "std_change_record_producer",
    "std_change_producer_version",
    "cmdb_identifier",
    "cmdb_identifier_entry",
];

/// Roles that let their holder write records of the process tables.
const WRITER_ROLES: [&str; 3] = ["itil", "change_manager", "asset"];

/// Who calls, and with which roles.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) sys_id: String,
    pub(crate) user_name: String,
    pub(crate) roles: BTreeSet<String>,
}

impl Caller {
    /// The instance itself, which fills tables and runs rules.
    pub(crate) fn system() -> Self {
        Self {
            sys_id: String::new(),
            user_name: "system".to_owned(),
            roles: BTreeSet::from(["admin".to_owned()]),
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.roles.contains("admin")
    }

    /// Any role reads; a user without one is shown no rows.
    pub(crate) fn may_read(&self) -> bool {
        !self.roles.is_empty()
    }

    pub(crate) fn may_write(&self, schema: &Schema, table: &str) -> bool {
        if self.is_admin() {
            return true;
        }
        if table == "sysapproval_approver" && self.roles.contains("approver_user") {
            return true;
        }
        !PLATFORM_TABLES.contains(&schema.root(table))
            && WRITER_ROLES.iter().any(|role| self.roles.contains(*role))
    }

    /// Approver rows are made by the instance.
    pub(crate) fn may_create(&self, schema: &Schema, table: &str) -> bool {
        self.may_write(schema, table) && (self.is_admin() || table != "sysapproval_approver")
    }

    /// Tasks stay, except for administrators and change managers.
    pub(crate) fn may_delete(&self, schema: &Schema, table: &str) -> bool {
        if !schema.is_a(table, "task") {
            return self.may_create(schema, table);
        }
        self.is_admin() || (self.roles.contains("change_manager") && schema.is_a(table, "change_request"))
    }

    /// Who may set a change request's approval directly, or answer for an approver.
    pub(crate) fn may_decide(&self) -> bool {
        self.is_admin() || self.roles.contains("change_manager")
    }
}
