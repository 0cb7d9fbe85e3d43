//! From an outcome to a settlement: pure.

use std::time::{Duration, SystemTime};

use super::handler::Outcome;
use crate::jitter::Jitter;
use crate::lease::{Leased, Settlement};
use crate::policy::backoff::{Backoff, asked_for};
use crate::policy::limits::Limits;

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) backoff: Backoff,
    pub(super) limits: Limits,
    pub(super) jitter: &'a dyn Jitter,
    pub(super) now: SystemTime,
    /// How long the destination's breaker stays open.
    pub(super) breaker_wait: Duration,
}

/// A message that was held up by a destination waits at least so long, or as long as a first retry.
const MIN_WAIT: Duration = Duration::from_millis(100);

pub(super) fn decide(outcome: Outcome, leased: &Leased, rules: &Rules<'_>) -> Settlement {
    let Rules { backoff, limits, jitter, now, breaker_wait } = *rules;
    match outcome {
        Outcome::Done => Settlement::Ack,
        Outcome::Poison { reason } => Settlement::Dead { reason },
        Outcome::Retry { reason, after } => {
            let age = now.duration_since(leased.published).unwrap_or_default();
            if let Some(limit) = limits.exhausted(leased, age) {
                return Settlement::Dead { reason: format!("{limit}: {reason}") };
            }
            let after = match after {
                Some(asked) => asked_for(asked, limits.retry_after, jitter),
                None => backoff.delay(leased.attempt, jitter),
            };
            Settlement::Retry { after, reason, counts: true }
        }
        Outcome::NotYet { after, reason } => Settlement::Retry { after, reason, counts: false },
        Outcome::DestinationDown { destination, reason, .. } => {
            held_up(breaker_wait, &limits, jitter, format!("{destination} is down: {reason}"))
        }
        Outcome::CredentialsRefused { destination, reason } => {
            held_up(breaker_wait, &limits, jitter, format!("{destination} refuses the credentials: {reason}"))
        }
        Outcome::RateLimited { destination, after } => {
            held_up(breaker_wait.max(after), &limits, jitter, format!("{destination} limits the rate"))
        }
    }
}

/// A message waits for its destination, through no fault of its own.
pub(super) fn held_up(wait: Duration, limits: &Limits, jitter: &dyn Jitter, reason: String) -> Settlement {
    let after = asked_for(wait.max(MIN_WAIT), limits.retry_after, jitter);
    Settlement::Retry { after, reason, counts: false }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::jitter::FixedJitter;
    use crate::lease::LeaseToken;
    use crate::message::Message;

    const SECOND: Duration = Duration::from_secs(1);

    fn leased(attempt: u32) -> Leased {
        let mut leased =
            Leased::new(Message::new("i", "k", ""), LeaseToken::new(1, 1), UNIX_EPOCH, UNIX_EPOCH + SECOND);
        leased.attempt = attempt;
        leased
    }

    fn rules(jitter: &FixedJitter) -> Rules<'_> {
        Rules {
            backoff: Backoff::new(SECOND, SECOND * 60),
            limits: Limits::default().failures(3).age(SECOND * 1000),
            jitter,
            now: UNIX_EPOCH + SECOND * 10,
            breaker_wait: SECOND * 20,
        }
    }

    fn retry(after: Duration, reason: &str, counts: bool) -> Settlement {
        Settlement::Retry { after, reason: reason.into(), counts }
    }

    #[test]
    fn every_outcome_has_its_settlement() {
        let jitter = FixedJitter(1.0);
        let dest = || "sn".to_owned();
        let table = [
            (Outcome::Done, 1, Settlement::Ack),
            (Outcome::Poison { reason: "no".into() }, 1, Settlement::Dead { reason: "no".into() }),
            (Outcome::Retry { reason: "x".into(), after: None }, 1, retry(SECOND, "x", true)),
            (Outcome::Retry { reason: "x".into(), after: None }, 2, retry(SECOND * 2, "x", true)),
            (
                Outcome::Retry { reason: "x".into(), after: Some(SECOND * 10) },
                2,
                retry(SECOND * 11, "x", true),
            ),
            (
                Outcome::Retry { reason: "x".into(), after: None },
                3,
                Settlement::Dead { reason: "gave up after 3 failures: x".into() },
            ),
            (Outcome::NotYet { after: SECOND, reason: "x".into() }, 3, retry(SECOND, "x", false)),
            (
                Outcome::DestinationDown { destination: dest(), reason: "503".into(), retry_after: None },
                3,
                retry(SECOND * 22, "sn is down: 503", false),
            ),
            (
                Outcome::CredentialsRefused { destination: dest(), reason: "401".into() },
                3,
                retry(SECOND * 22, "sn refuses the credentials: 401", false),
            ),
            (
                Outcome::RateLimited { destination: dest(), after: SECOND * 30 },
                3,
                retry(SECOND * 33, "sn limits the rate", false),
            ),
        ];
        for (outcome, attempt, expected) in table {
            assert_eq!(decide(outcome.clone(), &leased(attempt), &rules(&jitter)), expected, "{outcome:?}");
        }
    }

    #[test]
    fn old_messages_are_given_up_only_when_they_fail() {
        let jitter = FixedJitter(0.0);
        let old = Rules { now: UNIX_EPOCH + SECOND * 1000, ..rules(&jitter) };
        let failed = decide(Outcome::Retry { reason: "x".into(), after: None }, &leased(1), &old);
        assert_eq!(failed, Settlement::Dead { reason: "gave up after 1000 s: x".into() });
        let down =
            Outcome::DestinationDown { destination: "sn".into(), reason: "x".into(), retry_after: None };
        assert!(matches!(decide(down, &leased(1), &old), Settlement::Retry { counts: false, .. }));
    }

    #[test]
    fn a_wait_is_never_none_while_a_destination_is_down() {
        let jitter = FixedJitter(0.0);
        let half_open = Rules { breaker_wait: Duration::ZERO, ..rules(&jitter) };
        let down =
            Outcome::DestinationDown { destination: "sn".into(), reason: "x".into(), retry_after: None };
        assert_eq!(decide(down, &leased(1), &half_open), retry(MIN_WAIT, "sn is down: x", false));
    }
}
