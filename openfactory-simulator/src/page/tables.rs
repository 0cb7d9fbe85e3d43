//! The front: the tables that the visitor may read, with how many rows each has.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::link::{self, Link};
use super::{Top, Visit, readable, respond};
use crate::refusal::Refusal;

struct Row {
    table: Link,
    name: String,
    extends: String,
    count: usize,
}

#[derive(Template)]
#[template(path = "tables.html")]
struct TablesPage<'a> {
    top: Top<'a>,
    tables: Vec<Row>,
    empty: Vec<Row>,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Response, Refusal> {
    readable(visit)?;
    let schema = visit.session.schema;
    let own = visit.session.counts()?;
    let access = visit.access()?;
    let open = schema.tables().filter(|table| access.reads(&table.name));
    let rows = open.map(|table| Row {
        table: Link::new(link::list(&table.name, "", 0), &table.label),
        name: table.name.clone(),
        extends: table.extends.clone().unwrap_or_default(),
        count: schema.family(&table.name).iter().filter_map(|class| own.get(class.as_str())).sum(),
    });
    let (mut tables, mut empty): (Vec<_>, Vec<_>) = rows.partition(|row| row.count > 0);
    for rows in [&mut tables, &mut empty] {
        rows.sort_by(|one, other| one.table.text.cmp(&other.table.text));
    }
    respond::page(StatusCode::OK, &TablesPage { top: visit.top(), tables, empty })
}
