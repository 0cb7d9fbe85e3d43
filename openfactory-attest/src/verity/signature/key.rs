//! The private key that signs root hashes.

use std::fmt;
use std::str::FromStr;

use p256::elliptic_curve::Generate as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

use super::error::KeyError;
use crate::key::PrivatePem;

/// The longest PEM text that is looked at. RSA with 4,096 bits has some 3,300 bytes.
const MAX_PEM: usize = 8192;

/// RSA moduli that are used, in bits.
pub(super) const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// What root hashes are signed with. The kernel knows RSA longest; ECDSA since Linux 5.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; a key that is made has 3,072 bits.
    Rsa,
    /// ECDSA on the curve P-256 with SHA-256.
    EcdsaP256,
}

impl FromStr for KeyAlgorithm {
    type Err = String;

    /// `rsa-3072` or `ecdsa-p256`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rsa-3072" => Ok(Self::Rsa),
            "ecdsa-p256" => Ok(Self::EcdsaP256),
            other => Err(format!("{other:?} is neither rsa-3072 nor ecdsa-p256")),
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rsa => "rsa",
            Self::EcdsaP256 => "ecdsa-p256",
        })
    }
}

/// A private key for root hashes, which is wiped when the value is dropped. Not for anything else: what the kernel
/// trusts for images, it must not trust for modules, say.
pub struct SigningKey {
    secret: Secret,
}

pub(super) enum Secret {
    Rsa(Box<rsa::pkcs1v15::SigningKey<Sha256>>),
    P256(p256::ecdsa::SigningKey),
}

impl SigningKey {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Random`] where the system gives none.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let secret = match algorithm {
            KeyAlgorithm::Rsa => {
                let key = rsa::pkcs1v15::SigningKey::try_generate().map_err(|_| KeyError::Random)?;
                Secret::Rsa(Box::new(key))
            }
            KeyAlgorithm::EcdsaP256 => {
                Secret::P256(p256::ecdsa::SigningKey::try_generate().map_err(|_| KeyError::Random)?)
            }
        };
        Ok(Self { secret })
    }

    /// Reads unencrypted PKCS#8 in PEM, what `openssl genpkey` writes.
    ///
    /// # Errors
    /// [`KeyError`] says what it is instead, without repeating it.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > MAX_PEM {
            return Err(KeyError::TooLong { len: pem.len() });
        }
        if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(KeyError::Encrypted);
        }
        let pem = pem.trim();
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self { secret: Secret::P256(key) });
        }
        let key = rsa::PrivateKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Malformed)?;
        let bits = key.n().bit_width();
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::Size { bits });
        }
        Ok(Self { secret: Secret::Rsa(Box::new(rsa::pkcs1v15::SigningKey::new(key))) })
    }

    /// PKCS#8 in PEM, with a newline at the end.
    ///
    /// # Errors
    /// [`KeyError::Encode`] where the encoder fails.
    pub fn to_pem(&self) -> Result<PrivatePem, KeyError> {
        let pem = match &self.secret {
            Secret::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
            Secret::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        pem.map(PrivatePem::of).map_err(|_| KeyError::Encode)
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self.secret {
            Secret::Rsa(_) => KeyAlgorithm::Rsa,
            Secret::P256(_) => KeyAlgorithm::EcdsaP256,
        }
    }

    /// The public key's SubjectPublicKeyInfo in DER.
    pub(crate) fn public_key_der(&self) -> Result<Vec<u8>, KeyError> {
        let der = match &self.secret {
            Secret::Rsa(key) => rsa::signature::Keypair::verifying_key(key.as_ref()).to_public_key_der(),
            Secret::P256(key) => key.verifying_key().to_public_key_der(),
        };
        der.map(|der| der.as_bytes().to_vec()).map_err(|_| KeyError::Encode)
    }

    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The bare signature, as it stands in PKCS#7.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.secret {
            Secret::Rsa(key) => {
                // Blinded by random numbers, which do not change the signature.
                Ok(key.try_sign(message).map_err(|_| KeyError::Random)?.to_vec())
            }
            Secret::P256(key) => {
                let signature: p256::ecdsa::DerSignature =
                    key.try_sign(message).map_err(|_| KeyError::Random)?;
                Ok(signature.as_bytes().to_vec())
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}
