//! What a change affects. Adding to it is answered 202, with a worker to ask about.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Context, worker};
use crate::access::Operation as May;
use crate::api::{Answer, pages::Page};
use crate::query::Query;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::work::{Association, Task};

/// `/change/{id}/ci`.
pub(super) fn items(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    let reads = matches!(at.call.method, Method::GET | Method::HEAD);
    let body = if reads { Map::new() } else { at.body()? };
    let sent = body.get("association_type").and_then(Value::as_str);
    let wanted = sent.or_else(|| at.call.param("association_type")).unwrap_or_default();
    let association = Association::named(wanted).ok_or_else(|| {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "Invalid association_type");
        refusal.detail("affected, impacted or offering is wanted")
    })?;
    match at.call.method {
        Method::GET | Method::HEAD => {
            let (table, _) = association.place();
            let text = at.call.param("sysparm_query").unwrap_or_default();
            let query = Query::parse(at.session, &at.caller, table, text)?.query;
            let mut rows = at.access()?.query(table, &query)?;
            rows.retain(|row| row.value("task") == change.sys_id);
            let page = Page::of(at.call, super::DEFAULT_LIMIT)?;
            Ok(Answer::result(StatusCode::OK, &at.shown(page.cut(rows))?))
        }
        Method::POST => add(at, change, association, &body),
        _ => Err(Refusal::method(at.call.method.as_str())),
    }
}

fn add(
    at: &Context<'_>,
    change: &Record,
    association: Association,
    body: &Map<String, Value>,
) -> Result<Answer, Refusal> {
    if !at.access()?.row(May::Write, change)? {
        return Err(Refusal::acl("Insert"));
    }
    let items: Vec<String> = match body.get("cmdb_ci_sys_ids") {
        Some(Value::String(text)) => text.split(',').map(|id| id.trim().to_owned()).collect(),
        Some(Value::Array(ids)) => {
            ids.iter().filter_map(Value::as_str).map(|id| id.trim().to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let items: Vec<String> = items.into_iter().filter(|id| !id.is_empty()).collect();
    if items.is_empty() {
        return Err(Refusal::missing("cmdb_ci_sys_ids"));
    }
    let refresh = matches!(body.get("refresh_impacted_services"), Some(Value::Bool(true)))
        || body.get("refresh_impacted_services").and_then(Value::as_str) == Some("true");
    let name = association.name();
    let mut request = json!({ "cmdb_ci_sys_ids": items, "association_type": name, "task": change.sys_id });
    if let (true, Value::Object(members)) = (refresh, &mut request) {
        members.insert("refresh_impacted_services".to_owned(), Value::from(true));
    }
    let task = Task::Associate { change: change.sys_id.clone(), association, items, refresh };
    let mut told = worker::accepted(at, name, &request, task)?;
    // Here, and here alone, the documented link names no scheme.
    if let Some(Value::String(link)) = told.pointer_mut("/worker/link")
        && let Some((_, bare)) = link.split_once("://")
    {
        *link = bare.to_owned();
    }
    Ok(Answer::result(StatusCode::ACCEPTED, &told))
}

/// `POST /change/{id}/refresh_impacted_services`.
pub(super) fn refresh(at: &Context<'_>, change: &Record) -> Result<Answer, Refusal> {
    at.access()?.demand(May::Write, change)?;
    let request = json!({ "task": change.sys_id });
    let task = Task::Services { change: change.sys_id.clone() };
    let told = worker::accepted(at, Association::Impacted.name(), &request, task)?;
    Ok(Answer::result(StatusCode::OK, &told))
}
