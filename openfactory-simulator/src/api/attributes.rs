//! Attributes of attachments, `/api/now/attachment/{sys_id}/attributes[/{key}]`: keys and values, rows of
//! `sys_attachment_attribute`. A key stands once for an attachment.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::attachment;
use super::{Answer, App, Call};
use crate::access::Access;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

pub(super) const TABLE: &str = "sys_attachment_attribute";

/// `/api/now/attachment/{sys_id}/attributes`.
pub(super) fn all(app: &App, session: &Session<'_>, call: &Call, sys_id: &str) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    let access = Access::of(session, &caller)?;
    let attachment = attachment::found(&access, sys_id)?;
    match call.method {
        Method::GET | Method::HEAD => {
            call.wants_rows()?;
            let told = of(session, &attachment.sys_id)?.iter().map(shown).collect();
            Ok(Answer::result(StatusCode::OK, &Value::Array(told)))
        }
        Method::POST => {
            let input = call.row()?;
            let key = input.value("key").filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| Refusal::missing("key"))?;
            let value = input.value("value").unwrap_or_default();
            attachment::demand_write(&access, &attachment)?;
            if named(session, &attachment.sys_id, key)?.is_some() {
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "Attribute exists").detail(key.to_owned()));
            }
            let input =
                Input::of([("sys_attachment", attachment.sys_id.as_str()), ("key", key), ("value", value)]);
            let row = write::create(session, &app.writer(&caller), TABLE, &input)?;
            Ok(Answer::result(StatusCode::CREATED, &shown(&row)))
        }
        Method::DELETE => {
            attachment::demand_write(&access, &attachment)?;
            for row in of(session, &attachment.sys_id)? {
                write::delete(session, &app.writer(&caller), &row)?;
            }
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// `/api/now/attachment/{sys_id}/attributes/{key}`.
pub(super) fn one(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    sys_id: &str,
    key: &str,
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    let access = Access::of(session, &caller)?;
    let attachment = attachment::found(&access, sys_id)?;
    let row = named(session, &attachment.sys_id, key)?.ok_or_else(Refusal::no_record)?;
    match call.method {
        Method::GET | Method::HEAD => {
            call.wants_rows()?;
            Ok(Answer::result(StatusCode::OK, &shown(&row)))
        }
        Method::PUT => {
            let input = call.row()?;
            let value = input.value("value").ok_or_else(|| Refusal::missing("value"))?;
            attachment::demand_write(&access, &attachment)?;
            let row = write::update(session, &app.writer(&caller), &row, &Input::of([("value", value)]))?;
            Ok(Answer::result(StatusCode::OK, &shown(&row)))
        }
        Method::DELETE => {
            attachment::demand_write(&access, &attachment)?;
            write::delete(session, &app.writer(&caller), &row)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

fn of(session: &Session<'_>, attachment: &str) -> Result<Vec<Record>, StoreError> {
    session.by(TABLE, "sys_attachment", attachment)
}

fn named(session: &Session<'_>, attachment: &str, key: &str) -> Result<Option<Record>, StoreError> {
    Ok(of(session, attachment)?.into_iter().find(|row| row.value("key") == key))
}

fn shown(row: &Record) -> Value {
    json!({ "key": row.value("key"), "value": row.value("value") })
}
