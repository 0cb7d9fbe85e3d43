//! The name of a hash device.

use std::fmt;
use std::str::FromStr;

use super::ParamsError;

/// The UUID in a superblock. It names the hash device and has no part in any hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// These bytes, in the order of their text.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A version 4 UUID of 16 random bytes: six bits of them are replaced (RFC 9562, section 5.4).
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(*uuid::Builder::from_random_bytes(bytes).as_uuid().as_bytes())
    }

    /// The bytes, in the order of their text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(uuid::Uuid::from_bytes(self.0).as_hyphenated(), f)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = ParamsError;

    fn from_str(text: &str) -> Result<Self, ParamsError> {
        // Only the hyphenated form, as in the superblock's tools: 36 characters.
        let uuid = uuid::Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
        uuid.map(|uuid| Self(uuid.into_bytes())).ok_or(ParamsError::Uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_as_text() {
        let text = "a60c98d2-ae9b-4865-bfcb-b4e3ace11033";
        assert_eq!(text.parse::<Uuid>().unwrap().to_string(), text);
        for bad in ["", "a60c98d2ae9b4865bfcbb4e3ace11033", "{a60c98d2-ae9b-4865-bfcb-b4e3ace11033}"] {
            assert_eq!(bad.parse::<Uuid>(), Err(ParamsError::Uuid));
        }
        assert_eq!(Uuid::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
