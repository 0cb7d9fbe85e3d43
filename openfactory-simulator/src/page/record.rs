//! A record: its fields, its approvals, its journal, its attachments and what hangs on it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::approval::{self, Approval};
use super::link::{self, Link};
use super::related::{self, RelatedList, Relation};
use super::{Top, Visit, readable, respond};
use crate::access::Access;
use crate::query::walk;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render;
use crate::schema::{Field, FieldType};
use crate::store::StoreError;

struct Row {
    label: String,
    name: String,
    /// What the value stands for; a reference as a link.
    text: String,
    links: Vec<Link>,
    /// The value as it is kept, where that is not what is shown.
    raw: String,
}

struct Entry {
    at: String,
    author: String,
    label: String,
    text: String,
}

struct Attached {
    file: Link,
    content_type: String,
    bytes: String,
    hash: String,
    at: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage<'a> {
    top: Top<'a>,
    title: String,
    about: &'a str,
    table: Link,
    api: String,
    approvals: Vec<Approval>,
    filled: Vec<Row>,
    empty: Vec<String>,
    journal: Vec<Entry>,
    attachments: Vec<Attached>,
    relations: Vec<Relation>,
    lists: Vec<RelatedList>,
}

pub(super) fn show(visit: &Visit<'_>, table: &str, sys_id: &str) -> Result<Response, Refusal> {
    readable(visit)?;
    let session = visit.session;
    if session.schema.table(table).is_none() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "There is no such table").detail(table));
    }
    let access = visit.access()?;
    let record = access.readable(session.find(table, &sys_id.to_ascii_lowercase())?)?;
    let record = record.ok_or_else(Refusal::no_record)?;
    let class = &record.class;
    let label = session.schema.table(class).map_or(class.as_str(), |table| table.label.as_str());
    let name = related::display(&access, &record)?;
    let (filled, empty) = fields(&access, &record)?;
    let page = RecordPage {
        top: visit.top(),
        title: if name.is_empty() { format!("{label} {}", record.sys_id) } else { format!("{label} {name}") },
        about: related::about(&access, &record)?,
        table: Link::new(link::list(class, "", 0), label),
        api: format!("/api/now/table/{}/{}", link::encoded(class), link::encoded(&record.sys_id)),
        approvals: approval::of(visit, &record)?,
        filled,
        empty,
        journal: journal(&access, &record)?,
        attachments: attachments(&access, &record)?,
        relations: related::relations(&access, &record)?,
        lists: related::lists(&access, &record)?,
    };
    respond::page(StatusCode::OK, &page)
}

/// The fields that have a value, and the labels of those that have none. Journal fields have a section of their own.
fn fields(access: &Access<'_>, record: &Record) -> Result<(Vec<Row>, Vec<String>), StoreError> {
    let session = access.session();
    let (mut filled, mut empty) = (Vec::new(), Vec::new());
    for field in session.schema.fields(&record.class) {
        let raw = record.value(&field.name);
        if field.kind == FieldType::Journal || !access.shows(record, &field.name)? {
            continue;
        }
        if raw.is_empty() {
            empty.push(field.label.clone());
        } else {
            filled.push(row(access, field, raw)?);
        }
    }
    // What the platform keeps about every row comes last.
    filled.sort_by_key(|row| (row.name.starts_with("sys_"), row.label.to_lowercase()));
    empty.sort_by_key(|label| label.to_lowercase());
    Ok((filled, empty))
}

fn row(access: &Access<'_>, field: &Field, raw: &str) -> Result<Row, StoreError> {
    let shown = render::shown(access, field, raw, &access.caller().locale)?;
    let mut links = Vec::new();
    match &field.kind {
        FieldType::Reference(to) => links.push(referred(access, to, raw)?),
        FieldType::List(to) => {
            for sys_id in raw.split(',').map(str::trim) {
                links.push(referred(access, to, sys_id)?);
            }
        }
        FieldType::String
        | FieldType::Integer
        | FieldType::Decimal
        | FieldType::Boolean
        | FieldType::DateTime
        | FieldType::Date
        | FieldType::Duration
        | FieldType::Journal
        | FieldType::Password => {}
    }
    Ok(Row {
        label: field.label.clone(),
        name: field.name.clone(),
        raw: if shown == raw { String::new() } else { raw.to_owned() },
        text: if links.is_empty() { shown } else { String::new() },
        links,
    })
}

fn referred(access: &Access<'_>, table: &str, sys_id: &str) -> Result<Link, StoreError> {
    Ok(Link::to_record(table, sys_id, &walk::display_of(access, table, sys_id)?))
}

/// The entries of all journal fields that the visitor may read, the latest first.
fn journal(access: &Access<'_>, record: &Record) -> Result<Vec<Entry>, StoreError> {
    let session = access.session();
    let mut rows = Vec::new();
    for row in session.by("sys_journal_field", "element_id", &record.sys_id)? {
        if access.shows(record, row.value("element"))? {
            rows.push(row);
        }
    }
    let entries = rows.iter().rev().map(|row| {
        let element = row.value("element");
        let label = session.schema.field(&record.class, element).map_or(element, |field| &field.label);
        Ok(Entry {
            at: row.value("sys_created_on").to_owned(),
            author: render::person(access, row.value("sys_created_by"))?,
            label: label.to_owned(),
            text: row.value("value").to_owned(),
        })
    });
    entries.collect()
}

fn attachments(access: &Access<'_>, record: &Record) -> Result<Vec<Attached>, StoreError> {
    let session = access.session();
    let root = session.schema.root(&record.class);
    let rows = access.visible(session.by("sys_attachment", "table_sys_id", &record.sys_id)?)?;
    let rows = rows.iter().filter(|row| session.schema.root(row.value("table_name")) == root);
    let attached = rows.map(|row| Attached {
        file: Link::new(link::attachment(&row.sys_id), row.value("file_name")),
        content_type: row.value("content_type").to_owned(),
        bytes: row.value("size_bytes").to_owned(),
        hash: row.value("hash").to_owned(),
        at: row.value("sys_created_on").to_owned(),
    });
    Ok(attached.collect())
}
