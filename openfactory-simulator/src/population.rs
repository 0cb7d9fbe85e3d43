//! The people, groups and relation types that every instance begins with.

mod access;
pub(crate) mod changes;
mod identifiers;
mod imports;
mod policies;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::auth::grant::CLIENT_CREDENTIALS_PROPERTY;
use crate::profile::{POINT_USERS, Profile};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

/// The administrator.
pub const ADMIN_USER: &str = "admin";

/// A change manager, member of the change advisory board.
pub const CHANGE_MANAGER_USER: &str = "change.manager";

/// The user whom integrations act as.
pub const INTEGRATION_USER: &str = "openfactory.integration";

/// The group whose members are asked for approval.
pub(crate) const CAB_GROUP: &str = "CAB Approval";

/// User name, name, e-mail address, roles.
const USERS: [(&str, &str, &str, &str); 5] = [
    (ADMIN_USER, "System Administrator", "admin@example.com", "admin"),
    (
        CHANGE_MANAGER_USER,
        "Chandra Manager",
        "change.manager@example.com",
        "itil,change_manager,approver_user",
    ),
    (INTEGRATION_USER, "OpenFactory Integration", "openfactory.integration@example.com", "itil,asset"),
    ("fleet.operator", "Fiona Operator", "fleet.operator@example.com", "itil"),
    ("build.requester", "Bruno Requester", "build.requester@example.com", "itil"),
];

/// The users of the integration points of a locked-down instance.
const POINTS: [(&str, &str, &str, &str); 4] = [
    (POINT_USERS[0], "OpenFactory Change", "openfactory.change@example.com", access::CHANGE_ROLE),
    (POINT_USERS[1], "OpenFactory CMDB", "openfactory.cmdb@example.com", access::CMDB_ROLE),
    (POINT_USERS[2], "OpenFactory GRC", "openfactory.grc@example.com", access::GRC_ROLE),
    (POINT_USERS[3], "OpenFactory Incident", "openfactory.incident@example.com", access::INCIDENT_ROLE),
];

const GROUPS: [&str; 5] =
    [CAB_GROUP, "Network Operations", "Security Operations", "Fleet Operations", "IT Operations"];

/// Relation types with the `sys_id`s that stock instances have.
const RELATION_TYPES: [(&str, &str); 8] = [
    ("60bc4e22c0a8010e01f074cbe6bd73c3", "Runs on::Runs"),
    ("1a9cb166f1571100a92eb60da2bce5c5", "Depends on::Used by"),
    ("55c95bf6c0a8010e0118ec7056ebc54d", "Contains::Contained by"),
    ("5f985e0ec0a8010e00a9714f2a172815", "Hosted on::Hosts"),
    ("cb5592603751200032ff8c00dfbe5d17", "Uses::Used by"),
    ("25242fb2377a9200738d021a54990e88", "Owns::Owned by"),
    ("a99d39118f10310091769012cbbe4429", "Cluster of::Cluster"),
    ("607ad1b2c0a8010e01941856b365af90", "Exchanges data with::Exchanges data with"),
];

/// The `sys_id` that stock instances give their administrator.
const ADMIN_ID: &str = "6816f79cc0a8016401c5a33be04be441";

