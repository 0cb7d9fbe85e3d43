//! The data policies of a fresh instance.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

/// Table, name, condition, the fields that have to be filled.
type Policy = (&'static str, &'static str, &'static str, &'static [&'static str]);

const POLICIES: [Policy; 7] = [
    (
        "incident",
        "Make close info mandatory when resolved or closed",
        "stateIN6,7",
        &["close_code", "close_notes"],
    ),
    ("change_request", "Make close info mandatory when closed", "state=3", &["close_code", "close_notes"]),
    ("problem", "Make assignment mandatory from Assess on", "stateIN102,103,104", &["assigned_to"]),
    ("problem", "Make resolution mandatory when resolved or closed", "stateIN106,107", &["resolution_code"]),
    (
        "problem",
        "Make cause and fix mandatory for an applied fix",
        "stateIN106,107^resolution_code=fix_applied",
        &["cause_notes", "fix_notes"],
    ),
    (
        "problem",
        "Make cause and close notes mandatory for an accepted risk",
        "stateIN106,107^resolution_code=risk_accepted",
        &["cause_notes", "close_notes"],
    ),
    (
        "problem",
        "Make close notes mandatory when canceled",
        "state=107^resolution_code=canceled",
        &["close_notes"],
    ),
];

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (table, name, condition, fields) in POLICIES {
        let policy = derived_id("sys_data_policy2", &format!("{table} {name}"));
        let values = [("model_table", table), ("short_description", name), ("conditions", condition)];
        once(session, "sys_data_policy2", &policy, values)?;
        for field in fields {
            let id = derived_id("sys_data_policy_rule", &format!("{policy} {field}"));
            let values = [("sys_data_policy", policy.as_str()), ("table", table), ("field", field)];
            once(session, "sys_data_policy_rule", &id, values)?;
        }
    }
    Ok(())
}
