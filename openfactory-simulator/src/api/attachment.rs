//! The Attachment API.

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Answer, App, Call, bound, multipart};
use crate::access::{Access, Caller, Operation};
use crate::query::Query;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render;
use crate::schema::FieldType;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input, value};

const TABLE: &str = "sys_attachment";
const DEFAULT_LIMIT: usize = 1_000;

/// `/api/now/attachment`.
pub(super) fn collection(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.wants_rows()?;
    let page = super::pages::Page::of(call, DEFAULT_LIMIT)?;
    let parsed = Query::parse(session, &caller, TABLE, call.param("sysparm_query").unwrap_or_default())?;
    let access = Access::of(session, &caller)?;
    let rows = access.query(TABLE, &parsed.query)?;
    let total = rows.len();
    let mut shown = Vec::new();
    for row in access.visible(page.cut(rows))? {
        shown.push(metadata(&access, call, &row)?);
    }
    Ok(page.announce(call, total, Answer::result(StatusCode::OK, &Value::Array(shown))))
}

/// `POST /api/now/attachment/file`: the raw body becomes an attachment of a record.
pub(super) fn upload(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let content_type =
        call.header("content-type").ok_or_else(|| Refusal::unreadable("Content-Type is missing"))?;
    let wanted =
        |name: &str| call.param(name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::missing(name));
    let file = File {
        table: wanted("table_name")?,
        sys_id: wanted("table_sys_id")?,
        name: wanted("file_name")?,
        content_type,
        bytes: &call.body,
        made: call.param("creation_time").unwrap_or_default(),
    };
    attach(app, session, call, &caller, &file)
}

/// `POST /api/now/attachment/upload`: a form of several parts, the file last.
pub(super) fn upload_form(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let content_type =
        call.header("content-type").ok_or_else(|| Refusal::unreadable("Content-Type is missing"))?;
    let form = multipart::upload(content_type, &call.body)?;
    let wanted = |name: &str| {
        let field = form.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.trim());
        field.filter(|value| !value.is_empty()).ok_or_else(|| Refusal::missing(name))
    };
    let file = File {
        table: wanted("table_name")?,
        sys_id: wanted("table_sys_id")?,
        name: Some(form.file_name.as_str())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Refusal::missing("filename"))?,
        content_type: &form.content_type,
        bytes: form.bytes,
        made: "",
    };
    attach(app, session, call, &caller, &file)
}

/// A file that is to be attached.
struct File<'a> {
    table: &'a str,
    sys_id: &'a str,
    name: &'a str,
    content_type: &'a str,
    bytes: &'a [u8],
    /// When it was made, as a client says that was offline; empty for now.
    made: &'a str,
}

fn attach(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    caller: &Caller,
    file: &File<'_>,
) -> Result<Answer, Refusal> {
    if session.schema.table(file.table).is_none() {
        return Err(Refusal::invalid_table(file.table));
    }
    let access = Access::of(session, caller)?;
    let target = access.readable(session.find(file.table, file.sys_id)?)?.ok_or_else(Refusal::no_record)?;
    if !access.row(Operation::Write, &target)? {
        return Err(Refusal::acl("Insert"));
    }
    bound::admit_file(session, file.name)?;
    let size = file.bytes.len().to_string();
    let input = Input::of([
        ("table_name", file.table),
        ("table_sys_id", &target.sys_id),
        ("file_name", file.name),
        ("content_type", file.content_type),
        ("size_bytes", &size),
        ("size_compressed", &size),
        ("hash", &hex::encode(Sha256::digest(file.bytes))),
    ]);
    let mut row = write::create(session, &app.writer(caller), TABLE, &input)?;
    // What is no date says nothing of when it was made.
    if let Some(made) = value::date(&FieldType::DateTime, file.made) {
        row.set("sys_created_on", made);
        session.replace(&row)?;
    }
    session.put_body(&row.sys_id, file.bytes)?;
    let location = format!("{}/api/now/attachment/{}", call.base_url, row.sys_id);
    let answer = Answer::result(StatusCode::CREATED, &metadata(&access, call, &row)?);
    Ok(answer.header(header::LOCATION, &location))
}

/// `/api/now/attachment/{sys_id}`.
pub(super) fn one(app: &App, session: &Session<'_>, call: &Call, sys_id: &str) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    let access = Access::of(session, &caller)?;
    let row = found(&access, sys_id)?;
    match call.method {
        Method::GET | Method::HEAD => Ok(Answer::result(StatusCode::OK, &metadata(&access, call, &row)?)),
        Method::PATCH => {
            let input = call.row()?;
            let name = input.value("file_name").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| Refusal::missing("file_name"))?;
            demand_write(&access, &row)?;
            bound::admit_file(session, name)?;
            write::update(session, &app.writer(&caller), &row, &Input::of([("file_name", name)]))?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            if !writable(&access, &row)? {
                return Err(Refusal::acl("Delete"));
            }
            write::delete(session, &app.writer(&caller), &row)?;
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
    let access = Access::of(session, &caller)?;
    let row = found(&access, sys_id)?;
    let bytes = session.body(sys_id)?.ok_or_else(Refusal::no_record)?;
    let about = metadata(&access, call, &row)?.to_string();
    // Whoever attached a page must not have it run as one of this server's own in the browser of whoever looks at it.
    let answer = Answer::bytes(row.value("content_type"), bytes)
        .header(header::CONTENT_DISPOSITION, "attachment")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    Ok(answer.header(HeaderName::from_static("x-attachment-metadata"), &about))
}

/// The attachment, if the caller may read it.
pub(crate) fn found(access: &Access<'_>, sys_id: &str) -> Result<Record, Refusal> {
    access.readable(access.session().find(TABLE, sys_id)?)?.ok_or_else(Refusal::no_record)
}

/// The record that an attachment belongs to.
fn target(access: &Access<'_>, row: &Record) -> Result<Option<Record>, StoreError> {
    access.session().find(row.value("table_name"), row.value("table_sys_id"))
}

/// Refuses whoever may not change an attachment.
pub(super) fn demand_write(access: &Access<'_>, row: &Record) -> Result<(), Refusal> {
    if writable(access, row)? { Ok(()) } else { Err(Refusal::acl("Update")) }
}

/// An attachment is changed by whoever may write its record.
fn writable(access: &Access<'_>, row: &Record) -> Result<bool, StoreError> {
    match target(access, row)? {
        Some(target) => access.row(Operation::Write, &target),
        None => Ok(access.table(Operation::Write, row.value("table_name"))),
    }
}

/// An attachment's fields, with what only this API adds.
fn metadata(access: &Access<'_>, call: &Call, row: &Record) -> Result<Value, StoreError> {
    let session = access.session();
    let view = call.view(session, access.caller(), TABLE)?;
    let mut shown = render::record(access, TABLE, row, &view)?;
    access.hide(row, &mut shown)?;
    if let Value::Object(fields) = &mut shown {
        let link = format!("{}/api/now/attachment/{}/file", call.base_url, row.sys_id);
        fields.insert("download_link".to_owned(), json!(link));
        if !session.switches.attachment_hash {
            fields.remove("hash");
        }
        for (field, user) in [("created_by_name", "sys_created_by"), ("updated_by_name", "sys_updated_by")] {
            if access.shows(row, user)? {
                fields.insert(field.to_owned(), json!(render::person(access, row.value(user))?));
            }
        }
    }
    Ok(shown)
}