/// Plants whatever was not planted before.
pub(crate) fn plant(session: &Session<'_>, profile: Profile) -> Result<(), Refusal> {
    let points = (profile == Profile::Hardened).then_some(POINTS).into_iter().flatten();
    for (user_name, name, email, roles) in USERS.into_iter().chain(points) {
        let locked_down = profile == Profile::Hardened && user_name == INTEGRATION_USER;
        let roles = if locked_down { access::POINT_ROLES } else { roles };
        let (first, last) = name.rsplit_once(' ').unwrap_or(("", name));
        let values = [
            ("user_name", user_name),
            ("name", name),
            ("first_name", first),
            ("last_name", last),
            ("email", email),
            ("roles", roles),
        ];
        once(session, "sys_user", &user_id(user_name), values)?;
    }
    for name in GROUPS {
        once(session, "sys_user_group", &derived_id("sys_user_group", name), [("name", name)])?;
    }
    let member = [("user", user_id(CHANGE_MANAGER_USER)), ("group", derived_id("sys_user_group", CAB_GROUP))];
    let values = member.each_ref().map(|(name, value)| (*name, value.as_str()));
    once(session, "sys_user_grmember", &derived_id("sys_user_grmember", CAB_GROUP), values)?;
    for (sys_id, name) in RELATION_TYPES {
        let (parent, child) = name.split_once("::").unwrap_or((name, name));
        let values = [("name", name), ("parent_descriptor", parent), ("child_descriptor", child)];
        once(session, "cmdb_rel_type", sys_id, values)?;
    }
    // On an instance as it is delivered, an administrator has to make this property.
    if profile != Profile::Stock {
        let sys_id = derived_id("sys_properties", CLIENT_CREDENTIALS_PROPERTY);
        let values = [("name", CLIENT_CREDENTIALS_PROPERTY), ("value", "true"), ("type", "boolean")];
        once(session, "sys_properties", &sys_id, values)?;
    }
    access::plant(session, profile)?;
    policies::plant(session)?;
    identifiers::plant(session)?;
    changes::plant(session)?;
    imports::plant(session)?;
    choices(session)
}

/// The choice lists of the dictionary, as rows that can be read.
fn choices(session: &Session<'_>) -> Result<(), Refusal> {
    for table in session.schema.tables() {
        for field in &table.fields {
            for (position, choice) in field.choices.iter().enumerate() {
                let key = format!("{}.{}.{}", table.name, field.name, choice.value);
                let sequence = position.to_string();
                let values = [
                    ("name", table.name.as_str()),
                    ("element", &field.name),
                    ("value", &choice.value),
                    ("label", &choice.label),
                    ("language", "en"),
                    ("sequence", &sequence),
                ];
                once(session, "sys_choice", &derived_id("sys_choice", &key), values)?;
            }
        }
    }
    Ok(())
}

/// Plants a row unless it was planted before, even if it was changed or deleted since.
pub(crate) fn once<const N: usize>(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    values: [(&str, &str); N],
) -> Result<(), Refusal> {
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(once_with(session, table, sys_id, values)?)
}

/// The same, for values of any number.
pub(crate) fn once_with(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    values: BTreeMap<String, String>,
) -> Result<(), StoreError> {
    if session.mark_seeded(session.schema.root(table), sys_id)? && !session.taken(table, sys_id)? {
        write::plant(session, table, sys_id, &Input::seed(values))?;
    }
    Ok(())
}

/// The `sys_id` of a user by name.
pub(crate) fn user_id(user_name: &str) -> String {
    if user_name == ADMIN_USER { ADMIN_ID.to_owned() } else { derived_id("sys_user", user_name) }
}

/// A `sys_id` that is the same on every start.
pub(crate) fn derived_id(table: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("openfactory-simulator\0{table}\0{key}"));
    hex::encode(digest).chars().take(32).collect()
}

/// Makes sure that everyone who may log in has a row in `sys_user`, with the roles that were given.
pub(crate) fn plant_logins(session: &Session<'_>, logins: &[(String, Vec<String>)]) -> Result<(), Refusal> {
    for (user_name, roles) in logins {
        let Some(mut user) = session.by("sys_user", "user_name", user_name)?.into_iter().next() else {
            let roles = roles.join(",");
            let email = format!("{user_name}@example.com");
            let values = [
                ("user_name", user_name.as_str()),
                ("name", user_name),
                ("email", &email),
                ("roles", &roles),
            ];
            let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
            write::plant(session, "sys_user", &user_id(user_name), &Input::seed(values.into()))?;
            continue;
        };
        let mut held: Vec<_> = user.value("roles").split(',').filter(|role| !role.is_empty()).collect();
        let before = held.len();
        for role in roles {
            if !held.contains(&role.as_str()) {
                held.push(role);
            }
        }
        if held.len() > before {
            let held = held.join(",");
            user.set("roles", held);
            session.replace(&user)?;
        }
    }
    Ok(())
}
