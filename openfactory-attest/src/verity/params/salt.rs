//! What is hashed with each block, so that no table of hashes made in advance fits.

use std::fmt;
use std::str::FromStr;

use super::ParamsError;

/// What is hashed with each block, before or after it: 0 to 256 bytes. As text lower-case hex, `-` for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Salt(Vec<u8>);

impl Salt {
    /// The longest salt, in bytes.
    pub const MAX_LEN: usize = 256;

    /// These bytes as salt.
    ///
    /// # Errors
    /// [`ParamsError::SaltLength`] if there are more than 256.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ParamsError> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX_LEN {
            return Err(ParamsError::SaltLength { len: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// No salt.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for Salt {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        if text == "-" {
            return Ok(Self::none());
        }
        if text.is_empty() {
            return Err(ParamsError::SaltText);
        }
        if text.len() > Self::MAX_LEN * 2 {
            return Err(ParamsError::SaltLength { len: text.len().div_ceil(2) });
        }
        hex::decode(text).map(Self).map_err(|_not_hex| ParamsError::SaltText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_as_text() {
        for text in ["-", "00", "dadada"] {
            assert_eq!(text.parse::<Salt>().unwrap().to_string(), text);
        }
        assert_eq!("-".parse(), Ok(Salt::none()));
        for (text, error) in [
            ("", ParamsError::SaltText),
            ("0", ParamsError::SaltText),
            ("xy", ParamsError::SaltText),
            (&"00".repeat(257), ParamsError::SaltLength { len: 257 }),
        ] {
            assert_eq!(text.parse::<Salt>(), Err(error));
        }
        assert!("ff".repeat(256).parse::<Salt>().is_ok());
    }
}
