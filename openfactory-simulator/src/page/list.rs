//! A table's rows, the newest first, with a box for an encoded query.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::link::{self, Link};
use super::{Top, Visit, readable, respond};
use crate::access::Access;
use crate::query::Query;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render;
use crate::schema::Schema;
use crate::store::StoreError;

/// Rows on a page.
const ROWS: usize = 50;

/// How many columns a list shows.
const COLUMNS: usize = 6;

/// What a list shows of a row, as far as its table has it, after what stands for the row; the most telling first.
const TELLING: [&str; 17] = [
    "short_description",
    "state",
    "approval",
    "priority",
    "cmdb_ci",
    "assignment_group",
    "approver",
    "name",
    "element",
    "value",
    "parent",
    "type",
    "child",
    "table_name",
    "user_name",
    "operational_status",
    "sys_updated_on",
];

struct Row {
    record: Link,
    cells: Vec<Cell>,
}

struct Cell {
    label: String,
    text: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage<'a> {
    top: Top<'a>,
    label: &'a str,
    name: &'a str,
    action: String,
    query: &'a str,
    /// Terms of the query that no field of the table answers to.
    dropped: Vec<String>,
    head: Vec<String>,
    rows: Vec<Row>,
    total: usize,
    first: usize,
    last: usize,
    newer: Option<String>,
    older: Option<String>,
}

pub(super) fn show(visit: &Visit<'_>, name: &str) -> Result<Response, Refusal> {
    readable(visit)?;
    let session = visit.session;
    let Some(table) = session.schema.table(name) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "There is no such table").detail(name));
    };
    let text = visit.call.param("query").unwrap_or_default();
    let offset = visit.call.number("offset", 0)?;
    let (records, total, dropped) = found(visit, name, text, offset)?;

    let columns = columns(session.schema, name);
    let shown = records.len();
    let access = visit.access()?;
    let visible = access.visible(records)?;
    let rows = visible.iter().map(|record| row(&access, name, &columns, record)).collect::<Result<_, _>>()?;
    let labels = columns.iter().filter_map(|column| session.schema.field(name, column));
    let page = ListPage {
        top: visit.top(),
        label: &table.label,
        name,
        action: link::list(name, "", 0),
        query: text,
        dropped,
        head: labels.map(|field| field.label.clone()).collect(),
        rows,
        total,
        first: if shown == 0 { 0 } else { offset + 1 },
        last: if shown == 0 { 0 } else { offset + shown },
        newer: (offset > 0).then(|| link::list(name, text, offset.saturating_sub(ROWS))),
        older: (offset.saturating_add(shown) < total && shown > 0)
            .then(|| link::list(name, text, offset + ROWS)),
    };
    respond::page(StatusCode::OK, &page)
}

/// The rows of this page, how many there are in all, and what of the query was dropped.
fn found(
    visit: &Visit<'_>,
    table: &str,
    text: &str,
    offset: usize,
) -> Result<(Vec<Record>, usize, Vec<String>), Refusal> {
    let session = visit.session;
    if text.is_empty() {
        let own = session.counts()?;
        let total = session.schema.family(table).iter().filter_map(|class| own.get(class.as_str())).sum();
        return Ok((session.newest(table, offset, ROWS)?, total, Vec::new()));
    }
    let parsed = Query::parse(session, &visit.visitor.caller, table, text)?;
    let mut rows = visit.access()?.query(table, &parsed.query)?;
    if parsed.query.order.is_empty() {
        rows.reverse();
    }
    let total = rows.len();
    Ok((rows.into_iter().skip(offset).take(ROWS).collect(), total, parsed.dropped))
}

/// The field that stands for a row first, then what tells most about it.
fn columns<'a>(schema: &'a Schema, table: &'a str) -> Vec<&'a str> {
    let mut columns: Vec<&str> = Vec::with_capacity(COLUMNS);
    let first =
        if schema.field(table, "number").is_some() { Some("number") } else { schema.display_field(table) };
    let telling = TELLING.into_iter().filter(|name| schema.field(table, name).is_some());
    for name in first.into_iter().chain(telling) {
        if !columns.contains(&name) && columns.len() < COLUMNS {
            columns.push(name);
        }
    }
    columns
}

fn row(access: &Access<'_>, table: &str, columns: &[&str], record: &Record) -> Result<Row, StoreError> {
    let mut cells = Vec::with_capacity(columns.len());
    for column in columns {
        let session = access.session();
        let Some(field) = session.schema.field(table, column) else { continue };
        let may = access.shows(record, column)?;
        let locale = &access.caller().locale;
        let text =
            if may { render::shown(access, field, record.value(column), locale)? } else { String::new() };
        cells.push(Cell { label: field.label.clone(), text });
    }
    let shown = if cells.is_empty() { String::new() } else { cells.remove(0).text };
    Ok(Row { record: Link::to_record(&record.class, &record.sys_id, &shown), cells })
}
