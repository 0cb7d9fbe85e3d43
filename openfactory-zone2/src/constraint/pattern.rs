//! Regular expressions of a policy: over ASCII, for whole values, bounded in room and time.

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::dfa::dense::DFA;
use thiserror::Error;

use sequence::Sequence;

mod sequence;
mod table;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// What a compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 1 << 18;

/// A regular expression that a value must match as a whole.
///
/// Classes such as `\d` are ASCII. There are no back-references: matching takes time in proportion to the value.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    matcher: Matcher,
}

/// What does the matching.
#[derive(Clone, Debug)]
enum Matcher {
    /// All bytes at once: for a pattern of one set of bytes after another.
    Sequence(Sequence),
    /// One step a byte, nothing taken from the heap: for nearly all patterns.
    Table(Box<DFA<Vec<u32>>>),
    /// For those whose table would be too large.
    Regex(Regex),
}

/// A text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It has more than 256 bytes.
    #[error("{bytes} bytes, at most {MAX_PATTERN} are allowed")]
    TooLong {
        /// What it has.
        bytes: usize,
    },
    /// Compiled, it takes too much memory: a repetition is too large.
    #[error("it takes more than {MAX_COMPILED} bytes of memory")]
    TooLarge,
    /// It has more groups than the one that is the value.
    #[error("{groups} groups, at most one is allowed; (?:...) groups without counting")]
    Groups {
        /// How many.
        groups: usize,
    },
    /// It is no regular expression.
    #[error("{reason}")]
    Syntax {
        /// In the words of the engine, its last line.
        reason: String,
    },
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong { bytes: text.len() });
        }
        let build = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            let builder = builder.unicode(false).nest_limit(32);
            builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build().map_err(explain)
        };
        // By itself first: a text such as `a)|(b` is a pattern only within other parentheses.
        build(text)?;
        let whole = format!(r"\A(?:{text})\z");
        let compiled = build(&whole)?;
        let matcher = match table::build(&whole) {
            Some(table) => match Sequence::of(&table) {
                Some(sequence) => Matcher::Sequence(sequence),
                None => Matcher::Table(table.into()),
            },
            None => Matcher::Regex(compiled),
        };
        Ok(Self { text: text.to_owned(), matcher })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    #[inline(never)]
    pub(crate) fn matches(&self, value: &str) -> bool {
        match &self.matcher {
            Matcher::Sequence(sequence) => sequence.matches(value.as_bytes()),
            Matcher::Table(table) => table::matches(table, value.as_bytes()),
            Matcher::Regex(regex) => regex.is_match(value.as_bytes()),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

pub(crate) fn explain(error: regex::Error) -> PatternError {
    match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
        error => {
            let text = error.to_string();
            let line = text.lines().last().unwrap_or_default();
            let reason = line.strip_prefix("error: ").unwrap_or(line).to_owned();
            PatternError::Syntax { reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_must_match() {
        let table = [
            ("press-[0-9]{2}", "press-07", true),
            ("press-[0-9]{2}", "xpress-07", false),
            ("press-[0-9]{2}", "press-07\n", false),
            ("a|b", "ab", false),
            ("(?i)press", "PRESS", true),
            (r"\d", "\u{663}", false),
        ];
        for (pattern, value, expected) in table {
            assert_eq!(Pattern::new(pattern).unwrap().matches(value), expected, "{pattern} on {value:?}");
        }
    }

    #[test]
    fn sequence_table_and_engine_agree() {
        let sequences = [
            "press-[0-9]{2}",
            "",
            "(?i)Press",
            r"\bpress\b-7",
            r"(?m)^a$",
            r"\Aa\z",
            "[^a]",
            "[A-Z]{2}(?:-[0-9]{2}){2}[a-f]?",
            "[ab]{0,63}",
        ];
        let patterns = [
            "press-[0-9]{2}",
            "a*",
            "",
            "a|ab|b+",
            "(?i)Press",
            r"\bpress\b-7",
            r"(?m)^a$",
            r"\Aa\z",
            "a??b?",
            "(?s).*",
            ".*",
            "[^a]",
            r"\w+\s?\d",
            "(?:a|b){0,9}c",
            "[A-Z]{2}(?:-[0-9]{2}){2}[a-f]?",
            "[ab]{0,63}",
            "[ab]{0,64}",
        ];
        let (most, more, far) = ("ab".repeat(31) + "a", "ab".repeat(32), "ab".repeat(500));
        let values = [
            &*most,
            &more,
            &far,
            "PX-00-47",
            "PX-00-47b",
            "PX-00-47g",
            "PX-00-4",
            "",
            "a",
            "ab",
            "b",
            "bb",
            "press-07",
            "press-7",
            "PRESS",
            "a\n",
            "\n",
            "é",
            "x 7",
            "x7",
            "abababc",
        ];
        for text in patterns {
            let pattern = Pattern::new(text).unwrap();
            let ahead = sequences.contains(&text);
            assert_eq!(matches!(pattern.matcher, Matcher::Sequence(_)), ahead, "{text}");
            assert_eq!(matches!(pattern.matcher, Matcher::Table(_)), !ahead, "{text}");
            let engine = RegexBuilder::new(&format!(r"\A(?:{text})\z")).unicode(false).build().unwrap();
            for value in values {
                assert_eq!(pattern.matches(value), engine.is_match(value.as_bytes()), "{text} on {value:?}");
            }
        }
    }

    #[test]
    fn a_pattern_whose_table_is_too_large_matches_all_the_same() {
        let pattern = Pattern::new("[01]*1[01]{40}").unwrap();
        assert!(matches!(pattern.matcher, Matcher::Regex(_)));
        assert!(pattern.matches(&format!("01{}", "0".repeat(40))) && !pattern.matches(&"0".repeat(41)));
    }

    #[test]
    fn what_is_no_pattern_or_too_large_is_refused() {
        for pattern in ["(", "a)|(b", "[z-a]", "*", r"(a)\1"] {
            assert!(matches!(Pattern::new(pattern), Err(PatternError::Syntax { .. })), "{pattern}");
        }
        assert_eq!(Pattern::new("((a{200}){200}){200}").unwrap_err(), PatternError::TooLarge);
        assert_eq!(Pattern::new(&"a".repeat(257)).unwrap_err(), PatternError::TooLong { bytes: 257 });
    }
}
