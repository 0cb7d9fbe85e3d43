//! The Batch API: calls in one body, done one after another, each a transaction of its own.

mod size;

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use self::size::Sizes;
use super::call::pairs;
use super::{Answer, App, Call, limit, route, tiny};
use crate::refusal::Refusal;

/// How long all items together may take; what has not begun by then stays unserviced.
const QUOTA: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    batch_request_id: Value,
    rest_requests: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: Value,
    url: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    exclude_response_headers: bool,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

fn get() -> String {
    "GET".to_owned()
}

/// Does the items in their order. Whatever becomes of them, the batch itself succeeds.
pub(super) fn run(app: &App, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let sizes = app.store.read(|session| {
        app.caller(session, call)?;
        route::opened(app, session, call)?;
        Ok::<_, Refusal>(Sizes::of(session, call)?)
    })?;
    call.sends_json()?;
    let batch: Batch =
        serde_json::from_slice(&call.body).map_err(|error| Refusal::unreadable(error.to_string()))?;
    if app.store.switches.batch_items.is_some_and(|most| batch.rest_requests.len() > most) {
        return Err(Refusal::unreadable("the batch has too many rest_requests"));
    }
    let begun = app.store.clock.now();
    let mut serviced = Vec::new();
    let mut unserviced = Vec::new();
    for item in &batch.rest_requests {
        let now = app.store.clock.now();
        if elapsed(begun, now) >= QUOTA {
            unserviced.push(text(&item.id));
            continue;
        }
        let answer = match inner(call, item, sizes) {
            Ok(inner) => {
                let limited = app.store.switches.batch_items_are_limited;
                let answer = if limited { limit::perform(app, &inner) } else { route::perform(app, &inner) };
                if inner.method == Method::HEAD { answer.head() } else { answer }
            }
            Err(refusal) => Answer::refused(&refusal, &app.store.switches),
        };
        let took = elapsed(now, app.store.clock.now());
        serviced.push(told(app, item, &answer, took, sizes));
    }
    Ok(Answer::json(
        StatusCode::OK,
        &json!({
            "batch_request_id": text(&batch.batch_request_id),
            "serviced_requests": serviced,
            "unserviced_requests": unserviced,
        }),
    ))
}

fn elapsed(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// An id as it is given back: text, whatever it was sent as.
fn text(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The item as a call, by the same caller.
fn inner(call: &Call, item: &Item, sizes: Sizes) -> Result<Call, Refusal> {
    if item.url.len() > tiny::LIMIT {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "Request-URI Too Large"));
    }
    let (path, query) = item.url.split_once('?').unwrap_or((&item.url, ""));
    if !path.starts_with("/api/") || route::is_batch(path) {
        return Err(Refusal::no_resource(path));
    }
    let method = Method::from_bytes(item.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| Refusal::method(&item.method))?;
    let body = match &item.body {
        None => Vec::new(),
        Some(body) => STANDARD
            .decode(body.trim())
            .map_err(|error| Refusal::unreadable(format!("body of item {}: {error}", text(&item.id))))?,
    };
    sizes.admit(&body)?;
    let mut headers = HeaderMap::new();
    for header in &item.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Refusal::unreadable(format!("header {:?}", header.name)));
        };
        headers.append(name, value);
    }
    // An item is done for whoever sent the batch, however they proved who they are, and for nobody else.
    for name in [header::AUTHORIZATION, HeaderName::from_static("x-sn-apikey")] {
        headers.remove(&name);
        if let Some(proof) = call.headers.get(&name) {
            headers.insert(name, proof.clone());
        }
    }
    Ok(Call {
        method: route::method(&method, &headers),
        path: path.to_owned(),
        path_and_query: item.url.clone(),
        headers,
        query: pairs(query),
        body: body.into(),
        base_url: call.base_url.clone(),
        switches: call.switches,
    })
}

/// What stands for an answer that is too large: the call was done, and its outcome is not told.
fn too_large(app: &App, item: &Item, answer: &Answer, took: Duration, sizes: Sizes) -> Value {
    let status = StatusCode::from_u16(app.store.switches.large_batch_answer_status)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json!({
        "id": text(&item.id),
        "body": "",
        "status_code": status.as_u16(),
        "status_text": status.canonical_reason().unwrap_or_default(),
        "error_message": format!(
            "Response of {} bytes exceeds the maximum of {} bytes",
            answer.body().len(),
            sizes.output
        ),
        "execution_time": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn told(app: &App, item: &Item, answer: &Answer, took: Duration, sizes: Sizes) -> Value {
    if answer.body().len() > sizes.output {
        return too_large(app, item, answer, took, sizes);
    }
    let mut told = json!({
        "id": text(&item.id),
        "body": STANDARD.encode(answer.body()),
        "status_code": answer.status().as_u16(),
        "status_text": answer.status().canonical_reason().unwrap_or_default(),
        "execution_time": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    if let (false, Value::Object(members)) = (item.exclude_response_headers, &mut told) {
        let headers = answer.headers().map(|(name, value)| json!({ "name": name, "value": value }));
        members.insert("headers".to_owned(), headers.collect());
    }
    told
}
