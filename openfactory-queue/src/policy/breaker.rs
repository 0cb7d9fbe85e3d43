//! A circuit breaker per destination: an outage is probed, not hammered, and costs no message an attempt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::jitter::Jitter;
use crate::policy::backoff::{Backoff, asked_for};

/// The state of one destination: pure, told the time by its caller.
///
/// ```
/// # use std::time::{Duration, UNIX_EPOCH};
/// use openfactory_queue::policy::breaker::{Breaker, BreakerState, Permission};
///
/// let (mut breaker, now) = (Breaker::new(), UNIX_EPOCH);
/// breaker.failed(now, Duration::from_secs(5));
/// assert_eq!(breaker.ask(now), Permission::Wait(Duration::from_secs(5)));
/// let later = now + Duration::from_secs(5);
/// assert_eq!(breaker.ask(later), Permission::Probe);
/// breaker.succeeded();
/// assert_eq!(breaker.state(later), BreakerState::Closed);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    /// Failures in a row.
    failures: u32,
    /// Closed if `None`.
    open_until: Option<SystemTime>,
    /// Since when somebody probes.
    probing: Option<SystemTime>,
}

/// How a [`Breaker`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// Calls may go through.
    Closed,
    /// No call may go through.
    Open,
    /// The wait is over: one call may probe.
    HalfOpen,
}

/// The answer to somebody who wants to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// Call.
    Call,
    /// Call: you are the probe, the others wait for your result.
    Probe,
    /// Don't call for so long.
    Wait(Duration),
}

/// A probe that has not reported back for so long is taken for dead, and another one may go.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long others wait while a probe is out.
const PROBE_WAIT: Duration = Duration::from_secs(1);

impl Breaker {
    /// A closed one.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0, open_until: None, probing: None }
    }

    /// How it stands; changes nothing.
    #[must_use]
    pub fn state(&self, now: SystemTime) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long until a probe may go; zero if a call may go now.
    #[must_use]
    pub fn wait(&self, now: SystemTime) -> Duration {
        let open = self.open_until.and_then(|until| until.duration_since(now).ok()).unwrap_or(Duration::ZERO);
        if open.is_zero() && self.probe_is_out(now) { PROBE_WAIT } else { open }
    }

    /// Asks whether to call. Whoever is told [`Permission::Probe`] must report by [`succeeded`](Self::succeeded),
    /// [`failed`](Self::failed) or [`gave_up`](Self::gave_up).
    pub fn ask(&mut self, now: SystemTime) -> Permission {
        match self.state(now) {
            BreakerState::Closed => Permission::Call,
            BreakerState::Open => Permission::Wait(self.wait(now)),
            BreakerState::HalfOpen if self.probe_is_out(now) => Permission::Wait(PROBE_WAIT),
            BreakerState::HalfOpen => {
                self.probing = Some(now);
                Permission::Probe
            }
        }
    }

    /// A call went through: closes.
    pub fn succeeded(&mut self) {
        *self = Self::new();
    }

    /// A call failed: opens for `wait`. Late news of calls that began before it opened does not prolong it.
    pub fn failed(&mut self, now: SystemTime, wait: Duration) {
        if self.state(now) == BreakerState::Open {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.open_until = Some(now + wait);
        self.probing = None;
    }

    /// The probe did not come to call: another one may go.
    pub fn gave_up(&mut self) {
        self.probing = None;
    }

    /// Whether it is open, or a probe is out.
    fn is_in_hand(&self, now: SystemTime) -> bool {
        match self.state(now) {
            BreakerState::Closed => false,
            BreakerState::Open => true,
            BreakerState::HalfOpen => self.probe_is_out(now),
        }
    }

    fn probe_is_out(&self, now: SystemTime) -> bool {
        self.probing.is_some_and(|since| {
            // A clock that was set back must not hold the probe for ever.
            now.duration_since(since).is_ok_and(|out| out < PROBE_TIMEOUT)
        })
    }
}

