//! What runs where, as a file: the other half of an assessment beside the log (`docs/formats/fleet-facts.md`).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Artifact, DeviceFact};
use crate::canonical::{self, Limits, VersionedError, of_version};

/// Bytes of a fleet file at most: 1 GiB, some 4 million devices.
pub const MAX_FLEET: usize = 1 << 30;

/// The version of the file that is written and read here.
const VERSION: u32 = 1;

/// What devices run, and which artifacts exist beside.
///
/// ```
/// use openfactory_attest::compromise::Fleet;
///
/// let fleet = Fleet::parse(br#"{"version": 1, "devices": [{"device": "press-7", "build": "build-1"}]}"#)?;
/// assert_eq!(fleet.devices[0].device, "press-7");
/// # Ok::<(), openfactory_attest::compromise::ParseFleetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fleet {
    /// 1.
    version: u32,
    /// What devices run; each device once.
    pub devices: Vec<DeviceFact>,
    /// Signed artifacts that exist, on devices or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// Why something is not a fleet file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFleetError {
    /// Not JSON, or not within the limits.
    #[error("the fleet file is not acceptable JSON")]
    Json(#[source] canonical::ParseError),
    /// It is of a version that is not known.
    #[error("the fleet file is of version {found}, version {VERSION} is known")]
    Version {
        /// The version it has.
        found: u64,
    },
    /// JSON of another shape.
    #[error("not a fleet file: {reason}")]
    Shape {
        /// What is missing or too much.
        reason: String,
    },
    /// The same device twice.
    #[error("the device {device:?} stands there twice")]
    DuplicateDevice {
        /// The device.
        device: String,
    },
}

impl Fleet {
    /// These devices and artifacts.
    #[must_use]
    pub const fn new(devices: Vec<DeviceFact>, artifacts: Vec<Artifact>) -> Self {
        Self { version: VERSION, devices, artifacts }
    }

    /// Reads a fleet file.
    ///
    /// # Errors
    /// [`ParseFleetError`] says what it is instead.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseFleetError> {
        let limits = Limits { max_bytes: MAX_FLEET, ..Limits::SIGNED };
        let value = canonical::parse(bytes, &limits).map_err(ParseFleetError::Json)?;
        let fleet: Self = of_version(value, VERSION).map_err(|error| match error {
            VersionedError::Version { found } => ParseFleetError::Version { found },
            VersionedError::Shape { reason } => ParseFleetError::Shape { reason },
        })?;
        let mut seen = HashSet::new();
        match fleet.devices.iter().find(|fact| !seen.insert(&fact.device)) {
            Some(twice) => Err(ParseFleetError::DuplicateDevice { device: twice.device.clone() }),
            None => Ok(fleet),
        }
    }
}
