//! The dynamic filter options of a fresh instance.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

/// Label, script, table, the `sys_id` of stock instances where it is known.
const OPTIONS: [(&str, &str, &str, Option<&str>); 3] = [
    ("Me", "gs.getUserID()", "sys_user", Some("90d1921e5f510100a9ad2572f2b477fe")),
    (
        "One of My Groups",
        "gs.getUser().getMyGroups()",
        "sys_user_group",
        Some("d6435e965f510100a9ad2572f2b477fe"),
    ),
    ("My Manager", "gs.getUser().getManagerID()", "sys_user", None),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (label, script, table, sys_id) in OPTIONS {
        let derived = derived_id("sys_filter_option_dynamic", label);
        let values = [("label", label), ("script", script), ("table", table), ("sys_name", label)];
        once(session, "sys_filter_option_dynamic", sys_id.unwrap_or(&derived), values)?;
    }
    Ok(())
}