/// The breakers of all destinations, shared by those who call and the worker; clones are one.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use openfactory_queue::clock::ManualClock;
/// # use openfactory_queue::jitter::FixedJitter;
/// use openfactory_queue::policy::backoff::Backoff;
/// use openfactory_queue::policy::breaker::{Breakers, Permission};
///
/// let clock = ManualClock::at(UNIX_EPOCH);
/// let breakers = Breakers::new(Backoff::default(), Arc::new(clock.clone()), Arc::new(FixedJitter(1.0)));
/// assert_eq!(breakers.ask("servicenow"), Permission::Call);
/// breakers.failed("servicenow", "503", Some(Duration::from_secs(30)));
/// assert!(breakers.is_open("servicenow") && !breakers.is_open("elsewhere"));
/// clock.advance(Duration::from_secs(33));
/// assert_eq!(breakers.ask("servicenow"), Permission::Probe);
/// breakers.succeeded("servicenow");
/// assert_eq!(breakers.ask("servicenow"), Permission::Call);
/// ```
#[derive(Clone, Debug)]
pub struct Breakers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    backoff: Backoff,
    clock: Arc<dyn Clock>,
    jitter: Arc<dyn Jitter>,
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    breaker: Breaker,
    reason: String,
    opened: Option<SystemTime>,
    announced: bool,
}

impl Known {
    fn report(&self, destination: &str, now: SystemTime) -> BreakerReport {
        BreakerReport {
            destination: destination.to_owned(),
            state: self.breaker.state(now),
            failures: self.breaker.failures(),
            reason: self.reason.clone(),
            since: self.opened,
        }
    }
}

/// One destination as it stands, for metrics and operators.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerReport {
    /// Which.
    pub destination: String,
    /// How it stands.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// Why it opened.
    pub reason: String,
    /// Since when it is not closed.
    pub since: Option<SystemTime>,
}

/// The longest wait that a destination can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

impl Breakers {
    /// All closed; each failed probe waits longer, as `backoff` says, though never less than half its ceiling.
    #[must_use]
    pub fn new(backoff: Backoff, clock: Arc<dyn Clock>, jitter: Arc<dyn Jitter>) -> Self {
        Self { shared: Arc::new(Shared { backoff, clock, jitter, known: Mutex::default() }) }
    }

    /// Asks whether to call `destination`; see [`Breaker::ask`].
    #[must_use]
    pub fn ask(&self, destination: &str) -> Permission {
        let now = self.shared.clock.now();
        self.lock().get_mut(destination).map_or(Permission::Call, |known| known.breaker.ask(now))
    }

    /// Whether no call to `destination` may go through now; changes nothing.
    #[must_use]
    pub fn is_open(&self, destination: &str) -> bool {
        let now = self.shared.clock.now();
        self.lock().get(destination).is_some_and(|known| known.breaker.state(now) == BreakerState::Open)
    }

    /// How long to wait before `destination` may be probed; zero if a call may go now.
    #[must_use]
    pub fn wait(&self, destination: &str) -> Duration {
        let now = self.shared.clock.now();
        self.lock().get(destination).map_or(Duration::ZERO, |known| known.breaker.wait(now))
    }

    /// A call to `destination` went through. Says whether that closed its breaker.
    pub fn succeeded(&self, destination: &str) -> bool {
        self.lock().remove(destination).is_some_and(|known| known.opened.is_some())
    }

    /// A call to `destination` failed, and it may have asked for a wait. Says whether that opened its breaker, which
    /// was closed.
    pub fn failed(&self, destination: &str, reason: &str, retry_after: Option<Duration>) -> bool {
        let now = self.shared.clock.now();
        let mut all = self.lock();
        let known = all.entry(destination.to_owned()).or_default();
        let jitter = &*self.shared.jitter;
        let ceiling = self.shared.backoff.ceiling(known.breaker.failures().saturating_add(1));
        let own = ceiling / 2 + (ceiling / 2).mul_f64(jitter.fraction().clamp(0.0, 1.0));
        let wait = retry_after.map_or(own, |asked| asked_for(asked, MAX_RETRY_AFTER, jitter).max(own));
        known.breaker.failed(now, wait);
        let opened = known.opened.is_none();
        known.opened.get_or_insert(now);
        crate::history::cut(reason).clone_into(&mut known.reason);
        opened
    }

