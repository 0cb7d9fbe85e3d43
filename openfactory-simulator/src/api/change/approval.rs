//! `approvals`: the caller's own answer to a change that waits for it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::Context;
use crate::api::Answer;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::write::{self, input::Input};

pub(super) fn answer(at: &Context<'_>, record: &Record) -> Result<Answer, Refusal> {
    let body: Map<String, Value> = at.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let bad = |detail: &str| Refusal::new(StatusCode::BAD_REQUEST, "Invalid approval").detail(detail);
    let (state, comments) = (text("state"), text("comments"));
    if !["approved", "rejected"].contains(&state.as_str()) {
        return Err(bad("state has to be approved or rejected"));
    }
    if state == "rejected" && comments.is_empty() {
        return Err(bad("comments are needed to reject"));
    }
    let rows = at.session.by("sysapproval_approver", "sysapproval", &record.sys_id)?;
    let own = rows
        .into_iter()
        .find(|row| row.value("approver") == at.caller.sys_id && row.value("state") == "requested");
    let own = own.ok_or_else(|| bad("no approval of this user is pending"))?;
    let values = BTreeMap::from([("state".to_owned(), state), ("comments".to_owned(), comments)]);
    write::update(at.session, &at.app.writer(&at.caller), &own, &Input::values(values))?;
    at.told(&at.find(&record.sys_id, None)?, None)
}
