//! The one digest that everything hangs from.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;

use super::params::Algorithm;
use crate::digest::Sha256Digest;

/// The root hash of a verity tree: what a signature over an image is a signature over.
///
/// As text lower-case hex: 64 digits with SHA-256, 128 with SHA-512, 40 with SHA-1. Without the parameters of its tree it
/// proves nothing: keep a whole [`Tree`](super::Tree). `==` takes the same time wherever the first difference is.
#[derive(Clone, Copy)]
pub struct RootHash {
    algorithm: Algorithm,
    /// Zeros follow a digest that is shorter.
    bytes: [u8; Algorithm::MAX_DIGEST_LEN],
}

impl RootHash {
    /// Takes a SHA-256 digest for a root hash.
    #[must_use]
    pub const fn new(digest: Sha256Digest) -> Self {
        let mut bytes = [0; Algorithm::MAX_DIGEST_LEN];
        let (head, _rest) = bytes.split_at_mut(Sha256Digest::LEN);
        head.copy_from_slice(digest.as_bytes());
        Self { algorithm: Algorithm::Sha256, bytes }
    }

    /// Takes the digest of an algorithm for a root hash.
    ///
    /// # Errors
    /// [`RootHashError::Length`] if it has not as many bytes as that algorithm's digests.
    pub fn from_bytes(algorithm: Algorithm, digest: &[u8]) -> Result<Self, RootHashError> {
        let mut bytes = [0; Algorithm::MAX_DIGEST_LEN];
        match bytes.get_mut(..digest.len()) {
            Some(head) if digest.len() == algorithm.digest_len() => head.copy_from_slice(digest),
            _ => return Err(RootHashError::Length { digits: digest.len().saturating_mul(2) }),
        }
        Ok(Self { algorithm, bytes })
    }

    /// What it was made with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.algorithm.digest_len()).0
    }

    /// The digest, if it is one of SHA-256.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256Digest> {
        let bytes = self.as_bytes().try_into().ok()?;
        (self.algorithm == Algorithm::Sha256).then_some(Sha256Digest::from_bytes(bytes))
    }
}

impl From<Sha256Digest> for RootHash {
    fn from(digest: Sha256Digest) -> Self {
        Self::new(digest)
    }
}

impl PartialEq for RootHash {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for RootHash {}

impl std::hash::Hash for RootHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootHash({self})")
    }
}

impl FromStr for RootHash {
    type Err = RootHashError;

    fn from_str(text: &str) -> Result<Self, RootHashError> {
        let length = RootHashError::Length { digits: text.len() };
        let of_length = |algorithm: &Algorithm| algorithm.digest_len() * 2 == text.len();
        let algorithm = Algorithm::ALL.into_iter().find(of_length).ok_or(length)?;
        let lower_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if let Some(index) = text.bytes().position(|digit| !lower_hex(digit)) {
            return Err(RootHashError::Digit { index });
        }
        Self::from_bytes(algorithm, &hex::decode(text).map_err(|_odd| length)?)
    }
}

impl Serialize for RootHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RootHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why something is no root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootHashError {
    /// As long as no digest, or not as its algorithm's.
    #[error("a root hash has 64 hex digits (sha256), 128 (sha512) or 40 (sha1), this has {digits}")]
    Length {
        /// Hex digits that it has.
        digits: usize,
    },
    /// A character that is not one of `0-9a-f`; upper case is not.
    #[error("byte {index} is not a lower-case hex digit")]
    Digit {
        /// Position of the first such byte, from 0.
        index: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_of_each_algorithm() {
        for algorithm in Algorithm::ALL {
            let root = RootHash::from_bytes(algorithm, &vec![0xab; algorithm.digest_len()]).unwrap();
            assert_eq!(root.to_string(), "ab".repeat(algorithm.digest_len()));
            assert_eq!(root.to_string().parse(), Ok(root));
            let json = serde_json::to_string(&root).unwrap();
            assert_eq!(serde_json::from_str::<RootHash>(&json).unwrap(), root);
            assert_eq!(root.sha256().is_some(), algorithm == Algorithm::Sha256);
            let zero = RootHash::from_bytes(algorithm, &vec![0; algorithm.digest_len()]).unwrap();
            assert_ne!(root, zero);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for digits in [0, 39, 41, 63, 65, 127, 129, 1000] {
            assert_eq!("0".repeat(digits).parse::<RootHash>(), Err(RootHashError::Length { digits }));
        }
        let upper = format!("{}A", "0".repeat(63));
        assert_eq!(upper.parse::<RootHash>(), Err(RootHashError::Digit { index: 63 }));
        let short = RootHash::from_bytes(Algorithm::Sha512, &[0; 32]);
        assert_eq!(short, Err(RootHashError::Length { digits: 64 }));
        // Twenty zeros are not the beginning of thirty-two.
        assert_ne!("0".repeat(40).parse::<RootHash>(), "0".repeat(64).parse());
    }
}
