//! The tasks of a change.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Context, input, shape};
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
            let rows = rows
                .iter()
                .map(|row| shape::typed(at.session, row, &at.call.base_url))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Answer::result(StatusCode::OK, &Value::Array(rows)))
        }
        Method::POST => {
            if !at.caller.may_create(at.session.schema, TABLE) {
                return Err(Refusal::acl("Insert"));
            }
            let mut body = at.body()?;
            body.insert("change_request".to_owned(), Value::from(change.sys_id.as_str()));
            let record = write::create(at.session, &at.app.writer(&at.caller), TABLE, &input(&body)?)?;
            at.told(&record, Some(&body))
        }
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}

/// `/change/{id}/task/{task}`.
pub(super) fn one(at: &Context<'_>, change: &Record, task: &str) -> Result<Answer, Refusal> {
    let record = at
        .session
        .find(TABLE, &task.to_ascii_lowercase())?
        .filter(|row| row.value("change_request") == change.sys_id)
        .ok_or_else(Refusal::no_record)?;
    match at.call.method {
        Method::GET | Method::HEAD => at.told(&record, None),
        Method::PATCH => {
            if !at.caller.may_write(at.session.schema, TABLE) {
                return Err(Refusal::acl("Update"));
            }
            let body = at.body()?;
            let record = write::update(at.session, &at.app.writer(&at.caller), &record, &input(&body)?)?;
            at.told(&record, Some(&body))
        }
        Method::DELETE => {
            if !at.caller.may_delete(at.session.schema, super::TABLE) {
                return Err(Refusal::acl("Delete"));
            }
            write::delete(at.session, &record)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}
