//! Whether a value that was asked for and one that was found can be the same to a database.

use std::time::Duration;

use crate::value::{FieldType as _, Raw};

/// How alike two values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    Different,
    /// Perhaps the same: it depends on the field's type, or on the database.
    Alike,
    Same,
}

impl Likeness {
    pub(super) fn of(asked: &str, found: &str) -> Self {
        if asked == found {
            return Self::Same;
        }
        let (asked, found) = (asked.trim(), found.trim());
        let alike = [is_same_word, is_same_truth, is_same_number, is_same_day, is_same_duration, is_listed];
        match alike.iter().any(|alike| alike(asked, found)) {
            true => Self::Alike,
            false => Self::Different,
        }
    }
}

/// What is shown in place of a value that nobody is to read.
pub(super) fn is_masked(found: &str) -> bool {
    !found.is_empty() && found.bytes().all(|byte| byte == b'*')
}

/// But for case. What is not ASCII may be the same as its neighbour in the alphabet, as `ü` and `u` often are.
fn is_same_word(asked: &str, found: &str) -> bool {
    let same =
        |(one, other): (char, char)| one.eq_ignore_ascii_case(&other) || !one.is_ascii() || !other.is_ascii();
    asked.eq_ignore_ascii_case(found)
        || asked.chars().count() == found.chars().count() && asked.chars().zip(found.chars()).all(same)
}

/// Booleans have two spellings, and none counts as false.
fn is_same_truth(asked: &str, found: &str) -> bool {
    let truth = |text: &str| match text {
        "true" | "1" => Some(true),
        "false" | "0" | "" => Some(false),
        _ => None,
    };
    truth(asked).is_some() && truth(asked) == truth(found)
}

fn is_same_number(asked: &str, found: &str) -> bool {
    /// Longest number that is told from all others.
    const DIGITS: usize = 15;
    let number = |text: &str| {
        let plain = text.len() <= DIGITS
            && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
        plain.then(|| text.parse::<f64>().ok()).flatten()
    };
    number(asked).is_some_and(|one| number(found) == Some(one))
}

/// A date, and a time whose day depends on a time zone that is not known here.
fn is_same_day(asked: &str, found: &str) -> bool {
    const DATE: usize = "2026-01-31".len();
    let is_date = |text: &str| {
        text.len() >= DATE
            && text.bytes().take(DATE).enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    is_date(asked) && is_date(found) && (asked.len() == DATE) != (found.len() == DATE)
}

/// A duration as a time after 1970 and in seconds.
fn is_same_duration(asked: &str, found: &str) -> bool {
    let duration = |text: &str| Duration::read(Raw::of_text(text)).ok();
    duration(asked).is_some_and(|one| duration(found) == Some(one))
}

/// One entry of a list that was asked for alone.
fn is_listed(asked: &str, found: &str) -> bool {
    found.contains(',') && found.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_may_take_for_the_same() {
        for (asked, found) in [
            ("CHG1 ", "chg1"),
            ("MÜLLER", "müller"),
            ("Muller", "Müller"),
            ("true", "1"),
            ("0", "false"),
            ("false", ""),
            ("5", "5.00"),
            ("-5", "-5.0"),
            ("01", "1"),
            ("2026-01-31 23:30:00", "2026-02-01"),
            ("2026-01-31", "2026-01-31 10:00:00"),
            ("1970-01-01 00:02:17", "137"),
            ("u2", "u1, u2"),
        ] {
            assert_eq!(Likeness::of(asked, found), Likeness::Alike, "{asked} {found}");
        }
        assert_eq!(Likeness::of("x", "x"), Likeness::Same);
    }

    #[test]
    fn what_is_not() {
        for (asked, found) in [
            ("1", "2"),
            ("true", "false"),
            ("true", ""),
            ("x", ""),
            ("1", "1x"),
            ("München", "Berlin"),
            ("Müller", "Mülle"),
            ("2026-01-31 10:00:00", "2026-01-31 10:00:01"),
            ("2026-01-31", "2026-02-01"),
            ("00000000000000000000000000000001", "00000000000000000000000000000002"),
            ("u", "u1,u2"),
            ("David Loo", "5137153cc611227c000bbd1bd8cd2007"),
        ] {
            assert_eq!(Likeness::of(asked, found), Likeness::Different, "{asked} {found}");
        }
        assert!(is_masked("****") && !is_masked("") && !is_masked("*x"));
    }
}
