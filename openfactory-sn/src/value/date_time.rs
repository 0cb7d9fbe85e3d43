//! `YYYY-MM-DD HH:MM:SS`, in UTC, to the second.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{FieldType, Raw, ValueError};

const FORM: &str = "a UTC date-time YYYY-MM-DD HH:MM:SS";
const LENGTH: usize = "2026-01-31 10:00:00".len();

/// Reads ServiceNow's raw form of a date-time, which is UTC.
///
/// Display forms, which depend on the user's zone and format, are refused, as is a date alone.
///
/// # Errors
///
/// [`ValueError::Empty`] or [`ValueError::Form`].
///
/// ```
/// use openfactory_sn::value::{format_date_time, parse_date_time};
///
/// let time = parse_date_time("2026-01-31 10:00:00")?;
/// assert_eq!(format_date_time(time).as_deref(), Some("2026-01-31 10:00:00"));
/// assert!(parse_date_time("31/01/2026 10:00:00").is_err());
/// # Ok::<(), openfactory_sn::value::ValueError>(())
/// ```
pub fn parse_date_time(text: &str) -> Result<SystemTime, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    parse_civil(text)
        .and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok())
        .and_then(|timestamp| SystemTime::try_from(timestamp).ok())
        .ok_or_else(|| ValueError::form(FORM, text))
}

fn parse_civil(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    let digits_elsewhere = bytes.iter().enumerate().all(|(at, byte)| {
        separators
            .iter()
            .find(|(place, _)| *place == at)
            .map_or(byte.is_ascii_digit(), |(_, mark)| byte == mark)
    });
    if bytes.len() != LENGTH || !digits_elsewhere {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i16>().ok());
    let small = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i8>().ok());
    let date = Date::new(number(0, 4)?, small(5, 7)?, small(8, 10)?).ok()?;
    DateTime::new(date.year(), date.month(), date.day(), small(11, 13)?, small(14, 16)?, small(17, 19)?, 0)
        .ok()
}

/// Writes a time in ServiceNow's raw form; what is finer than a second is cut off.
///
/// `None` for a time outside the years 0000 to 9999, which the form cannot hold.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use openfactory_sn::value::format_date_time;
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_853_600_999);
/// assert_eq!(format_date_time(time).as_deref(), Some("2026-01-31 10:00:00"));
/// ```
#[must_use]
pub fn format_date_time(time: SystemTime) -> Option<String> {
    let timestamp = Timestamp::try_from(floor_to_second(time)?).ok()?;
    let civil = TimeZone::UTC.to_datetime(timestamp);
    (0..=9999).contains(&civil.year()).then(|| {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )
    })
}

/// The second that a time lies in, also before 1970.
fn floor_to_second(time: SystemTime) -> Option<SystemTime> {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(after.as_secs())),
        Err(before) => {
            let before = before.duration();
            let seconds = before.as_secs() + u64::from(before.subsec_nanos() > 0);
            SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(seconds))
        }
    }
}

impl FieldType for SystemTime {
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        parse_date_time(raw.text())
    }

    /// Empty for a time that the form cannot hold.
    fn write(&self) -> String {
        format_date_time(*self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        let cases = [
            ("1970-01-01 00:00:00", 0),
            ("2016-12-12 15:19:57", 1_481_555_997),
            ("2026-01-01 00:00:00", 1_767_225_600),
            ("2000-02-29 23:59:59", 951_868_799),
        ];
        for (text, seconds) in cases {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse_date_time(text), Ok(time), "{text}");
            assert_eq!(format_date_time(time).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "2026-02-30 00:00:00",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "01/02/2026 14:19:51",
            "2026-01-01 24:00:00",
            "2026-01-01 00:00:00Z",
            "+026-01-01 00:00:00",
            "2026-01-01 00:00:0ß",
        ] {
            assert!(matches!(parse_date_time(text), Err(ValueError::Form { .. })), "{text}");
        }
        assert_eq!(parse_date_time(""), Err(ValueError::Empty));
    }

    #[test]
    fn fractions_are_cut_downwards() {
        let after = SystemTime::UNIX_EPOCH + Duration::from_millis(1_999);
        assert_eq!(format_date_time(after).as_deref(), Some("1970-01-01 00:00:01"));
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(format_date_time(before).as_deref(), Some("1969-12-31 23:59:59"));
    }
}
