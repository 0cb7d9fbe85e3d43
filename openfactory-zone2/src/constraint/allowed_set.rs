//! The allowed-set constraint: a value must be one of a few words.
//!
//! Integration guide, "Zone 2 Constraint Violations", fifth row: "Department code not in allowed set", a P3 incident.

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use crate::finding::{Guidance, Outcome, Role};

/// The most words that one constraint may allow.
pub const MAX_ALLOWED: usize = 1024;

/// One of a few words, compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSetRule {
    allowed: Vec<String>,
    /// The same, in their order.
    sorted: Vec<String>,
}

/// How a value breaks an [`AllowedSetRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AllowedSetViolation {
    /// It is none of the words.
    #[error("is not in the allowed set")]
    NotInSet,
}

impl AllowedSetRule {
    /// A rule that allows these words; none if there are none, since such a rule could not be kept.
    #[must_use]
    pub fn new(allowed: Vec<String>) -> Option<Self> {
        if allowed.is_empty() {
            return None;
        }
        let mut sorted = allowed.clone();
        sorted.sort();
        Some(Self { allowed, sorted })
    }

    /// The words.
    #[must_use]
    pub fn allowed(&self) -> &[String] {
        &self.allowed
    }

    /// Checks one value: nothing is trimmed, upper and lower case differ.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{AllowedSetRule, AllowedSetViolation};
    ///
    /// let rule = AllowedSetRule::new(vec!["QA-01".into(), "PROD-02".into()]).ok_or("empty")?;
    /// assert_eq!(rule.check("QA-01"), None);
    /// assert_eq!(rule.check("qa-01"), Some(AllowedSetViolation::NotInSet));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn check(&self, value: &str) -> Option<AllowedSetViolation> {
        let allowed = self.sorted.binary_search_by(|word| word.as_str().cmp(value)).is_ok();
        (!allowed).then_some(AllowedSetViolation::NotInSet)
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        /// More words than these are counted, not listed.
        const LISTED: usize = 16;
        let listed: Vec<&str> = self.allowed.iter().take(LISTED).map(String::as_str).collect();
        let more = match self.allowed.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" or {more} more"),
        };
        format!("one of {}{more}", listed.join(", "))
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) => {
                "find out whom the device belongs to, and assign it anew or extend the set"
            }
            Outcome::NotChecked(_) => "make the value readable, then check again",
        };
        Guidance { advice, priority: Priority::P3, assignment: Role::DeviceOps }
    }
}
