//! Dates compared with the present, by their parts, and with each other.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::instant;

/// A kept date-time or date.
pub(super) fn read(value: &str) -> Option<DateTime> {
    value.trim().parse().ok()
}

/// The length of a date without time.
const DATE: usize = 10;

fn span(unit: &str, number: i64) -> Option<Span> {
    let new = Span::new();
    match unit {
        "minute" => new.try_minutes(number),
        "hour" => new.try_hours(number),
        "day" | "dayofweek" => new.try_days(number),
        "week" => new.try_weeks(number),
        "month" => new.try_months(number),
        "quarter" => new.try_months(number.checked_mul(3)?),
        "year" => new.try_years(number),
        _ => return None,
    }
    .ok()
}

/// The instant that `@hour@ago@1` names, as it would be kept.
pub(super) fn relative(text: &str, now: SystemTime) -> Option<String> {
    let parts: Vec<&str> = text.strip_prefix('@').unwrap_or(text).split('@').collect();
    let [unit, direction, number] = *parts.as_slice() else { return None };
    let number: i64 = number.parse().ok()?;
    let number = match direction {
        "ago" | "before" => number.checked_neg()?,
        "ahead" | "after" => number,
        _ => return None,
    };
    let now = TimeZone::UTC.to_datetime(Timestamp::from_second(instant::unix_seconds(now)).ok()?);
    let at = now.checked_add(span(unit, number)?).ok()?;
    Some(at.strftime(instant::DATE_TIME).to_string())
}

/// `other@hour@after@3`.
#[derive(Debug)]
pub(super) struct Apart<'a> {
    /// The date that is compared with.
    pub(super) field: &'a str,
    unit: &'a str,
    after: bool,
    number: i64,
}

pub(super) fn apart(text: &str) -> Option<Apart<'_>> {
    let parts: Vec<&str> = text.split('@').collect();
    let [field, unit, direction, number] = *parts.as_slice() else { return None };
    let number = number.parse().ok()?;
    span(unit, number)?;
    let after = match direction {
        "after" => true,
        "before" => false,
        _ => return None,
    };
    Some(Apart { field, unit, after, number })
}

impl Apart<'_> {
    /// Whether `value` lies on the right side of `other` at all, and beyond the distance or, if not `beyond`, within.
    pub(super) fn holds(&self, value: &str, other: &str, beyond: bool) -> bool {
        let (Some(value), Some(other)) = (read(value), read(other)) else { return false };
        let number = if self.after { self.number } else { -self.number };
        let Some(edge) = span(self.unit, number).and_then(|span| other.checked_add(span).ok()) else {
            return false;
        };
        let (later, further) =
            if self.after { (value >= other, value > edge) } else { (value <= other, value < edge) };
        later && further == beyond
    }
}

/// A part of a date that is asked for: which, how it is compared, and its number.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    /// The clock by which it is read.
    zone: TimeZone,
    name: String,
    wanted: i64,
    comparison: String,
}

/// `Monday@javascript:gs.datePart('dayofweek','monday','EE')`, and after a NUL the name of the zone by whose clock.
pub(super) fn part(text: &str) -> Option<Part> {
    let (text, zone) = text.split_once('\0').unwrap_or((text, "UTC"));
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let (_, script) = text.split_once("gs.datePart(")?;
    let inner = script.trim_end().strip_suffix(')')?;
    let arguments: Vec<&str> =
        inner.split(',').map(|part| part.trim().trim_matches(['\'', '"', '\\'])).collect();
    let [name, value, comparison] = *arguments.as_slice() else { return None };
    let index = |names: &[&str]| {
        let position = names.iter().position(|name| value.eq_ignore_ascii_case(name))?;
        i64::try_from(position + 1).ok()
    };
    let wanted = match name {
        "dayofweek" => {
            index(&["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])?
        }
        "month" => {
            index(&["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
                .or_else(|| value.parse().ok())?
        }
        "quarter" | "year" | "hour" => value.parse().ok()?,
        _ => return None,
    };
    let known = ["EE", "LT", "LE", "GT", "GE"].contains(&comparison);
    known.then(|| Part { zone, name: name.to_owned(), wanted, comparison: comparison.to_owned() })
}

impl Part {
    pub(super) fn holds(&self, value: &str) -> bool {
        let Some(mut at) = read(value) else { return false };
        // A date without time is the same by every clock.
        if value.trim().len() > DATE {
            let Ok(instant) = TimeZone::UTC.to_timestamp(at) else { return false };
            at = self.zone.to_datetime(instant);
        }
        let found = match self.name.as_str() {
            "dayofweek" => i64::from(at.weekday().to_monday_one_offset()),
            "month" => i64::from(at.month()),
            "quarter" => i64::from((at.month() - 1) / 3 + 1),
            "hour" => i64::from(at.hour()),
            _ => i64::from(at.year()),
        };
        match self.comparison.as_str() {
            "LT" => found < self.wanted,
            "LE" => found <= self.wanted,
            "GT" => found > self.wanted,
            "GE" => found >= self.wanted,
            _ => found == self.wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn counts_from_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_015_400);
        let at = |text| relative(text, now);
        assert_eq!(at("@hour@ago@1").as_deref(), Some("2026-02-25 09:30:00"));
        assert_eq!(at("@dayofweek@ahead@3").as_deref(), Some("2026-02-28 10:30:00"));
        assert_eq!(at("@quarter@ago@1").as_deref(), Some("2025-11-25 10:30:00"));
        for bad in ["", "@hour@ago", "@fortnight@ago@1", "@hour@since@1", "@hour@ago@x"] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn distances_have_a_direction() {
        let after = apart("opened_at@hour@after@3").unwrap();
        assert_eq!(after.field, "opened_at");
        let holds = |value, beyond| after.holds(value, "2026-01-01 00:00:00", beyond);
        assert!(holds("2026-01-01 04:00:00", true) && !holds("2026-01-01 04:00:00", false));
        assert!(holds("2026-01-01 01:00:00", false) && !holds("2026-01-01 01:00:00", true));
        assert!(!holds("2025-12-31 01:00:00", false) && !holds("", false));
        assert!(apart("x@hour@during@3").is_none());
    }

    #[test]
    fn parts_of_a_date() {
        let read = |text| part(&format!("x@javascript:gs.datePart({text})"));
        let wednesday = "2026-02-25 10:30:00";
        for (text, holds) in [
            ("'dayofweek','wednesday','EE'", true),
            ("'dayofweek','friday','LT'", true),
            ("'month','mar','GE'", false),
            ("'quarter','1','EE'", true),
            ("'year','2025','GT'", true),
            ("'hour','11','LE'", true),
        ] {
            assert_eq!(read(text).unwrap().holds(wednesday), holds, "{text}");
        }
        // Half past ten at night in Los Angeles is the next day in London.
        let part =
            |zone: &str| part(&format!("x@javascript:gs.datePart('dayofweek','tuesday','EE')\0{zone}"));
        assert!(part("America/Los_Angeles").unwrap().holds("2026-02-25 06:30:00"));
        assert!(!part("UTC").unwrap().holds("2026-02-25 06:30:00"));
        assert!(!part("America/Los_Angeles").unwrap().holds("2026-02-25"));
        for bad in ["", "'dayofweek','doomsday','EE'", "'month','feb'", "'month','feb','XX'"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
