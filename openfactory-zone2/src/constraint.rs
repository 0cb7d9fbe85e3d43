//! Rules for values, and the pure check of each: a value in, all findings out.
//!
//! A constraint has a name, a [`Place`] and a [`Rule`]; each type of rule has a file of its own.

mod address;
mod allowed_set;
mod certificate;
mod hostname;
mod pattern;
mod position;
mod region;
mod subnet;
mod x509;

use std::time::SystemTime;

pub use allowed_set::{AllowedSetRule, AllowedSetViolation, MAX_ALLOWED};
pub use certificate::{CertificateRule, CertificateViolation, KeyUsage, MAX_ISSUERS};
pub use hostname::{HostnameRule, HostnameSyntax, HostnameViolation};
pub use pattern::PatternError;
pub use position::{MAX_REGIONS, PositionRule, PositionViolation};
pub use region::{MAX_CORNERS, Position, PositionError, Region, RegionError};
pub use subnet::{MAX_SUBNETS, Subnet, SubnetError, SubnetRule, SubnetViolation};

use crate::finding::{Finding, Guidance, NotChecked, Outcome, Violation};
use crate::place::Place;
use crate::value::Observed;

/// A rule for the values at one place: a member of `constraints` in `zone2-constraints.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    id: String,
    place: Place,
    rule: Rule,
}

/// What a constraint wants of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// One of a few words.
    AllowedSet(AllowedSetRule),
    /// A certificate in force.
    Certificate(CertificateRule),
    /// A hostname, perhaps of a pattern.
    Hostname(HostnameRule),
    /// A position inside permitted regions.
    Position(PositionRule),
    /// An address, or network, inside permitted subnets.
    Subnet(SubnetRule),
}

impl Constraint {
    pub(crate) fn new(id: String, place: Place, rule: Rule) -> Self {
        Self { id, place, rule }
    }

    /// The constraint's name, unique in its file.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the value stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is wanted of it.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Checks what was found at the place, as of an instant that the caller names. Returns every finding, in the order of the values; none means that
    /// there was a value and all values are as they must be.
    #[must_use]
    pub fn check(&self, observed: &Observed, now: SystemTime) -> Vec<Finding> {
        match observed {
            Observed::Unreadable(reason) => {
                vec![self.finding(None, Outcome::NotChecked(NotChecked::Unreadable(reason.clone())))]
            }
            Observed::Values(values) if !values.is_empty() => {
                let shown = |value| (!matches!(self.rule, Rule::Certificate(_))).then_some(value);
                let outcomes = values.iter().flat_map(|value| {
                    self.rule.outcomes(value, now).into_iter().map(move |outcome| (value, outcome))
                });
                outcomes.map(|(value, outcome)| self.finding(shown(value), outcome)).collect()
            }
            Observed::Content(bytes) => match &self.rule {
                Rule::Certificate(rule) => {
                    let violations = rule.check(bytes, now).into_iter().map(Violation::Certificate);
                    violations.map(|found| self.finding(None, Outcome::Violated(found))).collect()
                }
                Rule::AllowedSet(_) | Rule::Hostname(_) | Rule::Position(_) | Rule::Subnet(_) => {
                    let reason = "a whole file where a value belongs".to_owned();
                    vec![self.finding(None, Outcome::NotChecked(NotChecked::Unreadable(reason)))]
                }
            },
            Observed::Absent | Observed::Values(_) => {
                vec![self.finding(None, Outcome::NotChecked(NotChecked::Absent))]
            }
        }
    }

    fn finding(&self, value: Option<&String>, outcome: Outcome) -> Finding {
        let guidance = self.rule.guidance(&outcome);
        Finding::new(&self.id, &self.place, value.map(String::as_str), outcome, guidance)
    }
}

impl Rule {
    /// The word for this type of rule in the policy file.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::AllowedSet(_) => "allowed-set",
            Self::Certificate(_) => "certificate",
            Self::Hostname(_) => "hostname",
            Self::Position(_) => "position",
            Self::Subnet(_) => "subnet",
        }
    }

    fn outcomes(&self, value: &str, now: SystemTime) -> Vec<Outcome> {
        let violated = |violation| Outcome::Violated(violation);
        match self {
            Self::AllowedSet(rule) => {
                rule.check(value).map(Violation::AllowedSet).map(violated).into_iter().collect()
            }
            Self::Certificate(rule) => {
                let found = rule.check(value.as_bytes(), now).into_iter();
                found.map(Violation::Certificate).map(violated).collect()
            }
            Self::Hostname(rule) => {
                rule.check(value).into_iter().map(Violation::Hostname).map(violated).collect()
            }
            Self::Position(rule) => match value.parse() {
                Ok(at) => rule.check(&at).map(Violation::Position).map(violated).into_iter().collect(),
                Err(error) => {
                    let reason = format!("there is no position: {error}");
                    vec![Outcome::NotChecked(NotChecked::Unreadable(reason))]
                }
            },
            Self::Subnet(rule) => {
                rule.check(value).map(Violation::Subnet).map(violated).into_iter().collect()
            }
        }
    }

    fn guidance(&self, outcome: &Outcome) -> Guidance {
        match self {
            Self::AllowedSet(rule) => rule.guidance(outcome),
            Self::Certificate(rule) => rule.guidance(outcome),
            Self::Hostname(rule) => rule.guidance(outcome),
            Self::Position(rule) => rule.guidance(outcome),
            Self::Subnet(rule) => rule.guidance(outcome),
        }
    }
}
