//! How long the work within one transaction may take: a query that costs more is given up, since everybody else waits.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use super::StoreError;
use crate::clock::Clock;

/// How many steps are taken between two looks at the clock.
const STRIDE: u32 = 64;

/// What is left to a piece of work.
pub(super) struct Quota<'a> {
    clock: &'a dyn Clock,
    /// When its time is over; without it, never.
    until: Option<SystemTime>,
    steps: Cell<u32>,
}

impl<'a> Quota<'a> {
    /// So much time from `now` on.
    pub(super) fn from(now: SystemTime, time: Option<Duration>, clock: &'a dyn Clock) -> Self {
        Self { clock, until: time.and_then(|time| now.checked_add(time)), steps: Cell::new(0) }
    }

    /// Takes a step.
    pub(super) fn step(&self) -> Result<(), StoreError> {
        let Some(until) = self.until else { return Ok(()) };
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(STRIDE) && self.clock.now() >= until {
            return Err(StoreError::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn steps_are_taken_until_the_time_is_over() {
        let now = SystemTime::UNIX_EPOCH;
        let clock = ManualClock::starting_at(now);
        let steps = |quota: &Quota<'_>| (0..STRIDE).try_for_each(|_| quota.step());
        let quota = Quota::from(now, Some(Duration::from_secs(1)), &clock);
        let without = Quota::from(now, None, &clock);
        assert!(steps(&quota).is_ok());
        clock.advance(Duration::from_secs(1));
        assert!(matches!(steps(&quota), Err(StoreError::TooLong)));
        assert!(steps(&without).is_ok());
    }
}
