//! What a constraint wants, whatever its type.

use std::time::SystemTime;

use super::{
    AllowedSetRule, CertificateRule, EqualRule, HostnameRule, PatternRule, PositionRule, PresenceRule,
    RangeRule, SubnetRule, not_looked,
};
use crate::finding::{Guidance, NotChecked, Outcome, Violation};
use crate::place::Place;
use crate::value::Observed;

/// What a constraint wants of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// One of a few words.
    AllowedSet(AllowedSetRule),
    /// A certificate in force.
    Certificate(CertificateRule),
    /// The same as at another place.
    Equal(EqualRule),
    /// A hostname, perhaps of a pattern.
    Hostname(HostnameRule),
    /// Of a pattern.
    Pattern(PatternRule),
    /// A position inside permitted regions.
    Position(PositionRule),
    /// There, or not there.
    Presence(PresenceRule),
    /// A number within bounds.
    Range(RangeRule),
    /// An address, or network, inside permitted subnets.
    Subnet(SubnetRule),
}

impl Rule {
    /// The words of all types, in the policy file.
    pub(crate) const TYPES: &[&str] = &[
        "allowed-set",
        "certificate",
        "equal",
        "hostname",
        "pattern",
        "position",
        "presence",
        "range",
        "subnet",
    ];

    /// The word for this type of rule in the policy file.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::AllowedSet(_) => "allowed-set",
            Self::Certificate(_) => "certificate",
            Self::Equal(_) => "equal",
            Self::Hostname(_) => "hostname",
            Self::Pattern(_) => "pattern",
            Self::Position(_) => "position",
            Self::Presence(_) => "presence",
            Self::Range(_) => "range",
            Self::Subnet(_) => "subnet",
        }
    }

    /// The other place that has to be looked at.
    pub(super) fn other(&self) -> Option<&Place> {
        match self {
            Self::Certificate(rule) => rule.private_key(),
            Self::Equal(rule) => Some(rule.to()),
            _ => None,
        }
    }

    /// Tells all that was found, and in which value, where a report may show it.
    pub(super) fn outcomes(
        &self,
        place: &Place,
        observed: &Observed,
        other: Option<&Observed>,
        now: SystemTime,
        tell: &mut dyn FnMut(Option<&str>, Outcome),
    ) {
        match (self, observed) {
            (Self::Presence(rule), _) => {
                let found = outcome(rule.check(observed).map(|found| found.map(Violation::Presence)));
                found.into_iter().for_each(|found| tell(None, found));
            }
            (Self::Equal(rule), _) => {
                let there = other.ok_or_else(not_looked);
                let found = there.and_then(|there| rule.check(place, observed, there));
                let shown = match observed {
                    Observed::Values(values) if values.len() == 1 => values.first().map(String::as_str),
                    _ => None,
                };
                let found = outcome(found.map(|found| found.map(Violation::Equal)));
                found.into_iter().for_each(|found| tell(shown, found));
            }
            (Self::Certificate(rule), _) => {
                // Certificates are never shown.
                for found in certificate(rule, observed, other, now) {
                    tell(None, found);
                }
            }
            (_, Observed::Values(values)) if !values.is_empty() => {
                for value in values {
                    self.of_value(value, &mut |outcome| tell(Some(value), outcome));
                }
            }
            _ => tell(None, Outcome::NotChecked(no_value(observed))),
        }
    }

    /// Whether there are values, and each of them, by itself, is as it must be. For nearly all values this is all that is done;
    /// what is wrong with the others, [`outcomes`](Self::outcomes) tells.
    #[inline]
    pub(super) fn is_kept(&self, observed: &Observed) -> bool {
        match (self, observed) {
            (Self::Presence(rule), _) => matches!(rule.check(observed), Ok(None)),
            (_, Observed::Values(values)) => match values.as_slice() {
                [value] => self.keeps(value),
                values => self.keeps_all(values),
            },
            _ => false,
        }
    }

    #[inline(never)]
    fn keeps_all(&self, values: &[String]) -> bool {
        !values.is_empty() && values.iter().all(|value| self.keeps(value))
    }

    /// The same for one value. What needs more than a value is never known to be kept. Each arm is a call and nothing more, so
    /// that no rule pays for the room that another needs.
    #[inline]
    fn keeps(&self, value: &str) -> bool {
        match self {
            Self::AllowedSet(rule) => rule.is_kept(value),
            Self::Hostname(rule) => rule.is_kept(value),
            Self::Pattern(rule) => rule.is_kept(value),
            Self::Range(rule) => rule.check(value).is_none(),
            Self::Subnet(rule) => rule.is_kept(value),
            Self::Certificate(_) | Self::Equal(_) | Self::Position(_) | Self::Presence(_) => false,
        }
    }

    /// Tells what is wrong with one value.
    fn of_value(&self, value: &str, tell: &mut dyn FnMut(Outcome)) {
        let found = match self {
            Self::AllowedSet(rule) => rule.check(value).map(Violation::AllowedSet),
            Self::Hostname(rule) => {
                for found in rule.check(value) {
                    tell(Outcome::Violated(Violation::Hostname(found)));
                }
                return;
            }
            Self::Pattern(rule) => rule.check(value).map(Violation::Pattern),
            Self::Position(rule) => match value.parse() {
                Ok(at) => rule.check(&at).map(Violation::Position),
                Err(error) => {
                    let reason = format!("there is no position: {error}");
                    return tell(Outcome::NotChecked(NotChecked::Unreadable(reason)));
                }
            },
            Self::Range(rule) => rule.check(value).map(Violation::Range),
            Self::Subnet(rule) => rule.check(value).map(Violation::Subnet),
            Self::Certificate(_) | Self::Equal(_) | Self::Presence(_) => None,
        };
        if let Some(found) = found {
            tell(Outcome::Violated(found));
        }
    }

    /// The rule in words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::AllowedSet(rule) => rule.text(),
            Self::Certificate(rule) => rule.text(),
            Self::Equal(rule) => rule.text(),
            Self::Hostname(rule) => rule.text(),
            Self::Pattern(rule) => rule.text(),
            Self::Position(rule) => rule.text(),
            Self::Presence(rule) => rule.text(),
            Self::Range(rule) => rule.text(),
            Self::Subnet(rule) => rule.text(),
        }
    }

    pub(super) fn guidance(&self, place: &Place, outcome: &Outcome) -> Guidance {
        match self {
            Self::AllowedSet(rule) => rule.guidance(outcome),
            Self::Certificate(rule) => rule.guidance(outcome),
            Self::Equal(rule) => rule.guidance(place, outcome),
            Self::Hostname(rule) => rule.guidance(outcome),
            Self::Pattern(rule) => rule.guidance(outcome),
            Self::Position(rule) => rule.guidance(outcome),
            Self::Presence(rule) => rule.guidance(outcome),
            Self::Range(rule) => rule.guidance(outcome),
            Self::Subnet(rule) => rule.guidance(outcome),
        }
    }
}

