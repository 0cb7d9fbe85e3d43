//! Instants as text: RFC 3339 in UTC with a `Z`, the spelling of signed documents.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserializer, Serialize as _, Serializer};

/// The instant `seconds` after 1970 UTC. The calendar ends a day before certificates' "no well-defined expiration"
/// (RFC 5280 section 4.1.2.5), which becomes that end. None
/// where the system can't say it.
pub(crate) fn from_unix(seconds: i64) -> Option<SystemTime> {
    let within = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    SystemTime::try_from(Timestamp::from_second(within).ok()?).ok()
}

/// The instant as text, for people.
pub(crate) fn text(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "an instant beyond the calendar".to_owned(), |t| t.to_string())
}

/// For `#[serde(serialize_with = "crate::instant::serialize")]` on what is only shown.
pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    text(*time).serialize(serializer)
}

/// For `#[serde(with = "crate::instant::exact")]` on what is read back: only what RFC 3339 can say, only in UTC.
pub(crate) mod exact {
    use super::{Deserializer, Serializer, SystemTime, Timestamp};
    use serde::Deserialize as _;
    use serde::de::Error as _;
    use serde::ser::Error as _;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Timestamp::try_from(*time).map(|time| time.to_string()).unwrap_or_default();
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            serializer.serialize_str(&text)
        } else {
            Err(S::Error::custom("the time does not fit RFC 3339"))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.ends_with('Z').then(|| text.parse::<Timestamp>().ok()).flatten();
        time.and_then(|time| SystemTime::try_from(time).ok())
            .ok_or_else(|| D::Error::custom(format_args!("not a time in RFC 3339, UTC: {text:?}")))
    }
}

/// For `#[serde(with = "crate::instant::optional", default)]`: like [`exact`], or nothing.
pub(crate) mod optional {
    use super::{Deserializer, Serializer, SystemTime, exact};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Exact(#[serde(with = "exact")] SystemTime);

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Exact).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(|Exact(time)| time))
    }
}
