//! When a call is made again: a pure decision.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Cause, Error, ErrorKind};
use crate::wire::call::{Call, Repeat};

/// How hard a client tries by itself before it hands the failure to its caller.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
/// use openfactory_sn::{Auth, Client, RetryPolicy, Secret, SysId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Behind a queue that tries again by itself, a client need not.
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/a1"), Reply::fault(503, "Instance is starting", ""));
/// let sn = Client::builder("https://plant.example.com")
///     .auth(Auth::basic("svc", Secret::new("p")))
///     .retry(RetryPolicy::never())
///     .transport(instance.clone())
///     .build()?;
/// let error = sn.dynamic_table("incident").get(&SysId::new("a1")?).await.unwrap_err();
/// assert!(error.is_retryable() && instance.requests().len() == 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Requests per call at most, the first included. At least 1 is made.
    pub attempts: u32,
    /// Upper bound of the first wait; each further bound is twice as long.
    pub first_wait: Duration,
    /// Upper bound of any wait that the instance did not ask for.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// 4 requests; waits below 250 ms, 500 ms, 1 s.
    fn default() -> Self {
        Self { attempts: 4, first_wait: Duration::from_millis(250), longest_wait: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
    /// One request per call: for callers that have a queue to retry from.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// How long to wait before the call is made again, or `None` if it is not to be.
    ///
    /// A read is repeated after whatever tends to pass. What writes is not after what leaves open for long whether it was
    /// acted on, such as a script that failed (500) or an answer that did not come: who wrote it looks first.
    ///
    /// `made` is how many requests were made, `left` the time until the deadline, `unit` a random number in `[0, 1)`.
    pub(crate) fn wait(
        &self,
        error: &Error,
        call: &Call,
        made: u32,
        left: Duration,
        unit: f64,
    ) -> Option<Duration> {
        let spent = made >= self.attempts;
        let unsafe_to_repeat = call.repeat == Repeat::OnlyIfUnsent && error.may_have_happened();
        let passes = passes_soon(error) || !call.writes() && passes(error);
        if spent || unsafe_to_repeat || !passes {
            return None;
        }
        let wait = error.retry_after().unwrap_or_else(|| self.backoff(made, unit));
        (wait < left).then_some(wait)
    }

    /// Exponential with full jitter.
    pub(crate) fn backoff(&self, made: u32, unit: f64) -> Duration {
        let doublings = made.saturating_sub(1).min(16);
        let bound = self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait);
        bound.mul_f64(unit.clamp(0.0, 1.0))
    }
}

/// Failures that tend to pass, if not always within seconds: not so a page that asks for a login, or what leads to one.
fn passes(error: &Error) -> bool {
    error.is_retryable() && !matches!(error.cause(), Some(Cause::Page | Cause::Redirect))
}

/// Failures that tend to pass within seconds.
fn passes_soon(error: &Error) -> bool {
    match error.status() {
        Some(status) => matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        None => matches!(error.kind(), ErrorKind::Connect | ErrorKind::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Fields;
    use crate::wire::url::Target;

    fn answered(status: u16, kind: ErrorKind, happened: bool) -> Error {
        failed(kind).with_status(StatusCode::from_u16(status).unwrap()).with_may_have_happened(happened)
    }

    fn failed(kind: ErrorKind) -> Error {
        Error::new(kind, "test", "test")
    }

    const LEFT: Duration = Duration::from_secs(30);

    fn target() -> Target {
        Target::new("/api/now/table/incident")
    }

    fn read() -> Call {
        Call::get("test".to_owned(), target())
    }

    fn create() -> Call {
        Call::post("test".to_owned(), target(), &Fields::new())
    }

    fn update() -> Call {
        Call::patch("test".to_owned(), target(), &Fields::new().with("state", "2"), &[])
    }

    fn retried(error: &Error, call: &Call) -> bool {
        RetryPolicy::default().wait(error, call, 1, LEFT, 0.5).is_some()
    }

    #[test]
    fn which_failures_of_writes_are_tried_again() {
        for status in [429, 502, 503, 504] {
            assert!(retried(&answered(status, ErrorKind::Unavailable, false), &create()), "{status}");
            assert!(retried(&answered(status, ErrorKind::Unavailable, true), &update()), "{status}");
            assert!(!retried(&answered(status, ErrorKind::Unavailable, true), &create()), "{status}");
        }
        for status in [200, 202, 400, 401, 403, 404, 409, 500] {
            assert!(!retried(&answered(status, ErrorKind::Unavailable, false), &update()), "{status}");
        }
        assert!(retried(&failed(ErrorKind::Connect), &create()));
        let broken = failed(ErrorKind::Unavailable).with_may_have_happened(true);
        assert!(retried(&broken, &update()) && !retried(&broken, &create()));
        assert!(!retried(&failed(ErrorKind::Timeout), &update()));
    }

    #[test]
    fn reads_are_tried_again_after_whatever_passes() {
        for status in [429, 500, 502, 503, 504] {
            assert!(retried(&answered(status, ErrorKind::Unavailable, false), &read()), "{status}");
        }
        assert!(retried(&answered(500, ErrorKind::Timeout, false), &read()), "time quota");
        assert!(retried(&answered(408, ErrorKind::Timeout, false), &read()));
        assert!(retried(&failed(ErrorKind::Timeout), &read()));
        for cause in [Cause::CutOff, Cause::ErrorInSuccess, Cause::Queued] {
            let error = answered(200, cause.kind(), false).with_cause(Some(cause)).with_transient(true);
            assert!(retried(&error, &read()), "{cause:?}");
            assert!(!retried(&error, &update()), "{cause:?}");
        }
        let page = answered(200, ErrorKind::Unavailable, false).with_cause(Some(Cause::Page));
        assert!(!retried(&page, &read()), "a login is not asked for by mistake");
        for kind in [ErrorKind::Decode, ErrorKind::Forbidden, ErrorKind::Invalid, ErrorKind::NotFound] {
            assert!(!retried(&answered(404, kind, false), &read()), "{kind:?}");
        }
    }

    #[test]
    fn waits_double_and_stay_within_bounds() {
        let policy = RetryPolicy::default();
        let error = answered(503, ErrorKind::Unavailable, false);
        let wait = |made, left, unit| policy.wait(&error, &read(), made, left, unit);
        assert_eq!(wait(1, LEFT, 0.5), Some(Duration::from_millis(125)));
        assert_eq!(wait(3, LEFT, 0.5), Some(Duration::from_millis(500)));
        assert_eq!(wait(4, LEFT, 0.5), None);
        assert_eq!(wait(1, Duration::from_millis(125), 0.5), None);
        assert_eq!(policy.backoff(40, 1.0), policy.longest_wait);
        assert_eq!(RetryPolicy::never().wait(&error, &read(), 1, LEFT, 0.0), None);
    }

    #[test]
    fn the_instances_wish_wins_if_there_is_time() {
        let policy = RetryPolicy::default();
        let error =
            answered(429, ErrorKind::Throttled, false).with_retry_after(Some(Duration::from_secs(20)));
        assert_eq!(policy.wait(&error, &read(), 1, LEFT, 0.9), Some(Duration::from_secs(20)));
        assert_eq!(policy.wait(&error, &read(), 1, Duration::from_secs(20), 0.9), None);
    }
}
