//! Public keys of RSA and ECDSA: those in certificates.

use der::referenced::OwnedToRef as _;
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Sha256, Sha512};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::cms::Digest;
use super::error::SignatureError;
use super::key::RSA_BITS;

/// RSA with 2,048 to 4,096 bits, or ECDSA on the curve P-256.
#[derive(Clone)]
pub(crate) enum VerifyingKey {
    Rsa(rsa::PublicKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl VerifyingKey {
    /// The key in a SubjectPublicKeyInfo; `None` for one of another kind or size.
    pub(crate) fn of(spki: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::try_from(spki.owned_to_ref()) {
            return Some(Self::P256(key));
        }
        let key = rsa::PublicKey::try_from(spki.owned_to_ref()).ok()?;
        RSA_BITS.contains(&key.n().bit_width()).then_some(Self::Rsa(key))
    }

    /// Checks a bare signature.
    pub(crate) fn verify(
        &self,
        digest: Digest,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let verified = match (self, digest) {
            (Self::Rsa(key), digest) => {
                let signature =
                    rsa::pkcs1v15::Signature::try_from(signature).map_err(|_| SignatureError::Bad)?;
                let key = key.clone();
                match digest {
                    Digest::Sha256 => {
                        rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &signature)
                    }
                    Digest::Sha512 => {
                        rsa::pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &signature)
                    }
                }
            }
            (Self::P256(key), Digest::Sha256) => {
                let signature =
                    p256::ecdsa::DerSignature::try_from(signature).map_err(|_| SignatureError::Bad)?;
                key.verify(message, &signature)
            }
            (Self::P256(_), Digest::Sha512) => {
                return Err(SignatureError::Form { what: "by P-256 over SHA-512" });
            }
        };
        verified.map_err(|_| SignatureError::Bad)
    }
}
