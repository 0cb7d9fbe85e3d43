//! The position constraint: a device must be where it was installed.
//!
//! Integration guide, "Zone 2 Constraint Violations", third row: "GPS coordinates outside installation zone", a P1 incident.

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::region::{Position, Region};
use crate::finding::{Guidance, Outcome, Role};

/// The most regions that one constraint may permit.
pub const MAX_REGIONS: usize = 64;

/// A position inside at least one of these regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionRule {
    regions: Vec<Region>,
}

/// How a value breaks a [`PositionRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PositionViolation {
    /// It is in none of the regions.
    #[error("is outside every permitted region")]
    Outside,
}

impl PositionRule {
    /// A rule that permits these regions; none if there are none, since such a rule could not be kept.
    #[must_use]
    pub fn new(regions: Vec<Region>) -> Option<Self> {
        if regions.is_empty() { None } else { Some(Self { regions }) }
    }

    /// The regions.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Checks one position. A text that is none is not a bad position, but no position at all: a receiver without a fix
    /// says nothing of where it is.
    ///
    /// ```
    /// use openfactory_zone2::constraint::{PositionRule, PositionViolation, Region};
    ///
    /// let hall = Region::circle("48.1371,11.5754".parse()?, 500);
    /// let rule = PositionRule::new(vec![hall]).ok_or("empty")?;
    /// assert_eq!(rule.check(&"48.1390,11.5760".parse()?), None);
    /// assert_eq!(rule.check(&"48.2000,11.5760".parse()?), Some(PositionViolation::Outside));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn check(&self, position: &Position) -> Option<PositionViolation> {
        let inside = self.regions.iter().any(|region| region.contains(position));
        (!inside).then_some(PositionViolation::Outside)
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        /// More regions than these are counted, not listed.
        const LISTED: usize = 4;
        let listed: Vec<_> = self.regions.iter().take(LISTED).map(ToString::to_string).collect();
        let more = match self.regions.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" or {more} more"),
        };
        format!("{}{more}", listed.join(" or "))
    }

    pub(crate) fn guidance(&self, outcome: &Outcome) -> Guidance {
        let advice = match outcome {
            Outcome::Violated(_) => "find the device; it may have been moved without authorization",
            Outcome::NotChecked(_) => "give the receiver a view of the sky, then check again",
        };
        Guidance { advice, priority: Priority::P1, assignment: Role::Security }
    }
}
