//! The log of calls: what was asked of the instance lately, and what it answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;

/// How many calls are remembered.
const KEPT: usize = 200;

/// The longest path that is remembered whole, in characters.
const PATH_KEPT: usize = 300;

/// One call. Neither headers nor bodies are remembered: they hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: SystemTime,
    pub(crate) method: String,
    /// With the query, which in the APIs holds no secrets.
    pub(crate) path: String,
    /// None where the connection was closed without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) took: Duration,
}

/// The last calls.
#[derive(Debug)]
pub(crate) struct Calls {
    clock: Arc<dyn Clock>,
    seen: Mutex<VecDeque<Seen>>,
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay {
    at: SystemTime,
    method: String,
    path: String,
}

impl Calls {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, seen: Mutex::default() }
    }

    pub(crate) fn begin(&self, method: &str, path: &str) -> UnderWay {
        let path = path.chars().take(PATH_KEPT).collect();
        UnderWay { at: self.clock.now(), method: method.to_owned(), path }
    }

    pub(crate) fn end(&self, call: UnderWay, status: Option<u16>) {
        let took = self.clock.now().duration_since(call.at).unwrap_or_default();
        let mut seen = self.lock();
        if seen.len() == KEPT {
            seen.pop_front();
        }
        seen.push_back(Seen { at: call.at, method: call.method, path: call.path, status, took });
    }

    /// The last calls, the latest first.
    pub(crate) fn latest(&self) -> Vec<Seen> {
        self.lock().iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn the_last_calls_are_kept_and_no_more() {
        let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
        let calls = Calls::new(clock.clone());
        for number in 0..KEPT + 5 {
            let call = calls.begin("GET", &format!("/{number}{}", "x".repeat(2 * PATH_KEPT)));
            clock.advance(Duration::from_millis(7));
            calls.end(call, (number % 2 == 0).then_some(200));
        }
        let latest = calls.latest();
        assert_eq!(latest.len(), KEPT);
        assert!(latest[0].path.starts_with("/204x") && latest[0].path.len() == PATH_KEPT);
        assert_eq!((latest[0].status, latest[1].status), (Some(200), None));
        assert_eq!(latest[0].took, Duration::from_millis(7));
        assert!(latest[KEPT - 1].path.starts_with("/5x"));
    }
}
