//! Durations, which ServiceNow stores as times after 1970.

use std::time::{Duration, SystemTime};

use super::{FieldType, Raw, ValueError, format_date_time, parse_date_time};

const FORM: &str = "a duration 1970-01-01 HH:MM:SS or a number of seconds";

impl FieldType for Duration {
    /// `1970-01-02 04:20:00` is a day, 4 hours and 20 minutes; some fields (`calendar_stc`) have seconds instead.
    ///
    /// ```
    /// use std::time::Duration;
    /// use openfactory_sn::value::{FieldType, Raw};
    ///
    /// assert_eq!(Duration::read(Raw::of_text("1970-01-01 00:02:17")), Ok(Duration::from_secs(137)));
    /// assert_eq!(Duration::from_secs(137).write(), "1970-01-01 00:02:17");
    /// ```
    fn read(raw: Raw<'_>) -> Result<Self, ValueError> {
        let text = raw.text();
        if let Ok(seconds) = text.parse() {
            return Ok(Self::from_secs(seconds));
        }
        let time = parse_date_time(text).map_err(|error| match error {
            ValueError::Empty => error,
            _ => ValueError::form(FORM, text),
        })?;
        time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| ValueError::form(FORM, text))
    }

    /// Empty for a duration beyond the year 9999, which the form cannot hold.
    fn write(&self) -> String {
        SystemTime::UNIX_EPOCH.checked_add(*self).and_then(format_date_time).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let read = |text| Duration::read(Raw::of_text(text));
        assert_eq!(read("1970-01-02 04:20:00"), Ok(Duration::from_secs(102_000)));
        assert_eq!(read("60"), Ok(Duration::from_secs(60)));
        assert_eq!(read(""), Err(ValueError::Empty));
        for bad in ["1969-12-31 23:59:59", "2 Minutes", "-5", "1.5"] {
            assert!(matches!(read(bad), Err(ValueError::Form { .. })), "{bad}");
        }
        assert_eq!(Duration::MAX.write(), "");
    }
}
