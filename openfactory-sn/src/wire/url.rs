//! The instance's address, and URLs below it.

use http::Uri;

/// Longest URL sent, in bytes. ServiceNow's proxy answers 414 above 8,192.
const URL_MAX: usize = 8_000;

/// The address of an instance: scheme, host, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    text: String,
    loopback: bool,
}

/// Whether plain HTTP is let through; it is for tests on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    OnLoopback,
    Refused,
}

impl BaseUrl {
    /// Reads `https://host[:port][/]`; the reason in words if it is something else.
    pub(crate) fn parse(text: &str, plain: PlainHttp) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "instance address is not a URL")?;
        let host = uri.host().ok_or("instance address has no host")?;
        let authority = uri.authority().ok_or("instance address has no host")?;
        if authority.as_str().contains('@') {
            return Err("instance address holds a user name; give credentials by `auth`");
        }
        if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err("instance address has a path; give scheme and host only");
        }
        let loopback = is_loopback(host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if loopback && plain == PlainHttp::OnLoopback => {}
            Some("http") => return Err("instance address is plain http; use https"),
            Some(_) | None => return Err("instance address has no https scheme"),
        }
        let scheme = uri.scheme_str().unwrap_or("https");
        Ok(Self { text: format!("{scheme}://{authority}"), loopback })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only the built-in transport asks"))]
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The whole URL of a target, unless it is too long to be sent.
    pub(crate) fn join(&self, target: &Target) -> Result<Uri, &'static str> {
        let url = format!("{}{}", self.text, target.0);
        if url.len() > URL_MAX {
            return Err("URL over 8000 bytes, which the instance refuses; split the query");
        }
        url.parse().map_err(|_| "request has no valid URL")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Path and query below the instance's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    /// A path whose segments need no encoding.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// With one more segment, before any parameter.
    pub(crate) fn below(self, segment: &str) -> Self {
        Self(format!("{}/{segment}", self.0))
    }

    /// With one more parameter.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        percent_encode(value, &mut self.0);
        self
    }

    /// A path and query as the instance itself made them, if it is this path.
    pub(crate) fn followed(path_and_query: &str, path: &str) -> Option<Self> {
        let (found, _) = path_and_query.split_once('?')?;
        (found == path).then(|| Self(path_and_query.to_owned()))
    }

    /// Path and query.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path alone, fit for a log: a query can hold personal data.
    pub(crate) fn path(&self) -> &str {
        self.0.split('?').next().unwrap_or_default()
    }
}

/// Everything but RFC 3986's unreserved characters, as UTF-8 bytes.
pub(crate) fn percent_encode(text: &str, onto: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            onto.push(char::from(byte));
        } else {
            onto.push('%');
            onto.push(char::from(DIGITS[usize::from(byte >> 4)]));
            onto.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |text| BaseUrl::parse(text, PlainHttp::Refused);
        assert_eq!(parse("https://plant.example.com/").unwrap().as_str(), "https://plant.example.com");
        assert_eq!(parse("https://[::1]:8443").unwrap().as_str(), "https://[::1]:8443");
        assert!(parse("https://[::1]:8443").unwrap().is_loopback());
        for bad in [
            "plant.example.com",
            "http://plant.example.com",
            "http://127.0.0.1:80",
            "ftp://x",
            "https://u:p@plant.example.com",
            "https://plant.example.com/api",
            "https://plant.example.com/?a=b",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_only_on_this_machine() {
        let parse = |text| BaseUrl::parse(text, PlainHttp::OnLoopback);
        for good in ["http://127.0.0.1:80", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["http://10.0.0.1", "http://localhost.example.com", "http://[::2]", "http://128.0.0.1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_encoded_and_long_urls_refused() {
        let base = BaseUrl::parse("https://x.example", PlainHttp::Refused).unwrap();
        let target = Target::new("/api/now/table/a").with("sysparm_query", "a=ü^b&c").with("n", "1");
        let url = base.join(&target).unwrap().to_string();
        assert_eq!(url, "https://x.example/api/now/table/a?sysparm_query=a%3D%C3%BC%5Eb%26c&n=1");
        assert_eq!(target.path(), "/api/now/table/a");
        assert!(base.join(&Target::new("/a").with("q", &"x".repeat(8_000))).is_err());
    }
}
