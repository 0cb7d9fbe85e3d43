//! The transform map of a fresh instance: users.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

const FIELDS: [(&str, &str, &str); 4] = [
    ("user_id", "user_name", "true"),
    ("first_name", "first_name", "false"),
    ("last_name", "last_name", "false"),
    ("email", "email", "false"),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    let map = derived_id("sys_transform_map", "User");
    let values = [("name", "User"), ("source_table", "imp_user"), ("target_table", "sys_user")];
    once(session, "sys_transform_map", &map, values)?;
    for (source, target, coalesce) in FIELDS {
        let values = [
            ("map", map.as_str()),
            ("source_field", source),
            ("target_field", target),
            ("coalesce", coalesce),
        ];
        once(session, "sys_transform_entry", &derived_id("sys_transform_entry", source), values)?;
    }
    Ok(())
}
