//! Workers: what they are told about, and how far they are.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Context;
use crate::api::Answer;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::work::{self, Task, WORKER};

/// Hands a task to a worker and tells of it.
pub(super) fn accepted(at: &Context<'_>, kind: &str, request: &Value, task: Task) -> Result<Value, Refusal> {
    let worker = work::begin(at.app, at.session, &at.caller, kind, request, task)?;
    Ok(shown(at, &worker))
}

/// `GET /change/worker/{id}`.
pub(super) fn one(at: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    let worker = at.session.find(WORKER, &id.to_ascii_lowercase())?;
    let worker = at.access()?.readable(worker)?.ok_or_else(Refusal::no_record)?;
    Ok(Answer::result(StatusCode::OK, &shown(at, &worker)))
}

fn shown(at: &Context<'_>, worker: &Record) -> Value {
    let state = worker.value("state");
    let label = at.session.schema.field(WORKER, "state").and_then(|field| field.choice_label(state));
    let messages: Value = serde_json::from_str(worker.value("messages")).unwrap_or_default();
    let link = format!("{}/api/sn_chg_rest/change/worker/{}", at.call.base_url, worker.sys_id);
    let mut told = json!({
        "worker": { "sysId": worker.sys_id, "link": link },
        "request": worker.value("request"),
        "state": { "value": state.parse::<i64>().unwrap_or_default(), "display_value": label },
        "type": worker.value("type"),
        "messages": messages,
    });
    if let (Ok(Value::Object(more)), Value::Object(members)) =
        (serde_json::from_str(worker.value("payload")), &mut told)
    {
        members.extend(more);
    }
    told
}
