//! `nextstates`: where a change may go from where it stands.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Context, TABLE};
use crate::api::Answer;
use crate::population;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::change;

pub(super) fn states(at: &Context<'_>, record: &Record) -> Result<Answer, Refusal> {
    let label = |state: &str| {
        let field = at.session.schema.field(TABLE, "state");
        field.and_then(|field| field.choice_label(state)).unwrap_or(state).to_owned()
    };
    let from = record.value("state");
    let mut available = vec![Value::from(from)];
    let mut transitions = Vec::new();
    let mut labels = Map::from_iter([(from.to_owned(), Value::from(label(from)))]);
    for step in change::steps(at.session.switches, record) {
        if step.available {
            available.push(Value::from(step.to));
        }
        labels.insert(step.to.to_owned(), Value::from(label(step.to)));
        let kind = record.value("type");
        let name = format!("{} change: {} to {}", capital(kind), label(from), label(step.to));
        let conditions: Vec<Value> = step
            .conditions
            .iter()
            .map(|(name, passed)| {
                let condition = json!({ "name": name, "description": "", "sys_id": "" });
                json!({ "passed": passed, "condition": condition })
            })
            .collect();
        transitions.push(json!([{
            "sys_id": population::derived_id("sttrm_state_transition", &name),
            "display_value": name,
            "from_state": from,
            "to_state": step.to,
            "transition_available": step.available,
            "automatic_transition": step.automatic,
            "conditions": conditions,
        }]));
    }
    let told = json!({
        "available_states": available,
        "state_transitions": transitions,
        "state_label": labels,
    });
    Ok(Answer::result(StatusCode::OK, &told))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
