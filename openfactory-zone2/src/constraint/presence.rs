//! The presence constraint: a value must be there, or must not.
//!
//! No row of the guide's: it is told under "Value outside its allowed set", P3, since it says which values are allowed.

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use crate::finding::{Guidance, NotChecked, Outcome, Role};
use crate::value::Observed;

/// Whether there has to be a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceRule {
    present: bool,
}

/// How what stands at a place breaks a [`PresenceRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PresenceViolation {
    /// There is none.
    #[error("is not there")]
    Missing,
    /// There is one.
    #[error("is there")]
    Unwanted,
}

impl PresenceRule {
    /// A rule for values that have to be there, or for such that must not.
    #[must_use]
    pub const fn new(present: bool) -> Self {
        Self { present }
    }

    /// Checks what was found.
    ///
    /// # Errors
    /// [`NotChecked`] where nobody could look.
    pub fn check(&self, observed: &Observed) -> Result<Option<PresenceViolation>, NotChecked> {
        let there = match observed {
            Observed::Unreadable(reason) => return Err(NotChecked::Unreadable(reason.clone())),
            Observed::Absent => false,
            Observed::Content(_) => true,
            Observed::Values(values) => !values.is_empty(),
        };
        Ok(match (self.present, there) {
            (true, false) => Some(PresenceViolation::Missing),
            (false, true) => Some(PresenceViolation::Unwanted),
            (true, true) | (false, false) => None,
        })
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        let rule = if self.present { "a value has to be there" } else { "no value may be there" };
        rule.to_owned()
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) if self.present => "write the value that belongs there",
            Outcome::Violated(_) => "take the value out",
            Outcome::NotChecked(_) => "make the place readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}
