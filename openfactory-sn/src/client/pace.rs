//! How fast calls may follow each other, by what the instance tells of its limits. Pure: time is handed in.
//!
//! Rules are counted per hour, user and API: what one credential used up holds back no other's calls. An instance tells
//! limit and reset where a rule matched, and nothing where none did; how much is left it does not document, so the client
//! counts its own calls and takes `X-RateLimit-Remaining` where it comes all the same. Others under the same rule are not
//! seen: then 429 has the last word.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use crate::auth::User;

/// Most pairs of user and API that are remembered; there are some ten APIs, and a user for each integration point.
const WINDOWS: usize = 128;
/// What part of a limit may be used without waiting, in percent; what is beyond it is spread until the reset.
const FREE: u64 = 75;
/// How far the resets of one window lie apart, as the nodes of an instance tell them.
const NODES_APART: Duration = Duration::from_secs(60);
/// Longest time believed of a reset: rules are counted per hour.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What is known of each user's limits with each API.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<BTreeMap<(User, String), Window>>);

/// Whose call it is, and to which path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) user: User,
    pub(crate) path: &'a str,
}

#[derive(Debug, Default, Clone)]
struct Window {
    /// No call before this, because one was refused. Monotonic.
    closed_until: Duration,
    limit: Option<u64>,
    reset: Option<SystemTime>,
    used: u64,
    /// When the next call may go, where calls are spread. Monotonic.
    next: Duration,
}

impl Pacer {
    /// Takes a place for a call and says how long to wait for it. Where that is not less than `left`, the call cannot be
    /// made, and no place is taken from those that can.
    pub(crate) fn wait(
        &self,
        place: Place<'_>,
        left: Duration,
        now: SystemTime,
        monotonic: Duration,
    ) -> Duration {
        self.with(place, |window| {
            let mut taken = window.clone();
            let wait = taken.take(now, monotonic);
            if wait.is_zero() || wait < left {
                *window = taken;
            }
            wait
        })
    }

    /// Learns from an answer.
    pub(crate) fn heard(
        &self,
        place: Place<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        asked: Option<Duration>,
        now: SystemTime,
        monotonic: Duration,
    ) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let limit = number("x-ratelimit-limit");
        let refused = status == StatusCode::TOO_MANY_REQUESTS;
        if limit.is_none() && !refused {
            return;
        }
        self.with(place, |window| {
            if let (true, Some(asked)) = (refused, asked) {
                window.closed_until = window.closed_until.max(monotonic.saturating_add(asked.min(LONGEST)));
            }
            if let Some(limit) = limit {
                window.limit = Some(limit);
                let reset = number("x-ratelimit-reset")
                    .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
                    .filter(|reset| reset.duration_since(now).is_ok_and(|left| left <= LONGEST));
                if let Some(reset) = reset {
                    window.told_of(reset, now);
                }
                if let Some(remaining) = number("x-ratelimit-remaining") {
                    window.used = window.used.max(limit.saturating_sub(remaining));
                }
            }
        });
    }

    fn with<T>(&self, place: Place<'_>, look: impl FnOnce(&mut Window) -> T) -> T {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (place.user, api(place.path));
        if windows.len() >= WINDOWS && !windows.contains_key(&key) {
            windows.clear();
        }
        look(windows.entry(key).or_default())
    }
}

impl Window {
    /// A reset that was told: of a new window, or of this one as another of the instance's nodes counts it.
    fn told_of(&mut self, reset: SystemTime, now: SystemTime) {
        let is_this = |old: SystemTime| old > now && reset < old + NODES_APART;
        if !self.reset.is_some_and(is_this) {
            self.used = 1;
            self.next = Duration::ZERO;
            self.reset = Some(reset);
        }
    }

    fn take(&mut self, now: SystemTime, monotonic: Duration) -> Duration {
        let closed = self.closed_until.saturating_sub(monotonic);
        let (Some(limit), Some(reset)) = (self.limit, self.reset) else {
            return closed;
        };
        let left = match reset.duration_since(now) {
            Ok(left) if !left.is_zero() => left,
            _ => {
                // The window is over; the next answer tells of the new one.
                self.used = 0;
                self.next = Duration::ZERO;
                self.reset = None;
                return closed;
            }
        };
        self.used += 1;
        let free = limit.saturating_mul(FREE) / 100;
        if self.used <= free {
            return closed;
        }
        if self.used > limit {
            return closed.max(left);
        }
        let places = u32::try_from(limit - self.used + 1).unwrap_or(u32::MAX);
        let at = self.next.max(monotonic);
        self.next = at.saturating_add(left / places);
        closed.max(at - monotonic)
    }
}

