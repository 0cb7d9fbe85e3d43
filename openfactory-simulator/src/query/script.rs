//! The scripts that a value may hold: `javascript:gs.daysAgo(7)`. No script runs here; those that clients use are
//! known by name.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, tz::TimeZone};

use crate::access::Caller;
use crate::instant;
use crate::store::{Session, StoreError};

/// The value that a script stands for; a value without script as it is; none if the script is not known.
pub(super) fn value(
    session: &Session<'_>,
    caller: &Caller,
    text: &str,
) -> Result<Option<String>, StoreError> {
    let Some(script) = text.strip_prefix("javascript:") else { return Ok(Some(text.to_owned())) };
    let script = script.trim().trim_end_matches(';');
    let Some((name, arguments)) = call(script) else { return Ok(None) };
    Ok(match (name, arguments.as_slice()) {
        ("getUserID", []) => Some(caller.sys_id.clone()),
        ("getUserName", []) => Some(caller.user_name.clone()),
        ("getMyGroups", []) => Some(groups_of(session, caller)?),
        ("nowDateTime", []) => Some(instant::glide(session.now)),
        ("now", []) => instant::glide(session.now).get(..10).map(str::to_owned),
        _ => moment(name, &arguments, instant::unix_seconds(session.now)),
    })
}

/// The groups that the caller is a member of, as a comma list.
pub(super) fn groups_of(session: &Session<'_>, caller: &Caller) -> Result<String, StoreError> {
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

/// An instant by the name of the function that gives it.
fn moment(name: &str, arguments: &[&str], now: i64) -> Option<String> {
    let now = TimeZone::UTC.to_datetime(Timestamp::from_second(now).ok()?);
    let number = || arguments.first()?.parse::<i64>().ok().filter(|number| number.abs() < 100_000);
    let ago = |span: Span| now.checked_sub(span).ok();
    let at = match (name, arguments.len()) {
        ("dateGenerate", 2) => generated(arguments.first()?, arguments.get(1)?)?,
        ("daysAgo", 1) => ago(Span::new().try_days(number()?).ok()?)?,
        ("hoursAgo", 1) => ago(Span::new().try_hours(number()?).ok()?)?,
        ("minutesAgo", 1) => ago(Span::new().try_minutes(number()?).ok()?)?,
        ("monthsAgo", 1) => ago(Span::new().try_months(number()?).ok()?)?,
        ("yearsAgo", 1) => ago(Span::new().try_years(number()?).ok()?)?,
        ("daysAgoStart", 1) => start(ago(Span::new().try_days(number()?).ok()?)?.date()),
        ("daysAgoEnd", 1) => end(ago(Span::new().try_days(number()?).ok()?)?.date()),
        (name, 0) => span_edge(name, now.date())?,
        _ => return None,
    };
    Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
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
fn span_edge(name: &str, today: Date) -> Option<DateTime> {
    let (first, span) = match (name.strip_prefix("beginningOf"), name.strip_prefix("endOf")) {
        (Some(span), _) => (true, span),
        (_, Some(span)) => (false, span),
        _ => return None,
    };
    let (from, to) = days(span, today)?;
    Some(if first { start(from) } else { end(to) })
}

/// The first and the last day of a span that is called by name. Weeks begin on Monday.
fn days(span: &str, today: Date) -> Option<(Date, Date)> {
    let shifted = |day: Date, span: Span| day.checked_add(span).ok();
    let (steps, unit) = match span {
        "Today" => (0, "Day"),
        "Yesterday" => (-1, "Day"),
        "Tomorrow" => (1, "Day"),
        _ => [("This", 0), ("Last", -1), ("Next", 1)]
            .into_iter()
            .find_map(|(word, steps)| Some((steps, span.strip_prefix(word)?)))?,
    };
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
            ("gs.dateGenerate('2026-01-02','03:04:05')", "2026-01-02 03:04:05"),
            ("gs.dateGenerate('2026-01-02','end')", "2026-01-02 23:59:59"),
        ] {
            let (name, arguments) = call(script).unwrap();
            assert_eq!(moment(name, &arguments, now).as_deref(), Some(expected), "{script}");
        }
    }

    #[test]
    fn other_scripts_are_not_run() {
        for script in ["gs.sleep(1)", "eval(gs.daysAgo(1))", "gs.daysAgo('x')", "x", "gs.daysAgo(1);gs.x()"] {
            let found = call(script).and_then(|(name, arguments)| moment(name, &arguments, 0));
            assert_eq!(found, None, "{script}");
        }
    }
}
