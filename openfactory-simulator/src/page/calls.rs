//! The live log of calls: what everybody asked, so that administrators alone see it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Top, Visit, respond};
use crate::instant;
use crate::refusal::Refusal;

struct Row {
    at: String,
    method: String,
    path: String,
    status: String,
    /// How the status is marked: `good`, `refused` or `failed`.
    class: &'static str,
    milliseconds: u128,
}

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage<'a> {
    top: Top<'a>,
    live: bool,
    rows: Vec<Row>,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Response, Refusal> {
    if !visit.visitor.caller.is_admin() {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "You may not read this");
        return Err(refusal.detail("The log shows what everybody asked; it is for administrators."));
    }
    let rows = visit.app.calls.latest().into_iter().map(|call| Row {
        at: instant::glide(call.at),
        method: call.method,
        path: call.path,
        class: match call.status {
            Some(200..400) => "good",
            Some(400..500) => "refused",
            Some(_) | None => "failed",
        },
        status: call.status.map_or_else(|| "closed".to_owned(), |status| status.to_string()),
        milliseconds: call.took.as_millis(),
    });
    let live = visit.call.param("paused").is_none();
    respond::page(StatusCode::OK, &CallsPage { top: visit.top(), live, rows: rows.collect() })
}
