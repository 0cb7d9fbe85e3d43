//! Instants as text: RFC 3339 in UTC with a `Z`, the spelling of signed documents.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Serialize as _, Serializer};

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

/// For `#[serde(serialize_with = "crate::instant::serialize")]`.
pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    text(*time).serialize(serializer)
}
