//! A call's turn, and how long it may take.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::{Answer, App, front};
use crate::entropy;
use crate::refusal::Refusal;
use crate::switches::Switches;

const COOKIE: &str = "JSESSIONID";

/// How long a call is held back within its turn, by a fault on demand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay(pub(crate) Duration);

/// The session that a call belongs to, by its cookie.
pub(super) fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, id) = pairs.find(|(name, _)| *name == COOKIE)?;
    ((1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then(|| id.to_owned())
}

/// Gives a client that has no session one to carry on.
pub(super) fn with_session(app: &App, session: Option<&str>, mut response: Response) -> Response {
    if session.is_none() {
        let id = entropy::sys_id(&*app.store.entropy).to_ascii_uppercase();
        let secure = if app.base_url.starts_with("https:") { "; Secure" } else { "" };
        let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly{secure}");
        if let Ok(value) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// The answer to whoever finds the queue full.
pub(super) fn refused(switches: &Switches) -> Response {
    front(switches.full_queue, StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
}

/// The answer to a call whose session is held up: it is not handled.
pub(super) fn put_off() -> Response {
    Answer::empty(StatusCode::ACCEPTED).into_response()
}

/// The answer to a call that took longer than its quota.
pub(super) fn cancelled(switches: &Switches) -> Response {
    Answer::refused(&Refusal::cancelled(), switches).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_the_cookies() {
        let of = |cookie: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            session(&headers)
        };
        assert_eq!(of("glide_user_route=x; JSESSIONID=AB12; y=z").as_deref(), Some("AB12"));
        for none in ["x=y", "JSESSIONID=", "JSESSIONID=a/b"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(session(&HeaderMap::new()), None);
    }
}
