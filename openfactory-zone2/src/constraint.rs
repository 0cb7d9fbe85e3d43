//! Rules for values, and the pure check of each: a value in, all findings out.
//!
//! A constraint has a name, a [`Place`] and a [`Rule`], and perhaps a [`Condition`]; each type of rule has a file of its own.

mod address;
mod allowed_set;
mod certificate;
mod chain;
mod condition;
mod equal;
mod hostname;
mod matching;
mod pattern;
mod position;
mod presence;
mod private_key;
mod range;
mod region;
mod rule;
mod sexagesimal;
mod subnet;

use std::sync::Arc;
use std::time::SystemTime;

pub use allowed_set::{AllowedSetRule, AllowedSetViolation, MAX_ALLOWED};
pub use certificate::{
    CertificateRule, CertificateViolation, ExtendedKeyUsage, KeyRequirement, KeyType, KeyUsage, MAX_ISSUERS,
};
pub use chain::{BrokenChain, CaSet, CaSetError, MAX_ANCHORS};
pub use condition::Condition;
pub use equal::{EqualRule, EqualViolation};
pub use hostname::{HostnameRule, HostnameSyntax, HostnameViolation};
pub use matching::{PatternRule, PatternViolation};
pub use pattern::PatternError;
pub(crate) use pattern::explain as explain_pattern;
pub use position::{MAX_REGIONS, PositionRule, PositionViolation};
pub use presence::{PresenceRule, PresenceViolation};
pub use range::{Decimal, DecimalError, RangeRule, RangeViolation};
pub use region::{MAX_CORNERS, Position, PositionError, Region, RegionError};
pub use rule::Rule;
pub use subnet::{MAX_SUBNETS, Subnet, SubnetError, SubnetRule, SubnetViolation};

use crate::finding::{About, Finding, NotChecked, Outcome};
use crate::place::Place;
use crate::value::Observed;

/// A rule for the values at one place: a member of `constraints` in `zone2-constraints.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    about: Arc<About>,
    rule: Rule,
    condition: Option<Condition>,
}

impl Constraint {
    pub(crate) fn new(id: String, place: Place, rule: Rule, condition: Option<Condition>) -> Self {
        let about = About { id, place, rule: rule.text() };
        Self { about: about.into(), rule, condition }
    }

    /// The constraint's name, unique in its file.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.about.id
    }

    /// Where the value stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.about.place
    }

    /// What is wanted of it.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// When it is wanted; always if there is none.
    #[must_use]
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// Looks at the constraint's place, and at the other places that its rule and its condition name, and checks what is
    /// there as of an instant that the caller names. Returns every finding; none means that all is as it must be, or
    /// that the condition doesn't hold.
    pub fn look(&self, now: SystemTime, mut observe: impl FnMut(&Place) -> Observed) -> Vec<Finding> {
        if let Some(condition) = &self.condition {
            match condition.holds(&observe(condition.place())) {
                Ok(true) => {}
                Ok(false) => return Vec::new(),
                Err(reason) => return vec![self.finding(None, Outcome::NotChecked(reason))],
            }
        }
        let observed = observe(self.place());
        let other = self.rule.other().map(&mut observe);
        self.findings(&observed, other.as_ref(), now)
    }

    /// Checks what was found at the place, as of an instant that the caller names. Returns every finding, in the order of the values; none means that
    /// there was a value and all values are as they must be. The condition is not asked, and what a rule wants of
    /// another place is not checked: see [`look`](Self::look).
    #[must_use]
    pub fn check(&self, observed: &Observed, now: SystemTime) -> Vec<Finding> {
        self.findings(observed, None, now)
    }

    #[inline]
    fn findings(&self, observed: &Observed, other: Option<&Observed>, now: SystemTime) -> Vec<Finding> {
        if self.rule.is_kept(observed) { Vec::new() } else { self.found(observed, other, now) }
    }

    #[cold]
    fn found(&self, observed: &Observed, other: Option<&Observed>, now: SystemTime) -> Vec<Finding> {
        // One, nearly always.
        let mut findings = Vec::with_capacity(1);
        self.rule.outcomes(self.place(), observed, other, now, &mut |value, outcome| {
            findings.push(self.finding(value, outcome));
        });
        findings
    }

    fn finding(&self, value: Option<&str>, outcome: Outcome) -> Finding {
        let guidance = self.rule.guidance(self.place(), &outcome);
        Finding::new(&self.about, value, outcome, &guidance)
    }
}

/// That another place was not looked at.
fn not_looked() -> NotChecked {
    NotChecked::Unreadable("the other place was not looked at".to_owned())
}
