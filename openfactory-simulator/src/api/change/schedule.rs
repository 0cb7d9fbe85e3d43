//! `schedule`: when a change could be made. A worker finds it out.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Context, worker};
use crate::access::Operation as May;
use crate::api::Answer;
use crate::instant;
use crate::instant::seconds;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::work::{Search, Task, conflict};

/// The type of such workers.
const KIND: &str = "schedule";

const DURATION: &str = "duration_in_seconds";
const START: &str = "planned_start_time";

/// `GET /change/{id}/schedule`: as long as it is planned to take, from its planned start on.
pub(super) fn of_change(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    let item = item_of(at, change)?;
    let planned = conflict::planned(change)
        .ok_or_else(|| refused("The change request is missing the planned start and end times"))?;
    let request = json!({ "change_sys_id": change.sys_id, "timezone": zone(at) });
    let (from, duration) =
        (planned.from.max(instant::unix_seconds(at.session.now)), planned.to - planned.from);
    let search = Search { item, change: Some(change.sys_id.clone()), from, duration };
    accepted(at, &request, Task::Slots(search))
}

/// `GET /change/ci/{ci}/schedule`.
pub(super) fn of_item(at: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    // Whoever may make no change has no use for it.
    at.access()?.demand_table(May::Create, super::TABLE)?;
    let found = at.session.find("cmdb_ci", &id.to_ascii_lowercase())?;
    let item =
        at.access()?.readable(found)?.ok_or_else(|| refused("Unable to find the configuration item"))?;
    let start = at.call.param(START).unwrap_or_default();
    let duration = duration(at.call.param(DURATION).unwrap_or_default())?;
    let from = start_at(at, start)?;
    let request = json!({
        "cmdb_ci_sys_id": item.sys_id,
        START: start,
        DURATION: duration,
        "timezone": zone(at),
    });
    accepted(at, &request, Task::Slots(Search { item: item.sys_id, change: None, from, duration }))
}

/// `PATCH /change/{id}/schedule/first_available`.
pub(super) fn first(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    at.access()?.demand(May::Write, change)?;
    let body = at.body()?;
    let item = item_of(at, change)?;
    let start = said(&body, START);
    let duration = duration(&said(&body, DURATION))?;
    let from = start_at(at, &start)?;
    let mut request = json!({ "change_sys_id": change.sys_id, DURATION: duration, "timezone": zone(at) });
    if let (false, Value::Object(members)) = (start.is_empty(), &mut request) {
        members.insert(START.to_owned(), Value::from(start));
    }
    let search = Search { item, change: Some(change.sys_id.clone()), from, duration };
    accepted(at, &request, Task::FirstSlot { change: change.sys_id.clone(), search })
}

fn accepted(at: &Context<'_>, request: &Value, task: Task) -> Result<Answer, Refusal> {
    Ok(Answer::result(StatusCode::ACCEPTED, &worker::accepted(at, KIND, request, task)?))
}

fn item_of(at: &Context<'_>, change: &Record) -> Result<String, Refusal> {
    let item = at.session.find("cmdb_ci", change.value("cmdb_ci"))?;
    let none = || refused("The change request does not have an associated configuration item");
    Ok(item.ok_or_else(none)?.sys_id)
}

fn said(body: &Map<String, Value>, name: &str) -> String {
    match body.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn duration(text: &str) -> Result<i64, Refusal> {
    let bad = || refused("A valid duration_in_seconds is wanted");
    text.trim().parse().ok().filter(|seconds| *seconds > 0).ok_or_else(bad)
}

/// The second from which on slots are looked for: as asked for in UTC, else now.
fn start_at(at: &Context<'_>, text: &str) -> Result<i64, Refusal> {
    let now = instant::unix_seconds(at.session.now);
    if text.is_empty() {
        return Ok(now);
    }
    seconds(text).ok_or_else(|| refused("An invalid planned_start_time was provided"))
}

fn zone<'a>(at: &'a Context<'_>) -> &'a str {
    at.caller.locale.zone_name()
}

fn refused(detail: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "Unable to schedule").detail(detail)
}
