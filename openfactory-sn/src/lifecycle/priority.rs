//! The guide's four priorities (Stage 6, "Incident Priority Matrix"), on a 24 × 7 calendar.
//!
//! ```
//! use std::time::Duration;
//!
//! use openfactory_sn::lifecycle::timestamp;
//! use openfactory_sn::lifecycle::priority::{Automation, Priority};
//!
//! let found = timestamp::parse("2026-11-25T08:00:00Z")?;
//! let stopped_service = Priority::P2;
//! assert_eq!(stopped_service.label(), "P2 — High");
//! assert_eq!(stopped_service.respond_within(), Duration::from_secs(30 * 60));
//! assert_eq!(stopped_service.resolve_within(), Duration::from_secs(8 * 60 * 60));
//! assert_eq!(timestamp::format(stopped_service.due(found)), "2026-11-25T16:00:00.000Z");
//!
//! // ServiceNow computes an incident's priority from its impact and its urgency, so these two are written.
//! let incident = stopped_service.of_incident();
//! assert_eq!((incident.impact(), incident.urgency(), incident.computed()), (1, 2, 2));
//!
//! // Only P1 is acted upon before anyone has looked; P4 has no incident of its own.
//! for priority in Priority::ALL {
//!     let Automation { incident, quarantine, roll_back, .. } = priority.automation();
//!     assert_eq!(quarantine && roll_back, priority == Priority::P1);
//!     assert_eq!(incident, priority < Priority::P4);
//! }
//! # Ok::<(), timestamp::TimestampError>(())
//! ```

use std::fmt;
use std::time::{Duration, SystemTime};

use openfactory_attest::drift;
use serde::{Deserialize, Serialize};

use crate::models::incident;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// How much a deviation matters. Ordered: `P1` is the smallest value and the most urgent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    /// Critical: security file tampered, key compromise, dm-verity failure.
    P1,
    /// High: required service stopped, unauthorized service, attestation failure.
    P2,
    /// Medium: configuration drift, non-critical compliance deviation.
    P3,
    /// Low: non-critical overlay change, informational drift.
    P4,
}

/// What the workflow does by itself about a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Automation {
    /// An incident of its own is opened.
    pub incident: bool,
    /// The device is quarantined.
    pub quarantine: bool,
    /// The device is rolled back to the last known-good image.
    pub roll_back: bool,
}

impl Priority {
    /// All, most urgent first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// The same for an incident: impact and urgency, from which ServiceNow computes its priority.
    #[must_use]
    pub const fn of_incident(self) -> incident::Priority {
        match self {
            Self::P1 => incident::Priority::P1,
            Self::P2 => incident::Priority::P2,
            Self::P3 => incident::Priority::P3,
            Self::P4 => incident::Priority::P4,
        }
    }

    /// How soon someone is to respond.
    #[must_use]
    pub const fn respond_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::P1 => 15 * MINUTE,
            Self::P2 => 30 * MINUTE,
            Self::P3 => 4 * HOUR,
            Self::P4 => 24 * HOUR,
        })
    }

    /// How soon it is to be resolved.
    #[must_use]
    pub const fn resolve_within(self) -> Duration {
        Duration::from_secs(match self {
            Self::P1 => 4 * HOUR,
            Self::P2 => 8 * HOUR,
            Self::P3 => 48 * HOUR,
            Self::P4 => 7 * 24 * HOUR,
        })
    }

    /// When it is to be resolved, if it was found then.
    #[must_use]
    pub fn due(self, found: SystemTime) -> SystemTime {
        found.checked_add(self.resolve_within()).unwrap_or(found)
    }

    /// The matrix' column "Automation". P4 is logged and has no incident of its own.
    #[must_use]
    pub const fn automation(self) -> Automation {
        match self {
            Self::P1 => Automation { incident: true, quarantine: true, roll_back: true },
            Self::P2 | Self::P3 => Automation { incident: true, quarantine: false, roll_back: false },
            Self::P4 => Automation { incident: false, quarantine: false, roll_back: false },
        }
    }

    /// The matrix' name for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::P1 => "P1 — Critical",
            Self::P2 => "P2 — High",
            Self::P3 => "P3 — Medium",
            Self::P4 => "P4 — Low",
        }
    }
}

impl From<drift::Priority> for Priority {
    fn from(priority: drift::Priority) -> Self {
        match priority {
            drift::Priority::P1 => Self::P1,
            drift::Priority::P2 => Self::P2,
            drift::Priority::P3 => Self::P3,
            drift::Priority::P4 => Self::P4,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_priority_matrix_row_by_row() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let hours = |n: u64| Duration::from_secs(n * 3600);
        let rows = [
            (Priority::P1, "P1 — Critical", minutes(15), hours(4), true, true, true),
            (Priority::P2, "P2 — High", minutes(30), hours(8), true, false, false),
            (Priority::P3, "P3 — Medium", hours(4), hours(48), true, false, false),
            (Priority::P4, "P4 — Low", hours(24), hours(7 * 24), false, false, false),
        ];
        for (index, (priority, label, respond, resolve, incident, quarantine, roll_back)) in
            rows.into_iter().enumerate()
        {
            assert_eq!(priority, Priority::ALL[index]);
            assert_eq!(priority.label(), label);
            assert_eq!(priority.respond_within(), respond, "{priority}");
            assert_eq!(priority.resolve_within(), resolve, "{priority}");
            assert_eq!(priority.automation(), Automation { incident, quarantine, roll_back }, "{priority}");
            assert_eq!(priority.of_incident().computed(), i64::try_from(index).unwrap() + 1, "{priority}");
        }
    }

    #[test]
    fn the_most_urgent_one_is_the_least() {
        assert_eq!(Priority::ALL.iter().min(), Some(&Priority::P1));
    }
}
