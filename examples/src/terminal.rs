//! What others wrote, on a terminal: shown, never obeyed.
//!
//! Names and reasons in documents, images and logs may hold escape sequences, which would write over what was said before, or
//! marks that turn the order of letters round (<https://trojansource.codes>). People are shown `\u{1b}` instead; JSON output
//! stays as it is, for it escapes what it has to.

use std::borrow::Cow;
use std::fmt::Display;

/// What is told, on one line: no name forges a line of its own.
pub(crate) fn line(told: &dyn Display) -> String {
    escape(&told.to_string(), steers).into_owned()
}

/// The text on as many lines as it has, its tabs kept.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |it| steers(it) && !matches!(it, '\n' | '\t'))
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        match is_escaped(it) {
            true => plain.extend(it.escape_debug()),
            false => plain.push(it),
        }
    }
    Cow::Owned(plain)
}

/// Control characters, separators of lines and paragraphs, and what marks the direction of text (Unicode, UAX 9, section 2).
fn steers(it: char) -> bool {
    let directs =
        matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    it.is_control() || directs || matches!(it, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        for (text, shown) in [
            ("plain, Gruß, 日本", "plain, Gruß, 日本"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("good\rbad\u{8}", "good\\rbad\\u{8}"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("one\u{2028}two", "one\\u{2028}two"),
        ] {
            assert_eq!((line(&text), lines(text)), (shown.to_owned(), shown.into()));
        }
        assert_eq!(
            (line(&"a\nBundle:\tproved"), lines("a\n\tb")),
            ("a\\nBundle:\\tproved".into(), "a\n\tb".into())
        );
        assert!(!('\0'..=char::MAX).filter(|it| steers(*it)).any(|it| it.escape_debug().any(steers)));
    }
}
