//! The Attachment API.

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, App, Call};
use crate::query::{Query, evaluate};
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
    let rows = evaluate::run(session, TABLE, &parsed.query)?;
    let total = rows.len();
    let rows = page
        .cut(rows)
        .filter(|_| caller.may_read())
        .map(|row| metadata(session, call, &row))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(page.announce(call, total, Answer::result(StatusCode::OK, &Value::Array(rows))))
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
    let target = session
        .find(table, &sys_id.to_ascii_lowercase())?
        .filter(|_| caller.may_read())
        .ok_or_else(Refusal::no_record)?;
    if !caller.may_write(session.schema, &target.class) {
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
    let row = session.find(TABLE, sys_id)?.filter(|_| caller.may_read()).ok_or_else(Refusal::no_record)?;
    match call.method {
        Method::GET | Method::HEAD => Ok(Answer::result(StatusCode::OK, &metadata(session, call, &row)?)),
        Method::DELETE => {
            if !caller.may_write(session.schema, row.value("table_name")) {
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
    let row = session.find(TABLE, sys_id)?.filter(|_| caller.may_read()).ok_or_else(Refusal::no_record)?;
    let bytes = session.body(sys_id)?.ok_or_else(Refusal::no_record)?;
    let about = metadata(session, call, &row)?.to_string();
    let answer = Answer::bytes(row.value("content_type"), bytes);
    Ok(answer.header(HeaderName::from_static("x-attachment-metadata"), &about))
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
