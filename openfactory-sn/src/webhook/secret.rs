//! The secret that sender and receiver share.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
const PREFIX_RAW: &str = "raw:";
/// Fewest and most bytes of a key, by the specification.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is no webhook secret.
///
/// ```
/// use openfactory_sn::webhook::{SecretError, WebhookSecret};
///
/// assert_eq!(WebhookSecret::parse("hunter2").unwrap_err(), SecretError::Prefix);
/// assert_eq!(WebhookSecret::parse("raw:hunter2").unwrap_err(), SecretError::Length { bytes: 7 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Neither `whsec_` nor `raw:` at its start: which bytes are the key would be a guess.
    #[error("secret begins with neither whsec_ nor raw:")]
    Prefix,
    /// What follows `whsec_` is not base64.
    #[error("secret is not base64 after whsec_")]
    Base64,
    /// The key is shorter than 24 or longer than 64 bytes.
    #[error("key of {bytes} bytes, it must have 24 to 64")]
    Length {
        /// Its bytes.
        bytes: usize,
    },
}

/// A key of 24 to 64 bytes, wiped when dropped, never printed.
///
/// ```
/// use openfactory_sn::webhook::WebhookSecret;
///
/// let secret = WebhookSecret::parse("raw:a text of 24 bytes or so")?;
/// assert_eq!(format!("{secret:?}"), "WebhookSecret(***)");
/// # Ok::<(), openfactory_sn::webhook::SecretError>(())
/// ```
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    /// Reads `whsec_` and the key in base64, or `raw:` and the key as text.
    ///
    /// What follows `whsec_` is also what ServiceNow's `generateMac` takes as its key.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let key = if let Some(encoded) = text.strip_prefix(PREFIX) {
            Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?)
        } else if let Some(raw) = text.strip_prefix(PREFIX_RAW) {
            Zeroizing::new(raw.as_bytes().to_vec())
        } else {
            return Err(SecretError::Prefix);
        };
        match LENGTHS.contains(&key.len()) {
            true => Ok(Self(key)),
            false => Err(SecretError::Length { bytes: key.len() }),
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_lengths() {
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert_eq!(WebhookSecret::parse(&encoded(24)).unwrap().key(), [7; 24]);
        assert_eq!(WebhookSecret::parse(&encoded(64)).unwrap().key(), [7; 64]);
        assert_eq!(WebhookSecret::parse(&encoded(23)).unwrap_err(), SecretError::Length { bytes: 23 });
        assert_eq!(WebhookSecret::parse(&encoded(65)).unwrap_err(), SecretError::Length { bytes: 65 });
        assert_eq!(WebhookSecret::parse("whsec_?").unwrap_err(), SecretError::Base64);
        assert_eq!(WebhookSecret::parse("plain-text-of-some-length-000").unwrap_err(), SecretError::Prefix);
        let raw = WebhookSecret::parse("raw:plain-text-of-some-length-000").unwrap();
        assert_eq!(raw.key(), b"plain-text-of-some-length-000");
        assert!(!format!("{raw:?}").contains("plain"));
    }
}
