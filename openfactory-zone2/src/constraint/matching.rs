//! The pattern constraint: a value must match a regular expression as a whole.
//!
//! No row of the guide's: it is told under "Value outside its allowed set", P3, since it says which values are allowed.

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::pattern::{Pattern, PatternError};
use crate::finding::{Guidance, Outcome, Role};

/// A value as a regular expression wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternRule {
    pattern: Pattern,
}

/// How a value breaks a [`PatternRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PatternViolation {
    /// The pattern does not match all of it.
    #[error("does not match the pattern")]
    NoMatch,
}

impl PatternRule {
    /// A rule for values that match as a whole: a regular expression over ASCII, of at most 256 bytes.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{PatternRule, PatternViolation};
    ///
    /// let serial = PatternRule::new("[A-Z]{2}[0-9]{6}")?;
    /// assert_eq!(serial.check("PX004711"), None);
    /// assert_eq!(serial.check("PX004711 "), Some(PatternViolation::NoMatch));
    /// # Ok::<(), openfactory_zone2::constraint::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] if it is no regular expression, or takes too much room.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self { pattern: Pattern::new(pattern)? })
    }

    /// Checks one value.
    #[must_use]
    pub fn check(&self, value: &str) -> Option<PatternViolation> {
        (!self.is_kept(value)).then_some(PatternViolation::NoMatch)
    }

    /// Whether a value matches.
    pub(super) fn is_kept(&self, value: &str) -> bool {
        self.pattern.matches(value)
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        format!("matches {}", self.pattern.as_str())
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) => "correct the value, or have a new policy signed if it is right",
            Outcome::NotChecked(_) => "make the value readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}
