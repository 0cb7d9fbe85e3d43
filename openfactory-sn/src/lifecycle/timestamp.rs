//! Instants as they are written in events and state: RFC 3339, UTC, milliseconds.
//!
//! ```
//! use openfactory_sn::lifecycle::timestamp::{TimestampError, format, parse, truncate};
//!
//! // A device writes nanoseconds and its own offset; what is kept is UTC and milliseconds.
//! let seen = parse("2026-11-25T15:43:25.120999+01:00")?;
//! assert_eq!(format(seen), "2026-11-25T14:43:25.120Z");
//!
//! // An instant that is to equal what is read back is truncated first.
//! let now = std::time::SystemTime::now();
//! assert_eq!(parse(&format(now))?, truncate(now));
//!
//! // A local time says nothing about when.
//! let error: TimestampError = parse("2026-11-25T14:43:25").unwrap_err();
//! assert!(error.to_string().starts_with("\"2026-11-25T14:43:25\" is not an RFC 3339 instant"));
//! # Ok::<(), TimestampError>(())
//! ```

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// `2026-11-25T14:43:25.120Z`. Instants before the year -9999 or after 9999 are shown as the nearest one that
/// can be written.
#[must_use]
pub fn format(time: SystemTime) -> String {
    let stamp = Timestamp::try_from(time).unwrap_or(match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(_) => Timestamp::MAX,
        Err(_) => Timestamp::MIN,
    });
    format!("{stamp:.3}")
}

/// Reads RFC 3339; digits beyond milliseconds are dropped, as they would not survive a round trip.
///
/// # Errors
/// [`TimestampError`] holds the text that is not an instant.
pub fn parse(text: &str) -> Result<SystemTime, TimestampError> {
    let fault = || TimestampError { text: text.chars().take(64).collect() };
    if text.len() > 64 {
        return Err(fault());
    }
    let stamp: Timestamp = text.parse().map_err(|_| fault())?;
    SystemTime::try_from(stamp).map(truncate).map_err(|_| fault())
}

/// The instant without anything finer than a millisecond.
#[must_use]
pub fn truncate(time: SystemTime) -> SystemTime {
    let Ok(stamp) = Timestamp::try_from(time) else { return time };
    let rest = stamp.as_nanosecond().rem_euclid(1_000_000);
    let rest = SignedDuration::from_nanos(i64::try_from(rest).unwrap_or(0));
    stamp.checked_sub(rest).and_then(SystemTime::try_from).unwrap_or(time)
}

/// A text that is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 instant such as 2026-11-25T14:43:25.120Z")]
pub struct TimestampError {
    text: String,
}

pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*time))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The same for an instant that may be absent.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Serializer, SystemTime, parse};
    use serde::de::Error as _;

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` calls")]
    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_written_is_read_back() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_617_805_120);
        assert_eq!(format(time), "2026-11-25T14:43:25.120Z");
        assert_eq!(parse("2026-11-25T14:43:25.120Z").unwrap(), time);
        assert_eq!(parse("2026-11-25T15:43:25.120999+01:00").unwrap(), time);
    }

    #[test]
    fn milliseconds_are_kept_also_before_the_epoch() {
        let time = SystemTime::UNIX_EPOCH - Duration::from_micros(1_500);
        assert_eq!(format(truncate(time)), "1969-12-31T23:59:59.998Z");
    }

    #[test]
    fn what_is_no_instant_is_named() {
        for bad in ["", "yesterday", "2026-11-25", "2026-11-25T14:43:25", &"9".repeat(100)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