/// `/api/now/table` of `/api/now/table/incident/…`, also where a version is between.
fn api(path: &str) -> String {
    let is_version = |part: &str| part.len() == 2 && part.starts_with('v');
    path.split('/').filter(|part| !is_version(part)).take(4).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "/api/now/table/incident";

    fn at(seconds: u64) -> (SystemTime, Duration) {
        let passed = Duration::from_secs(seconds);
        (SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + passed, passed)
    }

    fn headers(pairs: &[(&'static str, u64)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), (*value).into())).collect()
    }

    fn of(path: &str) -> Place<'_> {
        Place { user: User::default(), path }
    }

    fn told(pacer: &Pacer, pairs: &[(&'static str, u64)], seconds: u64) {
        let (now, monotonic) = at(seconds);
        pacer.heard(of(TABLE), StatusCode::OK, &headers(pairs), None, now, monotonic);
    }

    fn wait(pacer: &Pacer, path: &str, seconds: u64) -> u64 {
        let (now, monotonic) = at(seconds);
        pacer.wait(of(path), LONGEST, now, monotonic).as_secs()
    }

    #[test]
    fn nothing_told_nothing_waited() {
        let pacer = Pacer::default();
        assert!((0..1_000).all(|second| wait(&pacer, TABLE, second) == 0));
    }

    #[test]
    fn what_is_left_of_a_limit_is_spread_until_the_reset() {
        let pacer = Pacer::default();
        let told_of = [("x-ratelimit-limit", 8), ("x-ratelimit-reset", 1_000_100)];
        told(&pacer, &told_of, 0);
        let waits: Vec<_> = (0..5).map(|_| wait(&pacer, TABLE, 0)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0], "six of eight are free, one was used when it was told");
        assert_eq!((wait(&pacer, TABLE, 0), wait(&pacer, TABLE, 0)), (0, 50));
        assert_eq!(wait(&pacer, TABLE, 10), 90, "none left: until the reset");
        assert_eq!(wait(&pacer, "/api/now/v1/table/x", 100), 0, "a new window, by the same rule");
        assert_eq!(wait(&pacer, "/api/now/attachment/file", 0), 0, "a rule is for one API");
    }

    #[test]
    fn what_the_instance_counts_wins_over_our_count() {
        let pacer = Pacer::default();
        let told_of =
            [("x-ratelimit-limit", 100), ("x-ratelimit-reset", 1_000_100), ("x-ratelimit-remaining", 1)];
        told(&pacer, &told_of, 0);
        assert_eq!((wait(&pacer, TABLE, 0), wait(&pacer, TABLE, 0)), (0, 100));
    }

    #[test]
    fn after_a_refusal_everybody_waits() {
        let pacer = Pacer::default();
        let (now, monotonic) = at(0);
        let asked = Some(Duration::from_secs(7));
        pacer.heard(of(TABLE), StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), asked, now, monotonic);
        assert_eq!((wait(&pacer, TABLE, 2), wait(&pacer, TABLE, 7)), (5, 0));
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let pacer = Pacer::default();
        told(&pacer, &[("x-ratelimit-limit", 1), ("x-ratelimit-reset", 9_999_999_999)], 0);
        told(&pacer, &[("x-ratelimit-limit", 1), ("x-ratelimit-reset", 5)], 0);
        assert!((0..10).all(|_| wait(&pacer, TABLE, 0) == 0));
        for n in 0..1_000 {
            wait(&pacer, &format!("/api/x/{n}"), 0);
        }
        assert!(pacer.0.lock().unwrap().len() <= WINDOWS);
    }

    #[test]
    fn what_cannot_be_made_takes_no_place() {
        let pacer = Pacer::default();
        told(&pacer, &[("x-ratelimit-limit", 4), ("x-ratelimit-reset", 1_000_100)], 0);
        let (now, monotonic) = at(0);
        let hasty = || pacer.wait(of(TABLE), Duration::from_secs(1), now, monotonic).as_secs();
        assert_eq!([hasty(), hasty(), hasty()], [0, 0, 0], "three of four are free, the fourth is spread");
        assert_eq!((hasty(), hasty()), (100, 100), "none left: not made");
        assert_eq!(wait(&pacer, TABLE, 100), 0);
        let pacer = Pacer::default();
        told(&pacer, &[("x-ratelimit-limit", 8), ("x-ratelimit-reset", 1_000_100)], 0);
        assert!((0..6).all(|_| wait(&pacer, TABLE, 0) == 0));
        let hasty = || pacer.wait(of(TABLE), Duration::from_secs(1), now, monotonic).as_secs();
        assert_eq!((hasty(), hasty()), (50, 50), "the last place stays for who has the time");
        assert_eq!(wait(&pacer, TABLE, 0), 50);
    }

    #[test]
    fn nodes_that_tell_different_resets_do_not_begin_a_window_each_time() {
        let pacer = Pacer::default();
        for n in 0..8 {
            told(&pacer, &[("x-ratelimit-limit", 8), ("x-ratelimit-reset", 1_000_100 + n % 2 * 30)], 0);
            assert!(n > 5 || wait(&pacer, TABLE, 0) == 0, "{n}");
        }
        assert_eq!((wait(&pacer, TABLE, 0), wait(&pacer, TABLE, 0)), (50, 100), "counted all the same");
        told(&pacer, &[("x-ratelimit-limit", 8), ("x-ratelimit-reset", 1_003_700)], 110);
        assert!((0..5).all(|_| wait(&pacer, TABLE, 110) == 0), "a new window");
    }

    #[test]
    fn users_do_not_count_for_each_other() {
        let pacer = Pacer::default();
        let (now, monotonic) = at(0);
        let asked = Some(Duration::from_secs(7));
        pacer.heard(of(TABLE), StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), asked, now, monotonic);
        let other = Place { user: User::numbered(1), path: TABLE };
        assert_eq!(pacer.wait(other, LONGEST, now, monotonic), Duration::ZERO);
        assert_eq!(wait(&pacer, TABLE, 0), 7);
    }
}
