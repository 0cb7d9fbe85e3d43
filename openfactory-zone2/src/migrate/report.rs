//! What a migration decided, path by path, signed.

use std::time::SystemTime;

use openfactory_attest::canonical::{self, CanonicalError};
use openfactory_attest::envelope::{OpenError, PayloadError};
use openfactory_attest::key::SignError;
use openfactory_attest::manifest::TreePath;
use openfactory_attest::{Envelope, KeyKind, Sha256Digest, Signer, TrustStore, Verified};
use serde::{Deserialize, Serialize};

use super::transform::Changed;
use super::{Failure, Phase};
use crate::scan::device_path;

/// The payload type of a report's envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.zone2-migration.v1+json";

/// What becomes of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// It stays in a new form, or at a new place.
    Merge,
    /// Nobody can say.
    Conflict,
}

/// What becomes of one path, and in which phase that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PathDecision {
    /// Where on the device.
    pub path: String,
    /// The last phase that had something to say.
    pub phase: Phase,
    /// What becomes of it.
    pub decision: Decision,
    /// Where it is afterwards, if it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Which of its values are others afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
}

/// The report of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MigrationReport {
    version: u32,
    /// Which device.
    pub device: String,
    /// When it was made.
    #[serde(with = "crate::instant::exact")]
    pub time: SystemTime,
    /// The policy of the new base.
    pub policy_digest: Sha256Digest,
    /// The last phase that was performed.
    pub last: Phase,
    /// A decision for every path of the overlay.
    pub decisions: Vec<PathDecision>,
    /// By what it failed; empty if all five phases were performed.
    pub failures: Vec<Failure>,
}

/// Why a report was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignReportError {
    /// It is larger than what is signed, or an instant is beyond RFC 3339.
    #[error("the report has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The key would not.
    #[error("the report could not be signed")]
    Sign(#[source] SignError),
}

/// Why a report is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenReportError {
    /// Not signed by a device.
    #[error("the report is not vouched for")]
    Envelope(#[source] OpenError),
    /// Signed, but no report.
    #[error("what is signed is no report")]
    Payload(#[source] PayloadError),
    /// Another version than 1.
    #[error("report version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
}

impl PathDecision {
    pub(super) fn new(path: &TreePath, phase: Phase, decision: Decision) -> Self {
        Self { path: device_path(path), phase, decision, to: None, changed: Vec::new() }
    }
}

impl MigrationReport {
    const VERSION: u32 = 1;

    pub(super) fn new(device: &str, time: SystemTime, policy_digest: Sha256Digest) -> Self {
        Self {
            version: Self::VERSION,
            device: device.to_owned(),
            time,
            policy_digest,
            last: Phase::Whiteouts,
            decisions: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether all five phases were performed.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.last == Phase::Integrity
    }

    /// The decision for a path, as the device knows it.
    #[must_use]
    pub fn decision(&self, path: &str) -> Option<&PathDecision> {
        self.decisions.iter().find(|decision| decision.path == path)
    }

    /// Signs the report's canonical JSON.
    ///
    /// # Errors
    /// [`SignReportError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SignReportError> {
        let payload = canonical::to_vec_signed(self).map_err(SignReportError::Canonical)?;
        Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignReportError::Sign)
    }

    /// Opens a report that a device signed.
    ///
    /// # Errors
    /// [`OpenReportError`].
    pub fn open(envelope: &Envelope, trust: &TrustStore) -> Result<Verified<Self>, OpenReportError> {
        let opened = envelope
            .open(trust, PAYLOAD_TYPE, &[KeyKind::DeviceAttestation])
            .map_err(OpenReportError::Envelope)?;
        let report = opened.parse_json::<Self>().map_err(OpenReportError::Payload)?;
        match report.get().version {
            Self::VERSION => Ok(report),
            found => Err(OpenReportError::Version { found }),
        }
    }
}
