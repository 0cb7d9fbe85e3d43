//! The signing ledger: every use of a key, as entries of the audit log (`docs/formats/signing-ledger.md`).
//!
//! What a stolen key signed can be dated as its thief likes. So no time is taken from it: what counts is the place
//! that the log gave to the entry, under the log's own key. [`Held`] is proof that the log held a payload there.

mod held;
mod read;

pub use held::{FindHeldError, Held, HeldError, find_held};
pub use read::{LoggedUses, ReadUsesError, read_uses};

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::audit::Entry;
use crate::canonical;
use crate::digest::Sha256Digest;
use crate::envelope::{Envelope, pre_authentication_encoding};
use crate::key::KeyId;

/// What audit entries of the ledger say was done.
pub const WHAT: &str = "key.signed";

/// The version of the ledger's entries that is written and read here.
pub const VERSION: u32 = 1;

/// Characters of a payload's kind that are recorded; a longer one is cut.
const MAX_KIND: usize = 200;

/// Bytes of a signed JSON payload that is looked into for what kind it is.
const MAX_LOOKED_INTO: usize = 16 << 20;

/// One use of a key: what it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// The key.
    pub key_id: KeyId,
    /// SHA-256 of the payload, by which documents are named elsewhere. For what is no envelope, of all that was signed.
    pub payload: Sha256Digest,
    /// SHA-256 of the very bytes that were signed.
    pub signed: Sha256Digest,
    /// What was signed: an in-toto statement's predicate type, or else the payload type; `raw` for what is no envelope.
    pub kind: String,
    /// Who had it signed, or who says so: a service's name.
    pub who: String,
    /// When, as the recorder says. Order is the log's index, never this.
    pub when: SystemTime,
}

/// Why an audit entry that calls itself one of the ledger's is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerEntryError {
    /// It lacks what an entry of the ledger has, or has more.
    #[error("the entry {id:?} is none of the signing ledger: {reason}")]
    Shape {
        /// The entry's id.
        id: String,
        /// What is missing or too much.
        reason: String,
    },
    /// It is of a version that is not known.
    #[error("the entry {id:?} is of version {found} of the signing ledger, version {VERSION} is known")]
    Version {
        /// The entry's id.
        id: String,
        /// The version it has.
        found: u32,
    },
    /// Its id is not the one that follows from what it says, so it could stand in the log twice.
    #[error("the entry {id:?} of the signing ledger should be called {expected:?}")]
    Id {
        /// The entry's id.
        id: String,
        /// The id that follows from what it says.
        expected: String,
    },
}

/// The `new` of an entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    key_id: KeyId,
    kind: String,
    payload_sha256: Sha256Digest,
    signed_sha256: Sha256Digest,
}

impl KeyUse {
    /// This key's use for these bytes. Bytes of DSSE's pre-authentication encoding are recorded as the payload in it.
    pub fn of_signed(key_id: KeyId, signed: &[u8], who: impl Into<String>, when: SystemTime) -> Self {
        let (kind, payload) = match dsse_parts(signed) {
            Some((payload_type, payload)) => (kind_of(payload_type, payload), payload),
            None => ("raw".to_owned(), signed),
        };
        let payload = Sha256Digest::of(payload);
        Self { key_id, payload, signed: Sha256Digest::of(signed), kind, who: who.into(), when }
    }

    /// A use of this key that is recorded by whoever received the envelope and *verified* this key's signature on it.
    /// Recording what was not verified would prove, once the key is stolen, what it never signed.
    pub fn of_envelope(envelope: &Envelope, key_id: KeyId, who: impl Into<String>, when: SystemTime) -> Self {
        let signed =
            pre_authentication_encoding(envelope.payload_type_unverified(), envelope.payload_unverified());
        Self::of_signed(key_id, &signed, who, when)
    }

    /// The id of the entry: the same for the same bytes signed by the same key, so that a use that is recorded again
    /// is in the log once, where it first came.
    #[must_use]
    pub fn entry_id(&self) -> String {
        format!("{WHAT}:{}:{}", self.key_id, self.signed)
    }

    /// The use as an entry of the audit log.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        let new = serde_json::json!({
            "version": VERSION,
            "key_id": self.key_id,
            "kind": self.kind,
            "payload_sha256": self.payload,
            "signed_sha256": self.signed,
        });
        Entry::new(self.entry_id(), &self.who, WHAT, self.when, format!("key:{}", self.key_id)).with_new(new)
    }

    /// Reads an entry of the audit log; `None` where it is about something else.
    ///
    /// # Errors
    /// [`LedgerEntryError`] where it calls itself one of the ledger's and is not.
    pub fn from_entry(entry: &Entry) -> Result<Option<Self>, LedgerEntryError> {
        if entry.what != WHAT {
            return Ok(None);
        }
        let id = || entry.id.clone();
        let new = entry.new.clone().unwrap_or_default();
        let wire: Wire = canonical::from_value(new)
            .map_err(|error| LedgerEntryError::Shape { id: id(), reason: error.to_string() })?;
        if wire.version != VERSION {
            return Err(LedgerEntryError::Version { id: id(), found: wire.version });
        }
        let key_use = Self {
            key_id: wire.key_id,
            payload: wire.payload_sha256,
            signed: wire.signed_sha256,
            kind: wire.kind,
            who: entry.who.clone(),
            when: entry.when,
        };
        let expected = key_use.entry_id();
        if entry.id == expected {
            Ok(Some(key_use))
        } else {
            Err(LedgerEntryError::Id { id: id(), expected })
        }
    }
}

/// Payload type and payload of DSSE's pre-authentication encoding (DSSE, protocol.md); `None` for other bytes.
fn dsse_parts(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"DSSEv1 ")?;
    let (payload_type, rest) = counted(rest)?;
    let (payload, rest) = counted(rest.strip_prefix(b" ")?)?;
    if rest.is_empty() { Some((std::str::from_utf8(payload_type).ok()?, payload)) } else { None }
}

/// What follows `LEN SP`, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let (len, rest) = bytes.split_at_checked(space)?;
    let len: usize = std::str::from_utf8(len).ok()?.parse().ok()?;
    rest.get(1..)?.split_at_checked(len)
}

fn kind_of(payload_type: &str, payload: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "predicateType")]
        predicate_type: String,
    }
    let statement = (payload_type == crate::statement::PAYLOAD_TYPE && payload.len() <= MAX_LOOKED_INTO)
        .then(|| serde_json::from_slice::<Typed>(payload).ok())
        .flatten();
    let kind = statement.map_or_else(|| payload_type.to_owned(), |typed| typed.predicate_type);
    kind.chars().take(MAX_KIND).collect()
}

#[cfg(test)]
mod tests;
