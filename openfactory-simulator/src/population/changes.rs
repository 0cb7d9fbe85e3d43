//! The change models and the standard change template of a fresh instance.

use super::{derived_id, once};
use crate::refusal::Refusal;
use crate::store::Session;

/// The models by the type of change that they are for, with the `sys_id`s that stock instances give the first two.
const MODELS: [(&str, &str, Option<&str>); 3] = [
    ("normal", "Normal", Some("007c4001c343101035ae3f52c1d3aeb2")),
    ("standard", "Standard", Some("e55d0bfec343101035ae3f52c1d3ae49")),
    ("emergency", "Emergency", None),
];

const TEMPLATE: &str = "Clear BGP sessions on a Cisco router - 1";

/// The model of a type of change.
pub(crate) fn model_of(kind: &str) -> Option<String> {
    let (_, name, sys_id) = MODELS.into_iter().find(|(known, ..)| *known == kind)?;
    Some(sys_id.map_or_else(|| derived_id("chg_model", name), str::to_owned))
}

/// The type of change that a model is for.
pub(crate) fn type_of(model: &str) -> Option<&'static str> {
    MODELS.into_iter().map(|(kind, ..)| kind).find(|kind| model_of(kind).as_deref() == Some(model))
}

pub(super) fn plant(session: &Session<'_>) -> Result<(), Refusal> {
    for (kind, name, _) in MODELS {
        let Some(sys_id) = model_of(kind) else { continue };
        once(session, "chg_model", &sys_id, [("name", name)])?;
    }
    let template = derived_id("std_change_record_producer", TEMPLATE);
    let version = derived_id("std_change_producer_version", TEMPLATE);
    let values = "short_description=Clear BGP sessions on a Cisco router^category=Network^risk=4\
                  ^implementation_plan=Clear the session, and watch it come back^backout_plan=None needed";
    once(
        session,
        "std_change_record_producer",
        &template,
        [
            ("name", TEMPLATE),
            ("short_description", "Clear BGP sessions on a Cisco router"),
            ("category", "Network"),
            ("template", values),
            ("current_version", &version),
        ],
    )?;
    let values = [("name", TEMPLATE), ("std_change_producer", template.as_str())];
    once(session, "std_change_producer_version", &version, values)
}
