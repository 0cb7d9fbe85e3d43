//! Exponential backoff with full jitter.

use std::time::Duration;

use crate::jitter::Jitter;

/// How long to wait before the n-th retry: a random part of `first * 2^(n-1)`, at most `cap`.
///
/// ```
/// # use std::time::Duration;
/// use openfactory_queue::jitter::FixedJitter;
/// use openfactory_queue::policy::backoff::Backoff;
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// let full = FixedJitter(1.0);
/// assert_eq!(backoff.delay(3, &full), Duration::from_secs(4));
/// assert_eq!(backoff.delay(40, &full), Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
}

impl Default for Backoff {
    /// From 1 second up to 15 minutes.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(15 * 60))
    }
}

impl Backoff {
    /// From `first` up to `cap`.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap }
    }

    /// The longest wait before retry `n`, counted from 1.
    #[must_use]
    pub fn ceiling(&self, n: u32) -> Duration {
        let factor = 1u32.checked_shl(n.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }

    /// The wait before retry `n`, counted from 1: anything from nothing to the ceiling, so that those who failed
    /// together do not come back together.
    #[must_use]
    pub fn delay(&self, n: u32, jitter: &dyn Jitter) -> Duration {
        self.ceiling(n).mul_f64(jitter.fraction().clamp(0.0, 1.0))
    }
}

/// A wait that the other side asked for, as by `Retry-After`: never shorter, at most `max`, and up to a tenth longer,
/// so that not all come at its end.
#[must_use]
pub fn asked_for(asked: Duration, max: Duration, jitter: &dyn Jitter) -> Duration {
    let asked = asked.min(max);
    asked.saturating_add((asked / 10).mul_f64(jitter.fraction().clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::{FixedJitter, RandomJitter};

    #[test]
    fn doubles_up_to_the_cap_for_every_n() {
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        let ceilings: Vec<u128> = (0..8).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [500, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(10));
    }

    #[test]
    fn the_jitter_is_full() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(5, &FixedJitter(0.0)), Duration::ZERO);
        assert_eq!(backoff.delay(5, &FixedJitter(0.5)), Duration::from_secs(8));
        for _ in 0..1000 {
            assert!(backoff.delay(5, &RandomJitter) < Duration::from_secs(16));
        }
    }

    #[test]
    fn retry_after_is_kept_within_reason() {
        let hour = Duration::from_secs(3600);
        let asked = Duration::from_secs(100);
        assert_eq!(asked_for(asked, hour, &FixedJitter(0.0)), asked);
        assert_eq!(asked_for(asked, hour, &FixedJitter(1.0)), Duration::from_secs(110));
        assert_eq!(asked_for(Duration::MAX, hour, &FixedJitter(0.0)), hour);
    }
}
