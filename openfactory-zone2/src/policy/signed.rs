//! The build platform's signature on both files of a policy together.

use openfactory_attest::canonical::{self, CanonicalError};
use openfactory_attest::envelope::{OpenError, PayloadError};
use openfactory_attest::key::SignError;
use openfactory_attest::{Envelope, KeyKind, Sha256Digest, Signer, TrustStore};
use serde::{Deserialize, Serialize};

use super::both::{BothError, Policy};

/// The payload type of a policy's envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.openfactory.zone2-policy.v1+json";

const VERSION: u32 = 1;

/// What is signed: which files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    version: u32,
    manifest: Sha256Digest,
    constraints: Sha256Digest,
}

/// Why a policy was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignPolicyError {
    /// It can't be read: what nobody can apply is not signed.
    #[error("the policy can't be used")]
    Policy(#[source] BothError),
    /// The statement has no canonical form.
    #[error("the policy has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// The key would not.
    #[error("the policy could not be signed")]
    Sign(#[source] SignError),
}

/// Why a signed policy is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignedPolicyError {
    /// Not signed by the build platform.
    #[error("the policy is not vouched for")]
    Envelope(#[source] OpenError),
    /// Signed, but no policy.
    #[error("what is signed is no policy")]
    Payload(#[source] PayloadError),
    /// Another version than 1.
    #[error("policy version {found} is not supported, only 1 is")]
    Version {
        /// The version it says.
        found: u32,
    },
    /// A file is not the one that was signed.
    #[error("{file} is not the one that was signed")]
    Other {
        /// Which.
        file: &'static str,
    },
    /// The files that were signed can't be read.
    #[error("the policy can't be used")]
    Policy(#[source] BothError),
}

/// Signs both files, as the build platform.
///
/// ```
/// use openfactory_attest::{Ed25519Key, KeyKind, Signer as _, TrustStore, TrustedKey};
/// use openfactory_zone2::policy::{self, Policy, SignedPolicyError};
///
/// let key = Ed25519Key::from_seed(&[7; 32]);
/// let mut trust = TrustStore::new();
/// trust.add(TrustedKey::new("builder", KeyKind::BuildPlatformSigning, key.public_key().clone()))?;
///
/// let (manifest, constraints) = (br#"{"version": 1, "paths": []}"#, br#"{"version": 1, "constraints": []}"#);
/// let signed = policy::sign(manifest, constraints, &key)?;
/// let opened = Policy::open(manifest, constraints, &signed, &trust)?;
/// assert_eq!(opened, Policy::parse(manifest, constraints)?);
///
/// let other = br#"{"version": 1,  "paths": []}"#;
/// let refused = Policy::open(other, constraints, &signed, &trust);
/// assert!(matches!(refused, Err(SignedPolicyError::Other { file: "zone2-manifest.json" })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SignPolicyError`].
pub fn sign(manifest: &[u8], constraints: &[u8], signer: &dyn Signer) -> Result<Envelope, SignPolicyError> {
    Policy::parse(manifest, constraints).map_err(SignPolicyError::Policy)?;
    let (manifest, constraints) = (Sha256Digest::of(manifest), Sha256Digest::of(constraints));
    let statement = Statement { version: VERSION, manifest, constraints };
    let payload = canonical::to_vec_signed(&statement).map_err(SignPolicyError::Canonical)?;
    Envelope::sign(PAYLOAD_TYPE, &payload, signer).map_err(SignPolicyError::Sign)
}

impl Policy {
    /// Reads both files, if they are those that the build platform signed.
    ///
    /// # Errors
    /// [`SignedPolicyError`]; a signature by a key of another kind than [`KeyKind::BuildPlatformSigning`] is none.
    pub fn open(
        manifest: &[u8],
        constraints: &[u8],
        envelope: &Envelope,
        trust: &TrustStore,
    ) -> Result<Self, SignedPolicyError> {
        let opened = envelope
            .open(trust, PAYLOAD_TYPE, &[KeyKind::BuildPlatformSigning])
            .map_err(SignedPolicyError::Envelope)?;
        let statement = opened.parse_json::<Statement>().map_err(SignedPolicyError::Payload)?;
        let statement = statement.get();
        if statement.version != VERSION {
            return Err(SignedPolicyError::Version { found: statement.version });
        }
        for (file, bytes, signed) in [
            ("zone2-manifest.json", manifest, statement.manifest),
            ("zone2-constraints.json", constraints, statement.constraints),
        ] {
            if Sha256Digest::of(bytes) != signed {
                return Err(SignedPolicyError::Other { file });
            }
        }
        Self::parse(manifest, constraints).map_err(SignedPolicyError::Policy)
    }
}
