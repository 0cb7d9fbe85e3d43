//! `conflict`: the check of a change against blackouts, maintenance windows and other changes.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use crate::access::Operation as May;
use crate::api::Answer;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::work::{self, Task, conflict};

/// What the answer says of a check that has run, whether it found anything or not.
const RAN: &str = "Conflict";

const NOT_RUN: &str = "Not Run";

/// `/change/{id}/conflict`.
pub(super) fn conflict(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    match at.call.method {
        Method::GET | Method::HEAD => found(at, change),
        Method::POST => begin(at, change),
        Method::DELETE => {
            at.access()?.demand(May::Write, change)?;
            if conflict::cancel(at.app, at.session, change)? {
                Ok(Answer::empty(StatusCode::OK))
            } else {
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, "Cancel request failed");
                Err(refusal.detail("No conflict checking process is running"))
            }
        }
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}

/// The answer is the process alone.
fn begin(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    at.access()?.demand(May::Write, change)?;
    let refused = |detail: &str| {
        Refusal::new(StatusCode::BAD_REQUEST, "Unable to run conflict detection").detail(detail)
    };
    if conflict::planned(change).is_none() {
        return Err(refused("Planned start date and planned end date are wanted"));
    }
    if conflict::items(at.session, change)?.is_empty() {
        return Err(refused("A configuration item is wanted"));
    }
    if conflict::running(at.session, &change.sys_id)?.is_some() {
        return Err(refused("A conflict checking process is already running"));
    }
    let task = Task::Conflicts { change: change.sys_id.clone() };
    let request = conflict::request(&change.sys_id);
    let worker = work::begin(at.app, at.session, &at.caller, conflict::KIND, &request, task)?;
    Ok(Answer::result(StatusCode::OK, &Value::from(worker.sys_id)))
}

fn found(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    let last_run = change.value("conflict_last_run");
    let rows = at.session.by("conflict", "change", &change.sys_id)?;
    let checked = conflict::items(at.session, change)?.len();
    let told = json!({
        "status": if change.value("conflict_status") == NOT_RUN { NOT_RUN } else { RAN },
        "last_run": last_run,
        "record_count": if last_run.is_empty() { 0 } else { checked }.to_string(),
        "job_status": conflict::job_status(at.session, &change.sys_id)?,
        "conflicts": at.shown(rows)?,
    });
    Ok(Answer::result(StatusCode::OK, &told))
}
