//! Faults on demand: what a real instance does to its clients on a bad day.

pub(crate) mod service;

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

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
    /// 200 with a login page of HTML; the request is not handled.
    Html,
}

/// A fault that waits for a request to hit.
///
/// As JSON: `{"kind": "drop", "path_prefix": "/api/now/table", "method": "POST", "count": 2}` or
/// `{"kind": "unavailable", "path_prefix": "/", "until_cleared": true}`. Without `count` it hits once.
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
    /// Seconds that `throttle` asks the client to wait.
    #[serde(default = "one_second")]
    pub retry_after: u32,
}

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

    /// Goes on until it is cleared.
    #[must_use]
    pub fn until_cleared(mut self) -> Self {
        self.until_cleared = true;
        self
    }

    fn hits(&self, method: &str, path: &str) -> bool {
        (self.until_cleared || self.count > 0)
            && path.starts_with(&self.path_prefix)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
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
    /// If the text is no such JSON, or has a kind or a member that is not known.
    pub fn from_json(text: &[u8]) -> Result<Self, FaultListError> {
        serde_json::from_slice(text).map_err(|source| FaultListError { source: source.into() })
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
        let index = waiting.iter().position(|fault| fault.hits(method, path))?;
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
    fn reads_a_list_and_refuses_what_it_does_not_know() {
        let list = FaultList::from_json(br#"{"faults":[{"kind":"throttle","retry_after":7}]}"#).unwrap();
        assert_eq!(list.faults[0].retry_after, 7);
        assert_eq!(list.faults[0].count, 1);
        assert!(FaultList::from_json(br#"{"faults":[{"kind":"earthquake"}]}"#).is_err());
        assert!(FaultList::from_json(br#"{"faults":[{"kind":"drop","kount":3}]}"#).is_err());
    }
}
