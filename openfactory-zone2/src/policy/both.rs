//! Both files of a policy together, and the one digest that names them.

use openfactory_attest::Sha256Digest;
use openfactory_attest::canonical::{self, CanonicalError};

use super::constraints::Constraints;
use super::manifest::Manifest;
use crate::policy_error::PolicyError;

/// The policy of a device's Zone 2: what its two files say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// `zone2-manifest.json`.
    pub manifest: Manifest,
    /// `zone2-constraints.json`.
    pub constraints: Constraints,
    /// SHA-256 over the canonical JSON `{"constraints":"…","manifest":"…"}` of both files' SHA-256 in hex.
    pub digest: Sha256Digest,
}

/// Which of the two files can't be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BothError {
    /// `zone2-manifest.json`.
    #[error("zone2-manifest.json can't be used")]
    Manifest(#[source] PolicyError),
    /// `zone2-constraints.json`.
    #[error("zone2-constraints.json can't be used")]
    Constraints(#[source] PolicyError),
    /// The digests have no canonical form.
    #[error("the policy has no digest")]
    Digest(#[source] CanonicalError),
}

impl Policy {
    /// Reads both files.
    ///
    /// # Errors
    /// [`BothError`]: a policy of which half can't be used is refused whole.
    pub fn parse(manifest: &[u8], constraints: &[u8]) -> Result<Self, BothError> {
        let digests = serde_json::json!({
            "constraints": Sha256Digest::of(constraints),
            "manifest": Sha256Digest::of(manifest),
        });
        let digest = Sha256Digest::of(&canonical::to_vec_signed(&digests).map_err(BothError::Digest)?);
        let manifest = Manifest::parse(manifest).map_err(BothError::Manifest)?;
        let constraints = Constraints::parse(constraints).map_err(BothError::Constraints)?;
        Ok(Self { manifest, constraints, digest })
    }
}
