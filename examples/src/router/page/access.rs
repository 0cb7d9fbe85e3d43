//! Who may see the operator's page.
//!
//! On a loopback listener: whoever is on this machine, unless a token is set. On any other: whoever has the token,
//! and nobody where there is none. Other web sites must not read the page by way of somebody's browser, nor a proxy
//! make all the world local: without a token, a request under a foreign host name or one that was forwarded is
//! refused.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_attest::digest::Sha256Digest;
use openfactory_sn::Secret;

/// How the page is guarded.
pub(super) enum Access {
    /// Whoever is on this machine.
    Local,
    /// Whoever has the token.
    Token(Secret),
}

/// Why a request is not answered with the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The token is missing or wrong.
    NoToken,
    /// The request does not come from this machine under this machine's name.
    NotLocal,
}

/// What proxies add.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

impl Access {
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        match self {
            Self::Local if is_local(headers) => Ok(()),
            Self::Local => Err(Refused::NotLocal),
            Self::Token(token) if presented(headers).is_some_and(|given| same(&given, token.expose())) => {
                Ok(())
            }
            Self::Token(_) => Err(Refused::NoToken),
        }
    }
}

/// Equality that takes as long for a near miss as for a far one: hashes are compared, not texts.
fn same(one: &str, other: &str) -> bool {
    Sha256Digest::of(one.as_bytes()) == Sha256Digest::of(other.as_bytes())
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    FORWARDED.iter().all(|name| !headers.contains_key(*name)) && is_loopback(host)
}

/// Whether a `Host` header names this machine's loopback interface.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _port)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The token: as a bearer token, or as the password of basic authentication, for which a browser asks.
fn presented(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_user, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn without_a_token_only_this_machine_under_its_own_name() {
        for host in ["localhost:8443", "LOCALHOST", "127.0.0.1:1", "127.9.9.9", "[::1]:8443", "[::1]"] {
            assert_eq!(Access::Local.check(&headers(&[("host", host)])), Ok(()), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:8443", "192.0.2.1:8443", "[2001:db8::1]:1"] {
            assert_eq!(Access::Local.check(&headers(&[("host", host)])), Err(Refused::NotLocal), "{host}");
        }
        let forwarded = headers(&[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")]);
        assert_eq!(Access::Local.check(&forwarded), Err(Refused::NotLocal));
    }

    #[test]
    fn with_a_token_whoever_has_it() {
        let access = Access::Token(Secret::new("correct horse"));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for good in
            ["Bearer correct horse".to_owned(), basic("anyone:correct horse"), basic(":correct horse")]
        {
            assert_eq!(access.check(&headers(&[("authorization", &good)])), Ok(()), "{good}");
        }
        for bad in
            [basic("correct horse:"), basic("a:wrong"), "Bearer".into(), "Bearer x".into(), "Basic %".into()]
        {
            let given = headers(&[("authorization", &bad), ("host", "localhost")]);
            assert_eq!(access.check(&given), Err(Refused::NoToken), "{bad}");
        }
        assert_eq!(access.check(&headers(&[("host", "localhost")])), Err(Refused::NoToken));
    }
}
