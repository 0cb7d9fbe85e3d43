//! Points in time as text: RFC 3339 in UTC, the only spelling that signed documents and the audit log use.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize as _, Deserializer, Serializer};

/// The time as RFC 3339 in UTC with a `Z`, as many digits after the second as are needed; `None` where the
/// year does not fit into four digits.
pub(crate) fn format(time: SystemTime) -> Option<String> {
    let timestamp = Timestamp::try_from(time).ok()?;
    let text = timestamp.to_string();
    // Years outside 0000..=9999 get a sign, which RFC 3339 does not know.
    text.starts_with(|first: char| first.is_ascii_digit()).then_some(text)
}

/// Reads RFC 3339; `None` where the text is anything else, or not in UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    if !text.ends_with('Z') {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    SystemTime::try_from(timestamp).ok()
}

/// For `#[serde(with = "crate::instant")]`.
pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = format(*time).ok_or_else(|| serde::ser::Error::custom("the time does not fit RFC 3339"))?;
    serializer.serialize_str(&text)
}

/// For `#[serde(with = "crate::instant")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .ok_or_else(|| serde::de::Error::custom(format_args!("not a time in RFC 3339, UTC: {text:?}")))
}

/// For `#[serde(with = "crate::instant::optional")]`, on a field that is left out where there is none.
pub(crate) mod optional {
    use std::time::SystemTime;

    use serde::{Deserializer, Serializer};

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
        super::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn text_and_time_round_trip() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_772_366_400_000_000_000_u64, "2026-03-01T12:00:00Z"),
            (1_772_366_400_125_000_000, "2026-03-01T12:00:00.125Z"),
            (1_772_366_400_000_000_001, "2026-03-01T12:00:00.000000001Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
            assert_eq!(format(time).as_deref(), Some(text));
            assert_eq!(parse(text), Some(time));
        }
    }

    #[test]
    fn anything_but_utc_is_refused() {
        for text in ["", "Z", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00+00:00", "tomorrowZ"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
