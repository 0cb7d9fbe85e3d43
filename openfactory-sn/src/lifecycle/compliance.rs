//! What is known about a device's compliance.
//!
//! ```
//! use openfactory_sn::lifecycle::compliance::Compliance;
//! use openfactory_sn::lifecycle::mapping::Mapping;
//!
//! // A device that was just rolled back has proved nothing yet, and says so in its configuration item.
//! let now = Compliance::Remediated;
//! assert_eq!(now.label(), "Remediated");
//! assert_eq!(Mapping::guide().item.operational_status.choice(now), Some("Remediated"));
//!
//! // In the state store and in events the same word is written small.
//! assert_eq!(serde_json::to_value(now)?, "remediated");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known about a device's compliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Compliance {
    /// It has not proved anything since its build was installed.
    Unknown,
    /// Its last report matches its build.
    Compliant,
    /// Its last report does not match, or is missing, or was refused.
    Drifted,
    /// It is kept apart.
    Quarantined,
    /// The remedy was applied; it has not proved anything since.
    Remediated,
}

impl Compliance {
    /// The guide's word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Compliant => "Compliant",
            Self::Drifted => "Drifted",
            Self::Quarantined => "Quarantined",
            Self::Remediated => "Remediated",
        }
    }
}

impl fmt::Display for Compliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
