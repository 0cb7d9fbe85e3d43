//! Faults on demand: what a real instance does to its clients on a bad day.

mod body;
pub(crate) mod service;

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// 503 with a page of HTML; the request is not handled.
    Unavailable,
    /// The connection is closed without an answer; the request is not handled.
    Drop,
    /// The request is handled and committed, then the connection is closed without an answer.
    DropAfterCommit,
    /// The request is handled and committed, then answered 500.
    ErrorAfterCommit,
    /// 429 with `Retry-After`; the request is not handled.
    Throttle,
    /// The request is handled; half of the answer's body is sent under its own status.
    Truncate,
    /// 500; the request is not handled.
    Error,
    /// 202 without a body; the request is not handled.
    Accepted,
    /// 401, as if the token had run out; the request is not handled.
    Unauthorized,
    /// 414 with a page of HTML, as a front proxy answers; the request is not handled.
    UriTooLong,
    /// 404 with a page of HTML, as something in between answers that knows no such instance; the request is not handled.
    NotFound,
    /// 302 to a login page, as something in between answers that knows no such session; the request is not handled.
    Redirect,
    /// The request is handled; its answer has an `error` beside its `result`, still under its own status.
    ErrorInSuccess,
    /// The request is handled after [`delay_ms`](Fault::delay_ms).
    Slow,
    /// The request is handled after [`delay_ms`](Fault::delay_ms), twice: as by a race of two clients, so that a create
    /// without `sys_id` leaves two rows.
    Twice,
    /// 200 with a login page of HTML; the request is not handled.
    Html,
}

/// A fault that waits for a request to hit.
///
/// As JSON: `{"kind": "drop", "path_prefix": "/api/now/table", "method": "POST", "count": 2}` or
/// `{"kind": "unavailable", "path_prefix": "/", "until_cleared": true}`. Without `count` it hits once.
///
/// It hits requests as they come over the wire: a batch is one of them, whatever its items ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How the path of a request has to begin for the fault to hit it.
    #[serde(default = "any_path")]
    pub path_prefix: String,
    /// The method that a request must have; without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many requests it still hits, where it is not `until_cleared`.
    #[serde(default = "once")]
    pub count: u32,
    /// Whether it goes on until it is cleared.
    #[serde(default)]
    pub until_cleared: bool,
    /// Seconds that `throttle` asks the client to wait; with 0 it has no `Retry-After`.
    #[serde(default = "one_second")]
    pub retry_after: u32,
    /// How long `slow` holds the request back, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// Of how many requests that fit one is hit, by a draw that the seed decides; without it, each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_in: Option<u32>,
    /// Decides the draws of `one_in`: with the same seed the same requests in the same order are hit.
    #[serde(default)]
    pub seed: u64,
    /// How many requests have fitted so far.
    #[serde(skip)]
    drawn: u64,
}

/// The longest that a request of a list is held back, in milliseconds: an hour.
const DELAY_MAX: u64 = 3_600_000;

fn any_path() -> String {
    "/".to_owned()
}

fn once() -> u32 {
    1
}

fn one_second() -> u32 {
    1
}

impl Fault {
    /// A fault that hits the next request, whatever it is.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            path_prefix: any_path(),
            method: None,
            count: once(),
            until_cleared: false,
            retry_after: one_second(),
            delay_ms: 0,
            one_in: None,
            seed: 0,
            drawn: 0,
        }
    }

    /// Hits only requests whose path begins with `prefix`.
    #[must_use]
    pub fn on_path(mut self, prefix: impl Into<String>) -> Self {
        self.path_prefix = prefix.into();
        self
    }

    /// Hits only requests with this method.
    #[must_use]
    pub fn on_method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Hits this many requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Hits one of so many requests that fit, by draws that `seed` decides.
    #[must_use]
    pub fn one_in(mut self, requests: u32, seed: u64) -> Self {
        self.one_in = Some(requests);
        self.seed = seed;
        self
    }

    /// Holds a request back for so many milliseconds.
    #[must_use]
    pub fn delay_ms(mut self, milliseconds: u64) -> Self {
        self.delay_ms = milliseconds;
        self
    }

    /// Asks a throttled client to wait for so many seconds; with 0 it is not told for how long.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// Goes on until it is cleared.
    #[must_use]
    pub fn until_cleared(mut self) -> Self {
        self.until_cleared = true;
        self
    }

    /// Why it could never hit a request, or would hold one up for ever, if that is so.
    fn pointless(&self) -> Option<String> {
        if self.count == 0 && !self.until_cleared {
            Some("a count of 0 hits nothing".to_owned())
        } else if self.one_in == Some(0) {
            Some("one_in 0 hits nothing".to_owned())
        } else if !self.path_prefix.starts_with('/') {
            Some(format!("no path begins with {:?}", self.path_prefix))
        } else if self.delay_ms > DELAY_MAX {
            Some(format!("a delay_ms of more than {DELAY_MAX}"))
        } else {
            None
        }
    }

    fn hits(&mut self, method: &str, path: &str) -> bool {
        let fits = (self.until_cleared || self.count > 0)
            && path.starts_with(&self.path_prefix)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        fits && self.draw()
    }

    /// Whether this request is the one of so many.
    fn draw(&mut self) -> bool {
        let Some(one_in) = self.one_in.filter(|one_in| *one_in > 1) else { return true };
        self.drawn = self.drawn.wrapping_add(1);
        let key = [self.seed.to_le_bytes(), self.drawn.to_le_bytes()].concat();
        let digest = Sha256::digest(key);
        let drawn = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        drawn % one_in == 0
    }
}

