//! Time and chance as seams: nothing else in this crate reads the clock, sleeps or draws a random number.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

/// Where the crate takes its time from.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use async_trait::async_trait;
/// use openfactory_sn::clock::{Clock, SystemClock};
///
/// /// The machine's clock, corrected by what a time server said.
/// #[derive(Debug)]
/// struct Corrected {
///     behind: Duration,
/// }
///
/// #[async_trait]
/// impl Clock for Corrected {
///     fn now(&self) -> SystemTime {
///         SystemClock.now() + self.behind
///     }
///
///     fn monotonic(&self) -> Duration {
///         SystemClock.monotonic()
///     }
///
///     async fn sleep(&self, duration: Duration) {
///         SystemClock.sleep(duration).await;
///     }
/// }
///
/// let clock = Corrected { behind: Duration::from_secs(3600) };
/// assert!(clock.now() > SystemTime::now() + Duration::from_secs(1800));
/// assert!(clock.monotonic() <= clock.monotonic());
/// ```
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock. May jump; used only for what the outside world dates, such as `Retry-After`.
    fn now(&self) -> SystemTime;

    /// Time since an arbitrary origin. Never goes back; used for deadlines and the age of a token.
    fn monotonic(&self) -> Duration;

    /// Returns when `duration` has passed on [`Clock::monotonic`].
    async fn sleep(&self, duration: Duration);
}

/// The clock of the machine. Sleeping needs a tokio runtime with its timer on.
///
/// ```
/// use std::time::Duration;
/// use openfactory_sn::clock::{Clock as _, SystemClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let begun = SystemClock.monotonic();
/// SystemClock.sleep(Duration::from_millis(1)).await;
/// assert!(SystemClock.monotonic() > begun);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Where the crate takes its chance from: it spreads the retries of many callers.
///
/// ```
/// use openfactory_sn::clock::Jitter;
///
/// /// All waits at their full length: for an instance that is to be left in peace.
/// #[derive(Debug)]
/// struct Patient;
///
/// impl Jitter for Patient {
///     fn unit(&self) -> f64 {
///         1.0 - f64::EPSILON
///     }
/// }
///
/// assert!((0.0..1.0).contains(&Patient.unit()));
/// ```
pub trait Jitter: fmt::Debug + Send + Sync + 'static {
    /// A number in `[0, 1)`.
    fn unit(&self) -> f64;
}

/// The thread's random number generator.
///
/// ```
/// use openfactory_sn::clock::{Jitter as _, RandomJitter};
///
/// assert!((0..100).all(|_| (0.0..1.0).contains(&RandomJitter.unit())));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomJitter;

impl Jitter for RandomJitter {
    fn unit(&self) -> f64 {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_goes_forward() {
        let before = SystemClock.monotonic();
        SystemClock.sleep(Duration::from_secs(3600)).await;
        assert!(SystemClock.monotonic() >= before);
    }

    #[test]
    fn jitter_is_a_unit() {
        for _ in 0..100 {
            let unit = RandomJitter.unit();
            assert!((0.0..1.0).contains(&unit), "{unit}");
        }
    }
}
