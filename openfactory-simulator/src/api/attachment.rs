//! The Attachment API.

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, App, Call};
use crate::access::{Access, Operation};
use crate::query::Query;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

const TABLE: &str = "sys_attachment";
const DEFAULT_LIMIT: usize = 1_000;

/// `/api/now/attachment`.
pub(super) fn collection(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(call.method.as_str()));
    }
    let page = super::pages::Page::of(call, DEFAULT_LIMIT)?;
    let parsed = Query::parse(session, &caller, TABLE, call.param("sysparm_query").unwrap_or_default())?;
    let access = Access::of(session, &caller)?;
    let rows = access.query(TABLE, &parsed.query)?;
    let total = rows.len();
    let mut shown = Vec::new();
    for row in page.cut(rows) {
        if readable(&access, &row)? {
            shown.push(metadata(session, call, &row)?);
        }
    }
    Ok(page.announce(call, total, Answer::result(StatusCode::OK, &Value::Array(shown))))
}

/// `POST /api/now/attachment/file`: the raw body becomes an attachment of a record.
pub(super) fn upload(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let wanted = |name: &str| {
        call.param(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "Missing parameter").detail(name.to_owned()))
    };
    let (table, sys_id, file_name) = (wanted("table_name")?, wanted("table_sys_id")?, wanted("file_name")?);
    let content_type =
        call.header("content-type").ok_or_else(|| Refusal::unreadable("Content-Type is missing"))?;
    if session.schema.table(table).is_none() {
        return Err(Refusal::invalid_table(table));
    }
    let access = Access::of(session, &caller)?;
    let target = session.find(table, &sys_id.to_ascii_lowercase())?;
    let target = access.readable(target)?.ok_or_else(Refusal::no_record)?;
    if !access.row(Operation::Write, &target)? {
        return Err(Refusal::acl("Insert"));
    }
    let size = call.body.len().to_string();
    let input = Input::of([
        ("table_name", table),
        ("table_sys_id", &target.sys_id),
        ("file_name", file_name),
        ("content_type", content_type),
        ("size_bytes", &size),
        ("size_compressed", &size),
        ("hash", &hex::encode(Sha256::digest(&call.body))),
    ]);
    let row = write::create(session, &app.writer(&caller), TABLE, &input)?;
    session.put_body(&row.sys_id, &call.body)?;
    let location = format!("{}/api/now/attachment/{}", call.base_url, row.sys_id);
    let answer = Answer::result(StatusCode::CREATED, &metadata(session, call, &row)?);
    Ok(answer.header(header::LOCATION, &location))
}

/// `/api/now/attachment/{sys_id}`.
pub(super) fn one(app: &App, session: &Session<'_>, call: &Call, sys_id: &str) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    let access = Access::of(session, &caller)?;
    let row = found(&access, sys_id)?;
    match call.method {
        Method::GET | Method::HEAD => Ok(Answer::result(StatusCode::OK, &metadata(session, call, &row)?)),
        Method::DELETE => {
            if !writable(&access, &row)? {
                return Err(Refusal::acl("Delete"));
            }
            write::delete(session, &row)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// `GET /api/now/attachment/{sys_id}/file`.
pub(super) fn download(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    sys_id: &str,
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(call.method.as_str()));
    }
    let row = found(&Access::of(session, &caller)?, sys_id)?;
    let bytes = session.body(sys_id)?.ok_or_else(Refusal::no_record)?;
    let about = metadata(session, call, &row)?.to_string();
    let answer = Answer::bytes(row.value("content_type"), bytes);
    Ok(answer.header(HeaderName::from_static("x-attachment-metadata"), &about))
}

/// The attachment, if the caller may read it.
pub(crate) fn found(access: &Access<'_>, sys_id: &str) -> Result<Record, Refusal> {
    match access.session().find(TABLE, sys_id)? {
        Some(row) if readable(access, &row)? => Ok(row),
        _ => Err(Refusal::no_record()),
    }
}

/// The record that an attachment belongs to.
fn target(access: &Access<'_>, row: &Record) -> Result<Option<Record>, StoreError> {
    access.session().find(row.value("table_name"), row.value("table_sys_id"))
}

/// An attachment is read by whoever may read its record.
fn readable(access: &Access<'_>, row: &Record) -> Result<bool, StoreError> {
    if !access.row(Operation::Read, row)? {
        return Ok(false);
    }
    match target(access, row)? {
        Some(target) => access.row(Operation::Read, &target),
        None => Ok(true),
    }
}

/// And changed by whoever may write its record.
fn writable(access: &Access<'_>, row: &Record) -> Result<bool, StoreError> {
    match target(access, row)? {
        Some(target) => access.row(Operation::Write, &target),
        None => Ok(access.table(Operation::Write, row.value("table_name"))),
    }
}

/// An attachment's fields, with what only this API adds.
fn metadata(session: &Session<'_>, call: &Call, row: &Record) -> Result<Value, StoreError> {
    let mut shown = render::record(session, TABLE, row, &call.view())?;
    if let Value::Object(fields) = &mut shown {
        let link = format!("{}/api/now/attachment/{}/file", call.base_url, row.sys_id);
        fields.insert("download_link".to_owned(), json!(link));
        for (field, user) in [("created_by_name", "sys_created_by"), ("updated_by_name", "sys_updated_by")] {
            let user_name = row.value(user);
            let name = session
                .by("sys_user", "user_name", user_name)?
                .first()
                .map_or_else(|| user_name.to_owned(), |user| user.value("name").to_owned());
            fields.insert(field.to_owned(), json!(name));
        }
    }
    Ok(shown)
}