/// A list of faults, as the file of `--faults` and the body of `POST /simulator/faults` hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultList {
    /// The faults; of several that fit a request, the first one hits.
    pub faults: Vec<Fault>,
}

/// The text is no list of faults.
#[derive(Debug, thiserror::Error)]
#[error("not a list of faults")]
pub struct FaultListError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl FaultList {
    /// Reads `{"faults": [...]}`.
    ///
    /// # Errors
    /// If the text is no such JSON, has a kind or a member that is not known, or a fault that could hit nothing.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultListError> {
        let list: Self =
            serde_json::from_slice(text).map_err(|source| FaultListError { source: source.into() })?;
        for (index, fault) in list.faults.iter().enumerate() {
            if let Some(why) = fault.pointless() {
                return Err(FaultListError { source: format!("fault {index}: {why}").into() });
            }
        }
        Ok(list)
    }
}

/// The faults that wait for requests.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    waiting: Mutex<Vec<Fault>>,
}

impl FaultPlan {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self { waiting: Mutex::new(faults) }
    }

    pub(crate) fn add(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().extend(faults);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn waiting(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// The fault that hits this request, counted down.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut waiting = self.lock();
        let index = waiting.iter_mut().position(|fault| fault.hits(method, path))?;
        let fault = waiting.get_mut(index)?;
        let hit = fault.clone();
        if !fault.until_cleared {
            fault.count -= 1;
            if fault.count == 0 {
                waiting.remove(index);
            }
        }
        Some(hit)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_by_method_and_path_and_counts_down() {
        let plan = FaultPlan::new(vec![
            Fault::new(FaultKind::Drop).on_path("/api/now/table").on_method("post").times(2),
            Fault::new(FaultKind::Unavailable).on_path("/api").until_cleared(),
        ]);
        let kind = |method, path| plan.take(method, path).map(|fault| fault.kind);
        assert_eq!(kind("GET", "/oauth_token.do"), None);
        assert_eq!(kind("GET", "/api/now/table/incident"), Some(FaultKind::Unavailable));
        assert_eq!(kind("POST", "/api/now/table/incident"), Some(FaultKind::Drop));
        assert_eq!(kind("POST", "/api/now/table/incident"), Some(FaultKind::Drop));
        assert_eq!(kind("POST", "/api/now/table/incident"), Some(FaultKind::Unavailable));
        plan.clear();
        assert_eq!(kind("POST", "/api/now/table/incident"), None);
    }

    #[test]
    fn draws_are_the_same_for_the_same_seed() {
        let hits = |seed| {
            let plan = FaultPlan::new(vec![Fault::new(FaultKind::Drop).until_cleared().one_in(4, seed)]);
            (0..200).map(|_| plan.take("GET", "/").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(hits(7), hits(7));
        assert_ne!(hits(7), hits(8));
        let count = hits(7).into_iter().filter(|hit| *hit).count();
        assert!((20..90).contains(&count), "{count}");
    }

    #[test]
    fn reads_a_list_and_refuses_what_it_does_not_know() {
        let list = FaultList::from_json(br#"{"faults":[{"kind":"throttle","retry_after":7}]}"#).unwrap();
        assert_eq!(list.faults[0].retry_after, 7);
        assert_eq!(list.faults[0].count, 1);
        let refused = |fault: &str| {
            let text = format!(r#"{{"faults":[{{"kind":"drop"}},{fault}]}}"#);
            let error = FaultList::from_json(text.as_bytes()).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        for (fault, why) in [
            (r#"{"kind":"earthquake"}"#, "unknown variant `earthquake`"),
            (r#"{"kind":"drop","kount":3}"#, "unknown field `kount`"),
            (r#"{"kind":"drop","count":0}"#, "fault 1: a count of 0 hits nothing"),
            (r#"{"kind":"drop","one_in":0}"#, "fault 1: one_in 0 hits nothing"),
            (r#"{"kind":"drop","path_prefix":"api"}"#, "fault 1: no path begins with \"api\""),
            (r#"{"kind":"slow","delay_ms":3600001}"#, "fault 1: a delay_ms of more than 3600000"),
        ] {
            assert!(refused(fault).starts_with(why), "{fault}: {}", refused(fault));
        }
        assert!(
            FaultList::from_json(br#"{"faults":[{"kind":"drop","count":0,"until_cleared":true}]}"#).is_ok()
        );
    }
}
