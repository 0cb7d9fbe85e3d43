//! How a user sees dates: in its own time zone and format. They are kept in UTC.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};

use crate::instant::{DATE, DATE_TIME};
use crate::record::Record;
use crate::schema::FieldType;
use crate::store::{Session, StoreError};

/// What is said of dates where neither the user nor a property says otherwise.
const DATE_FORMAT: &str = "yyyy-MM-dd";
const TIME_FORMAT: &str = "HH:mm:ss";

/// A user's time zone and formats.
#[derive(Clone, Debug)]
pub(crate) struct Locale {
    zone: TimeZone,
    /// As `strftime` has it.
    date: String,
    date_time: String,
}

impl Default for Locale {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, date: DATE.to_owned(), date_time: DATE_TIME.to_owned() }
    }
}

impl Locale {
    /// A user's: by the fields of its row, else by the instance's properties.
    pub(crate) fn of(session: &Session<'_>, user: &Record) -> Result<Self, StoreError> {
        let said = |field: &str, property: &str, default: &str| match user.value(field) {
            "" => Ok::<_, StoreError>(session.property(property)?.unwrap_or_else(|| default.to_owned())),
            own => Ok(own.to_owned()),
        };
        let zone = said("time_zone", "glide.sys.default.tz", "UTC")?;
        let date = said("date_format", "glide.sys.date_format", DATE_FORMAT)?;
        let time = said("time_format", "glide.sys.time_format", TIME_FORMAT)?;
        Ok(Self::named(&zone, &date, &time))
    }

    fn named(zone: &str, date: &str, time: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or_else(|error| {
            tracing::warn!(zone, %error, "dates are shown in UTC");
            TimeZone::UTC
        });
        let date = pattern(date).unwrap_or_else(|| DATE.to_owned());
        let time = pattern(time).unwrap_or_else(|| "%H:%M:%S".to_owned());
        Self { zone, date_time: format!("{date} {time}"), date }
    }

    /// A kept value as the user sees it; what is no date stays as it is.
    pub(crate) fn show(&self, kind: &FieldType, kept: &str) -> String {
        let shown = match kind {
            FieldType::DateTime => self.show_date_time(kept),
            FieldType::Date => {
                kept.parse::<Date>().ok().and_then(|date| strtime::format(&self.date, date).ok())
            }
            _ => None,
        };
        shown.unwrap_or_else(|| kept.to_owned())
    }

    fn show_date_time(&self, kept: &str) -> Option<String> {
        let at = TimeZone::UTC.to_timestamp(kept.parse().ok()?).ok()?;
        strtime::format(&self.date_time, self.zone.to_datetime(at)).ok()
    }

    /// What the user wrote, as it is kept; none if it is no date in the user's format.
    pub(crate) fn read(&self, kind: &FieldType, shown: &str) -> Option<String> {
        match kind {
            FieldType::Date => {
                let date = Date::strptime(&self.date, shown).or_else(|_| shown.parse()).ok()?;
                Some(date.strftime(DATE).to_string())
            }
            FieldType::DateTime => {
                let local = DateTime::strptime(&self.date_time, shown).or_else(|_| shown.parse()).ok()?;
                self.keep(local)
            }
            _ => None,
        }
    }

    /// An instant on the user's clock, as it is kept.
    pub(crate) fn keep(&self, local: DateTime) -> Option<String> {
        let at = self.zone.to_timestamp(local).ok()?;
        Some(at.strftime(DATE_TIME).to_string())
    }

    /// The name of the user's time zone.
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// What the user's clock shows at an instant; none where no calendar holds it.
    pub(crate) fn clock(&self, unix_seconds: i64) -> Option<DateTime> {
        Some(self.zone.to_datetime(Timestamp::from_second(unix_seconds).ok()?))
    }
}

/// A format as instances write it, `dd/MM/yyyy` or `hh:mm:ss a`, as `strftime` has it; none if it has letters that are
/// not known.
fn pattern(text: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|char| *char == first).count();
        let (letters, tail) = rest.split_at(run * first.len_utf8());
        rest = tail;
        match (first, letters) {
            (_, "yyyy") => pattern.push_str("%Y"),
            (_, "yy") => pattern.push_str("%y"),
            (_, "MMM") => pattern.push_str("%b"),
            (_, "MM") => pattern.push_str("%m"),
            (_, "dd") => pattern.push_str("%d"),
            (_, "HH") => pattern.push_str("%H"),
            (_, "hh") => pattern.push_str("%I"),
            (_, "mm") => pattern.push_str("%M"),
            (_, "ss") => pattern.push_str("%S"),
            (_, "a") => pattern.push_str("%p"),
            (letter, _) if letter.is_ascii_alphabetic() => return None,
            ('%', _) => return None,
            _ => pattern.push_str(letters),
        }
    }
    (!pattern.is_empty()).then_some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_shown_and_read_in_the_users_zone_and_format() {
        let locale = Locale::named("US/Pacific", "MM/dd/yyyy", "hh:mm:ss a");
        let kind = FieldType::DateTime;
        for (kept, shown) in [
            ("2016-12-12 15:19:57", "12/12/2016 07:19:57 AM"),
            ("2016-06-12 23:19:57", "06/12/2016 04:19:57 PM"),
            ("2016-12-12 07:00:00", "12/11/2016 11:00:00 PM"),
        ] {
            assert_eq!(locale.show(&kind, kept), shown);
            assert_eq!(locale.read(&kind, shown).as_deref(), Some(kept));
        }
        // The kept form is read too, by the user's clock.
        assert_eq!(locale.read(&kind, "2016-12-12 07:19:57").as_deref(), Some("2016-12-12 15:19:57"));
        assert_eq!(locale.show(&FieldType::Date, "2016-12-12"), "12/12/2016");
        assert_eq!(locale.read(&FieldType::Date, "12/13/2016").as_deref(), Some("2016-12-13"));
        assert_eq!(locale.show(&kind, "soon"), "soon");
        assert_eq!(locale.read(&kind, "soon"), None);
    }

    #[test]
    fn what_is_not_known_is_utc_as_it_is_kept() {
        let locale = Locale::named("Atlantis/Centre", "Q", "%H");
        assert_eq!(locale.show(&FieldType::DateTime, "2016-12-12 15:19:57"), "2016-12-12 15:19:57");
        assert_eq!(pattern("dd.MM.yyyy").as_deref(), Some("%d.%m.%Y"));
    }
}
