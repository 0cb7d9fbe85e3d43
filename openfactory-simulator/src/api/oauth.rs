//! `/oauth_token.do`: the client credentials grant. Every refusal reads the same, as on an instance.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::call::pairs;
use super::{Answer, App, Call};
use crate::refusal::Refusal;
use crate::store::Session;

/// The largest form, in bytes.
pub(super) const BODY_LIMIT: usize = 16 * 1024;

pub(super) fn token(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let is_form = call.header("content-type").is_some_and(|kind| {
        kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
    });
    let form = String::from_utf8_lossy(&call.body);
    let form = if is_form { pairs(&form) } else { Vec::new() };
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if field("grant_type") != "client_credentials" {
        return Ok(denied());
    }
    let Some((token, left)) = app.logins.token(session, field("client_id"), field("client_secret"))? else {
        return Ok(denied());
    };
    Ok(Answer::json(
        StatusCode::OK,
        &json!({
            "access_token": token.token,
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": left,
        }),
    ))
}

fn denied() -> Answer {
    Answer::json(
        StatusCode::UNAUTHORIZED,
        &json!({ "error_description": "access_denied", "error": "server_error" }),
    )
}
