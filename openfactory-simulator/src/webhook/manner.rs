//! How calls are made: what they say, how they are signed, and what becomes of them on the way.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How the body of a call is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signature {
    /// `webhook-signature`, as the Standard Webhooks specification has it: over id, time and body.
    #[default]
    Standard,
    /// `x-servicenow-signature`: base64 of the HMAC-SHA256 of the body, as `GlideCertificateEncryption` gives it.
    Base64,
    /// `x-servicenow-signature`: the same in hex, as other scripts have it.
    Hex,
    /// Not at all.
    Unsigned,
}

/// What a call says of the record's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Payload {
    /// The values as they are kept: `"state": "-2"`.
    #[default]
    Raw,
    /// As they are shown: `"state": "Scheduled"`.
    Display,
}

/// How calls are made. By default as well as can be: signed, at once, in their order, tried again until they arrive,
/// which an instance itself does not do.
///
/// As JSON, with what differs from that: `{"signature": "hex", "retries": false, "lose_one_in": 3, "seed": 7}`. The draws
/// are the same for the same seed and the same calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Manner {
    /// How they are signed.
    pub signature: Signature,
    /// What they say of values.
    pub payload: Payload,
    /// Whether a call that did not arrive is tried again.
    pub retries: bool,
    /// Whether they are made by an asynchronous rule, which tells the record as it stands when the call is made.
    pub asynchronous: bool,
    /// How long after the change they are made, in seconds.
    pub delay_s: u32,
    /// Of how many calls one is lost; 0 for none, 1 for each.
    pub lose_one_in: u32,
    /// Of how many calls one is made twice, under the same id.
    pub double_one_in: u32,
    /// Of how many calls one is held back for two seconds, so that later ones overtake it.
    pub reorder_one_in: u32,
    /// Decides the draws.
    pub seed: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            signature: Signature::default(),
            payload: Payload::default(),
            retries: true,
            asynchronous: false,
            delay_s: 0,
            lose_one_in: 0,
            double_one_in: 0,
            reorder_one_in: 0,
            seed: 0,
        }
    }
}

/// The text says nothing about how calls are made.
#[derive(Debug, thiserror::Error)]
#[error("not a manner of calling")]
pub struct MannerError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// How long a call is held back that others are to overtake, in seconds.
const OVERTAKEN: i64 = 2;

impl Manner {
    /// Reads it from JSON.
    ///
    /// # Errors
    /// If the text is no such JSON, or has a member or a value that is not known.
    pub fn from_json(text: &[u8]) -> Result<Self, MannerError> {
        serde_json::from_slice(text).map_err(|source| MannerError { source: source.into() })
    }

    pub(super) fn loses(&self, call: i64) -> bool {
        self.draws("lose", self.lose_one_in, call)
    }

    pub(super) fn doubles(&self, call: i64) -> bool {
        self.draws("double", self.double_one_in, call)
    }

    /// How long a call is held back at first, in seconds.
    pub(super) fn holds(&self, call: i64) -> i64 {
        let overtaken = if self.draws("reorder", self.reorder_one_in, call) { OVERTAKEN } else { 0 };
        i64::from(self.delay_s) + overtaken
    }

    /// Whether this call is the one of so many.
    fn draws(&self, what: &str, one_in: u32, call: i64) -> bool {
        if one_in < 2 {
            return one_in == 1;
        }
        let digest = Sha256::digest(format!("{what} {} {call}", self.seed));
        let drawn = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        drawn % one_in == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_hang_on_the_seed_alone() {
        let lost = |seed| {
            let manner = Manner { lose_one_in: 4, seed, ..Manner::default() };
            (0..400).filter(|call| manner.loses(*call)).collect::<Vec<_>>()
        };
        assert_eq!(lost(1), lost(1));
        assert_ne!(lost(1), lost(2));
        assert!((50..150).contains(&lost(1).len()), "{}", lost(1).len());
        let never = Manner::default();
        assert!((0..100).all(|call| !never.loses(call) && !never.doubles(call) && never.holds(call) == 0));
        let always = Manner { reorder_one_in: 1, double_one_in: 1, delay_s: 3, ..Manner::default() };
        assert!(always.doubles(7) && always.holds(7) == 5);
    }

    #[test]
    fn reads_what_differs_and_refuses_what_it_does_not_know() {
        let manner = Manner::from_json(br#"{"signature": "hex", "retries": false}"#).unwrap();
        let expected = Manner { signature: Signature::Hex, retries: false, ..Manner::default() };
        assert_eq!(manner, expected);
        assert!(Manner::from_json(br#"{"loose_one_in": 1}"#).is_err());
        assert!(Manner::from_json(br#"{"signature": "md5"}"#).is_err());
    }
}
