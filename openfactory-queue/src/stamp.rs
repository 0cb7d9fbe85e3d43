//! Instants as the backends keep them: whole microseconds since 1970-01-01T00:00:00Z.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Stamp(pub(crate) i64);

impl Stamp {
    pub(crate) const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    pub(crate) const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub(crate) fn time(self) -> SystemTime {
        let distance = Duration::from_micros(self.0.unsigned_abs());
        let time =
            if self.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        time.unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

const fn micros(duration: Duration) -> i64 {
    let micros = duration.as_micros();
    if micros > i64::MAX as u128 { i64::MAX } else { micros as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_to_the_microsecond() {
        let time = UNIX_EPOCH + Duration::from_micros(1_764_082_752_123_456);
        assert_eq!(Stamp::from(time).time(), time);
        let early = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(Stamp::from(early).time(), early);
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        assert_eq!(Stamp(i64::MAX).plus(Duration::MAX), Stamp(i64::MAX));
        assert_eq!(Stamp(1).since(Stamp(5)), Duration::ZERO);
        assert_eq!(Stamp(0).minus(Duration::MAX), Stamp(-i64::MAX));
    }
}
