//! Users, groups, roles, and where people work.

use super::FieldType::{Boolean, Password};
use super::Table;

pub(super) fn tables() -> Vec<Table> {
    vec![
        user(),
        Table::new("sys_user_group", "Group")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description"), ("email", "Group email")])
            .references(&[("manager", "Manager", "sys_user"), ("parent", "Parent", "sys_user_group")])
            .field("active", "Active", Boolean)
            .default("true"),
        Table::new("sys_user_grmember", "Group Member")
            .display("user")
            .references(&[("user", "User", "sys_user"), ("group", "Group", "sys_user_group")]),
        Table::new("sys_user_role", "Role")
            .extends("sys_metadata")
            .display("name")
            .strings(&[("name", "Name"), ("description", "Description"), ("suffix", "Suffix")])
            .flags(&[("elevated_privilege", "Elevated privilege")])
            .switches(&[("grantable", "Grantable")]),
        Table::new("sys_user_role_contains", "Contained Role")
            .extends("sys_metadata")
            .display("contains")
            .references(&[("role", "Role", "sys_user_role"), ("contains", "Contains", "sys_user_role")]),
        Table::new("sys_user_has_role", "User Role")
            .display("user")
            .references(&[
                ("user", "User", "sys_user"),
                ("role", "Role", "sys_user_role"),
                ("granted_by", "Granted by", "sys_user_group"),
            ])
            .strings(&[("state", "State")])
            .default("active")
            .flags(&[("inherited", "Inherited")]),
        Table::new("sys_group_has_role", "Group Role")
            .display("group")
            .references(&[("group", "Group", "sys_user_group"), ("role", "Role", "sys_user_role")])
            .switches(&[("inherits", "Inherits")]),
        Table::new("core_company", "Company")
            .display("name")
            .strings(&[("name", "Name"), ("city", "City"), ("country", "Country"), ("phone", "Phone")])
            .flags(&[("customer", "Customer"), ("vendor", "Vendor"), ("manufacturer", "Manufacturer")]),
        Table::new("cmn_department", "Department")
            .display("name")
            .strings(&[("name", "Name"), ("id", "ID"), ("description", "Description")])
            .references(&[
                ("dept_head", "Department head", "sys_user"),
                ("company", "Company", "core_company"),
                ("parent", "Parent", "cmn_department"),
            ]),
        Table::new("cmn_location", "Location")
            .display("name")
            .strings(&[("name", "Name"), ("street", "Street"), ("city", "City"), ("country", "Country")])
            .references(&[("parent", "Parent", "cmn_location")]),
    ]
}

fn user() -> Table {
    Table::new("sys_user", "User")
        .display("name")
        .strings(&[
            ("user_name", "User ID"),
            ("name", "Name"),
            ("first_name", "First name"),
            ("last_name", "Last name"),
            ("email", "Email"),
            ("title", "Title"),
            ("roles", "Roles"),
            ("time_zone", "Time zone"),
            ("date_format", "Date format"),
            ("time_format", "Time format"),
            ("phone", "Business phone"),
            ("mobile_phone", "Mobile phone"),
            ("employee_number", "Employee number"),
        ])
        .references(&[
            ("manager", "Manager", "sys_user"),
            ("department", "Department", "cmn_department"),
            ("company", "Company", "core_company"),
            ("location", "Location", "cmn_location"),
        ])
        .flags(&[("web_service_access_only", "Web service access only"), ("locked_out", "Locked out")])
        .field("user_password", "Password", Password)
        .field("active", "Active", Boolean)
        .default("true")
        .in_domain()
}
