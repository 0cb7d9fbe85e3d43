//! The scripts that a value may hold: `javascript:gs.daysAgo(7)`. No script runs here; those that clients use are
//! known by name.

use jiff::Span;
use jiff::civil::{Date, DateTime, Weekday};

use crate::access::{Access, Caller};
use crate::duration;
use crate::instant;
use crate::locale::Locale;
use crate::store::{Session, StoreError};

/// What is asked of the user as an object, and the same in short.
const USER: [(&str, &str); 4] = [
    ("gs.getUser().getID()", "getUserID()"),
    ("gs.getUser().getName()", "getUserName()"),
    ("gs.getUser().getMyGroups()", "getMyGroups()"),
    ("gs.getUser().getManagerID()", "getManagerID()"),
];

/// The value that a script stands for; a value without script as it is; none if the script is not known.
pub(super) fn value(
    session: &Session<'_>,
    caller: &Caller,
    text: &str,
) -> Result<Option<String>, StoreError> {
    let Some(script) = text.strip_prefix("javascript:") else { return Ok(Some(text.to_owned())) };
    let script = script.trim().trim_end_matches(';');
    let script = USER.iter().find(|(long, _)| *long == script).map_or(script, |(_, short)| short);
    let Some((name, arguments)) = call(script) else { return Ok(None) };
    Ok(match (name, arguments.as_slice()) {
        ("getUserID", []) => Some(caller.sys_id.clone()),
        ("getUserName", []) => Some(caller.user_name.clone()),
        ("getManagerID", []) => {
            let user = session.find("sys_user", &caller.sys_id)?;
            Some(user.map(|user| user.value("manager").to_owned()).unwrap_or_default())
        }
        ("getMyGroups", []) => Some(groups_of(session, caller)?),
        ("nowDateTime", []) => Some(instant::glide(session.now)),
        ("now", []) => {
            let clock = caller.locale.clock(instant::unix_seconds(session.now));
            clock.map(|now| now.date().to_string())
        }
        ("getDurationDate", [length]) => duration::read(length),
        // Nobody learns by a comparison what a look would not show.
        ("getProperty", _) if !Access::of(session, caller)?.reads("sys_properties") => Some(String::new()),
        ("getProperty", [name]) => Some(session.property(name)?.unwrap_or_default()),
        _ => moment(name, &arguments, instant::unix_seconds(session.now), &caller.locale),
    })
}

/// The groups that the caller is a member of, as a comma list.
fn groups_of(session: &Session<'_>, caller: &Caller) -> Result<String, StoreError> {
    let memberships = session.by("sys_user_grmember", "user", &caller.sys_id)?;
    Ok(memberships.iter().map(|row| row.value("group")).collect::<Vec<_>>().join(","))
}

/// `gs.name('a', 'b')`, with or without `gs.`, as name and arguments.
fn call(script: &str) -> Option<(&str, Vec<&str>)> {
    let script = script.strip_prefix("gs.").unwrap_or(script);
    let (name, rest) = script.split_once('(')?;
    let inner = rest.strip_suffix(')')?.trim();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain(name) || inner.contains(['(', ')', ';']) {
        return None;
    }
    if inner.is_empty() {
        return Some((name, Vec::new()));
    }
    Some((name, inner.split(',').map(|part| part.trim().trim_matches(['\'', '"'])).collect()))
}

/// An instant by the name of the function that gives it, as it is kept. Days begin by the caller's clock.
fn moment(name: &str, arguments: &[&str], now: i64, locale: &Locale) -> Option<String> {
    let now = locale.clock(now)?;
    let at = match (name, arguments) {
        ("dateGenerate", [day, time]) => generated(day, time)?,
        (name, [number]) => counted(name, number, now)?,
        (name, []) => span_edge(name, now)?,
        _ => return None,
    };
    locale.keep(at)
}

