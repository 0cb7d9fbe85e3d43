//! The envelope's JSON (DSSE, envelope.md).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Serialize};

use super::{MAX_ENVELOPE, MAX_SIGNATURES, ParseEnvelopeError, Signature};
use crate::canonical::{self, Limits};

#[derive(Serialize, Deserialize)]
pub(super) struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl From<super::Envelope> for Envelope {
    fn from(envelope: super::Envelope) -> Self {
        let signatures = envelope.signatures.into_iter().map(|signature| WireSignature {
            keyid: signature.key_id,
            sig: STANDARD.encode(signature.bytes),
        });
        Self {
            payload: STANDARD.encode(&envelope.payload),
            payload_type: envelope.payload_type,
            signatures: signatures.collect(),
        }
    }
}

impl TryFrom<Envelope> for super::Envelope {
    type Error = ParseEnvelopeError;

    fn try_from(envelope: Envelope) -> Result<Self, ParseEnvelopeError> {
        let count = envelope.signatures.len();
        if count > MAX_SIGNATURES {
            return Err(ParseEnvelopeError::TooManySignatures { count });
        }
        let payload = decode(&envelope.payload)
            .ok_or_else(|| ParseEnvelopeError::Base64 { member: "payload".to_owned() })?;
        let signatures = envelope.signatures.into_iter().enumerate().map(|(index, signature)| {
            let bytes = decode(&signature.sig)
                .ok_or_else(|| ParseEnvelopeError::Base64 { member: format!("signatures[{index}].sig") })?;
            // An empty key id is the same as none (DSSE, protocol.md).
            Ok(Signature { key_id: signature.keyid.filter(|id| !id.is_empty()), bytes })
        });
        Ok(Self {
            payload_type: envelope.payload_type,
            payload,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }
}

/// Takes base64 of the standard or the URL-safe alphabet, padded or not; never a mixture of both.
fn decode(text: &str) -> Option<Vec<u8>> {
    let padding = if text.ends_with('=') {
        DecodePaddingMode::RequireCanonical
    } else {
        DecodePaddingMode::Indifferent
    };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(padding);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

pub(super) fn parse(bytes: &[u8]) -> Result<super::Envelope, ParseEnvelopeError> {
    let limits = Limits { max_bytes: MAX_ENVELOPE, ..Limits::FOREIGN };
    let value = canonical::parse(bytes, &limits).map_err(ParseEnvelopeError::Json)?;
    let wire: Envelope = canonical::from_value(value)
        .map_err(|error| ParseEnvelopeError::Shape { reason: error.to_string() })?;
    wire.try_into()
}

pub(super) fn value(envelope: &super::Envelope) -> serde_json::Value {
    let signatures = envelope.signatures.iter().map(|signature| {
        let sig = STANDARD.encode(&signature.bytes);
        match &signature.key_id {
            Some(key_id) => serde_json::json!({"keyid": key_id, "sig": sig}),
            None => serde_json::json!({"sig": sig}),
        }
    });
    serde_json::json!({
        "payload": STANDARD.encode(&envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": signatures.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding_and_nothing_else() {
        let bytes = [0xfb, 0xff, 0xfe, 0x01];
        for text in ["+//+AQ==", "-__-AQ==", "+//+AQ", "-__-AQ"] {
            assert_eq!(decode(text).as_deref(), Some(&bytes[..]), "{text}");
        }
        for text in ["+__+AQ==", "+//+AR==", "+//+A", "+//+AQ=", "+//+AQ= =", " +//+AQ==", "+//+AQ==\n"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _result = parse(&bytes);
        }
    }
}
