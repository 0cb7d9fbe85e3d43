//! The bytes of a message, and where they lie. The log holds the place alone, in the message's payload.

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::message::{DESTINATION, Message};

/// What attributes may add to a payload, written as JSON; the message's own bound is 16 KiB, and an escape takes six
/// bytes for one.
pub(super) const HEADROOM: usize = 256 * 1024;

/// Where bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Place {
    /// In the work stream, under this number.
    Work(u64),
    /// In the stream of dead letters.
    Dead(u64),
    /// The server has lost them.
    Gone,
}

impl Place {
    pub(super) fn to_bytes(self) -> Bytes {
        let (house, seq) = match self {
            Self::Work(seq) => (0, seq),
            Self::Dead(seq) => (1, seq),
            Self::Gone => (2, 0),
        };
        let mut bytes = BytesMut::with_capacity(9);
        bytes.put_u8(house);
        bytes.put_u64(seq);
        bytes.freeze()
    }

    /// The place that a message without its bytes names; none is as good as gone.
    pub(super) fn of(message: &Message) -> Self {
        let Ok([house, seq @ ..]) = <[u8; 9]>::try_from(message.payload.as_ref()) else { return Self::Gone };
        match house {
            0 => Self::Work(u64::from_be_bytes(seq)),
            1 => Self::Dead(u64::from_be_bytes(seq)),
            _ => Self::Gone,
        }
    }
}

/// The message without its bytes, which lie at `place`: what the log and every router's memory hold.
pub(super) fn strip(mut message: Message, place: Place) -> Message {
    message.attributes.retain(|name, _| name == DESTINATION);
    message.payload = place.to_bytes();
    message
}

/// Attributes and payload as one: the length of the attributes' JSON (32 bits, big-endian), the JSON, the payload.
pub(super) fn encode(message: &Message) -> Result<Bytes, serde_json::Error> {
    let attributes = serde_json::to_vec(&message.attributes)?;
    let mut bytes = BytesMut::with_capacity(4 + attributes.len() + message.payload.len());
    bytes.put_u32(u32::try_from(attributes.len()).unwrap_or(u32::MAX));
    bytes.put_slice(&attributes);
    bytes.put_slice(&message.payload);
    Ok(bytes.freeze())
}

/// Puts the bytes back into a message; false if they are not its own, by `digest`.
pub(super) fn fill(message: &mut Message, body: &Bytes, digest: Option<&[u8; 32]>) -> bool {
    let Some((attributes, payload)) = decode(body) else { return false };
    let mut filled = message.clone();
    filled.attributes = attributes;
    filled.payload = payload;
    if digest.is_none_or(|digest| *digest != filled.content_digest()) {
        return false;
    }
    *message = filled;
    true
}

fn decode(body: &Bytes) -> Option<(BTreeMap<String, String>, Bytes)> {
    let length = u32::from_be_bytes(body.get(..4)?.try_into().ok()?);
    let end = usize::try_from(length).ok()?.checked_add(4)?;
    let attributes = serde_json::from_slice(body.get(4..end)?).ok()?;
    Some((attributes, body.slice(end..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gets_its_own_bytes_back_and_no_others() {
        let message = Message::new("a", "k", vec![0, 255, 1])
            .with_attribute(DESTINATION, "sn")
            .with_attribute("quote", "\"\n\u{1F600}\0");
        let body = encode(&message).unwrap();
        let digest = message.content_digest();
        for place in [Place::Work(7), Place::Dead(u64::MAX), Place::Gone] {
            let mut bare = strip(message.clone(), place);
            assert_eq!((Place::of(&bare), bare.destination()), (place, Some("sn")));
            assert!(fill(&mut bare, &body, Some(&digest)));
            assert_eq!(bare, message);
        }
        let bare = strip(message.clone(), Place::Work(1));
        let foreign = encode(&Message::new("b", "k", "other")).unwrap();
        let cut = body.slice(..body.len() - 1);
        let long = Bytes::from_static(&[255, 255, 255, 255, 0]);
        for bad in [foreign, cut, long, Bytes::new()] {
            let mut same = bare.clone();
            assert!(!fill(&mut same, &bad, Some(&digest)));
            assert_eq!(same, bare);
        }
        assert_eq!(Place::of(&message), Place::Gone, "a payload that is no place");
    }
}
