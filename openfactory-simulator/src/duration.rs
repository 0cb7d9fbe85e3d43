//! Durations as ServiceNow keeps them: how long after the epoch, `1970-01-02 04:20:00` for a day and some hours.

use crate::instant::{self, glide_from_unix, seconds};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The longest one that can be kept: as far as the calendar goes.
const LONGEST: i64 = 253_402_207_200;

/// A duration as it is kept; none is negative, none longer than can be.
pub(crate) fn kept(seconds: i64) -> String {
    glide_from_unix(seconds.clamp(0, LONGEST))
}

/// The seconds from one kept instant to another; none if either is none.
pub(crate) fn between(from: &str, to: &str) -> Option<i64> {
    Some(seconds(to)? - seconds(from)?)
}

/// What a client wrote, as it is kept: an instant after the epoch, or `12 03:04:05` with or without days.
pub(crate) fn read(text: &str) -> Option<String> {
    if let Some(at) = instant::read(text) {
        return instant::unix(at).filter(|after| *after >= 0).map(kept);
    }
    let (days, clock) = text.rsplit_once(' ').unwrap_or(("0", text));
    let mut parts = clock.split(':').map(number);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = parts.next().is_none() && minutes < 60 && seconds < 60;
    fits.then_some(kept(number(days)? * DAY + hours * HOUR + minutes * MINUTE + seconds))
}

/// The units of a duration in words, from the longest on, in seconds.
const UNITS: [(&str, i64); 4] = [("Day", DAY), ("Hour", HOUR), ("Minute", MINUTE), ("Second", 1)];

/// What stands for a duration where it is shown, `1 Day 4 Hours`, as it is kept.
pub(crate) fn read_words(text: &str) -> Option<String> {
    let mut total = 0;
    let mut longest = UNITS.as_slice();
    let mut words = text.split_whitespace().peekable();
    words.peek()?;
    while let Some(count) = words.next() {
        let unit = words.next()?;
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let at = longest.iter().position(|(name, _)| *name == unit)?;
        let (left, rest) = longest.split_at(at + 1);
        total += number(count)? * left.last()?.1;
        longest = rest;
    }
    Some(kept(total))
}

/// A kept duration in words; what is none stays as it is.
pub(crate) fn shown(kept: &str) -> String {
    let Some(mut rest) = seconds(kept) else { return kept.to_owned() };
    let mut told = Vec::new();
    for (unit, length) in UNITS {
        let count = rest / length;
        rest %= length;
        if count != 0 {
            told.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if told.is_empty() { "0 Seconds".to_owned() } else { told.join(" ") }
}

/// At most six digits, so that no sum of them is beyond a calendar.
fn number(digits: &str) -> Option<i64> {
    let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_read_in_either_form_and_told_in_words() {
        for (written, expected, words) in [
            ("1970-01-01 00:02:17", "1970-01-01 00:02:17", "2 Minutes 17 Seconds"),
            ("1970-01-02 04:20:00", "1970-01-02 04:20:00", "1 Day 4 Hours 20 Minutes"),
            ("1 04:20:00", "1970-01-02 04:20:00", "1 Day 4 Hours 20 Minutes"),
            ("00:00:00", "1970-01-01 00:00:00", "0 Seconds"),
            ("49:00:01", "1970-01-03 01:00:01", "2 Days 1 Hour 1 Second"),
        ] {
            let kept = read(written);
            assert_eq!(kept.as_deref(), Some(expected), "{written}");
            assert_eq!(shown(expected), words, "{written}");
            assert_eq!(read_words(words).as_deref(), Some(expected), "{words}");
        }
        for bad in [
            "",
            "an hour",
            "1:2",
            "1:2:3:4",
            "-1 00:00:00",
            "00:61:00",
            "1969-12-31 23:59:59",
            "9999999 0:0:0",
            "1970-01-01T00:02:17",
            "19700102",
            "70-01-02 00:00:00",
            "1970-01-01 00:00:01.5",
            "4 Hours 1 Day",
            "1 Fortnight",
            "Day",
        ] {
            assert_eq!(read(bad), None, "{bad}");
            assert_eq!(read_words(bad), None, "{bad}");
        }
        assert_eq!((shown(""), shown("soon")), (String::new(), "soon".to_owned()));
        assert_eq!(between("2026-01-01 00:00:00", "2026-01-02 00:00:05"), Some(86_405));
        assert_eq!(kept(i64::MAX), "9999-12-30 22:00:00");
        assert_eq!(between("", "2026-01-02 00:00:05"), None);
    }
}
