//! Time limits of the response to a compromised key (guide, "Key Compromise Response"): each ends by itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use openfactory_sn::lifecycle::event::deadline::{Deadline, DeadlineReached, ResponseLate};
//! use openfactory_sn::lifecycle::event::{Event, EventBody};
//! use openfactory_sn::lifecycle::notify::notice;
//!
//! // The guide's limits; the last two run from the start of its fourth phase.
//! let hours: Vec<u64> = Deadline::ALL.iter().map(|deadline| deadline.within().as_secs() / 3600).collect();
//! assert_eq!(hours, [1, 4, 48, 24, 72]);
//!
//! // 99 % of the devices are all of them where there are few.
//! assert_eq!([0, 1, 99, 100, 101, 1000].map(|devices| Deadline::MostConverged.needs(devices)), [0, 1, 99, 99, 100, 990]);
//! assert_eq!(Deadline::Converged.needs(1000), 1000);
//!
//! # let data = r#"{"key_id": "0000000000000000000000000000000000000000000000000000000000000000",
//! #     "incident": "compromise/1", "deadline": "contained", "reason": "The vault has not revoked it.", "waits_for": []}"#;
//! # let body: ResponseLate = serde_json::from_str(data)?;
//! let late = Event::derived(&"e-1".parse()?, "late", std::time::SystemTime::UNIX_EPOCH, EventBody::ResponseLate(Box::new(body)));
//! let told = notice(&late).expect("somebody is to hear of it");
//! assert!(told.text.contains("not contained within 1 h") && told.device.is_none(), "{told:?}");
//! assert!(matches!(&late.body, EventBody::ResponseLate(body) if body.deadline == Deadline::Contained));
//!
//! # let data = r#"{"key_id": "0000000000000000000000000000000000000000000000000000000000000000", "deadline": "assessed"}"#;
//! let reached: DeadlineReached = serde_json::from_str(data)?;
//! assert_eq!(reached.deadline, Deadline::Assessed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::time::Duration;

use openfactory_attest::key::KeyId;
use serde::{Deserialize, Serialize};

use crate::id::CorrelationId;
use crate::lifecycle::id::DeviceId;

/// Type name of [`DeadlineReached`].
pub const REACHED: &str = "tech.openfactory.key.deadline_reached.v1";
/// Type name of [`ResponseLate`].
pub const LATE: &str = "tech.openfactory.key.response_late.v1";

const HOUR: u64 = 3600;

/// By when something of the response has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Deadline {
    /// Phase 1, an hour from the detection: the key is revoked.
    Contained,
    /// Phase 2, four hours from the detection: what the key touched is known.
    Assessed,
    /// Phase 3, 48 hours from the detection: what can be signed anew is.
    Remediated,
    /// Phase 4, 24 hours from its start: 99 % of the devices have proved themselves.
    MostConverged,
    /// Phase 4, 72 hours from its start: all have.
    Converged,
}

impl Deadline {
    /// All, in the order of the phases.
    pub const ALL: [Self; 5] =
        [Self::Contained, Self::Assessed, Self::Remediated, Self::MostConverged, Self::Converged];

    /// How long from the detection, or from the start of phase 4.
    #[must_use]
    pub const fn within(self) -> Duration {
        Duration::from_secs(match self {
            Self::Contained => HOUR,
            Self::Assessed => 4 * HOUR,
            Self::Remediated => 48 * HOUR,
            Self::MostConverged => 24 * HOUR,
            Self::Converged => 72 * HOUR,
        })
    }

    /// How many of so many devices have to have proved themselves by then.
    #[must_use]
    pub const fn needs(self, devices: usize) -> usize {
        match self {
            Self::Contained | Self::Assessed | Self::Remediated => 0,
            Self::MostConverged => devices - devices / 100,
            Self::Converged => devices,
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contained => "contained",
            Self::Assessed => "assessed",
            Self::Remediated => "remediated",
            Self::MostConverged => "recovered from by 99 % of the devices",
            Self::Converged => "recovered from by all devices",
        })
    }
}

/// A deadline is here. Whether it is kept is decided then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadlineReached {
    /// The compromised key.
    pub key_id: KeyId,
    /// Which.
    pub deadline: Deadline,
}

/// A deadline was not kept: a person has to act. Derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResponseLate {
    /// The compromised key.
    pub key_id: KeyId,
    /// Its incident.
    pub incident: CorrelationId,
    /// Which.
    pub deadline: Deadline,
    /// What is still to be done.
    pub reason: String,
    /// The devices that have not proved themselves, of which phase 4 waits for.
    pub waits_for: Vec<DeviceId>,
}
