//! The names by which events, builds, devices, fleets and orders are known.
//!
//! All of them travel in URLs, file names, work notes and `correlation_id`s (100 characters in ServiceNow), so
//! their alphabet is narrow and their length bounded: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`, the first
//! one a letter or a digit.
//!
//! ```
//! use openfactory_sn::lifecycle::id::{BuildId, CommandId, DeviceId, EventId, FleetId, IdError, OrderId};
//!
//! let (build, device): (BuildId, DeviceId) = ("2026-11-25.1".parse()?, "press:7".parse()?);
//! let (fleet, command) = (FleetId::new("line-7")?, CommandId::new("unlock-42")?);
//! assert_eq!(format!("{device} of {fleet} runs {build}"), "press:7 of line-7 runs 2026-11-25.1");
//! assert_eq!(command.as_str(), "unlock-42");
//!
//! // What could break an encoded query, a URL or a path is no id.
//! assert_eq!(DeviceId::new("press^7"), Err(IdError::Character { character: '^', position: 5 }));
//! assert_eq!(BuildId::new(""), Err(IdError::Empty));
//!
//! // An event's id is unique within its source only; its identity is so everywhere.
//! let id = EventId::new("1")?;
//! let identity = EventId::identity("/webhook", &id);
//! assert_ne!(identity, EventId::identity("/agent/press:7", &id));
//!
//! // What follows from an event is named after it: a step that is taken twice gives the same orders and events.
//! let order = OrderId::derived(&identity, "remediation");
//! assert_eq!(order, OrderId::derived(&identity, "remediation"));
//! assert_ne!(EventId::derived(&identity, "gate"), EventId::derived(&identity, "drifted"));
//! # Ok::<(), IdError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use openfactory_attest::digest::Sha256Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The longest id, in characters.
pub const MAX_ID_LENGTH: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// It is empty.
    #[error("an id must not be empty")]
    Empty,
    /// It is longer than [`MAX_ID_LENGTH`].
    #[error("an id has at most {MAX_ID_LENGTH} characters, this one has {length}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It holds a character outside the alphabet, or starts with a punctuation mark.
    #[error(
        "an id is made of letters, digits, '.', '_', ':' and '-' and starts with a letter or digit; {character:?} stands at position {position}"
    )]
    Character {
        /// The offending character.
        character: char,
        /// Its position, from 0.
        position: usize,
    },
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_LENGTH {
        return Err(IdError::TooLong { length: text.len() });
    }
    for (position, character) in text.chars().enumerate() {
        let good =
            character.is_ascii_alphanumeric() || (position > 0 && matches!(character, '.' | '_' | ':' | '-'));
        if !good {
            return Err(IdError::Character { character, position });
        }
    }
    Ok(())
}

/// First 32 hex digits of SHA-256 over `label` and `parts`, NUL between.
pub(crate) fn hashed(label: &str, parts: &[&str]) -> String {
    let mut text = String::from(label);
    for part in parts {
        text.push('\0');
        text.push_str(part);
    }
    let mut hex = Sha256Digest::of(text.as_bytes()).to_string();
    hex.truncate(32);
    hex
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`IdError`] says which rule it breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

id! {
    /// Names an event within its source; see [`EventId::derived`] for those that follow from another one.
    EventId
}
id! {
    /// Names a build.
    BuildId
}
id! {
    /// Names a device.
    DeviceId
}
id! {
    /// Names a fleet of devices.
    FleetId
}
id! {
    /// Names a signed command to a device; a device takes each once.
    CommandId
}
id! {
    /// Names an order to the platform; who performs it twice performs it once.
    OrderId
}

impl EventId {
    /// The id of what follows from `parent`: the first 32 hex digits of SHA-256 over `openfactory/event_id/v1`,
    /// the parent and the label, NUL between. The same step taken twice therefore publishes the same ids.
    #[must_use]
    pub fn derived(parent: &Self, label: &str) -> Self {
        Self(hashed("openfactory/event_id/v1", &[parent.as_str(), label]))
    }

    /// The identity of an event for deduplication: ids are only unique within their source (CloudEvents 1.0), so
    /// this is the first 32 hex digits of SHA-256 over `openfactory/event_identity/v1`, source and id.
    #[must_use]
    pub fn identity(source: &str, id: &Self) -> Self {
        Self(hashed("openfactory/event_identity/v1", &[source, id.as_str()]))
    }

    /// From what [`hashed`] gives.
    pub(crate) const fn from_hash(hex: String) -> Self {
        Self(hex)
    }
}

#[cfg(feature = "testing")]
impl BuildId {
    pub(crate) fn derived_for_tests(label: &str) -> Self {
        Self(hashed("openfactory/test", &[label]))
    }
}

impl OrderId {
    /// The id of an order that an event gave rise to: the first 32 hex digits of SHA-256 over
    /// `openfactory/order_id/v1`, the event's identity and the label, NUL between.
    #[must_use]
    pub fn derived(parent: &EventId, label: &str) -> Self {
        Self(hashed("openfactory/order_id/v1", &[parent.as_str(), label]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_can_stand_anywhere_are_taken() {
        for good in ["a", "B-2026.11_25:1", "0", &"x".repeat(64)] {
            assert_eq!(BuildId::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn each_rule_has_its_error() {
        assert_eq!(DeviceId::new(""), Err(IdError::Empty));
        assert_eq!(DeviceId::new("x".repeat(65)), Err(IdError::TooLong { length: 65 }));
        for (text, character, position) in [
            ("-a", '-', 0),
            ("a/b", '/', 1),
            ("a^b", '^', 1),
            ("a b", ' ', 1),
            ("gerät", 'ä', 3),
            ("a\n", '\n', 1),
        ] {
            assert_eq!(DeviceId::new(text), Err(IdError::Character { character, position }), "{text:?}");
        }
        assert!(serde_json::from_str::<FleetId>("\"a/b\"").is_err());
    }

    #[test]
    fn derived_ids_are_frozen() {
        // printf 'openfactory/event_id/v1\0parent-1\0gate' | sha256sum
        let parent = EventId::new("parent-1").unwrap();
        assert_eq!(EventId::derived(&parent, "gate").as_str(), "0df94010bca85c0417a8c217d4aeb393");
        assert_eq!(EventId::identity("/agent/edge-1", &parent).as_str(), "4bec1938671b5238e9b525fff57d0d0c");
        assert_eq!(OrderId::derived(&parent, "remediation").as_str(), "6a7715b906f53b1b565f5aeb2c589ceb");
    }

    #[test]
    fn a_separator_can_not_be_forged_into_another_pair() {
        let (a, ab) = (EventId::new("a").unwrap(), EventId::new("a-b").unwrap());
        assert_ne!(EventId::derived(&a, "b-c"), EventId::derived(&ab, "c"));
    }
}
