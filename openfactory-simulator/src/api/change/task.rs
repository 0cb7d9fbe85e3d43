//! The tasks of a change.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::Context;
use crate::access::Operation as May;
use crate::api::Answer;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::write;

const TABLE: &str = "change_task";

/// `/change/{id}/task`.
pub(super) fn collection(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    match at.call.method {
        Method::GET | Method::HEAD => {
            let rows = at.session.by(TABLE, "change_request", &change.sys_id)?;
            Ok(Answer::result(StatusCode::OK, &at.shown(rows)?))
        }
        Method::POST => {
            let mut body = at.body()?;
            body.insert("change_request".to_owned(), Value::from(change.sys_id.as_str()));
            let record = at.make(TABLE, &body)?;
            at.told(&record, Some(&body))
        }
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}

/// `/change/{id}/task/{task}`.
pub(super) fn one(at: &Context<'_>, change: &Record, task: &str) -> Result<Answer, Refusal> {
    let record = at
        .access()?
        .readable(at.session.find(TABLE, &task.to_ascii_lowercase())?)?
        .filter(|row| row.value("change_request") == change.sys_id)
        .ok_or_else(Refusal::no_record)?;
    match at.call.method {
        Method::GET | Method::HEAD => at.told(&record, None),
        Method::PATCH => {
            let body = at.body()?;
            let record = at.alter(&record, &body)?;
            at.told(&record, Some(&body))
        }
        Method::DELETE => {
            // As for the change itself, and for the task.
            at.access()?.demand(May::Delete, change)?;
            at.access()?.demand(May::Delete, &record)?;
            write::delete(at.session, &at.app.writer(&at.caller), &record)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}
