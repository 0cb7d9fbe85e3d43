//! OAuth: tokens, their revocation, and a person's agreement to a client. Every refused token reads the same, as on an
//! instance.

use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::pairs;
use super::{Answer, App, Call};
use crate::auth::consent::Question;
use crate::auth::grant::Form;
use crate::refusal::Refusal;
use crate::store::Session;

/// The largest form, in bytes.
pub(super) const BODY_LIMIT: usize = 16 * 1024;

/// `POST /oauth_token.do`.
pub(super) fn token(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let mut form = form(call);
    if let Some((id, secret)) = client_by_header(call).filter(|_| session.switches.oauth_client_by_header) {
        form.insert("client_id".to_owned(), id);
        form.insert("client_secret".to_owned(), secret);
    }
    let granted = match app.logins.grant(session, &form)? {
        Ok(granted) => granted,
        Err(denied) => {
            let error = if session.switches.oauth_errors_differ { denied.name() } else { "server_error" };
            let told = json!({ "error_description": "access_denied", "error": error });
            return Ok(Answer::json(StatusCode::UNAUTHORIZED, &told));
        }
    };
    let mut told = json!({
        "access_token": granted.access.token,
        "scope": "useraccount",
        "token_type": "Bearer",
        "expires_in": granted.expires_in,
    });
    if let (Some(refresh), Value::Object(members)) = (granted.refresh, &mut told) {
        members.insert("refresh_token".to_owned(), json!(refresh.token));
    }
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `/oauth_revoke.do`: the token that is named counts no more. Who knows it may do so; an unknown one is no error.
pub(super) fn revoke(_: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    if !session.switches.token_revocation {
        return Err(Refusal::no_resource(&call.path));
    }
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    let form = form(call);
    let token = form.get("token").map(String::as_str).or_else(|| call.param("token"));
    session.revoke_token(token.unwrap_or_default())?;
    Ok(Answer::empty(StatusCode::OK))
}

/// `GET /oauth_auth.do`: a browser is sent to the page on which its user agrees or refuses; whoever proves who they are
/// with the call itself thereby agrees, and the client is sent a code.
pub(super) fn authorize(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    if call.method != Method::GET {
        return Err(Refusal::method(call.method.as_str()));
    }
    let question = Question::read(&app.logins, |name| call.param(name).map(str::to_owned))?;
    let to = if call.header("authorization").is_none() {
        let asked = call.path_and_query.split_once('?').map_or("", |(_, query)| query);
        format!("/page/consent?{asked}")
    } else {
        let caller = app.caller(session, call)?;
        question.agreed(&app.logins, session, &caller.user_name)?
    };
    Ok(Answer::empty(StatusCode::FOUND).header(header::LOCATION, &to))
}

/// Client and secret by a Basic header.
fn client_by_header(call: &Call) -> Option<(String, String)> {
    let (scheme, rest) = call.header("authorization")?.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (id.to_owned(), secret.to_owned()))
}

/// The fields of a form; nothing where the body is none, which JSON is not.
fn form(call: &Call) -> Form {
    let is_form = call.header("content-type").is_some_and(|kind| {
        kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
    });
    if !is_form {
        return Form::new();
    }
    pairs(&String::from_utf8_lossy(&call.body)).into_iter().collect()
}
