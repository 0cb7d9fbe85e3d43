//! What is published: an id that deduplicates, a key that orders, a payload that nobody here looks into.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dead_letter::DeadPolicy;
use crate::error::{Error, ErrorKind};

/// The attribute that names where a message is headed; see [`PauseScope::Destination`](crate::pause::PauseScope).
pub const DESTINATION: &str = "destination";

/// The priority of a message that doesn't ask for one.
pub const DEFAULT_PRIORITY: u8 = 100;

/// One message.
///
/// Its *content* is kind, key and payload: two messages with one id and the same content are one message; with
/// different content they conflict. Attributes, times and priority say how it travels and are not compared.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Deduplicates: 1 to 1,024 bytes.
    pub id: String,
    /// Orders: messages of one key are delivered one at a time, in publishing order. Up to 512 bytes.
    pub key: Option<String>,
    /// What the payload is, for whom handles it. Up to 256 bytes.
    pub kind: String,
    /// Opaque bytes.
    pub payload: Bytes,
    /// How it travels: [`DESTINATION`], trace context and the like. Up to 16 KiB together.
    pub attributes: BTreeMap<String, String>,
    /// Not delivered before; holds up what is behind it in its key.
    pub not_before: Option<SystemTime>,
    /// 0 is the most urgent. Compared between heads of keys and keyless messages, never inside a key.
    pub priority: u8,
    /// From then on not delivered but dead-lettered, without blocking its key.
    pub expires: Option<SystemTime>,
    /// What happens to its key when it is dead-lettered.
    pub on_dead: DeadPolicy,
}

impl Message {
    /// A message without key, of default priority, to be delivered at once.
    pub fn new(id: impl Into<String>, kind: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            id: id.into(),
            key: None,
            kind: kind.into(),
            payload: payload.into(),
            attributes: BTreeMap::new(),
            not_before: None,
            priority: DEFAULT_PRIORITY,
            expires: None,
            on_dead: DeadPolicy::Block,
        }
    }

    /// A message whose payload is `value` as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the value can't be JSON.
    pub fn json<T>(id: impl Into<String>, kind: impl Into<String>, value: &T) -> Result<Self, Error>
    where
        T: Serialize + ?Sized,
    {
        let bytes = serde_json::to_vec(value).map_err(|source| {
            Error::new(ErrorKind::Invalid, "encode", "value can't be written as JSON").with_source(source)
        })?;
        Ok(Self::new(id, kind, bytes))
    }

    /// Orders it with the others of `key`.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Delays it until `time`.
    #[must_use]
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Sets its priority; 0 is the most urgent.
    #[must_use]
    pub fn with_priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Makes it worthless from `time` on.
    #[must_use]
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }

    /// Sets what happens to its key when it is dead-lettered.
    #[must_use]
    pub fn on_dead(mut self, policy: DeadPolicy) -> Self {
        self.on_dead = policy;
        self
    }

    /// The payload read as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Poisoned`] if it isn't such JSON: no retry will cure that.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.payload).map_err(|source| {
            Error::new(
                ErrorKind::Poisoned,
                "decode",
                format!("payload of kind {} is not the JSON expected", self.kind),
            )
            .with_source(source)
        })
    }

    /// SHA-256 over kind, key and payload, each with its length (64 bits, big-endian) before it; a missing key is
    /// told from an empty one by the length 2^64-1. Backends compare it to tell a duplicate from a conflict.
    #[must_use]
    pub fn content_digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        part(self.kind.as_bytes());
        part(&self.payload);
        match &self.key {
            Some(key) => part(key.as_bytes()),
            None => hasher.update(u64::MAX.to_be_bytes()),
        }
        hasher.finalize().into()
    }

    /// The destination attribute.
    #[must_use]
    pub fn destination(&self) -> Option<&str> {
        self.attributes.get(DESTINATION).map(String::as_str)
    }

    /// Checks the bounds that hold on every backend, and the payload's.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an empty id, [`ErrorKind::TooLarge`] for all that is too long.
    pub fn check(&self, max_payload: usize) -> Result<(), Error> {
        if self.id.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "publish", "message has an empty id"));
        }
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
        for (what, size, limit) in [
            ("id", self.id.len(), 1024),
            ("key", self.key.as_ref().map_or(0, String::len), 512),
            ("kind", self.kind.len(), 256),
            ("attributes", attributes, 16 * 1024),
            ("payload", self.payload.len(), max_payload),
        ] {
            if size > limit {
                let detail = format!("{what} of {size} bytes is over the limit of {limit}");
                return Err(Error::new(ErrorKind::TooLarge, "publish", detail));
            }
        }
        Ok(())
    }
}

/// Shows the payload's size only: what the bytes hold is not ours to print.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("kind", &self.kind)
            .field("payload_bytes", &self.payload.len())
            .field("attributes", &self.attributes)
            .field("not_before", &self.not_before)
            .field("priority", &self.priority)
            .field("expires", &self.expires)
            .field("on_dead", &self.on_dead)
            .finish()
    }
}

/// What became of one published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Published {
    /// Stored, at this place in the queue.
    Stored {
        /// Rises with each stored message; never used twice.
        seq: u64,
    },
    /// The same message was stored before, at this place; nothing has changed.
    Duplicate {
        /// The place of the first.
        seq: u64,
    },
    /// The id is taken by a message with other content; nothing has changed.
    Conflict {
        /// The place of the message that has the id.
        seq: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_kind_key_and_payload_apart_and_nothing_else() {
        let base = Message::new("a", "kind", "payload");
        let digest = base.content_digest();
        for same in [
            Message::new("b", "kind", "payload"),
            base.clone().with_attribute("traceparent", "00-1"),
            base.clone().with_priority(1),
        ] {
            assert_eq!(same.content_digest(), digest);
        }
        for other in [
            Message::new("a", "kin", "dpayload"),
            Message::new("a", "kind", "payload2"),
            base.clone().with_key(""),
            base.clone().with_key("k"),
        ] {
            assert_ne!(other.content_digest(), digest);
        }
    }

    #[test]
    fn bounds_are_checked() {
        let check = |message: Message| message.check(8).map_err(|error| error.kind());
        assert_eq!(check(Message::new("", "k", "")), Err(ErrorKind::Invalid));
        assert_eq!(check(Message::new("i", "k", "12345678")), Ok(()));
        assert_eq!(check(Message::new("i", "k", "123456789")), Err(ErrorKind::TooLarge));
        assert_eq!(check(Message::new("i".repeat(1025), "k", "")), Err(ErrorKind::TooLarge));
        assert_eq!(check(Message::new("i", "k".repeat(257), "")), Err(ErrorKind::TooLarge));
        assert_eq!(check(Message::new("i", "k", "").with_key("k".repeat(513))), Err(ErrorKind::TooLarge));
        let wide = Message::new("i", "k", "").with_attribute("a", "v".repeat(16 * 1024));
        assert_eq!(check(wide), Err(ErrorKind::TooLarge));
    }

    #[test]
    fn debug_does_not_show_the_payload() {
        let text = format!("{:?}", Message::new("i", "k", "very secret"));
        assert!(!text.contains("secret") && text.contains("payload_bytes: 11"), "{text}");
    }

    #[test]
    fn json_that_is_not_what_was_expected_is_poison() {
        let message = Message::json("i", "k", &["a", "b"]).unwrap();
        assert_eq!(message.decode::<Vec<String>>().unwrap(), ["a", "b"]);
        assert_eq!(message.decode::<u64>().unwrap_err().kind(), ErrorKind::Poisoned);
    }
}