/// `daysAgo(7)`, `hoursAgoStart(2)` and the like.
fn counted(name: &str, number: &str, now: DateTime) -> Option<DateTime> {
    let number = number.parse::<i64>().ok().filter(|number| number.unsigned_abs() < 100_000)?;
    let (unit, edge) = name.split_once("Ago")?;
    let new = Span::new();
    let (span, unit) = match unit {
        "minutes" => (new.try_minutes(number), "Minute"),
        "hours" => (new.try_hours(number), "Hour"),
        "days" => (new.try_days(number), "Day"),
        "weeks" => (new.try_weeks(number), "Week"),
        "months" => (new.try_months(number), "Month"),
        "quarters" => (new.try_months(number.checked_mul(3)?), "Quarter"),
        "years" => (new.try_years(number), "Year"),
        _ => return None,
    };
    let at = now.checked_sub(span.ok()?).ok()?;
    match edge {
        "" => Some(at),
        "Start" => Some(around(unit, 0, at)?.0),
        "End" => Some(around(unit, 0, at)?.1),
        _ => None,
    }
}

fn start(day: Date) -> DateTime {
    day.at(0, 0, 0, 0)
}

fn end(day: Date) -> DateTime {
    day.at(23, 59, 59, 0)
}

fn generated(day: &str, time: &str) -> Option<DateTime> {
    let day: Date = day.parse().ok()?;
    match time {
        "start" => Some(start(day)),
        "end" => Some(end(day)),
        time => Some(day.to_datetime(time.parse().ok()?)),
    }
}

/// `beginningOfLastWeek` and the like.
fn span_edge(name: &str, now: DateTime) -> Option<DateTime> {
    let (first, span) = match (name.strip_prefix("beginningOf"), name.strip_prefix("endOf")) {
        (Some(span), _) => (true, span),
        (_, Some(span)) => (false, span),
        _ => return None,
    };
    let (from, to) = match running(span, now) {
        Some(edges) => edges,
        None => {
            let (steps, unit) = match span {
                "Today" => (0, "Day"),
                "Yesterday" => (-1, "Day"),
                "Tomorrow" => (1, "Day"),
                _ => [("This", 0), ("Current", 0), ("Last", -1), ("Next", 1)]
                    .into_iter()
                    .find_map(|(word, steps)| Some((steps, span.strip_prefix(word)?)))?,
            };
            around(unit, steps, now)?
        }
    };
    Some(if first { from } else { to })
}

/// `Last30Days`, `Last3Months`, `Last15Minutes`: up to now.
fn running(span: &str, now: DateTime) -> Option<(DateTime, DateTime)> {
    let rest = span.strip_prefix("Last")?;
    let unit = rest.trim_start_matches(|char: char| char.is_ascii_digit());
    let number: i64 = rest.strip_suffix(unit)?.parse().ok().filter(|number| *number < 10_000)?;
    let back = |span: Span| now.checked_sub(span).ok();
    Some(match unit {
        "Minutes" => (back(Span::new().minutes(number))?, around("Minute", 0, now)?.1),
        "Hours" => (around("Hour", 0, back(Span::new().hours(number))?)?.0, around("Hour", 0, now)?.1),
        "Days" => (start(back(Span::new().days(number))?.date()), end(now.date())),
        "Months" => (start(back(Span::new().months(number))?.date()), end(now.date())),
        _ => return None,
    })
}

/// The first and the last second of the minute, hour or span of days that is some steps from now.
fn around(unit: &str, steps: i64, now: DateTime) -> Option<(DateTime, DateTime)> {
    let (length, from) = match unit {
        "Minute" => (Span::new().minutes(1), now.date().at(now.hour(), now.minute(), 0, 0)),
        "Hour" => (Span::new().hours(1), now.date().at(now.hour(), 0, 0, 0)),
        _ => {
            let (from, to) = days(unit, steps, now.date())?;
            return Some((start(from), end(to)));
        }
    };
    let from = from.checked_add(length.checked_mul(steps).ok()?).ok()?;
    let to = from.checked_add(length).ok()?.checked_sub(Span::new().seconds(1)).ok()?;
    Some((from, to))
}

