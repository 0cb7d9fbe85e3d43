//! The hostname constraint: a name as RFC 1123 has it and, where the policy gives one, as its pattern wants it.
//!
//! Integration guide, "Zone 2 Constraint Violations", fourth row: "Hostname format violation", a P3 incident.

mod eight;

use std::net::Ipv4Addr;

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::pattern::{Pattern, PatternError};
use crate::finding::{Guidance, Outcome, Role, Violation};

/// The longest hostname, in bytes (RFC 1123 section 2.1; 253 without the root's dot, RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The longest label between two dots, in bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A hostname of RFC 952 and RFC 1123 section 2.1 and, if there is one, of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostnameRule {
    pattern: Option<Pattern>,
}

/// How a value breaks a [`HostnameRule`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HostnameViolation {
    /// It is no hostname, with the rule of RFC 1123 or RFC 1035 that it breaks.
    #[error("is not a hostname: {0}")]
    Syntax(HostnameSyntax),
    /// It is not as the pattern wants it.
    #[error("does not match the pattern")]
    Pattern,
}

/// Which rule for hostnames a value breaks; the first that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HostnameSyntax {
    /// More than 253 bytes.
    #[error("it has more than {MAX_NAME} bytes")]
    TooLong,
    /// A label with no bytes: an empty name, a dot at either end, two dots in a row.
    #[error("it has an empty label")]
    EmptyLabel,
    /// A label with more than 63 bytes.
    #[error("it has a label of more than {MAX_LABEL} bytes")]
    LongLabel,
    /// A character other than ASCII letter, digit and hyphen. Internationalised names are written in their ASCII
    /// form (RFC 5890 section 2.3.2.1).
    #[error("it has a character other than letter, digit and hyphen")]
    Character,
    /// A label that begins or ends with a hyphen.
    #[error("it has a label with a hyphen at its beginning or end")]
    Hyphen,
    /// An IPv4 address, which RFC 1123 section 2.1 tells from a name by its form.
    #[error("it is an IPv4 address")]
    Address,
}

impl HostnameRule {
    /// A rule for any hostname.
    #[must_use]
    pub fn new() -> Self {
        Self { pattern: None }
    }

    /// A rule for hostnames that match a pattern as a whole: a regular expression over ASCII, of at most 256
    /// bytes. Matching takes time in proportion to the name's length.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{HostnameRule, HostnameViolation};
    ///
    /// let rule = HostnameRule::matching("press-[0-9]{2}")?;
    /// assert_eq!(rule.check("press-07"), []);
    /// assert_eq!(rule.check("press-007"), [HostnameViolation::Pattern]);
    /// # Ok::<(), openfactory_zone2::constraint::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] if it is no regular expression, or takes too much room.
    pub fn matching(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self { pattern: Some(Pattern::new(pattern)?) })
    }

    /// Checks one value. Syntax and pattern are looked at independently.
    #[must_use]
    pub fn check(&self, value: &str) -> Vec<HostnameViolation> {
        let syntax = syntax(value).map(HostnameViolation::Syntax);
        syntax.into_iter().chain((!self.matches(value)).then_some(HostnameViolation::Pattern)).collect()
    }

    /// Whether a value is known to be good without a closer look.
    #[inline(never)]
    pub(super) fn is_kept(&self, value: &str) -> bool {
        is_hostname(value) && self.matches(value)
    }

    fn matches(&self, value: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        match &self.pattern {
            Some(pattern) => format!("hostname by RFC 1123 that matches {}", pattern.as_str()),
            None => "hostname by RFC 1123".to_owned(),
        }
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(Violation::Hostname(HostnameViolation::Pattern)) => {
                "give the device the name that its place in the fleet calls for"
            }
            Outcome::Violated(_) => "write a hostname of letters, digits and hyphens",
            Outcome::NotChecked(_) => "make the value readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}

impl Default for HostnameRule {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether [`syntax`] is known to find nothing, since nearly all names are good. What looks like an address, and what has room
/// for a long label, is left to a closer look.
fn is_hostname(value: &str) -> bool {
    value.len() <= MAX_LABEL && eight::is_good(value.as_bytes())
}

/// The first rule for hostnames that the value breaks.
fn syntax(value: &str) -> Option<HostnameSyntax> {
    if value.len() > MAX_NAME {
        return Some(HostnameSyntax::TooLong);
    }
    if value.ends_with(|last: char| last.is_ascii_digit()) && value.parse::<Ipv4Addr>().is_ok() {
        return Some(HostnameSyntax::Address);
    }
    value.split('.').find_map(|label| match label.as_bytes() {
        [] => Some(HostnameSyntax::EmptyLabel),
        bytes if !bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') => {
            Some(HostnameSyntax::Character)
        }
        bytes if bytes.len() > MAX_LABEL => Some(HostnameSyntax::LongLabel),
        [b'-', ..] | [.., b'-'] => Some(HostnameSyntax::Hyphen),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_row_by_row() {
        use HostnameSyntax::{Address, Character, EmptyLabel, Hyphen, LongLabel, TooLong};
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        let table = [
            ("press-7", None),
            ("press-7.line2.example", None),
            ("PRESS", None),
            ("7", None),
            ("3com", None),
            ("xn--prfung-9xa", None),
            ("a--b", None),
            (label.as_str(), None),
            (longest.as_str(), None),
            ("", Some(EmptyLabel)),
            ("press.", Some(EmptyLabel)),
            (".press", Some(EmptyLabel)),
            ("a..b", Some(EmptyLabel)),
            ("press_7", Some(Character)),
            ("press 7", Some(Character)),
            ("press\n", Some(Character)),
            ("pr\u{fc}fung", Some(Character)),
            ("-press", Some(Hyphen)),
            ("press-.example", Some(Hyphen)),
            ("10.20.3.7", Some(Address)),
            ("10.20.3.256", None),
        ];
        for (name, expected) in table {
            assert_eq!(syntax(name), expected, "{name:?}");
            let known = expected.is_none()
                && name.len() <= MAX_LABEL
                && name.contains(|c: char| c.is_ascii_alphabetic());
            assert_eq!(is_hostname(name), known, "{name:?}");
        }
        assert_eq!(syntax(&"a".repeat(64)), Some(LongLabel));
        assert_eq!(syntax(&format!("{longest}a")), Some(TooLong));
        let rule = HostnameRule::new();
        assert!(!rule.is_kept(&longest) && rule.check(&longest).is_empty() && rule.is_kept(&label));
    }

    #[test]
    fn syntax_and_pattern_are_told_apart() {
        let rule = HostnameRule::matching("press-[0-9]|mill_[0-9]").unwrap();
        let syntax = HostnameViolation::Syntax(HostnameSyntax::Character);
        assert_eq!(rule.check("press-7"), []);
        assert_eq!(rule.check("mill_7"), std::slice::from_ref(&syntax));
        assert_eq!(rule.check("mill-7"), [HostnameViolation::Pattern]);
        assert_eq!(rule.check("mill 7"), [syntax, HostnameViolation::Pattern]);
    }
}
