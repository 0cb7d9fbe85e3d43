//! What a check found: the place, the value, the rule it breaks, and what to do.

use std::fmt;
use std::sync::Arc;

use openfactory_attest::drift::Priority;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::constraint::{
    AllowedSetViolation, CertificateViolation, EqualViolation, HostnameViolation, PatternViolation,
    PositionViolation, PresenceViolation, RangeViolation, SubnetViolation,
};
use crate::place::Place;
use crate::violation::Row;

/// One thing that is not as a constraint wants it, or that couldn't be checked.
///
/// [`outcome`](Self::outcome) tells the two apart. Serialises with all that an incident's text needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    about: Arc<About>,
    value: Option<String>,
    outcome: Outcome,
    advice: &'static str,
    priority: Priority,
    assignment: Role,
}

/// What all findings of one constraint have in common.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The constraint's name.
    pub(crate) id: String,
    pub(crate) place: Place,
    /// The rule in words.
    pub(crate) rule: String,
}

/// Whether a constraint was checked and is broken, or couldn't be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Nobody knows: the value could not be looked at.
    NotChecked(NotChecked),
    /// Checked, and the value breaks the rule.
    Violated(Violation),
}

/// Why a constraint could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotChecked {
    /// There is no value at the place.
    Absent,
    /// The value could not be read, with the reason.
    Unreadable(String),
}

/// How a value breaks a rule, by the type of constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Violation {
    /// Of an allowed-set constraint.
    AllowedSet(AllowedSetViolation),
    /// Of a certificate constraint.
    Certificate(CertificateViolation),
    /// Of an equal constraint.
    Equal(EqualViolation),
    /// Of a hostname constraint.
    Hostname(HostnameViolation),
    /// Of a pattern constraint.
    Pattern(PatternViolation),
    /// Of a position constraint.
    Position(PositionViolation),
    /// Of a presence constraint.
    Presence(PresenceViolation),
    /// Of a range constraint.
    Range(RangeViolation),
    /// Of a subnet constraint.
    Subnet(SubnetViolation),
}

/// Who has to deal with a finding. Which assignment group that is, a ServiceNow mapping says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Whoever runs the devices and knows what each is for.
    DeviceOps,
    /// Network operations.
    NetworkOps,
    /// Whoever answers for devices' identities.
    Security,
}

/// What a type of constraint says of all its findings.
pub(crate) struct Guidance {
    pub(crate) advice: &'static str,
    pub(crate) priority: Priority,
    pub(crate) assignment: Role,
}

impl Finding {
    pub(crate) fn new(
        about: &Arc<About>,
        value: Option<&str>,
        outcome: Outcome,
        guidance: &Guidance,
    ) -> Self {
        let &Guidance { advice, priority, assignment } = guidance;
        let value = value.map(|value| if about.place.is_secret() { masked(value) } else { shorten(value) });
        Self { about: Arc::clone(about), value, outcome, advice, priority, assignment }
    }

    /// The name of the constraint.
    #[must_use]
    pub fn constraint(&self) -> &str {
        &self.about.id
    }

    /// Where on the device.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.about.place
    }

    /// The value found, cut at 256 bytes; only its length where the policy says that it is secret; none where there
    /// was none to be had, and for certificates.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Whether the rule is broken or couldn't be checked, and how.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What the constraint wants, in words.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.about.rule
    }

    /// What a person can do about it, in words.
    #[must_use]
    pub fn advice(&self) -> &str {
        self.advice
    }

    /// How urgent it is (integration guide, "Zone 2 Constraint Violations").
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Who has to deal with it.
    #[must_use]
    pub fn assignment(&self) -> Role {
        self.assignment
    }
}

/// What it has in common with others is written as if it were its own.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Finding", 8)?;
        members.serialize_field("constraint", self.constraint())?;
        members.serialize_field("place", self.place())?;
        members.serialize_field("value", &self.value)?;
        members.serialize_field("outcome", &self.outcome)?;
        members.serialize_field("rule", self.rule())?;
        members.serialize_field("advice", self.advice)?;
        members.serialize_field("priority", &self.priority)?;
        members.serialize_field("assignment", &self.assignment)?;
        members.end()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.priority, self.place())?;
        match (&self.outcome, &self.value) {
            (Outcome::Violated(violation), Some(value)) => write!(f, "{value:?} {violation}"),
            (Outcome::Violated(violation), None) => write!(f, "{violation}"),
            (Outcome::NotChecked(reason), _) => write!(f, "not checked: {reason}"),
        }?;
        write!(f, "; rule: {}; {}", self.rule(), self.advice)
    }
}

impl Violation {
    /// The row of the guide's "Zone 2 Constraint Violations".
    #[must_use]
    pub fn row(&self) -> Row {
        match self {
            Self::AllowedSet(_)
            | Self::Pattern(_)
            | Self::Presence(_)
            | Self::Range(_)
            | Self::Equal(EqualViolation::Differs) => Row::AllowedSet,
            Self::Equal(EqualViolation::Address) => Row::NetworkAddress,
            Self::Equal(EqualViolation::Position) => Row::Position,
            Self::Certificate(
                CertificateViolation::KeyUsage { .. } | CertificateViolation::ExtendedKeyUsage { .. },
            ) => Row::KeyUsage,
            Self::Certificate(_) => Row::Certificate,
            Self::Hostname(_) => Row::Hostname,
            Self::Position(_) => Row::Position,
            Self::Subnet(_) => Row::NetworkAddress,
        }
    }
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no value"),
            Self::Unreadable(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllowedSet(violation) => violation.fmt(f),
            Self::Certificate(violation) => violation.fmt(f),
            Self::Equal(violation) => violation.fmt(f),
            Self::Hostname(violation) => violation.fmt(f),
            Self::Pattern(violation) => violation.fmt(f),
            Self::Position(violation) => violation.fmt(f),
            Self::Presence(violation) => violation.fmt(f),
            Self::Range(violation) => violation.fmt(f),
            Self::Subnet(violation) => violation.fmt(f),
        }
    }
}

/// What is said of a value that is secret.
fn masked(value: &str) -> String {
    format!("({} bytes, not shown)", value.len())
}

/// A value short enough for a report.
fn shorten(value: &str) -> String {
    const MOST: usize = 256;
    if value.len() <= MOST {
        return value.to_owned();
    }
    format!("{}…", &value[..value.floor_char_boundary(MOST)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shorten("10.0.0.1"), "10.0.0.1");
        let cut = shorten(&"é".repeat(200));
        assert_eq!(cut, format!("{}…", "é".repeat(128)));
    }
}
