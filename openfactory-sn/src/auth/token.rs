//! The token endpoint: what is asked, what it answers.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::credential::secret_header;
use super::{AssertionError, Grant, OAuth};
use crate::secret::Secret;
use crate::wire::call::Call;
use crate::wire::url::{Target, percent_encode};

const PATH: &str = "/oauth_token.do";
/// A token's life where the answer does not tell it. Short: it costs one more call, not a refusal.
const LIFE_UNTOLD: Duration = Duration::from_secs(300);
/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(60);

/// A token, how long from when it was asked for it is used and how long it lives, and what renews it.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) usable: Duration,
    pub(super) life: Duration,
    pub(super) refresh: Option<Secret>,
}

/// The request: a form, since the endpoint takes nothing else. A refresh token, if there is one, stands for the grant.
pub(super) fn request(
    oauth: &OAuth,
    refresh: Option<&Secret>,
    now: SystemTime,
) -> Result<Call, AssertionError> {
    let mut form = Form(Zeroizing::new(String::new()));
    let shown = match (refresh, &oauth.grant) {
        (Some(token), _) | (None, Grant::Refresh(token)) => Shown::Refresh(token),
        (None, Grant::ClientCredentials) => Shown::Nothing,
        (None, Grant::Password { user, password }) => Shown::Password(user, password),
        (None, Grant::Jwt(bearer)) => Shown::Assertion(bearer.assertion(&oauth.id, now)?),
    };
    form.add("grant_type", shown.grant_type());
    form.add("client_id", &oauth.id);
    if let Some(scope) = &oauth.scope {
        form.add("scope", scope);
    }
    match &shown {
        Shown::Nothing => {}
        Shown::Assertion(assertion) => form.add("assertion", assertion.expose()),
        Shown::Password(user, password) => {
            form.add("username", user);
            form.add("password", password.expose());
        }
        Shown::Refresh(token) => form.add("refresh_token", token.expose()),
    }
    form.add("client_secret", oauth.secret.expose());
    let body = Bytes::from_owner(Zeroizing::new(form.0.as_bytes().to_vec()));
    Ok(Call::token(Target::new(PATH), body))
}

enum Shown<'a> {
    Assertion(Secret),
    Nothing,
    Password(&'a str, &'a Secret),
    Refresh(&'a Secret),
}

impl Shown<'_> {
    fn grant_type(&self) -> &'static str {
        match self {
            Self::Assertion(_) => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Nothing => "client_credentials",
            Self::Password(..) => "password",
            Self::Refresh(_) => "refresh_token",
        }
    }
}

/// A form that is wiped.
struct Form(Zeroizing<String>);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        let form = &mut self.0;
        // Room first: growing would leave a copy behind that is not wiped.
        let needed = name.len() + 2 + 3 * value.len();
        if form.capacity() - form.len() < needed {
            let mut larger = Zeroizing::new(String::with_capacity(form.len() + needed));
            larger.push_str(form);
            std::mem::swap(form, &mut larger);
        }
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        percent_encode(value, form);
    }
}

/// Reads a good answer; the reason in words if it is none.
pub(super) fn read(mut body: Value) -> Result<Token, &'static str> {
    let bearer = body.get("token_type").and_then(Value::as_str);
    if bearer.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err("token is of another type than Bearer");
    }
    let life = match body.get("expires_in") {
        None | Some(Value::Null) => LIFE_UNTOLD,
        Some(Value::Number(seconds)) => seconds
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or("token's life is not a number of seconds")?,
        Some(Value::String(seconds)) => {
            Duration::from_secs(seconds.parse().map_err(|_| "token's life is not a number of seconds")?)
        }
        Some(_) => return Err("token's life is not a number of seconds"),
    };
    let refresh = match body.get_mut("refresh_token").map(Value::take) {
        Some(Value::String(token)) if !token.is_empty() => Some(Secret::new(token)),
        _ => None,
    };
    let Some(Value::String(token)) = body.get_mut("access_token") else {
        return Err("answer has no access token");
    };
    let text = Zeroizing::new(format!("Bearer {token}"));
    token.zeroize();
    let header = match secret_header(&text) {
        Some(header) if text.len() > "Bearer ".len() => header,
        Some(_) | None => return Err("access token cannot be put into a header"),
    };
    // A token asked for again within its life is the same one with less of it left, so the margin shrinks with it.
    Ok(Token { header, usable: life - MARGIN.min(life / 2), life, refresh })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::url::{BaseUrl, PlainHttp};

    #[test]
    fn the_request_is_a_form() {
        let mut oauth = OAuth {
            id: "a b".to_owned(),
            secret: Secret::new("s&=é"),
            scope: Some("x".to_owned()),
            grant: Grant::ClientCredentials,
        };
        let base = BaseUrl::parse("https://x.example", PlainHttp::Refused).unwrap();
        let of = |oauth: &OAuth, refresh: Option<&Secret>| {
            let call = request(oauth, refresh, SystemTime::UNIX_EPOCH).unwrap();
            let request = call.request(&base, None).unwrap();
            assert_eq!(request.uri().path(), "/oauth_token.do");
            assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
            String::from_utf8(request.body().to_vec()).unwrap()
        };
        let client = "client_id=a%20b&scope=x";
        let secret = "client_secret=s%26%3D%C3%A9";
        assert_eq!(of(&oauth, None), format!("grant_type=client_credentials&{client}&{secret}"));
        let renewed = of(&oauth, Some(&Secret::new("r/1")));
        assert_eq!(renewed, format!("grant_type=refresh_token&{client}&refresh_token=r%2F1&{secret}"));
        oauth.grant = Grant::Refresh(Secret::new("r0"));
        assert_eq!(of(&oauth, None), format!("grant_type=refresh_token&{client}&refresh_token=r0&{secret}"));
    }

    #[test]
    fn the_life_told_is_trusted() {
        let usable = |expires_in: Value| {
            read(json!({"access_token": "t", "token_type": "bearer", "expires_in": expires_in}))
                .map(|token| token.usable.as_millis())
        };
        assert_eq!(usable(json!(1799)), Ok(1_739_000));
        assert_eq!(usable(json!("1799")), Ok(1_739_000));
        assert_eq!(usable(json!(5)), Ok(2_500));
        assert_eq!(usable(json!(0)), Ok(0));
        assert_eq!(usable(json!(null)), Ok(240_000));
        assert_eq!(usable(json!(1799.0)), Ok(1_739_000));
        assert!(usable(json!(-1)).is_err());
        assert!(usable(json!(1e300)).is_err());
        assert!(usable(json!("soon")).is_err());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        assert!(read(json!({})).is_err());
        assert!(read(json!({"access_token": ""})).is_err());
        assert!(read(json!({"access_token": "a\nb"})).is_err());
        assert!(read(json!({"access_token": "a", "token_type": "mac"})).is_err());
        assert!(read(json!([])).is_err());
    }
}
