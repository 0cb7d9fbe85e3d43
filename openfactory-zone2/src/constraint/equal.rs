//! The equal constraint: two places say the same. Across files, and between what a file says and what the device is.
//!
//! Its row of the guide's "Zone 2 Constraint Violations" is that of what is compared: an interface's addresses,
//! a receiver's position, else "Value outside its allowed set".

use std::collections::BTreeSet;

use openfactory_attest::drift::Priority;
use serde::Serialize;
use thiserror::Error;

use super::address::Address;
use super::region::{Position, Region};
use crate::finding::{Guidance, NotChecked, Outcome, Role};
use crate::place::{Place, Source};
use crate::value::Observed;

/// The same values as at another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualRule {
    to: Place,
    metres: Option<u32>,
}

/// How two places differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EqualViolation {
    /// The values are others.
    #[error("is not what the other place says")]
    Differs,
    /// An interface has other addresses.
    #[error("is not what the interface has")]
    Address,
    /// A receiver is elsewhere.
    #[error("is not where the receiver is")]
    Position,
}

impl EqualRule {
    /// A rule for values that stand at that place too, all of them and no others, in any order. Addresses are compared
    /// as such, however they are written.
    #[must_use]
    pub const fn new(to: Place) -> Self {
        Self { to, metres: None }
    }

    /// The same rule for positions that are so near to each other.
    #[must_use]
    pub fn within(self, metres: u32) -> Self {
        Self { metres: Some(metres), ..self }
    }

    /// The other place.
    #[must_use]
    pub const fn to(&self) -> &Place {
        &self.to
    }

    /// Compares what was found at both places; `place` is the constraint's own.
    ///
    /// # Errors
    /// [`NotChecked`] where one of the two can't be looked at, or has no value.
    pub fn check(
        &self,
        place: &Place,
        here: &Observed,
        there: &Observed,
    ) -> Result<Option<EqualViolation>, NotChecked> {
        let there = values(there).map_err(|reason| match reason {
            NotChecked::Absent => NotChecked::Unreadable(format!("there is no value at {}", self.to)),
            NotChecked::Unreadable(reason) => NotChecked::Unreadable(format!("{}: {reason}", self.to)),
        })?;
        let here = values(here)?;
        let same = match self.metres {
            Some(metres) => near(&here, &there, metres)?,
            None => canonical(&here) == canonical(&there),
        };
        let live = |wanted: fn(&Source) -> bool| wanted(place.source()) || wanted(self.to.source());
        Ok((!same).then(|| {
            if live(|source| matches!(source, Source::Interface { .. })) {
                EqualViolation::Address
            } else if live(|source| matches!(source, Source::Receiver { .. })) {
                EqualViolation::Position
            } else {
                EqualViolation::Differs
            }
        }))
    }

    /// The rule in words.
    pub(crate) fn text(&self) -> String {
        match self.metres {
            Some(metres) => format!("within {metres} m of what {} says", self.to),
            None => format!("the same as {}", self.to),
        }
    }

    pub(crate) fn guidance(&self, place: &Place, outcome: &Outcome) -> Guidance {
        let live = |wanted: fn(&Source) -> bool| wanted(place.source()) || wanted(self.to.source());
        let (priority, assignment) = if live(|source| matches!(source, Source::Interface { .. })) {
            (Priority::P2, Role::NetworkOps)
        } else if live(|source| matches!(source, Source::Receiver { .. })) {
            (Priority::P1, Role::Security)
        } else {
            (Priority::P3, Role::DeviceOps)
        };
        let advice = match outcome {
            Outcome::Violated(_) => "find out which of the two is right, and correct the other",
            Outcome::NotChecked(_) => "make both values readable, then check again",
        };
        Guidance { advice, priority, assignment }
    }
}

fn values(observed: &Observed) -> Result<Vec<String>, NotChecked> {
    match observed {
        Observed::Unreadable(reason) => Err(NotChecked::Unreadable(reason.clone())),
        Observed::Values(values) if !values.is_empty() => Ok(values.clone()),
        // A whole file is one value, if it is text.
        Observed::Content(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(vec![text.to_owned()]),
            Err(_) => Err(NotChecked::Unreadable("not UTF-8".to_owned())),
        },
        Observed::Absent | Observed::Values(_) => Err(NotChecked::Absent),
    }
}

/// Addresses in the one way in which they are compared.
fn canonical(values: &[String]) -> BTreeSet<String> {
    let one = |value: &String| match Address::parse(value) {
        Some(Address { ip, prefix: Some(prefix) }) => format!("{ip}/{prefix}"),
        Some(Address { ip, prefix: None }) => ip.to_string(),
        None => value.clone(),
    };
    values.iter().map(one).collect()
}

fn near(here: &[String], there: &[String], metres: u32) -> Result<bool, NotChecked> {
    let position = |text: &String| {
        let none = |error| NotChecked::Unreadable(format!("there is no position: {error}"));
        text.parse::<Position>().map_err(none)
    };
    let there: Vec<Position> = there.iter().map(position).collect::<Result<_, _>>()?;
    let here: Vec<Position> = here.iter().map(position).collect::<Result<_, _>>()?;
    Ok(here.iter().all(|a| there.iter().all(|b| Region::circle(*b, metres).contains(a))))
}
