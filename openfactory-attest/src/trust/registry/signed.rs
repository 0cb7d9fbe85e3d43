//! Registries under signatures.

use super::{KeyRegistry, MAX_REGISTRY, PAYLOAD_TYPE, SIGNER_KINDS, VERSION};
use crate::canonical::{self, CanonicalError, Limits, VersionedError, of_version};
use crate::envelope::{Envelope, OpenError, PayloadError, Verified};
use crate::key::{SignError, Signer};
use crate::trust::TrustStore;

/// Why a registry is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignRegistryError {
    /// It would be refused by whoever is given it.
    #[error("the key registry is not valid: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// It has no canonical JSON.
    #[error("the key registry has no canonical form")]
    Canonical(#[source] CanonicalError),
    /// A key would not.
    #[error("the key registry could not be signed")]
    Sign(#[source] SignError),
}

/// Why a registry is not believed. All of these mean: checked, and it is bad.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// It is not signed by as many root keys that are trusted as have to.
    #[error("the key registry is not vouched for")]
    Envelope(#[source] OpenError),
    /// What is signed is no registry.
    #[error("the signed payload is no key registry")]
    Payload(#[source] PayloadError),
    /// It is of a version that is not known.
    #[error("the key registry is of version {found}, version {VERSION} is known")]
    Version {
        /// The version it has.
        found: u64,
    },
    /// It contradicts itself, or has another form than the one that it may have.
    #[error("the key registry is not valid: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
}

impl KeyRegistry {
    /// Signs the registry's canonical JSON (RFC 8785) with each of these keys.
    ///
    /// # Errors
    /// [`SignRegistryError`]; fewer keys than the threshold are [`SignRegistryError::Invalid`].
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<Envelope, SignRegistryError> {
        self.check().map_err(|reason| SignRegistryError::Invalid { reason })?;
        let payload = canonical::to_vec_signed(self).map_err(SignRegistryError::Canonical)?;
        if payload.len() > MAX_REGISTRY {
            let reason = format!("{} bytes are more than the {MAX_REGISTRY} that are read", payload.len());
            return Err(SignRegistryError::Invalid { reason });
        }
        let (first, others) = match signers {
            [first, others @ ..] if signers.len() >= self.threshold => (first, others),
            _ => {
                let reason = format!("{} keys have to sign it, {} are here", self.threshold, signers.len());
                return Err(SignRegistryError::Invalid { reason });
            }
        };
        let signed = Envelope::sign(PAYLOAD_TYPE, &payload, *first).map_err(SignRegistryError::Sign)?;
        others
            .iter()
            .try_fold(signed, |signed, signer| signed.countersign(*signer))
            .map_err(SignRegistryError::Sign)
    }

    /// Opens a signed registry: signed by so many root keys that the store trusts, and by as many as the registry itself
    /// asks for. Whether it has expired is the affair of [`TrustStore::as_of`].
    ///
    /// # Errors
    /// [`RegistryError`] says why it is not believed.
    pub fn open(
        envelope: &Envelope,
        trust: &TrustStore,
        threshold: usize,
    ) -> Result<Verified<Self>, RegistryError> {
        let payload = envelope
            .open_by(threshold, trust, PAYLOAD_TYPE, SIGNER_KINDS)
            .map_err(RegistryError::Envelope)?;
        let limits = Limits { max_bytes: MAX_REGISTRY, ..Limits::SIGNED };
        // The version before the rest: a later one may have another shape.
        let value =
            payload.parse_json_within::<serde_json::Value>(&limits).map_err(RegistryError::Payload)?;
        let registry = value.try_map(|value| {
            let registry: Self = of_version(value, VERSION).map_err(|error| match error {
                VersionedError::Version { found } => RegistryError::Version { found },
                VersionedError::Shape { reason } => RegistryError::Payload(PayloadError::Shape { reason }),
            })?;
            registry.check().map_err(|reason| RegistryError::Invalid { reason })?;
            Ok(registry)
        })?;
        let (needed, found) = (registry.get().threshold, registry.signers().count());
        if found < needed {
            return Err(RegistryError::Envelope(OpenError::Threshold { needed, found }));
        }
        Ok(registry)
    }
}
