//! Public keys and their ids.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::digest::{ParseDigestError, Sha256Digest};

/// The longest PEM text that is looked at. An Ed25519 public key has 113 bytes.
const MAX_PEM: usize = 4096;

/// The DER of an Ed25519 SubjectPublicKeyInfo up to the 32 bytes of the key (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key's name: SHA-256 of the public key's SubjectPublicKeyInfo DER, in lower-case hex.
///
/// `openssl pkey -pubin -in KEY.pub -outform DER | sha256sum` prints the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Sha256Digest);

impl KeyId {
    /// The id of the key with this SubjectPublicKeyInfo, of whatever kind it is.
    #[cfg(feature = "pkcs7")]
    pub(crate) fn of_spki(der: &[u8]) -> Self {
        Self(Sha256Digest::of(der))
    }

    /// The digest that the id is.
    #[must_use]
    pub const fn digest(&self) -> &Sha256Digest {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

impl FromStr for KeyId {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A signature that this key did not make over these bytes, or that is no signature at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// An Ed25519 public key (RFC 8032).
///
/// As text it is PEM around SubjectPublicKeyInfo (RFC 8410), what `openssl pkey -pubout` writes. Keys of small order,
/// for which one signature fits many messages, can't be made into a value of this type.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

/// Why something is not an Ed25519 public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePublicKeyError {
    /// Longer than any Ed25519 public key.
    #[error("{len} bytes are too many for a public key")]
    TooLong {
        /// Bytes in the text.
        len: usize,
    },
    /// Not PEM with the label `PUBLIC KEY` around an Ed25519 SubjectPublicKeyInfo.
    #[error("not an Ed25519 public key in PEM ({reason})")]
    Malformed {
        /// What the parser disliked.
        reason: String,
    },
    /// Not a point of the curve, or one of small order.
    #[error("not a usable Ed25519 point")]
    Unusable,
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032 for a key.
    ///
    /// # Errors
    /// [`ParsePublicKeyError::Unusable`] where they are no point of the curve, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ParsePublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| ParsePublicKeyError::Unusable)?;
        Self::usable(key)
    }

    /// Reads a PEM `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`ParsePublicKeyError`] says what it is instead.
    pub fn from_pem(pem: &str) -> Result<Self, ParsePublicKeyError> {
        if pem.len() > MAX_PEM {
            return Err(ParsePublicKeyError::TooLong { len: pem.len() });
        }
        let key = VerifyingKey::from_public_key_pem(pem.trim())
            .map_err(|error| ParsePublicKeyError::Malformed { reason: error.to_string() })?;
        Self::usable(key)
    }

    fn usable(key: VerifyingKey) -> Result<Self, ParsePublicKeyError> {
        if key.is_weak() { Err(ParsePublicKeyError::Unusable) } else { Ok(Self::of(key)) }
    }

    pub(super) fn of(key: VerifyingKey) -> Self {
        let id = KeyId(Sha256Digest::of(&spki(&key)));
        Self { key, id }
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// SubjectPublicKeyInfo in DER, 44 bytes.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        spki(&self.key)
    }

    /// PEM around SubjectPublicKeyInfo, with a newline at the end.
    #[must_use]
    pub fn to_pem(&self) -> String {
        use base64::Engine as _;
        // 44 bytes of DER are 60 characters of base64, which is less than a line.
        let der = base64::engine::general_purpose::STANDARD.encode(spki(&self.key));
        format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    }

    /// The key's id.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        &self.id
    }

    /// Checks a signature over these bytes, strictly: one message and key have one valid encoding of a signature.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        self.key.verify_strict(message, &signature).map_err(|_| BadSignature)
    }
}

fn spki(key: &VerifyingKey) -> Vec<u8> {
    [&SPKI_PREFIX[..], &key.as_bytes()[..]].concat()
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// As PEM text.
impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_pem())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pem = String::deserialize(deserializer)?;
        Self::from_pem(&pem).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::pkcs8::EncodePublicKey as _;

    fn rfc_8032_test_1() -> PublicKey {
        let bytes = hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
        PublicKey::from_bytes(&bytes.try_into().unwrap()).unwrap()
    }

    #[test]
    fn rfc_8032_test_1_verifies_and_nothing_near_it_does() {
        let key = rfc_8032_test_1();
        let signature = hex::decode(concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555",
            "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ))
        .unwrap();
        assert_eq!(key.verify(b"", &signature), Ok(()));
        assert_eq!(key.verify(b"x", &signature), Err(BadSignature));
        assert_eq!(key.verify(b"", &signature[1..]), Err(BadSignature));
        for bit in 0..signature.len() * 8 {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(b"", &flipped), Err(BadSignature), "bit {bit}");
        }
    }

    #[test]
    fn our_spki_is_what_the_library_writes() {
        let key = rfc_8032_test_1();
        let theirs = key.key.to_public_key_der().unwrap();
        assert_eq!(key.to_spki_der(), theirs.as_bytes());
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap(), key);
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(PublicKey::from_bytes(&neutral), Err(ParsePublicKeyError::Unusable));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(ParsePublicKeyError::Unusable));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(
                matches!(PublicKey::from_pem(text), Err(ParsePublicKeyError::Malformed { .. })),
                "{text}"
            );
        }
        let long = "x".repeat(MAX_PEM + 1);
        assert_eq!(PublicKey::from_pem(&long), Err(ParsePublicKeyError::TooLong { len: MAX_PEM + 1 }));
    }
}