    /// Word that `destination` does not work, from one who may not have called it: opens its breaker unless it is open
    /// already, or a probe is out that will know better.
    pub fn down(&self, destination: &str, reason: &str, retry_after: Option<Duration>) {
        let now = self.shared.clock.now();
        let known = self.lock().get(destination).is_some_and(|known| known.breaker.is_in_hand(now));
        if !known {
            self.failed(destination, reason, retry_after);
        }
    }

    /// The destinations that have stopped working since this was last asked.
    #[must_use]
    pub fn news(&self) -> Vec<BreakerReport> {
        let now = self.shared.clock.now();
        let mut all = self.lock();
        let fresh = all.iter_mut().filter(|(_, known)| !known.announced);
        let report = |(destination, known): (&String, &mut Known)| {
            known.announced = true;
            known.report(destination, now)
        };
        fresh.map(report).collect()
    }

    /// A probe of `destination` did not come to call.
    pub fn gave_up(&self, destination: &str) {
        if let Some(known) = self.lock().get_mut(destination) {
            known.breaker.gave_up();
        }
    }

    /// All destinations that are not closed.
    #[must_use]
    pub fn report(&self) -> Vec<BreakerReport> {
        let now = self.shared.clock.now();
        self.lock().iter().map(|(destination, known)| known.report(destination, now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::ManualClock;
    use crate::jitter::FixedJitter;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_probe_at_a_time() {
        let (mut breaker, now) = (Breaker::new(), UNIX_EPOCH);
        breaker.failed(now, SECOND);
        let later = now + SECOND;
        assert_eq!(breaker.ask(later), Permission::Probe);
        assert_eq!(breaker.ask(later), Permission::Wait(PROBE_WAIT));
        breaker.gave_up();
        assert_eq!(breaker.ask(later), Permission::Probe);
        assert_eq!(
            breaker.ask(later + PROBE_TIMEOUT),
            Permission::Probe,
            "a probe that never reports is replaced"
        );
        assert_eq!(breaker.ask(now + SECOND), Permission::Probe, "a clock set back does not hold the probe");
    }

    #[test]
    fn late_news_of_the_same_outage_does_not_prolong_it() {
        let (mut breaker, now) = (Breaker::new(), UNIX_EPOCH);
        breaker.failed(now, SECOND);
        breaker.failed(now, SECOND * 1000);
        assert_eq!((breaker.failures(), breaker.wait(now)), (1, SECOND));
        breaker.failed(now + SECOND, SECOND * 2);
        assert_eq!((breaker.failures(), breaker.wait(now + SECOND)), (2, SECOND * 2));
    }

    #[test]
    fn an_outage_of_two_hours_is_probed_rarely() {
        let clock = ManualClock::at(UNIX_EPOCH);
        let backoff = Backoff::new(SECOND, SECOND * 300);
        let breakers = Breakers::new(backoff, Arc::new(clock.clone()), Arc::new(FixedJitter(0.0)));
        let mut calls = 0;
        for _ in 0..7200 {
            for _message in 0..10 {
                if !matches!(breakers.ask("sn"), Permission::Wait(_)) {
                    calls += 1;
                    breakers.failed("sn", "refused", None);
                }
            }
            clock.advance(SECOND);
        }
        assert!((20..80).contains(&calls), "{calls}");
        assert_eq!(breakers.report()[0].since, Some(UNIX_EPOCH));
    }

    #[test]
    fn opening_and_closing_are_told_once() {
        let clock = Arc::new(ManualClock::at(UNIX_EPOCH));
        let breakers = Breakers::new(Backoff::default(), clock, Arc::new(FixedJitter(1.0)));
        assert!(!breakers.succeeded("sn"));
        assert!(breakers.failed("sn", "x", None));
        assert!(!breakers.failed("sn", "x", None));
        assert!(breakers.succeeded("sn"));
        assert!(breakers.report().is_empty());
    }
}
