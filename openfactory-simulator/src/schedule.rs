//! Windows of time: the entries of a schedule, which may repeat, and what is left of a span beside others.
//!
//! Schedules count in UTC, by seconds since the epoch; an end is the first second that no longer belongs to a window.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use crate::instant::seconds;
use crate::record::Record;
use crate::store::{Session, StoreError};

const DAY: i64 = 86_400;

/// The most windows that one entry gives, however often it repeats.
const MOST: usize = 1_000;

/// From a second up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Window {
    /// None unless it lasts.
    pub(crate) fn new(from: i64, to: i64) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// Whether the two have a second in common; windows that touch have none.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the other lies within.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    fn common(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

/// When an entry comes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    Never,
    Daily,
    Weekdays,
    Weekends,
    Weekly,
}

/// One entry of a schedule.
#[derive(Clone, Copy, Debug)]
struct Entry {
    first: Window,
    repeats: Repeats,
    until: i64,
}

impl Entry {
    /// None if it has no start or no end.
    fn of(row: &Record) -> Option<Self> {
        let first =
            Window::new(seconds(row.value("start_date_time"))?, seconds(row.value("end_date_time"))?)?;
        let repeats = match row.value("repeat_type") {
            "daily" => Repeats::Daily,
            "weekdays" => Repeats::Weekdays,
            "weekends" => Repeats::Weekends,
            "weekly" => Repeats::Weekly,
            _ => Repeats::Never,
        };
        Some(Self { first, repeats, until: seconds(row.value("repeat_until")).unwrap_or(i64::MAX) })
    }

    /// Its windows that have a part within the span.
    fn within(self, span: Window) -> Vec<Window> {
        let period = match self.repeats {
            Repeats::Never => {
                return Some(self.first).filter(|window| window.meets(span)).into_iter().collect();
            }
            Repeats::Weekly => 7 * DAY,
            Repeats::Daily | Repeats::Weekdays | Repeats::Weekends => DAY,
        };
        // The first turn that may still reach into the span.
        let skipped = (span.from.saturating_sub(self.first.to) / period).max(0);
        let turns = (0..).map(|turn: i64| turn.saturating_add(skipped).saturating_mul(period));
        turns
            .map(|later| Window {
                from: self.first.from.saturating_add(later),
                to: self.first.to.saturating_add(later),
            })
            .take_while(|window| window.from < span.to && window.from <= self.until)
            .filter(|window| window.meets(span) && self.falls_on(window.from))
            .take(MOST)
            .collect()
    }

    fn falls_on(self, second: i64) -> bool {
        let Ok(at) = Timestamp::from_second(second) else { return false };
        let free = matches!(TimeZone::UTC.to_datetime(at).weekday(), Weekday::Saturday | Weekday::Sunday);
        match self.repeats {
            Repeats::Weekdays => !free,
            Repeats::Weekends => free,
            Repeats::Never | Repeats::Daily | Repeats::Weekly => true,
        }
    }
}

/// The windows of a schedule that have a part within the span, in their order.
pub(crate) fn windows(
    session: &Session<'_>,
    schedule: &str,
    span: Window,
) -> Result<Vec<Window>, StoreError> {
    let entries = session.by("cmn_schedule_span", "schedule", schedule)?;
    let mut windows: Vec<Window> =
        entries.iter().filter_map(Entry::of).flat_map(|entry| entry.within(span)).collect();
    windows.sort_unstable();
    Ok(windows)
}

/// What is open of a span: within one of the windows, if there are any, and in none of the closed ones.
pub(crate) fn open(span: Window, windows: Option<&[Window]>, closed: &[Window]) -> Vec<Window> {
    let mut open: Vec<Window> = match windows {
        None => vec![span],
        Some(windows) => windows.iter().filter_map(|window| window.common(span)).collect(),
    };
    for shut in closed {
        open = open
            .into_iter()
            .flat_map(|window| match window.meets(*shut) {
                false => [Some(window), None],
                true => [Window::new(window.from, shut.from), Window::new(shut.to, window.to)],
            })
            .flatten()
            .collect();
    }
    open.sort_unstable();
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, to: i64) -> Window {
        Window { from, to }
    }

    fn entry(start: &str, end: &str, repeats: &str, until: &str) -> Option<Entry> {
        let mut row = Record::new("cmn_schedule_span", "0");
        for (name, value) in [
            ("start_date_time", start),
            ("end_date_time", end),
            ("repeat_type", repeats),
            ("repeat_until", until),
        ] {
            row.set(name, value);
        }
        Entry::of(&row)
    }

    #[test]
    fn an_entry_comes_round_within_a_span() {
        let span = window(seconds("2026-03-02 00:00:00").unwrap(), seconds("2026-03-16 00:00:00").unwrap());
        let days = |repeats, until| {
            let entry = entry("2025-01-05 22:00:00", "2025-01-06 02:00:00", repeats, until).unwrap();
            entry
                .within(span)
                .iter()
                .map(|window| (window.from - span.from).div_euclid(DAY))
                .collect::<Vec<_>>()
        };
        // The fifth of January 2025 was a Sunday, the second of March 2026 a Monday: the night before reaches into it.
        assert_eq!(days("weekly", ""), [-1, 6, 13]);
        assert_eq!(days("weekly", "2026-03-09 00:00:00"), [-1, 6]);
        assert_eq!(days("weekends", ""), [-1, 5, 6, 12, 13]);
        assert_eq!(days("weekdays", ""), [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]);
        assert_eq!(days("daily", "").len(), 15);
        assert_eq!(days("", ""), [] as [i64; 0]);
        assert!(entry("soon", "2026-03-09 00:00:00", "", "").is_none());
        assert!(entry("2026-03-09 00:00:00", "2026-03-09 00:00:00", "daily", "").is_none());
        // However far away it is, and however long, it comes to an end.
        let daily = entry("1970-01-01 00:00:00", "9999-01-01 00:00:00", "daily", "").unwrap();
        assert_eq!(daily.within(window(0, i64::MAX)).len(), MOST);
    }

    #[test]
    fn what_is_closed_is_cut_out() {
        let span = window(0, 100);
        assert_eq!(open(span, None, &[]), [span]);
        assert_eq!(open(span, None, &[window(10, 20), window(15, 30)]), [window(0, 10), window(30, 100)]);
        assert_eq!(open(span, None, &[window(-5, 5), window(90, 200)]), [window(5, 90)]);
        let windows = [window(-10, 10), window(50, 60)];
        assert_eq!(
            open(span, Some(&windows), &[window(52, 54)]),
            [window(0, 10), window(50, 52), window(54, 60)]
        );
        assert_eq!(open(span, Some(&[]), &[]), []);
        assert!(window(0, 10).meets(window(9, 12)) && !window(0, 10).meets(window(10, 12)));
        assert!(window(0, 10).holds(window(0, 10)) && !window(0, 10).holds(window(0, 11)));
    }
}
