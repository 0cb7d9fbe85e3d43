//! Instants as ServiceNow writes them: `YYYY-MM-DD HH:MM:SS`, UTC, seconds.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// How instants are kept, and sent.
pub(crate) const DATE_TIME: &str = "%Y-%m-%d %H:%M:%S";

/// How days are.
pub(crate) const DATE: &str = "%Y-%m-%d";

/// Whole seconds since the epoch; an instant before it counts as the epoch.
pub(crate) fn unix_seconds(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The instant as a glide date-time.
pub(crate) fn glide(at: SystemTime) -> String {
    glide_from_unix(unix_seconds(at))
}

/// Seconds since the epoch as a glide date-time; what no calendar holds is the epoch.
pub(crate) fn glide_from_unix(seconds: i64) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.strftime(DATE_TIME).to_string()
}

/// A date-time in the form in which one is kept, `YYYY-MM-DD HH:MM:SS`, and in no other.
pub(crate) fn read(text: &str) -> Option<DateTime> {
    DateTime::strptime(DATE_TIME, text).ok().filter(|_| has_year(text))
}

/// A day in the form in which one is kept, `YYYY-MM-DD`, and in no other.
pub(crate) fn read_day(text: &str) -> Option<Date> {
    Date::strptime(DATE, text).ok().filter(|_| has_year(text))
}

/// Whether the year has four digits: with two, nobody can tell which century is meant.
fn has_year(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, _)| year.len() == 4)
}

/// Seconds since the epoch of a date-time as it is kept.
pub(crate) fn seconds(kept: &str) -> Option<i64> {
    unix(kept.trim().parse().ok()?)
}

/// Seconds since the epoch of a date-time, which is UTC.
pub(crate) fn unix(at: DateTime) -> Option<i64> {
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn is_utc_text_with_seconds() {
        assert_eq!(glide(UNIX_EPOCH + Duration::from_millis(86_399_999)), "1970-01-01 23:59:59");
        assert_eq!(glide(UNIX_EPOCH + Duration::from_secs(1_481_683_604)), "2016-12-14 02:46:44");
        assert_eq!(glide_from_unix(i64::MAX), "1970-01-01 00:00:00");
    }
}
