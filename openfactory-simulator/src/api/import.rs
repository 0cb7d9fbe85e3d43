//! The Import Set API.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, App, Call};
use crate::access::{Access, Caller, Operation};
use crate::import;
use crate::refusal::Refusal;
use crate::store::Session;

#[derive(Deserialize)]
struct Many {
    records: Vec<Map<String, Value>>,
}

/// `POST /api/now/import/{staging}`: one row, transformed within the call.
pub(super) fn one(app: &App, session: &Session<'_>, call: &Call, staging: &str) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, staging)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.sends_json()?;
    let row: Map<String, Value> = read(call)?;
    let writer = app.writer(&caller);
    let set = import::begin(session, &writer, staging)?;
    let told = import::row(session, &writer, &set, staging, texts(&row), &call.base_url)?;
    Ok(Answer::json(StatusCode::CREATED, &shown(set.value("number"), staging, &told)))
}

/// `POST /api/now/import/{staging}/insertMultiple`.
pub(super) fn many(app: &App, session: &Session<'_>, call: &Call, staging: &str) -> Result<Answer, Refusal> {
    let caller = entered(app, session, call, staging)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.sends_json()?;
    let many: Many = read(call)?;
    let writer = app.writer(&caller);
    let set = import::begin(session, &writer, staging)?;
    for row in &many.records {
        import::row(session, &writer, &set, staging, by_label(session, staging, row), &call.base_url)?;
    }
    let group = crate::population::derived_id("sys_multi_import_set", &set.sys_id);
    let told = json!({ "import_set_id": set.sys_id, "multi_import_set_id": group });
    Ok(Answer::json(StatusCode::CREATED, &told))
}

/// `GET /api/now/import/{staging}/{sys_id}`: what became of a staged row.
pub(super) fn staged(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    staging: &str,
    sys_id: &str,
) -> Result<Answer, Refusal> {
    entered(app, session, call, staging)?;
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method(call.method.as_str()));
    }
    let row = session.find(staging, &sys_id.to_ascii_lowercase())?.ok_or_else(Refusal::no_record)?;
    let set = session.find("sys_import_set", row.value("sys_import_set"))?;
    let number = set.as_ref().map_or("", |set| set.value("number"));
    let told = vec![import::outcome(session, &row, &call.base_url)?];
    Ok(Answer::json(StatusCode::OK, &shown(number, staging, &told)))
}

/// Lets in who may write the staging table.
fn entered(app: &App, session: &Session<'_>, call: &Call, staging: &str) -> Result<Caller, Refusal> {
    let caller = app.caller(session, call)?;
    if staging == import::ROOT || !session.schema.is_a(staging, import::ROOT) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("Invalid staging table {staging}")));
    }
    Access::of(session, &caller)?.demand_table(Operation::Create, staging)?;
    Ok(caller)
}

fn read<T: for<'a> Deserialize<'a>>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(|error| Refusal::unreadable(error.to_string()))
}

fn shown(number: &str, staging: &str, told: &[Value]) -> Value {
    json!({ "import_set": number, "staging_table": staging, "result": told })
}

fn texts(row: &Map<String, Value>) -> BTreeMap<String, String> {
    row.iter().map(|(name, value)| (name.clone(), text(value, 0))).collect()
}

/// Columns may be named by their labels here, as is the default for many rows.
fn by_label(session: &Session<'_>, staging: &str, row: &Map<String, Value>) -> BTreeMap<String, String> {
    let fields = session.schema.fields(staging);
    let named = |name: &String| {
        let labelled = fields.iter().find(|field| field.label == *name);
        labelled.map_or_else(|| name.clone(), |field| field.name.clone())
    };
    row.iter().map(|(name, value)| (named(name), text(value, 0))).collect()
}

/// A value as text; an object as the staging table gets it, with `=` for `:`.
fn text(value: &Value, depth: usize) -> String {
    let inner = |value: &Value| text(value, depth + 1);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if depth < 8 => {
            format!("[{}]", values.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) if depth < 8 => {
            let members = members.iter().map(|(name, value)| format!("{name}={}", inner(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
