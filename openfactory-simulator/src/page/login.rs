//! Who looks: by the cookie that the login form gave, or by basic authentication as at the APIs.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::respond::{page, see_other};
use super::sessions::LIFE;
use super::{HOME, Visit, link};
use crate::access::Caller;
use crate::api::{App, Call, pairs};
use crate::auth::active_user;
use crate::instant;
use crate::refusal::Refusal;
use crate::store::Session;

const COOKIE: &str = "openfactory_simulator";

/// Who looks, and what their forms have to bring back.
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) form_token: String,
    whom: String,
}

/// Who sent this; nobody where neither a login nor credentials that count came along.
pub(super) fn visitor(app: &App, session: &Session<'_>, call: &Call) -> Result<Option<Visitor>, Refusal> {
    let (whom, caller) = if call.header("authorization").is_some() {
        let caller = app.caller(session, call)?;
        (format!("user:{}", caller.user_name), caller)
    } else {
        let Some(token) = cookie(call) else { return Ok(None) };
        let Some(user_name) = app.sessions.user(&token, instant::unix_seconds(session.now)) else {
            return Ok(None);
        };
        let Some(caller) = active_user(session, &user_name)? else { return Ok(None) };
        (format!("session:{token}"), caller)
    };
    Ok(Some(Visitor { form_token: app.sessions.form_token(&whom), caller, whom }))
}

impl Visitor {
    /// Takes a form only if this page made it for this visitor: no other site can send one in their name.
    pub(super) fn check_form(&self, app: &App, call: &Call) -> Result<(), Refusal> {
        let given = form_value(call, "form_token").unwrap_or_default();
        if app.sessions.is_form_token(&self.whom, &given) {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, "This form is not from here")
            .detail("Nothing was changed. Open the page again and repeat."))
    }
}

/// The first value of a field in a form that was sent.
pub(super) fn form_value(call: &Call, name: &str) -> Option<String> {
    let text = std::str::from_utf8(&call.body).ok()?;
    pairs(text).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    next: &'a str,
    user_name: &'a str,
    wrong: bool,
}

/// `GET /page/login`.
pub(super) fn form(_: &App, _: &Session<'_>, call: &Call) -> Result<Response, Refusal> {
    let next = link::checked(call.param("next").unwrap_or_default());
    page(StatusCode::OK, &LoginPage { next, user_name: "", wrong: false })
}

/// `POST /page/login`.
pub(super) fn log_in(app: &App, session: &Session<'_>, call: &Call) -> Result<Response, Refusal> {
    let value = |name| form_value(call, name).unwrap_or_default();
    let (next, user_name, password) = (value("next"), value("user_name"), value("password"));
    let next = link::checked(&next);
    let known =
        if app.logins.knows(&user_name, &password) { active_user(session, &user_name)? } else { None };
    let Some(caller) = known else {
        tracing::info!(user_name, "a login to the page was refused");
        return page(StatusCode::UNAUTHORIZED, &LoginPage { next, user_name: &user_name, wrong: true });
    };
    let now = instant::unix_seconds(session.now);
    let token = app.sessions.begin(session.entropy, &caller.user_name, now);
    with_cookie(see_other(next), app, &token, LIFE)
}

/// `POST /page/logout`.
pub(super) fn log_out(visit: &Visit<'_>) -> Result<Response, Refusal> {
    if let Some(token) = cookie(visit.call) {
        visit.app.sessions.end(&token);
    }
    with_cookie(see_other(&link::login(HOME)), visit.app, "", 0)
}

fn cookie(call: &Call) -> Option<String> {
    let all = call.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let found = all.flat_map(|line| line.split(';')).find_map(|part| {
        part.trim().strip_prefix(COOKIE)?.strip_prefix('=').filter(|token| !token.is_empty())
    });
    found.map(str::to_owned)
}

fn with_cookie(mut response: Response, app: &App, token: &str, life: i64) -> Result<Response, Refusal> {
    let secure = if app.base_url.starts_with("https:") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path={HOME}; Max-Age={life}; HttpOnly; SameSite=Strict{secure}");
    let value = HeaderValue::from_str(&text).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The login failed").detail(error.to_string())
    })?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}
