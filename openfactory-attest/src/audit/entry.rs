//! One entry of the audit log: who, what, when, why, and what changed.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{self, CanonicalError, Limits, ParseError};
use crate::instant;

/// Bytes of one entry's JSON at most, as in c2sp.org/tlog-tiles; what is larger goes elsewhere, its digest in here.
pub const MAX_ENTRY: usize = 65_535;

/// Characters of an entry's id at most.
const MAX_ID: usize = 512;

/// One entry of the audit log (21 CFR 11.10(e): who did what, when and why, the old value beside the new).
///
/// Stored as its RFC 8785 form, which is what the tree hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// What makes the entry one and the same however often it is appended.
    pub id: String,
    /// Who did it: a person's or a service's name.
    pub who: String,
    /// What was done, such as `change_request.created`.
    pub what: String,
    /// When, as the appender says; order is the log's index, not this. RFC 3339 in UTC as text.
    #[serde(with = "instant")]
    pub when: SystemTime,
    /// Why.
    pub why: String,
    /// What it was done to.
    pub subject: String,
    /// The value before, where one was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value after, where one was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Why an entry can't be stored, or a stored one not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The id is empty or longer than 512 bytes.
    #[error("an entry's id has {len} bytes, it must have 1 to {MAX_ID}")]
    Id {
        /// Bytes in the id.
        len: usize,
    },
    /// Too many bytes.
    #[error(
        "the entry {id:?} has {len} bytes, at most {MAX_ENTRY} are stored; put the evidence elsewhere and its digest here"
    )]
    TooLong {
        /// The entry's id.
        id: String,
        /// Bytes of its JSON.
        len: usize,
    },
    /// It has no canonical JSON.
    #[error("the entry {id:?} has no canonical form")]
    Canonical {
        /// The entry's id.
        id: String,
        /// What stands against it.
        source: CanonicalError,
    },
    /// Stored bytes that are not acceptable JSON.
    #[error("the stored entry is not acceptable JSON")]
    Json(#[source] ParseError),
    /// Stored JSON that is no entry.
    #[error("the stored JSON is no entry: {reason}")]
    Shape {
        /// What is missing or too much.
        reason: String,
    },
}

impl Entry {
    /// What happened to what, without a reason and without values.
    pub fn new(
        id: impl Into<String>,
        who: impl Into<String>,
        what: impl Into<String>,
        when: SystemTime,
        subject: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            who: who.into(),
            what: what.into(),
            when,
            why: String::new(),
            subject: subject.into(),
            old: None,
            new: None,
        }
    }

    /// With why it was done.
    #[must_use]
    pub fn because(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }

    /// With the value before.
    #[must_use]
    pub fn with_old(self, old: Value) -> Self {
        Self { old: Some(old), ..self }
    }

    /// With the value after.
    #[must_use]
    pub fn with_new(self, new: Value) -> Self {
        Self { new: Some(new), ..self }
    }

    /// The bytes that are stored and hashed.
    ///
    /// # Errors
    /// [`EntryError`] where it can't be stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let len = self.id.len();
        if len == 0 || len > MAX_ID {
            return Err(EntryError::Id { len });
        }
        let bytes =
            self.canonical().map_err(|source| EntryError::Canonical { id: self.id.clone(), source })?;
        if bytes.len() > MAX_ENTRY {
            return Err(EntryError::TooLong { id: self.id.clone(), len: bytes.len() });
        }
        Ok(bytes)
    }

    /// The RFC 8785 form. The members are few and known, so they are written in their order at once: an entry that went
    /// through a value in memory would cost more than all else of appending it.
    fn canonical(&self) -> Result<Vec<u8>, CanonicalError> {
        let when = instant::format(self.when)
            .ok_or_else(|| CanonicalError::NotJson { reason: "the time does not fit RFC 3339".to_owned() })?;
        let mut bytes = Vec::with_capacity(256);
        let text = |name: &str, text: &str, bytes: &mut Vec<u8>| {
            bytes.extend_from_slice(name.as_bytes());
            canonical::write_text(text, bytes)
        };
        text("{\"id\":", &self.id, &mut bytes)?;
        for (name, value) in [(",\"new\":", &self.new), (",\"old\":", &self.old)] {
            if let Some(value) = value {
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(&canonical::to_vec_within(value, 1)?);
            }
        }
        text(",\"subject\":", &self.subject, &mut bytes)?;
        text(",\"what\":", &self.what, &mut bytes)?;
        text(",\"when\":", &when, &mut bytes)?;
        text(",\"who\":", &self.who, &mut bytes)?;
        text(",\"why\":", &self.why, &mut bytes)?;
        bytes.push(b'}');
        Ok(bytes)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`EntryError`] where they are no entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let limits = Limits { max_bytes: MAX_ENTRY, ..Limits::FOREIGN };
        let value = canonical::parse(bytes, &limits).map_err(EntryError::Json)?;
        canonical::from_value(value).map_err(|error| EntryError::Shape { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(id: &str) -> Entry {
        Entry::new(id, "router", "incident.created", SystemTime::UNIX_EPOCH, "device-1")
    }

    #[test]
    fn stored_form_is_canonical_and_round_trips() {
        let entry = entry("1").because("drift").with_old(json!(null)).with_new(json!({"b": 1.5, "a": [1]}));
        let bytes = entry.to_bytes().unwrap();
        let expected = r#"{"id":"1","new":{"a":[1],"b":1.5},"old":null,"subject":"device-1","what":"incident.created","when":"1970-01-01T00:00:00Z","who":"router","why":"drift"}"#;
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        let read = Entry::parse(&bytes).unwrap();
        assert_eq!((read.new, read.why), (entry.new, entry.why));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_at_once_is_the_canonical_form(texts in proptest::array::uniform5(".*"), old in ".*", number: i32) {
            let [id, who, what, subject, why] = texts;
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(u64::from(number.unsigned_abs()));
            let entry = Entry::new(id, who, what, when, subject).because(why).with_new(json!({"z": number, "a": [old]}));
            for entry in [entry.clone(), entry.with_old(json!(old))] {
                assert_eq!(entry.canonical().unwrap(), canonical::to_vec(&entry).unwrap());
            }
        }
    }

    #[test]
    fn nothing_is_stored_that_is_too_deep_to_be_read() {
        let deep = |depth| (0..depth).fold(json!(1), |value, _| json!([value]));
        for depth in [62, 63, 64, 65] {
            let entry = entry("1").with_new(deep(depth));
            match entry.to_bytes() {
                Ok(bytes) => assert_eq!(Entry::parse(&bytes).unwrap(), entry, "{depth}"),
                Err(error) => {
                    assert!(matches!(error, EntryError::Canonical { .. }), "{error}");
                    assert!(canonical::to_vec(&entry).is_err(), "{depth}");
                }
            }
        }
    }

    #[test]
    fn bounds() {
        assert_eq!(entry("").to_bytes(), Err(EntryError::Id { len: 0 }));
        assert_eq!(entry(&"x".repeat(513)).to_bytes(), Err(EntryError::Id { len: 513 }));
        let base = entry("1").to_bytes().unwrap().len();
        let fits = entry("1").because("y".repeat(MAX_ENTRY - base));
        assert_eq!(fits.to_bytes().unwrap().len(), MAX_ENTRY);
        let over = entry("1").because("y".repeat(MAX_ENTRY - base + 1));
        assert!(matches!(over.to_bytes(), Err(EntryError::TooLong { len: 65_536, .. })));
        assert!(matches!(entry("1").with_new(json!(u64::MAX)).to_bytes(), Err(EntryError::Canonical { .. })));
    }
}
