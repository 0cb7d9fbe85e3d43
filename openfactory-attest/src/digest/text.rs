//! A digest as text: 64 lower-case hex digits, nothing else.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Sha256Digest;

/// Why a text is not a SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDigestError {
    /// Not 64 characters long.
    #[error("a sha-256 digest has 64 hex digits, this has {len} bytes")]
    Length {
        /// Bytes in the text.
        len: usize,
    },
    /// A character that is not one of `0-9a-f`; upper case is not.
    #[error("byte {index} is not a lower-case hex digit")]
    Digit {
        /// Position of the first such byte, from 0.
        index: usize,
    },
}

pub(super) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

pub(super) fn parse_hex(text: &str) -> Result<[u8; Sha256Digest::LEN], ParseDigestError> {
    let digits = text.as_bytes();
    if digits.len() != Sha256Digest::LEN * 2 {
        return Err(ParseDigestError::Length { len: digits.len() });
    }
    let mut bytes = [0; Sha256Digest::LEN];
    for (index, &digit) in digits.iter().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(ParseDigestError::Digit { index }),
        };
        if let Some(byte) = bytes.get_mut(index / 2) {
            *byte = *byte << 4 | value;
        }
    }
    Ok(bytes)
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;

        impl Visitor<'_> for Hex {
            type Value = Sha256Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sha-256 digest in 64 lower-case hex digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sha256Digest, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_round_trip() {
        let digest = Sha256Digest::of(b"x");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Sha256Digest>(&json).unwrap(), digest);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let parse = |text: &str| text.parse::<Sha256Digest>();
        let good = Sha256Digest::of(b"x").to_string();
        assert_eq!(parse(""), Err(ParseDigestError::Length { len: 0 }));
        assert_eq!(parse(&good[1..]), Err(ParseDigestError::Length { len: 63 }));
        assert_eq!(parse(&format!("{good}0")), Err(ParseDigestError::Length { len: 65 }));
        let upper = format!("{}A", "0".repeat(63));
        assert_eq!(parse(&upper), Err(ParseDigestError::Digit { index: 63 }));
        assert!(serde_json::from_str::<Sha256Digest>("\"00\"").is_err());
        assert!(serde_json::from_str::<Sha256Digest>("0").is_err());
    }
}