fn certificate(
    rule: &CertificateRule,
    observed: &Observed,
    other: Option<&Observed>,
    now: SystemTime,
) -> Vec<Outcome> {
    let texts: Vec<&[u8]> = match observed {
        Observed::Content(bytes) => vec![bytes],
        Observed::Values(values) if !values.is_empty() => values.iter().map(String::as_bytes).collect(),
        observed => return vec![Outcome::NotChecked(no_value(observed))],
    };
    let mut found: Vec<Outcome> = Vec::new();
    for text in texts {
        found.extend(rule.check(text, now).into_iter().map(Violation::Certificate).map(Outcome::Violated));
        if rule.private_key().is_some() {
            let key = other.ok_or_else(not_looked).and_then(|key| rule.check_key(text, key));
            found.extend(outcome(key.map(|found| found.map(Violation::Certificate))));
        }
    }
    found
}

fn outcome(found: Result<Option<Violation>, NotChecked>) -> Option<Outcome> {
    match found {
        Ok(violation) => violation.map(Outcome::Violated),
        Err(reason) => Some(Outcome::NotChecked(reason)),
    }
}

/// Why there is no value to be checked.
fn no_value(observed: &Observed) -> NotChecked {
    match observed {
        Observed::Unreadable(reason) => NotChecked::Unreadable(reason.clone()),
        Observed::Content(_) => NotChecked::Unreadable("a whole file where a value belongs".to_owned()),
        Observed::Absent | Observed::Values(_) => NotChecked::Absent,
    }
}
