//! Holds: what keeps a device where it is until somebody releases it, on the record.

use std::time::SystemTime;

use openfactory_attest::canonical::{self, CanonicalError, Limits};
use serde::{Deserialize, Serialize};

use crate::violation::{Automation, Row};

/// The most holds that are kept; released ones go first.
pub const MAX_HOLDS: usize = 64;

/// The largest list that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Why a device is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HoldKind {
    /// It stays on its old base.
    OldBase,
    /// It waits until it is provisioned anew.
    Reprovision,
}

/// One hold, and its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hold {
    /// Why.
    pub kind: HoldKind,
    /// By which row of the guide's.
    pub row: Row,
    /// Since when.
    #[serde(with = "crate::instant::exact")]
    pub since: SystemTime,
    /// Who released it, and when; none as long as it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Release>,
}

/// The act by which a hold ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Release {
    /// By whom.
    pub operator: String,
    /// Why, in their words.
    pub justification: String,
    /// When.
    #[serde(with = "crate::instant::exact")]
    pub at: SystemTime,
}

/// All holds of a device. One value, stored as a whole.
///
/// ```
/// use std::time::SystemTime;
/// use openfactory_zone2::Row;
/// use openfactory_zone2::migrate::hold::{HoldKind, Holds};
///
/// let now = SystemTime::UNIX_EPOCH;
/// let mut holds = Holds::default();
/// holds.add(Row::SchemaTransform, now);
/// assert!(holds.held(HoldKind::OldBase));
/// assert!(holds.release(HoldKind::OldBase, "", "", now).is_err());
/// holds.release(HoldKind::OldBase, "ann@example.com", "the new build mends it", now)?;
/// assert!(!Holds::parse(&holds.to_json()?)?.held(HoldKind::OldBase));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holds {
    holds: Vec<Hold>,
}

/// Why a hold was not released, or a list not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// There is no such hold.
    #[error("the device is not held so")]
    NotHeld,
    /// Nobody releases it, or for no reason.
    #[error("a release needs an operator and a justification")]
    Nobody,
    /// It is no list of holds.
    #[error("the holds can't be read: {reason}")]
    Malformed {
        /// Why not.
        reason: String,
    },
}

impl Holds {
    /// Holds a device as a row asks for it; nothing if the row asks for none, or the device is held so already.
    pub fn add(&mut self, row: Row, now: SystemTime) {
        for automation in row.automation() {
            let kind = match automation {
                Automation::HoldOldBase => HoldKind::OldBase,
                Automation::Reprovision => HoldKind::Reprovision,
                _ => continue,
            };
            if self.held(kind) {
                continue;
            }
            if self.holds.len() >= MAX_HOLDS
                && let Some(oldest) = self.holds.iter().position(|hold| hold.released.is_some())
            {
                self.holds.remove(oldest);
            }
            self.holds.push(Hold { kind, row, since: now, released: None });
        }
    }

    /// Whether the device is held so now.
    #[must_use]
    pub fn held(&self, kind: HoldKind) -> bool {
        self.holds.iter().any(|hold| hold.kind == kind && hold.released.is_none())
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn all(&self) -> &[Hold] {
        &self.holds
    }

    /// Ends a hold, by somebody and for a reason.
    ///
    /// # Errors
    /// [`HoldError`].
    pub fn release(
        &mut self,
        kind: HoldKind,
        operator: &str,
        justification: &str,
        at: SystemTime,
    ) -> Result<(), HoldError> {
        if operator.trim().is_empty() || justification.trim().is_empty() {
            return Err(HoldError::Nobody);
        }
        let held = self.holds.iter_mut().find(|hold| hold.kind == kind && hold.released.is_none());
        let hold = held.ok_or(HoldError::NotHeld)?;
        let (operator, justification) = (operator.to_owned(), justification.to_owned());
        hold.released = Some(Release { operator, justification, at });
        Ok(())
    }

    /// The list as it is stored.
    ///
    /// # Errors
    /// [`CanonicalError`] where an instant is beyond RFC 3339.
    pub fn to_json(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_vec_signed(self)
    }

    /// Reads a stored list.
    ///
    /// # Errors
    /// [`HoldError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, HoldError> {
        let malformed = |reason: String| HoldError::Malformed { reason };
        let limits = Limits { max_bytes: MAX_BYTES, ..Limits::FOREIGN };
        let value = canonical::parse(bytes, &limits).map_err(|error| malformed(error.to_string()))?;
        serde_json::from_value(value).map_err(|error| malformed(error.to_string()))
    }
}
