//! The door of Event Management: events become rows of `em_event`, which no business rule sees.

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, App, Call};
use crate::access::Caller;
use crate::event;
use crate::refusal::Refusal;
use crate::store::Session;

/// The role that sends events.
const ROLE: &str = "evt_mgmt_integration";

#[derive(Deserialize)]
struct Events {
    records: Vec<Map<String, Value>>,
}

/// `POST /api/global/em/jsonv2`. Without the plugin, whose table is missing then, there is no such path.
pub(super) fn events(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    if session.schema.table(event::TABLE).is_none() {
        return Err(Refusal::no_resource(&call.path));
    }
    let caller = app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.sends_json()?;
    may_send(&caller)?;
    let events: Events =
        serde_json::from_slice(&call.body).map_err(|error| Refusal::unreadable(error.to_string()))?;
    let writer = app.writer(&caller);
    for sent in &events.records {
        event::keep(session, &writer, &caller, sent)?;
    }
    let told = format!("{} events were inserted", events.records.len());
    Ok(Answer::result(StatusCode::OK, &json!({ "Default Bulk Endpoint": told })))
}

fn may_send(caller: &Caller) -> Result<(), Refusal> {
    if caller.is_admin() || caller.holds(ROLE) { Ok(()) } else { Err(Refusal::api_acl()) }
}
