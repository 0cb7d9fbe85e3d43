//! Time and chance as seams: nothing else in this crate reads the clock, sleeps or draws a random number.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

/// Where the crate takes its time from.
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
pub trait Jitter: fmt::Debug + Send + Sync + 'static {
    /// A number in `[0, 1)`.
    fn unit(&self) -> f64;
}

/// The thread's random number generator.
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
