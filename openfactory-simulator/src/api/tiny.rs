//! Short forms of long URLs: `POST /api/now/tinyurl`, and `sysparm_tiny` in later calls.

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::call::pairs;
use super::{Answer, App, Call};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};

/// The longest URL that is kept, in bytes.
pub(super) const LIMIT: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Body {
    url: String,
}

/// Keeps a URL and gives its path with the short form in place of the query.
pub(super) fn shorten(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.sends_json()?;
    let body: Body =
        serde_json::from_slice(&call.body).map_err(|error| Refusal::unreadable(error.to_string()))?;
    if body.url.len() > LIMIT {
        return Err(Refusal::unreadable("the URL is too long"));
    }
    let hash: String = hex::encode(Sha256::digest(&body.url)).chars().take(32).collect();
    session.keep(&key(&hash), &body.url)?;
    let path = body.url.split('?').next().unwrap_or_default();
    Ok(Answer::result(StatusCode::OK, &json!(format!("{path}?sysparm_tiny={hash}"))))
}

/// The call with the parameters that its `sysparm_tiny` stands for, before its own.
pub(super) fn expanded(session: &Session<'_>, call: &Call) -> Result<Option<Call>, StoreError> {
    let Some(hash) = call.param("sysparm_tiny") else { return Ok(None) };
    let Some(url) = session.kept_under(&key(hash))? else { return Ok(None) };
    let mut expanded = call.clone();
    expanded.query = pairs(url.split_once('?').map_or("", |(_, query)| query));
    expanded.query.extend(call.query.iter().filter(|(name, _)| name != "sysparm_tiny").cloned());
    Ok(Some(expanded))
}

fn key(hash: &str) -> String {
    format!("tiny.{hash}")
}
