//! A clock that moves only when told, or when someone sleeps by it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::clock::{Clock, Jitter};

/// A clock that stands still. Sleeping by it returns at once and moves it on by as much.
///
/// So whatever really waits, such as the reading of a file, comes after any deadline by this clock: in such a test, have the
/// content at hand.
///
/// Clones are the same clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::clock::Clock as _;
/// use openfactory_sn::testing::FixedClock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let clock = FixedClock::at(SystemTime::UNIX_EPOCH);
/// clock.advance(Duration::from_secs(60));
/// clock.sleep(Duration::from_secs(5)).await; // returns at once
/// assert_eq!(clock.monotonic(), Duration::from_secs(65));
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(65));
/// assert_eq!(clock.slept(), [Duration::from_secs(5)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    start: SystemTime,
    passed: Duration,
    slept: Vec<Duration>,
}

impl FixedClock {
    /// Stands at this time.
    #[must_use]
    pub fn at(start: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(Hands { start, passed: Duration::ZERO, slept: Vec::new() })))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.hands(|hands| hands.passed += by);
    }

    /// How long was slept by it, each time.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.hands(|hands| hands.slept.clone())
    }

    fn hands<T>(&self, look: impl FnOnce(&mut Hands) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.hands(|hands| hands.start + hands.passed)
    }

    fn monotonic(&self) -> Duration {
        self.hands(|hands| hands.passed)
    }

    async fn sleep(&self, duration: Duration) {
        self.hands(|hands| {
            hands.passed += duration;
            hands.slept.push(duration);
        });
        tokio::task::yield_now().await;
    }
}

/// No chance: every wait is half of its bound.
///
/// ```
/// use openfactory_sn::clock::Jitter as _;
///
/// assert_eq!(openfactory_sn::testing::NoJitter.unit(), 0.5);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJitter;

impl Jitter for NoJitter {
    fn unit(&self) -> f64 {
        0.5
    }
}
