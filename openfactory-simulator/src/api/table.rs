//! The Table API.

use axum::http::{Method, StatusCode, header};
use serde_json::Value;

use super::pages::Page;
use super::route::Version;
use super::{Answer, App, Call, guarded};
use crate::access::{Access, Caller, Operation as May};
use crate::query::{Condition, Operator, Query};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::render;
use crate::store::{Session, StoreError};
use crate::write::{self, input::Input};

/// Rows on a page when the client does not say.
const DEFAULT_LIMIT: usize = 10_000;

/// Whether only administrators say who made or changed a row and when.
const ADMIN_ONLY_SYS_FIELDS: &str = "glide.rest.table_api.admin_only_sys_fields";

/// `/api/now/table/{table}`.
pub(super) fn collection(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    table: &str,
    version: Version,
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    known(session, table)?;
    match call.method {
        Method::GET | Method::HEAD => {
            call.wants_rows()?;
            let answer = list(session, call, &caller, table, DEFAULT_LIMIT)?;
            if version == Version::One && answer.1 == 0 {
                return Err(Refusal::no_record());
            }
            Ok(answer.0)
        }
        Method::POST => create(app, session, call, &caller, table),
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// `/api/now/table/{table}/{sys_id}`.
pub(super) fn record(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    table: &str,
    sys_id: &str,
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    known(session, table)?;
    let access = Access::of(session, &caller)?;
    let found = access.readable(session.find(table, &sys_id.to_ascii_lowercase())?)?;
    match call.method {
        Method::GET | Method::HEAD => {
            call.wants_rows()?;
            let record = found.ok_or_else(Refusal::no_record)?;
            shown(&access, call, table, &record, StatusCode::OK)
        }
        Method::PUT | Method::PATCH => update(app, call, &access, table, found),
        // The guide attaches evidence by a POST to the record, which a stock instance does not know.
        Method::POST if session.switches.post_changes_records => update(app, call, &access, table, found),
        Method::DELETE => {
            let Some(record) = found else {
                // Whoever may delete nothing here is told that, not whether the record is there.
                access.demand_table(May::Delete, table)?;
                return Err(Refusal::no_record());
            };
            access.demand(May::Delete, &record)?;
            write::delete(session, &app.writer(&caller), &record)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Refusal::method(call.method.as_str())),
    }
}

/// A page of the rows that match, and how many there are on it.
pub(super) fn list(
    session: &Session<'_>,
    call: &Call,
    caller: &Caller,
    table: &str,
    default_limit: usize,
) -> Result<(Answer, usize), Refusal> {
    let page = Page::of(call, default_limit)?;
    let view = call.view(session, caller, table)?;
    let access = Access::of(session, caller)?;
    access.listable(table)?;
    let query = query(session, call, caller, table)?;
    let rows = access.query(table, &query)?;
    let total = rows.len();
    // The limit comes before the access rules: who may read nothing gets an empty page under the full count.
    let mut told = Vec::new();
    for row in access.visible(page.cut(rows))? {
        let mut shown = render::record(&access, table, &row, &view)?;
        access.hide(&row, &mut shown)?;
        told.push(shown);
    }
    let shown = told.len();
    let answer = Answer::result(StatusCode::OK, &Value::Array(told));
    Ok((page.announce(call, total, answer), shown))
}

/// The encoded query, or else the plain `name=value` filters.
pub(super) fn query(
    session: &Session<'_>,
    call: &Call,
    caller: &Caller,
    table: &str,
) -> Result<Query, StoreError> {
    if let Some(text) = call.param("sysparm_query") {
        let parsed = Query::parse(session, caller, table, text)?;
        if !parsed.dropped.is_empty() {
            let (terms, first) = (parsed.dropped.len(), parsed.dropped.first());
            tracing::warn!(table, terms, ?first, "terms of a query were dropped, which widens it");
        }
        return Ok(parsed.query);
    }
    Ok(call
        .query
        .iter()
        .filter(|(name, _)| !name.starts_with("sysparm_"))
        .filter(|(name, _)| crate::query::walk::field(session.schema, table, name).is_some())
        .fold(Query::default(), |query, (name, value)| {
            let operator = Operator::IsOrShows;
            query.and(Condition { field: name.clone(), operator, value: value.clone() })
        }))
}

fn create(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    caller: &Caller,
    table: &str,
) -> Result<Answer, Refusal> {
    // A row of defaults takes no body.
    let input = if call.body.is_empty() {
        call.wants_rows()?;
        Input::default()
    } else {
        input(session, call, table, caller)?
    };
    let access = Access::of(session, caller)?;
    let record = guarded::create(app, &access, table, input)?;
    let location = format!("{}/api/now/table/{table}/{}", call.base_url, record.sys_id);
    Ok(shown(&access, call, table, &record, StatusCode::CREATED)?.header(header::LOCATION, &location))
}

fn update(
    app: &App,
    call: &Call,
    access: &Access<'_>,
    table: &str,
    found: Option<Record>,
) -> Result<Answer, Refusal> {
    call.wants_rows()?;
    let record = found.ok_or_else(Refusal::no_record)?;
    let input = input(access.session(), call, &record.class, access.caller())?;
    let record = guarded::update(app, access, &record, input)?;
    shown(access, call, table, &record, StatusCode::OK)
}

fn input(session: &Session<'_>, call: &Call, table: &str, caller: &Caller) -> Result<Input, Refusal> {
    let mut input = call.row()?;
    if call.flag("sysparm_input_display_value") {
        input.resolve_display(session, table, &caller.locale)?;
    }
    let stamps = call.flag("sysparm_suppress_auto_sys_field");
    let may = |session: &Session<'_>| {
        let restricted = session.property(ADMIN_ONLY_SYS_FIELDS)?.is_some_and(|value| value == "true");
        Ok::<_, StoreError>(caller.is_admin() || !restricted)
    };
    Ok(if stamps && may(session)? { input.stamped() } else { input })
}

fn shown(
    access: &Access<'_>,
    call: &Call,
    table: &str,
    record: &Record,
    status: StatusCode,
) -> Result<Answer, Refusal> {
    let view = call.view(access.session(), access.caller(), table)?;
    let mut shown = render::record(access, table, record, &view)?;
    access.hide(record, &mut shown)?;
    Ok(Answer::result(status, &shown))
}

pub(super) fn known(session: &Session<'_>, table: &str) -> Result<(), Refusal> {
    if session.schema.table(table).is_some() { Ok(()) } else { Err(Refusal::invalid_table(table)) }
}
