//! Users, groups and roles that every instance has.

use super::{access, derived_id, once};
use crate::access::Caller;
use crate::profile::{POINT_USERS, Profile};
use crate::record::Record;
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
type Person = (&'static str, &'static str, &'static str, &'static str);

const USERS: [Person; 5] = [
    (ADMIN_USER, "System Administrator", "admin@example.com", "admin"),
    (
        CHANGE_MANAGER_USER,
        "Chandra Manager",
        "change.manager@example.com",
        "itil,change_manager,approver_user",
    ),
    (
        INTEGRATION_USER,
        "OpenFactory Integration",
        "openfactory.integration@example.com",
        "itil,asset,evt_mgmt_integration",
    ),
    ("fleet.operator", "Fiona Operator", "fleet.operator@example.com", "itil"),
    ("build.requester", "Bruno Requester", "build.requester@example.com", "itil"),
];

/// The users of the integration points of a locked-down instance.
const POINTS: [Person; 4] = [
    (POINT_USERS[0], "OpenFactory Change", "openfactory.change@example.com", access::CHANGE_ROLE),
    (POINT_USERS[1], "OpenFactory CMDB", "openfactory.cmdb@example.com", access::CMDB_ROLE),
    (POINT_USERS[2], "OpenFactory GRC", "openfactory.grc@example.com", access::GRC_ROLE),
    (POINT_USERS[3], "OpenFactory Incident", "openfactory.incident@example.com", access::INCIDENT_ROLE),
];

const GROUPS: [&str; 5] =
    [CAB_GROUP, "Network Operations", "Security Operations", "Fleet Operations", "IT Operations"];

/// Role and what it is for.
const ROLES: [(&str, &str); 8] = [
    ("admin", "Everything"),
    ("itil", "Works on incidents, problems and changes, and on configuration items"),
    ("itil_admin", "Changes what others may only look at, such as closed incidents"),
    ("asset", "Keeps assets and configuration items"),
    ("change_manager", "Decides about changes"),
    ("approver_user", "Answers what waits for approval"),
    ("evt_mgmt_integration", "Sends events"),
    ("import_transformer", "Sends rows to be transformed"),
];

/// Role and role that it contains.
const CONTAINED: [(&str, &str); 2] = [("itil_admin", "itil"), ("change_manager", "itil")];

/// The `sys_id` that stock instances give their administrator.
const ADMIN_ID: &str = "6816f79cc0a8016401c5a33be04be441";

pub(super) fn plant(session: &Session<'_>, profile: Profile) -> Result<(), Refusal> {
    for (name, description) in ROLES {
        role(session, name, description)?;
    }
    for (holder, contained) in CONTAINED {
        let id = derived_id("sys_user_role_contains", &format!("{holder} {contained}"));
        let (holder, contained) = (role_id(holder), role_id(contained));
        let values = [("role", holder.as_str()), ("contains", &contained)];
        once(session, "sys_user_role_contains", &id, values)?;
    }
    let points = (profile == Profile::Hardened).then_some(POINTS).into_iter().flatten();
    for (user_name, name, email, roles) in USERS.into_iter().chain(points) {
        let locked_down = profile == Profile::Hardened && user_name == INTEGRATION_USER;
        let roles = if locked_down { access::POINT_ROLES } else { roles };
        user(session, &user_id(user_name), user_name, name, email, &[])?;
        for name in roles.split(',') {
            grant(session, &user_id(user_name), name)?;
        }
    }
    for name in GROUPS {
        once(session, "sys_user_group", &derived_id("sys_user_group", name), [("name", name)])?;
    }
    member(session, &user_id(CHANGE_MANAGER_USER), &derived_id("sys_user_group", CAB_GROUP))
}

/// Plants a user without roles.
pub(super) fn user(
    session: &Session<'_>,
    sys_id: &str,
    user_name: &str,
    name: &str,
    email: &str,
    further: &[(&str, &str)],
) -> Result<(), Refusal> {
    let (first, last) = name.rsplit_once(' ').unwrap_or(("", name));
    let own = [
        ("user_name", user_name),
        ("name", name),
        ("first_name", first),
        ("last_name", last),
        ("email", email),
    ];
    let values = own.iter().chain(further).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    super::delivered(session, "sys_user", sys_id, values.collect())?;
    Ok(())
}

/// Makes a user a member of a group.
pub(super) fn member(session: &Session<'_>, user: &str, group: &str) -> Result<(), Refusal> {
    let id = derived_id("sys_user_grmember", &format!("{user} {group}"));
    once(session, "sys_user_grmember", &id, [("user", user), ("group", group)])
}

/// Gives a role to a user, once.
pub(super) fn grant(session: &Session<'_>, user: &str, role_name: &str) -> Result<(), Refusal> {
    role(session, role_name, "")?;
    let role = role_id(role_name);
    let id = derived_id("sys_user_has_role", &format!("{user} {role}"));
    once(session, "sys_user_has_role", &id, [("user", user), ("role", &role)])
}

fn role(session: &Session<'_>, name: &str, description: &str) -> Result<(), Refusal> {
    let values = [("name", name), ("sys_name", name), ("description", description)];
    once(session, "sys_user_role", &role_id(name), values)
}

/// The `sys_id` of a role by name; stock instances have the first two.
pub(super) fn role_id(name: &str) -> String {
    match name {
        "admin" => "2831a114c611228501d4ea6c309d626d".to_owned(),
        "itil" => "282bf1fac6112285017366cb5f867469".to_owned(),
        name => derived_id("sys_user_role", name),
    }
}

/// The `sys_id` of a user by name.
pub(crate) fn user_id(user_name: &str) -> String {
    if user_name == ADMIN_USER { ADMIN_ID.to_owned() } else { derived_id("sys_user", user_name) }
}

/// Makes sure that everyone who may log in has a row in `sys_user`, with the roles that were given.
pub(crate) fn plant_logins(session: &Session<'_>, logins: &[(String, Vec<String>)]) -> Result<(), Refusal> {
    for (user_name, roles) in logins {
        let found = session.by("sys_user", "user_name", user_name)?.into_iter().next();
        let user = match found {
            Some(user) => user,
            None => login(session, user_name)?,
        };
        let held = Caller::roles_of(session, &user)?;
        for name in roles.iter().filter(|name| !held.contains(name.as_str())) {
            if session.by("sys_user_role", "name", name)?.is_empty() {
                tracing::warn!(user_name, role = name, "no such role was there, it was made");
            }
            role(session, name, "")?;
            // Whoever starts the instance says so each time, even if the row was deleted since.
            let id = crate::entropy::sys_id(session.entropy);
            let values = [("user", user.sys_id.as_str()), ("role", &role_id(name))];
            write::plant(session, "sys_user_has_role", &id, &Input::of(values))?;
        }
    }
    Ok(())
}

fn login(session: &Session<'_>, user_name: &str) -> Result<Record, StoreError> {
    let email = format!("{user_name}@example.com");
    let values = [("user_name", user_name), ("name", user_name), ("email", &email)];
    let sys_id = user_id(user_name);
    write::plant(session, "sys_user", &sys_id, &Input::of(values))?;
    Ok(Record::new("sys_user", &sys_id))
}
