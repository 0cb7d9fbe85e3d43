//! What a change affects. Adding to it is answered 202, with a worker to ask about it.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use crate::access::Operation as May;
use crate::api::Answer;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::write::{self, input::Input};

const WORKER: &str = "chg_mgt_worker";

/// The state of a worker that has done its work.
const COMPLETE: &str = "3";

/// Association type, table of the association, its field for the item.
const ASSOCIATIONS: [(&str, &str, &str); 3] = [
    ("affected", "task_ci", "ci_item"),
    ("impacted", "task_cmdb_ci_service", "cmdb_ci_service"),
    ("offering", "task_service_offering", "service_offering"),
];

/// `/change/{id}/ci`.
pub(super) fn items(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    let reads = matches!(at.call.method, Method::GET | Method::HEAD);
    let body = if reads { serde_json::Map::new() } else { at.body()? };
    let sent = body.get("association_type").and_then(Value::as_str);
    let wanted = sent.or_else(|| at.call.param("association_type")).unwrap_or_default();
    let (_, table, field) = ASSOCIATIONS.into_iter().find(|(name, ..)| *name == wanted).ok_or_else(|| {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "Invalid association_type");
        refusal.detail("affected, impacted or offering is wanted")
    })?;
    match at.call.method {
        Method::GET | Method::HEAD => {
            let rows = at.session.by(table, "task", &change.sys_id)?;
            Ok(Answer::result(StatusCode::OK, &at.shown(rows)?))
        }
        Method::POST => add(at, change, table, field, &body),
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}

fn add(
    at: &Context<'_>,
    change: &Record,
    table: &str,
    field: &str,
    body: &serde_json::Map<String, Value>,
) -> Result<Answer, Refusal> {
    if !at.access()?.row(May::Write, change)? {
        return Err(Refusal::acl("Insert"));
    }
    let ids = body.get("cmdb_ci_sys_ids").and_then(Value::as_str).unwrap_or_default();
    let writer = at.app.writer(&at.caller);
    let there = at.session.by(table, "task", &change.sys_id)?;
    let mut unknown = Vec::new();
    for id in ids.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        if at.session.find("cmdb_ci", id)?.is_none() {
            unknown.push(format!("No configuration item {id}"));
        } else if there.iter().all(|row| row.value(field) != id) {
            let input = Input::of([("task", change.sys_id.as_str()), (field, id)]);
            write::create(at.session, &writer, table, &input)?;
        }
    }
    let request = Value::Object(body.clone()).to_string();
    let told = json!({ "errorMessages": [], "warningMessages": unknown, "infoMessages": [] }).to_string();
    let input = Input::of([
        ("type", "association"),
        ("state", COMPLETE),
        ("request", request.as_str()),
        ("messages", told.as_str()),
    ]);
    let worker = write::create(at.session, &writer, WORKER, &input)?;
    Ok(Answer::result(StatusCode::ACCEPTED, &shown(at, &worker)))
}

/// `GET /change/worker/{id}`.
pub(super) fn worker(at: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    let worker = at.session.find(WORKER, &id.to_ascii_lowercase())?.ok_or_else(Refusal::no_record)?;
    Ok(Answer::result(StatusCode::OK, &shown(at, &worker)))
}

fn shown(at: &Context<'_>, worker: &Record) -> Value {
    let state = worker.value("state");
    let label = at.session.schema.field(WORKER, "state").and_then(|field| field.choice_label(state));
    let messages: Value = serde_json::from_str(worker.value("messages")).unwrap_or_default();
    let link = format!("{}/api/sn_chg_rest/v1/change/worker/{}", at.call.base_url, worker.sys_id);
    json!({
        "worker": { "sysId": worker.sys_id, "link": link },
        "request": worker.value("request"),
        "state": { "value": state.parse::<i64>().unwrap_or_default(), "display_value": label },
        "type": worker.value("type"),
        "messages": messages,
    })
}
