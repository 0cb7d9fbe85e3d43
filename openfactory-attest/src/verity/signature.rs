//! Root hashes signed so that the kernel and systemd check them: detached PKCS#7, with a key and a certificate made for
//! this one purpose.
//!
//! What is signed is the root hash as text, 64 lower-case hex digits without a newline. The signature is a CMS
//! `SignedData` in DER without content, certificates and signed attributes, which `openssl smime -sign -noattr -nocerts
//! -binary` makes too. The kernel believes certificates in its keyrings; systemd those in `/etc/verity.d`.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use openfactory_attest::verity::RootHash;
//! use openfactory_attest::verity::signature::{Certificate, KeyAlgorithm, RootHashSignature, SigningKey};
//!
//! let key = SigningKey::generate(KeyAlgorithm::EcdsaP256)?;
//! let made = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let certificate = Certificate::self_signed(&key, "image signing", made, made + Duration::from_secs(86_400 * 365))?;
//!
//! let root: RootHash = "ef29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf".parse()?;
//! let signature = RootHashSignature::sign(&root, &key, &certificate)?;
//! let again = RootHashSignature::parse(signature.as_der())?;
//! assert!(again.verify(&root, &certificate).is_ok());
//!
//! let other: RootHash = "ff29c902d87350f1da4bfa536e16cebc162a909bf89abe448b81ec500d4fb9bf".parse()?;
//! assert!(again.verify(&other, &certificate).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Validity dates are not looked at, by neither the kernel nor systemd nor here: a certificate counts as long as it is
//! in the keyring.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/verity.rst` (`root_hash_sig_key_desc`), RFC 5652, and
//! `systemd-repart(8)` for the signature partition.

mod certificate;
mod cms;
mod error;
mod key;
mod partition;
mod verifying;

pub use certificate::Certificate;
pub use error::{CertificateError, KeyError, SignRootHashError, SignatureError};
pub use key::{KeyAlgorithm, SigningKey};
pub use partition::{PartitionError, SignaturePartition};

pub(crate) use cms::Digest;
pub(crate) use verifying::VerifyingKey;

use super::root_hash::RootHash;

/// The most bytes of a PKCS#7 signature that are looked at. One by RSA with 4,096 bits has some 700.
pub const MAX_SIGNATURE: usize = 16 * 1024;

/// A detached PKCS#7 signature over a root hash: what stands in `IMAGE.roothash.p7s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHashSignature {
    der: Vec<u8>,
}

impl RootHashSignature {
    /// Signs a root hash.
    ///
    /// # Errors
    /// [`SignRootHashError`] if the certificate is not for this key, or nothing could be signed.
    pub fn sign(
        root: &RootHash,
        key: &SigningKey,
        certificate: &Certificate,
    ) -> Result<Self, SignRootHashError> {
        if certificate.public_key_der() != key.public_key_der()? {
            return Err(SignRootHashError::OtherKey);
        }
        let signature = key.sign(root.to_string().as_bytes())?;
        Ok(Self { der: cms::encode(key.algorithm(), certificate, &signature)? })
    }

    /// Takes DER for a signature. Whether it is good says [`verify`](Self::verify) alone.
    ///
    /// # Errors
    /// [`SignatureError`] if it has not the form that is used here.
    pub fn parse(der: &[u8]) -> Result<Self, SignatureError> {
        cms::decode(der)?;
        Ok(Self { der: der.to_vec() })
    }

    /// The signature in DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Checks that the key of this certificate signed this root hash.
    ///
    /// # Errors
    /// [`SignatureError`]: it names another certificate, or does not verify.
    pub fn verify(&self, root: &RootHash, certificate: &Certificate) -> Result<(), SignatureError> {
        let signer = cms::decode(&self.der)?;
        if !signer.is(certificate) {
            return Err(SignatureError::OtherCertificate);
        }
        certificate.verify(signer.digest, root.to_string().as_bytes(), signer.signature)
    }
}

#[cfg(test)]
mod tests;