/// The first and the last day of a span that is some steps from today's. Weeks begin on Monday.
fn days(unit: &str, steps: i64, today: Date) -> Option<(Date, Date)> {
    let shifted = |day: Date, span: Span| day.checked_add(span).ok();
    let (first, length) = match unit {
        "Day" => (today, Span::new().days(1)),
        "Week" => {
            let back = i64::from(today.weekday().since(Weekday::Monday));
            (shifted(today, Span::new().try_days(-back).ok()?)?, Span::new().weeks(1))
        }
        "Month" => (today.first_of_month(), Span::new().months(1)),
        "Quarter" => {
            let month = (today.month() - 1) / 3 * 3 + 1;
            (Date::new(today.year(), month, 1).ok()?, Span::new().months(3))
        }
        "Year" => (today.first_of_year(), Span::new().years(1)),
        _ => return None,
    };
    let from = shifted(first, length.checked_mul(steps).ok()?)?;
    let to = shifted(from, length)?.yesterday().ok()?;
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_by_name() {
        // Wednesday, 2026-02-25 10:30:00.
        let now = 1_772_015_400;
        for (script, expected) in [
            ("gs.beginningOfToday()", "2026-02-25 00:00:00"),
            ("gs.endOfYesterday()", "2026-02-24 23:59:59"),
            ("gs.beginningOfThisWeek()", "2026-02-23 00:00:00"),
            ("gs.endOfLastWeek()", "2026-02-22 23:59:59"),
            ("gs.endOfThisMonth()", "2026-02-28 23:59:59"),
            ("gs.beginningOfLastMonth()", "2026-01-01 00:00:00"),
            ("gs.beginningOfNextQuarter()", "2026-04-01 00:00:00"),
            ("gs.endOfLastYear()", "2025-12-31 23:59:59"),
            ("gs.daysAgo(7)", "2026-02-18 10:30:00"),
            ("gs.hoursAgo(11)", "2026-02-24 23:30:00"),
            ("gs.monthsAgo(-1)", "2026-03-25 10:30:00"),
            ("gs.daysAgoStart(1)", "2026-02-24 00:00:00"),
            ("gs.beginningOfLast30Days()", "2026-01-26 00:00:00"),
            ("gs.endOfLast3Months()", "2026-02-25 23:59:59"),
            ("gs.beginningOfCurrentHour()", "2026-02-25 10:00:00"),
            ("gs.endOfLastMinute()", "2026-02-25 10:29:59"),
            ("gs.beginningOfLast15Minutes()", "2026-02-25 10:15:00"),
            ("gs.monthsAgoStart(1)", "2026-01-01 00:00:00"),
            ("gs.quartersAgoEnd(1)", "2025-12-31 23:59:59"),
            ("gs.hoursAgoStart(2)", "2026-02-25 08:00:00"),
            ("gs.dateGenerate('2026-01-02','03:04:05')", "2026-01-02 03:04:05"),
            ("gs.dateGenerate('2026-01-02','end')", "2026-01-02 23:59:59"),
        ] {
            let (name, arguments) = call(script).unwrap();
            let at = moment(name, &arguments, now, &Locale::default());
            assert_eq!(at.as_deref(), Some(expected), "{script}");
        }
    }

    #[test]
    fn other_scripts_are_not_run() {
        for script in ["gs.sleep(1)", "eval(gs.daysAgo(1))", "gs.daysAgo('x')", "x", "gs.daysAgo(1);gs.x()"] {
            let found =
                call(script).and_then(|(name, arguments)| moment(name, &arguments, 0, &Locale::default()));
            assert_eq!(found, None, "{script}");
        }
    }
}
