//! Binary mode (CloudEvents HTTP binding 1.0, section 3.1): attributes in `ce-` headers, the data in the body.

use super::{Attributes, CloudEvent, CloudEventError, DATA_MEDIA_TYPE, SPEC_VERSION, json};
use crate::lifecycle::timestamp;

/// Reads an event in binary mode from header names (any case) and values. Headers that are no attributes are
/// ignored; an attribute that stands twice is refused.
///
/// # Errors
/// [`CloudEventError`] says what is wrong with it.
pub fn parse_binary<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Result<CloudEvent, CloudEventError> {
    let mut attributes = Attributes::default();
    for (header, value) in headers {
        let header = header.to_ascii_lowercase();
        let attribute = match header.strip_prefix("ce-") {
            Some(name) => name,
            None if header == "content-type" => "datacontenttype",
            None => continue,
        };
        for (name, place) in attributes.places() {
            if name != attribute {
                continue;
            }
            if place.is_some() {
                return Err(CloudEventError::Attribute {
                    name,
                    reason: "its header stands twice".to_owned(),
                });
            }
            *place = Some(decode(name, value)?);
        }
    }
    attributes.with(json(body)?)
}

/// The headers of an event in binary mode; the body is [`Envelope::to_json`](openfactory_attest::Envelope::to_json)
/// of its data.
#[must_use]
pub fn headers(event: &CloudEvent) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("ce-specversion", SPEC_VERSION.to_owned()),
        ("ce-id", encode(&event.id)),
        ("ce-source", encode(&event.source)),
        ("ce-type", encode(&event.type_name)),
        ("content-type", DATA_MEDIA_TYPE.to_owned()),
    ];
    if let Some(time) = event.time {
        headers.push(("ce-time", timestamp::format(time)));
    }
    headers
}

/// What a header can't hold, and `"` and `%`, as `%XX` of its UTF-8 bytes.
fn encode(text: &str) -> String {
    let mut header = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'%' {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.push_str(&hex::encode_upper([byte]));
        }
    }
    header
}

fn decode(name: &'static str, header: &str) -> Result<String, CloudEventError> {
    let wrong = || CloudEventError::Attribute { name, reason: "its header is not well encoded".to_owned() };
    let mut bytes = Vec::with_capacity(header.len());
    let mut rest = header.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2).ok_or_else(wrong)?;
        bytes.extend(hex::decode(digits).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}
