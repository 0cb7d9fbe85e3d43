//! Identifiers: a record's key, its human number, and our own key that makes writes repeatable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest sys_id that a ServiceNow column holds, in characters.
const SYS_ID_MAX: usize = 32;
/// Longest number accepted, in characters.
const NUMBER_MAX: usize = 40;
/// Length of the `correlation_id` column of `task`, in characters.
const CORRELATION_ID_MAX: usize = 100;
/// Domain of the derivation, so that another use of the same words gives another id.
const DERIVATION: &str = "openfactory/sys_id/v1";

/// Why a text is not the identifier it was taken for.
///
/// ```
/// use openfactory_sn::{CorrelationId, IdError, SysId};
///
/// assert_eq!(SysId::new(""), Err(IdError::Empty { what: "a sys_id" }));
/// let error = SysId::new("../sys_user").unwrap_err();
/// assert_eq!(error.to_string(), "a sys_id with the character '.' at 0");
/// assert!(matches!(CorrelationId::new(&"x".repeat(101)), Err(IdError::TooLong { limit: 100, .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("empty {what}")]
    Empty {
        /// Which identifier was expected.
        what: &'static str,
    },
    /// The text is longer than the column that holds it.
    #[error("{what} of {length} characters, the limit is {limit}")]
    TooLong {
        /// Which identifier was expected.
        what: &'static str,
        /// Characters found.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// A character that this identifier cannot hold.
    #[error("{what} with the character {character:?} at {position}")]
    Character {
        /// Which identifier was expected.
        what: &'static str,
        /// The character.
        character: char,
        /// Its position, in bytes from 0.
        position: usize,
    },
}

fn checked(
    text: &str,
    what: &'static str,
    limit: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<String, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    let length = text.chars().count();
    if length > limit {
        return Err(IdError::TooLong { what, length, limit });
    }
    match text.char_indices().find(|(_, c)| !allowed(*c)) {
        Some((position, character)) => Err(IdError::Character { what, character, position }),
        None => Ok(text.to_owned()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Takes a text as ", $what, ".\n\n# Errors\n\n[`IdError`] if it cannot be one.")]
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked(text, $what, $limit, $allowed).map(Self)
            }

            /// The text as ServiceNow writes it.
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
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id!(
    /// The primary key of a record: 32 lower-case hexadecimal digits, or one of the few words that ServiceNow
    /// uses as a key, such as `global`.
    ///
    /// At most 32 characters out of `[A-Za-z0-9_-]`, so that it stands in a URL and in an encoded query as it is.
    SysId,
    "a sys_id",
    SYS_ID_MAX,
    |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-'
);

text_id!(
    /// The key that people use: `CHG0030001`, `INC0010042`. Unique by custom, not by the database.
    ///
    /// ```
    /// use openfactory_sn::Number;
    ///
    /// let number = Number::new("CHG0030001")?;
    /// assert_eq!((number.as_str(), number.to_string().as_str()), ("CHG0030001", "CHG0030001"));
    /// assert!(Number::new("CHG 1").is_err());
    /// # Ok::<(), openfactory_sn::IdError>(())
    /// ```
    Number,
    "a number",
    NUMBER_MAX,
    |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-'
);

text_id!(
    /// Our own key of an operation, stored in the record's `correlation_id` so that a write can be repeated.
    ///
    /// At most 100 visible ASCII characters, without those that mean something in an encoded query (`^` and `,`).
    CorrelationId,
    "a correlation id",
    CORRELATION_ID_MAX,
    |c: char| c.is_ascii_graphic() && c != '^' && c != ','
);

impl SysId {
    /// The sys_id that the record of this operation has, whoever creates it and however often.
    ///
    /// The first 32 hexadecimal digits of SHA-256 over `openfactory/sys_id/v1`, the table and the correlation
    /// id, with a NUL between each two. Frozen: a change would create every record anew.
    ///
    /// ```
    /// use openfactory_sn::{CorrelationId, SysId};
    ///
    /// let id = SysId::derived("change_request", &CorrelationId::new("build/b-1")?);
    /// assert_eq!(id.as_str(), "6b566b0977684da34ed046d34287f7ec");
    /// # Ok::<(), openfactory_sn::IdError>(())
    /// ```
    #[must_use]
    pub fn derived(table: &str, correlation_id: &CorrelationId) -> Self {
        let mut hash = Sha256::new();
        hash.update(DERIVATION.as_bytes());
        hash.update([0]);
        hash.update(table.as_bytes());
        hash.update([0]);
        hash.update(correlation_id.as_str().as_bytes());
        let mut digits = hex::encode(hash.finalize());
        digits.truncate(SYS_ID_MAX);
        Self(digits)
    }
}

impl CorrelationId {
    /// A key made of parts that are ids already, with `/` between them. What a correlation id cannot hold becomes `_`,
    /// what is too long is cut off: parts that can differ there must not be given.
    #[cfg(feature = "lifecycle")]
    pub(crate) fn from_ids(parts: &[&str]) -> Self {
        let fit = |c: char| if c.is_ascii_graphic() && c != '^' && c != ',' { c } else { '_' };
        Self(parts.join("/").chars().map(fit).take(CORRELATION_ID_MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf 'openfactory/sys_id/v1\0TABLE\0ID' | sha256sum | cut -c1-32`.
    const VECTORS: &[(&str, &str, &str)] = &[
        ("change_request", "build/b-1", "6b566b0977684da34ed046d34287f7ec"),
        ("incident", "drift:dev-1:4f2a", "a2810696ef06a286a845903b7c1b8664"),
        ("cmdb_ci_os_image", "device/edge-0001", "4a24a9d66a74675f85d761457393c7f6"),
        ("cmdb_rel_ci", "a", "8fb648eed3537a7c91c2728dce1bff17"),
    ];

    #[test]
    fn derivation_is_frozen() {
        for (table, id, expected) in VECTORS {
            let derived = SysId::derived(table, &CorrelationId::new(id).unwrap());
            assert_eq!(derived.as_str(), *expected, "{table} {id}");
            assert_eq!(SysId::new(derived.as_str()).unwrap(), derived);
        }
    }

    #[test]
    fn words_are_keys_too_but_paths_are_not() {
        assert_eq!(SysId::new("global").unwrap().as_str(), "global");
        assert_eq!(SysId::new(""), Err(IdError::Empty { what: "a sys_id" }));
        assert!(matches!(SysId::new("../sys_user"), Err(IdError::Character { position: 0, .. })));
        assert!(matches!(SysId::new(&"a".repeat(33)), Err(IdError::TooLong { length: 33, .. })));
        assert!(matches!(SysId::new("a^b"), Err(IdError::Character { character: '^', .. })));
    }

    #[test]
    fn correlation_ids_stand_in_a_query() {
        assert!(CorrelationId::new("a^NQb").is_err());
        assert!(CorrelationId::new("a,b").is_err());
        assert!(CorrelationId::new("a b").is_err());
        assert!(CorrelationId::new(&"x".repeat(101)).is_err());
        assert!(CorrelationId::new("build/b-1:2026").is_ok());
    }

    #[test]
    fn serde_checks_what_it_reads() {
        assert!(serde_json::from_str::<SysId>("\"a/b\"").is_err());
        let number: Number = serde_json::from_str("\"CHG0030001\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"CHG0030001\"");
    }
}
