//! Any text, by a regular expression whose first group is the value.

use regex::bytes::{Regex, RegexBuilder};

use super::{MAX_VALUES, Observed};
use crate::constraint::PatternError;

/// The longest expression, in bytes.
const MAX_PATTERN: usize = 1024;

/// What a compiled expression may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// What the first group holds at each match, or the whole match without a group. `^` and `$` stand for lines' ends.
pub(super) fn extract(key: &str, text: &str) -> Observed {
    match compile(key) {
        Ok(pattern) => extract_by(&pattern, text),
        Err(error) => Observed::Unreadable(format!("not a pattern: {error}")),
    }
}

/// The same by an expression that is compiled already.
pub(super) fn extract_by(pattern: &Regex, text: &str) -> Observed {
    let mut values = Vec::new();
    for captures in pattern.captures_iter(text.as_bytes()).take(MAX_VALUES + 1) {
        let Some(found) = captures.get(usize::from(captures.len() > 1)) else { continue };
        match std::str::from_utf8(found.as_bytes()) {
            Ok(value) => values.push(value.to_owned()),
            Err(_) => return Observed::Unreadable("the pattern cuts a character in two".to_owned()),
        }
    }
    Observed::values(values)
}

/// Checks an expression: ASCII classes, no back-references, bounded in room, at most one group.
pub(crate) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    if pattern.len() > MAX_PATTERN {
        return Err(PatternError::TooLong { bytes: pattern.len() });
    }
    let mut builder = RegexBuilder::new(pattern);
    let builder = builder.unicode(false).multi_line(true).nest_limit(32);
    let built = builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
    let pattern = built.map_err(crate::constraint::explain_pattern)?;
    if pattern.captures_len() > 2 {
        return Err(PatternError::Groups { groups: pattern.captures_len() - 1 });
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_values() {
        let text = "interface eth0\n ip address 10.20.3.7 255.255.255.0\n ip address 10.20.4.7 255.255.255.0\nhostname press-07\n";
        let many = |values: &[&str]| Observed::Values(values.iter().map(|text| (*text).to_owned()).collect());
        let table = [
            (r"^ ip address (\S+)", many(&["10.20.3.7", "10.20.4.7"])),
            (r"^hostname (.*)$", Observed::value("press-07")),
            (r"press-\d+", Observed::value("press-07")),
            (r"^(?:user|hostname) (\S+)$", Observed::value("press-07")),
            ("^nothing (.*)$", Observed::Absent),
        ];
        for (key, expected) in table {
            assert_eq!(extract(key, text), expected, "{key}");
        }
        assert_eq!(
            extract("(?-u:\\xc3)", "\u{e9}"),
            Observed::Unreadable("the pattern cuts a character in two".into())
        );
        assert!(matches!(extract("", &"a".repeat(MAX_VALUES + 1)), Observed::Unreadable(_)));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(compile("(a)(b)").unwrap_err(), PatternError::Groups { groups: 2 });
        assert_eq!(compile(&"a".repeat(1025)).unwrap_err(), PatternError::TooLong { bytes: 1025 });
        assert_eq!(compile("((a{300}){300}){300}").unwrap_err(), PatternError::TooLarge);
        assert!(matches!(compile("(").unwrap_err(), PatternError::Syntax { .. }));
    }
}
