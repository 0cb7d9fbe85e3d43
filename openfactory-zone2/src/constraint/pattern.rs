//! Regular expressions of a policy: over ASCII, for whole values, bounded in room and time.

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

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
    compiled: Regex,
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
        let compiled = build(&format!(r"\A(?:{text})\z"))?;
        Ok(Self { text: text.to_owned(), compiled })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        self.compiled.is_match(value.as_bytes())
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
    fn what_is_no_pattern_or_too_large_is_refused() {
        for pattern in ["(", "a)|(b", "[z-a]", "*", r"(a)\1"] {
            assert!(matches!(Pattern::new(pattern), Err(PatternError::Syntax { .. })), "{pattern}");
        }
        assert_eq!(Pattern::new("((a{200}){200}){200}").unwrap_err(), PatternError::TooLarge);
        assert_eq!(Pattern::new(&"a".repeat(257)).unwrap_err(), PatternError::TooLong { bytes: 257 });
    }
}
