//! Keys of authorities and of certificates.

use std::time::SystemTime;

use der::asn1::BitString;
use der::{Decode as _, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::wire::{ECDSA_SHA_256, ED25519, RSA_SHA_256, RSA_SHA_512};
use super::{KeyCertificate, PkiError};
use crate::key::{KeyId, PublicKey, Signer};
use crate::verity::signature::{Digest, KeyAlgorithm, SigningKey, VerifyingKey};

/// The private key of an authority.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum AuthorityKey<'a> {
    /// Ed25519, wherever it is kept.
    Ed25519(&'a dyn Signer),
    /// RSA or ECDSA on P-256, with SHA-256: for whoever checks lists with tools that know no Ed25519.
    Classic(&'a SigningKey),
}

impl AuthorityKey<'_> {
    /// The certificate that the key signs itself, for certificates, revocation lists and OCSP responses alone.
    ///
    /// # Errors
    /// [`PkiError`] for names and times that can't stand in it.
    pub fn self_signed(
        self,
        name: &str,
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<KeyCertificate, PkiError> {
        KeyCertificate::self_signed(self, name, [not_before, not_after])
    }

    pub(super) fn algorithm(self) -> AlgorithmIdentifierOwned {
        match self {
            Self::Ed25519(_) => ED25519.clone(),
            Self::Classic(key) => match key.algorithm() {
                KeyAlgorithm::Rsa => RSA_SHA_256.clone(),
                KeyAlgorithm::EcdsaP256 => ECDSA_SHA_256.clone(),
            },
        }
    }

    pub(super) fn spki(self) -> Result<SubjectPublicKeyInfoOwned, PkiError> {
        let der = match self {
            Self::Ed25519(signer) => signer.public_key().to_spki_der(),
            Self::Classic(key) => key.public_key_der().map_err(PkiError::Key)?,
        };
        SubjectPublicKeyInfoOwned::from_der(&der).map_err(PkiError::encode)
    }

    pub(super) fn sign(self, message: &[u8]) -> Result<BitString, PkiError> {
        let signature = match self {
            Self::Ed25519(signer) => signer.sign(message).map_err(PkiError::Sign)?,
            Self::Classic(key) => key.sign(message).map_err(PkiError::Key)?,
        };
        BitString::from_bytes(&signature).map_err(PkiError::encode)
    }
}

impl std::fmt::Debug for AuthorityKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ed25519(signer) => f.debug_tuple("Ed25519").field(signer.key_id()).finish(),
            Self::Classic(key) => f.debug_tuple("Classic").field(key).finish(),
        }
    }
}

/// The public key in a certificate.
#[derive(Clone)]
pub(super) struct CertifiedKey {
    pub(super) spki: SubjectPublicKeyInfoOwned,
    pub(super) id: KeyId,
    verifying: Verifying,
}

#[derive(Clone)]
enum Verifying {
    Ed25519(PublicKey),
    Classic(VerifyingKey),
}

impl CertifiedKey {
    /// A key of a kind that is used here.
    pub(super) fn of(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, PkiError> {
        let verifying = if spki.algorithm == ED25519 {
            let bytes = spki.subject_public_key.as_bytes().and_then(|bytes| bytes.try_into().ok());
            let key = PublicKey::from_bytes(bytes.ok_or(PkiError::UnknownKey)?);
            Verifying::Ed25519(key.map_err(|_unusable| PkiError::UnknownKey)?)
        } else {
            Verifying::Classic(VerifyingKey::of(spki).ok_or(PkiError::UnknownKey)?)
        };
        let id = KeyId::of_spki(&spki.to_der().map_err(PkiError::encode)?);
        Ok(Self { spki: spki.clone(), id, verifying })
    }

    /// Checks a signature by this algorithm.
    pub(super) fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &BitString,
    ) -> bool {
        let Some(signature) = signature.as_bytes() else { return false };
        match &self.verifying {
            Verifying::Ed25519(key) => *algorithm == ED25519 && key.verify(message, signature).is_ok(),
            Verifying::Classic(key) => {
                let digest = match (key, algorithm) {
                    (VerifyingKey::Rsa(_), it) if *it == *RSA_SHA_256 => Digest::Sha256,
                    (VerifyingKey::Rsa(_), it) if *it == *RSA_SHA_512 => Digest::Sha512,
                    (VerifyingKey::P256(_), it) if *it == ECDSA_SHA_256 => Digest::Sha256,
                    _ => return false,
                };
                key.verify(digest, message, signature).is_ok()
            }
        }
    }
}
