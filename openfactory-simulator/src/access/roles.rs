//! Which roles a user holds: those that were granted, those of groups, those that these contain, and those that the field
//! `roles` of the user names, as seeds set it.

use std::collections::BTreeSet;

use crate::record::Record;
use crate::store::{Session, StoreError};

pub(super) fn of(session: &Session<'_>, user: &Record) -> Result<BTreeSet<String>, StoreError> {
    let named = user.value("roles").split(',').map(str::trim).filter(|role| !role.is_empty());
    let mut held: BTreeSet<String> = named.map(str::to_owned).collect();
    let mut open: Vec<String> = Vec::new();
    for name in &held {
        open.extend(session.by("sys_user_role", "name", name)?.into_iter().map(|role| role.sys_id));
    }
    for granted in session.by("sys_user_has_role", "user", &user.sys_id)? {
        if granted.value("state") != "inactive" {
            open.push(granted.value("role").to_owned());
        }
    }
    for membership in session.by("sys_user_grmember", "user", &user.sys_id)? {
        for granted in session.by("sys_group_has_role", "group", membership.value("group"))? {
            open.push(granted.value("role").to_owned());
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(role) = open.pop() {
        let Some(role) = session.find("sys_user_role", &role)? else { continue };
        if seen.insert(role.sys_id.clone()) {
            held.insert(role.value("name").to_owned());
            let contained = session.by("sys_user_role_contains", "role", &role.sys_id)?;
            open.extend(contained.iter().map(|row| row.value("contains").to_owned()));
        }
    }
    Ok(held)
}
