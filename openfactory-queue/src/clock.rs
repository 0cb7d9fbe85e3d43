//! The clock seam: nothing in this crate reads the time or sleeps but through a [`Clock`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Notify;

/// Tells the time and waits.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, in UTC. It may jump in either direction.
    fn now(&self) -> SystemTime;

    /// Returns after `duration`. Dropping the future cancels the wait.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until told to move; clones are one clock.
///
/// ```
/// # use std::time::{Duration, UNIX_EPOCH};
/// use openfactory_queue::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::at(UNIX_EPOCH);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(90));
/// ```
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

struct Shared {
    now: Mutex<SystemTime>,
    moved: Notify,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self { shared: Arc::new(Shared { now: Mutex::new(now), moved: Notify::new() }) }
    }

    /// Moves the clock forward and wakes those whose sleep is over.
    pub fn advance(&self, by: Duration) {
        {
            let mut now = self.shared.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now += by;
        }
        self.shared.moved.notify_waiters();
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, to: SystemTime) {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.shared.moved.notify_waiters();
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.shared.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        loop {
            let moved = self.shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.now() >= until {
                return;
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[tokio::test]
    async fn a_manual_sleep_ends_exactly_when_its_time_has_come() {
        let clock = ManualClock::at(UNIX_EPOCH);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }
}
