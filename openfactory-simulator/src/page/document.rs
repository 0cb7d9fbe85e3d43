//! The addresses by which people link to an instance: `/incident.do?sys_id=...`, `/incident_list.do?sysparm_query=...`
//! and `/nav_to.do?uri=...` with one of these inside.

use askama::Template;
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::{link, respond};
use crate::api::{Call, html, pairs};
use crate::refusal::Refusal;
use crate::store::Session;

#[derive(Template)]
#[template(path = "document.html")]
struct DocumentPage {
    href: String,
}

/// Sends the browser on by a page, not by a redirect: the cookie of the login goes along only from here, whatever
/// site the link stood on.
pub(super) fn sent_on(session: &Session<'_>, call: &Call, document: &str) -> Result<Response, Refusal> {
    let looks = matches!(call.method, Method::GET | Method::HEAD);
    let found = match document {
        "nav_to.do" => call.param("uri").and_then(|uri| {
            let (document, query) = uri.trim_start_matches('/').split_once('?').unwrap_or((uri, ""));
            meant(session, document, &pairs(query))
        }),
        document => meant(session, document, &call.query),
    };
    match found.filter(|_| looks) {
        Some(href) => respond::page(StatusCode::OK, &DocumentPage { href }),
        None => Ok(html(StatusCode::NOT_FOUND, "Page not found")),
    }
}

/// Where a document is on this page.
fn meant(session: &Session<'_>, document: &str, query: &[(String, String)]) -> Option<String> {
    let value =
        |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let name = document.strip_suffix(".do")?;
    let known = |table: &str| session.schema.table(table).is_some();
    if let Some(table) = name.strip_suffix("_list").filter(|table| known(table)) {
        return Some(link::list(table, value("sysparm_query"), 0));
    }
    (known(name) && !value("sys_id").is_empty()).then(|| link::record(name, value("sys_id")))
}
