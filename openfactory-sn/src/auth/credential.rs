//! What goes into the headers of one call.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{Auth, Method, TokenSource, User};
use crate::secret::Secret;

const API_KEY: HeaderName = HeaderName::from_static("x-sn-apikey");

/// A header that says who we are.
#[derive(Clone)]
pub(crate) struct Credential {
    name: HeaderName,
    value: HeaderValue,
    /// Which token it is, to tell it from its successor; none for what does not change.
    pub(super) generation: Option<u64>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Credential {
    pub(super) fn bearer(value: HeaderValue, generation: u64) -> Self {
        Self { name: AUTHORIZATION, value, generation: Some(generation) }
    }

    pub(crate) fn header(&self) -> (&HeaderName, &HeaderValue) {
        (&self.name, &self.value)
    }

    fn fixed(name: HeaderName, text: &str) -> Result<Self, &'static str> {
        let value = secret_header(text).ok_or("credential cannot be put into a header")?;
        Ok(Self { name, value, generation: None })
    }

    /// The header of RFC 7617, in UTF-8.
    fn basic(user: &str, password: &Secret) -> Result<Self, &'static str> {
        if user.contains(':') {
            return Err("user name holds a colon, which basic authentication cannot carry");
        }
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        Self::fixed(AUTHORIZATION, &text)
    }
}

/// A header's value that is not printed, and wiped when its last use ends.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let bytes = Bytes::from_owner(Zeroizing::new(text.as_bytes().to_vec()));
    let mut value = HeaderValue::from_maybe_shared(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Who a client is, and what hands out credentials to its calls.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) user: User,
    pub(crate) means: Means,
}

/// What hands out credentials.
#[derive(Debug)]
pub(crate) enum Means {
    Fixed(Credential),
    /// The connection itself says it.
    Nothing,
    Token(Box<TokenSource>),
}

impl Authenticator {
    /// Ready for use; the reason in words if the credential cannot be put into a header.
    pub(crate) fn new(auth: Auth, user: User) -> Result<Self, &'static str> {
        let means = match auth.0 {
            Method::ApiKey(key) if key.expose().is_empty() => return Err("API key is empty"),
            Method::ApiKey(key) => Means::Fixed(Credential::fixed(API_KEY, key.expose())?),
            Method::Basic { user, password } => Means::Fixed(Credential::basic(&user, &password)?),
            Method::Certificate => Means::Nothing,
            Method::OAuth(oauth) => Means::Token(Box::new(TokenSource::new(oauth, user))),
        };
        Ok(Self { user, means })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_the_rfc() {
        let credential = Credential::basic("Aladdin", &Secret::new("open sesame")).unwrap();
        assert_eq!(credential.header().1.to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{credential:?} {:?}", credential.header()).contains("QWxh"));
        assert!(Credential::basic("a:b", &Secret::new("c")).is_err());
    }

    #[test]
    fn keys_that_no_header_holds_are_refused() {
        let of = |auth| Authenticator::new(auth, User::default());
        assert!(of(Auth::api_key(Secret::new(""))).is_err());
        assert!(of(Auth::api_key(Secret::new("a\nb"))).is_err());
        assert!(matches!(of(Auth::client_certificate()).unwrap().means, Means::Nothing));
    }
}
