//! How long the instance asks us to wait.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::fmt::rfc2822::DateTimeParser;

/// Longest wait believed: a longer one is cut to this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); else, where a rate limit was the reason,
/// `X-RateLimit-Reset`, UNIX seconds. The instance sends that wherever a rule matched, also with what has nothing to do
/// with it.
pub(crate) fn retry_after(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let until = |time: SystemTime| time.duration_since(now).unwrap_or_default();
    let asked = text(RETRY_AFTER.as_str()).and_then(|value| match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = DateTimeParser::new().parse_timestamp(value).ok()?;
            SystemTime::try_from(date).ok().map(until)
        }
    });
    let reset = || {
        let seconds = text("x-ratelimit-reset")?.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(until)
    };
    let reset = || if status == StatusCode::TOO_MANY_REQUESTS { reset() } else { None };
    asked.or_else(reset).map(|wait| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(StatusCode::TOO_MANY_REQUESTS, &headers, now)
        };
        assert_eq!(of("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(of("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(of("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("retry-after", "soon"), None);
        assert_eq!(of("retry-after", "99999999"), Some(LONGEST));
        assert_eq!(of("x-ratelimit-reset", "1445412480"), Some(Duration::from_secs(10)));
        assert_eq!(of("x-ratelimit-reset", "18446744073709551615"), None);
        assert_eq!(of("other", "1"), None);
    }

    #[test]
    fn a_reset_is_about_limits_only() {
        let headers: HeaderMap =
            [("x-ratelimit-reset".parse().unwrap(), "1445412480".parse().unwrap())].into_iter().collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_470);
        assert_eq!(retry_after(StatusCode::SERVICE_UNAVAILABLE, &headers, now), None);
        assert!(retry_after(StatusCode::TOO_MANY_REQUESTS, &headers, now).is_some());
    }
}
