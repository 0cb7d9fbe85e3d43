//! The content of a signature partition, which systemd finds beside data and hash partition.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Certificate, MAX_SIGNATURE, RootHashSignature, SignatureError};
use crate::canonical;
use crate::digest::Sha256Digest;
use crate::verity::root_hash::RootHash;

/// Bytes of the partition that `systemd-repart` makes; zeros follow the JSON.
const PARTITION: usize = 16 * 1024;

/// The most bytes that are looked at: what `systemd` takes.
const MAX_PARTITION: usize = 4 * 1024 * 1024;

/// A root hash and its signature as JSON: `rootHash` (hex), `certificateFingerprint` (hex, SHA-256 of the
/// certificate's DER), `signature` (base64 of the PKCS#7 DER).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignaturePartition {
    /// The root hash.
    pub root_hash: RootHash,
    /// Of the certificate whose key signed, so that it can be found.
    pub certificate_fingerprint: Sha256Digest,
    /// The signature.
    pub signature: RootHashSignature,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    root_hash: RootHash,
    certificate_fingerprint: Sha256Digest,
    signature: String,
}

/// Why bytes are no signature partition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// More than 4 MiB.
    #[error("{len} bytes are too many for a signature partition")]
    TooLong {
        /// How many there are.
        len: usize,
    },
    /// Something other than zeros follows the JSON.
    #[error("something follows the json")]
    Trailing,
    /// No JSON, or not this object.
    #[error("not the json of a signature partition ({reason})")]
    Json {
        /// What the parser disliked.
        reason: String,
    },
    /// The signature is not base64, or too long.
    #[error("the signature is not base64 of a signature's length")]
    Base64,
    /// The signature is no PKCS#7 that is used for root hashes.
    #[error("the partition holds no usable signature")]
    Signature(#[source] SignatureError),
}

impl SignaturePartition {
    /// The partition for a signature that was made with this certificate's key.
    #[must_use]
    pub fn new(root_hash: RootHash, certificate: &Certificate, signature: RootHashSignature) -> Self {
        Self { root_hash, certificate_fingerprint: certificate.fingerprint(), signature }
    }

    /// The partition's bytes: JSON on one line, then zeros up to 16 KiB, or to the next whole multiple.
    ///
    /// # Errors
    /// [`PartitionError::Json`], which no partition is known to cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PartitionError> {
        let raw = Raw {
            root_hash: self.root_hash,
            certificate_fingerprint: self.certificate_fingerprint,
            signature: STANDARD.encode(self.signature.as_der()),
        };
        let mut bytes = serde_json::to_vec(&raw).map_err(|error| unreadable(&error))?;
        bytes.resize(bytes.len().next_multiple_of(PARTITION), 0);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) or `systemd-repart` wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PartitionError> {
        if bytes.len() > MAX_PARTITION {
            return Err(PartitionError::TooLong { len: bytes.len() });
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (json, rest) = bytes.split_at(end);
        if rest.iter().any(|byte| *byte != 0) {
            return Err(PartitionError::Trailing);
        }
        let raw: Raw = canonical::from_slice(json).map_err(|error| unreadable(&error))?;
        if raw.signature.len() > MAX_SIGNATURE * 2 {
            return Err(PartitionError::Base64);
        }
        let der = STANDARD.decode(raw.signature).map_err(|_| PartitionError::Base64)?;
        let signature = RootHashSignature::parse(&der).map_err(PartitionError::Signature)?;
        let Raw { root_hash, certificate_fingerprint, .. } = raw;
        Ok(Self { root_hash, certificate_fingerprint, signature })
    }
}

fn unreadable(error: &serde_json::Error) -> PartitionError {
    PartitionError::Json { reason: error.to_string() }
}
