//! CloudEvents 1.0 around signed events: structured, batched and binary over HTTP.
//!
//! The attributes outside are for routing; what counts is signed inside. [`CloudEvent::check`] holds them against
//! each other, so that no one can file an event under another name.
//!
//! Extension attributes are ignored. `data` is the JSON of a DSSE envelope; `data_base64` is refused.
//!
//! ```
//! use openfactory_attest::{Ed25519Key, Envelope};
//! use openfactory_sn::SysId;
//! use openfactory_sn::lifecycle::cloud_event::{
//!     CloudEvent, CloudEventError, batch_to_json, headers, parse, parse_batch, parse_binary,
//! };
//! use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE, record::RecordChanged};
//! use openfactory_sn::lifecycle::{id::EventId, timestamp};
//!
//! // The sender's side.
//! let hint = RecordChanged::new("incident", SysId::new("9d385017c611228701d22104cc95c371")?);
//! let (id, now) = (EventId::new("hint-1")?, timestamp::parse("2026-11-25T14:43:25.120Z")?);
//! let event = Event::new(id, "/webhook", now, EventBody::RecordChanged(Box::new(hint)));
//! let signed = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, &Ed25519Key::generate()?)?;
//! let cloud = CloudEvent::of(&event, signed);
//!
//! // Structured (`application/cloudevents+json`), batched, or binary with the attributes in headers: the same event.
//! assert_eq!(parse(&cloud.to_json())?, cloud);
//! assert_eq!(parse_batch(&batch_to_json(&[cloud.clone()]))?, [cloud.clone()]);
//! let sent = headers(&cloud);
//! assert!(sent.contains(&("ce-type", "tech.openfactory.servicenow.record_changed.v1".to_owned())));
//! let received = sent.iter().map(|(name, value)| (*name, value.as_str()));
//! assert_eq!(parse_binary(received, &cloud.data.to_json())?, cloud);
//!
//! // What stands outside is for routing. It has to be what was signed.
//! cloud.check(&event)?;
//! let mut renamed = cloud;
//! renamed.source = "/operator/ada".to_owned();
//! assert!(matches!(renamed.check(&event), Err(CloudEventError::Disagreement { name: "source" })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binary;

use std::time::SystemTime;

use openfactory_attest::canonical::{self, Limits};
use openfactory_attest::envelope::Envelope;
use serde_json::{Map, Value};

pub use self::binary::{headers, parse_binary};
use super::event::Event;
use super::timestamp;

/// Media type of one event in structured mode.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";
/// Media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";
/// Media type of `data`.
pub const DATA_MEDIA_TYPE: &str = "application/json";
/// The most bytes of an event or a batch.
pub const MAX_BYTES: usize = 24 * 1024 * 1024;
/// The most events of a batch.
pub const MAX_BATCH: usize = 100;
/// The longest attribute, in bytes.
pub const MAX_ATTRIBUTE: usize = 256;

const SPEC_VERSION: &str = "1.0";

/// An event as it travels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CloudEvent {
    /// Its id, unique within its source.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its type.
    pub type_name: String,
    /// When it happened, if it says so.
    pub time: Option<SystemTime>,
    /// The signed envelope.
    pub data: Envelope,
}

/// Why bytes are not a CloudEvent that could be one of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudEventError {
    /// Too many bytes.
    #[error("an event or batch has at most {MAX_BYTES} bytes, this one has {length}")]
    TooLarge {
        /// How many.
        length: usize,
    },
    /// Too many events, or none.
    #[error("a batch has 1 to {MAX_BATCH} events, this one has {length}")]
    BatchSize {
        /// How many.
        length: usize,
    },
    /// Not JSON, or not an object (in a batch: an array of objects).
    #[error("the CloudEvent's JSON can not be read")]
    Json {
        /// Where and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Not the shape of a CloudEvent.
    #[error("a CloudEvent is a JSON object, a batch an array of them")]
    Shape,
    /// An attribute is missing.
    #[error("the CloudEvent lacks {name}")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// An attribute is not what it must be.
    #[error("the CloudEvent's {name} is wrong: {reason}")]
    Attribute {
        /// Which.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// `data` is not a DSSE envelope.
    #[error("the CloudEvent's data is not a DSSE envelope")]
    Data {
        /// Where and why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An attribute says something else than the signed event.
    #[error("the CloudEvent's {name} is not that of the signed event inside")]
    Disagreement {
        /// Which.
        name: &'static str,
    },
}

/// Reads one event in structured mode.
///
/// # Errors
/// [`CloudEventError`] says what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<CloudEvent, CloudEventError> {
    match json(bytes)? {
        Value::Object(object) => structured(object),
        _ => Err(CloudEventError::Shape),
    }
}

/// Reads a batch: all of it or nothing.
///
/// # Errors
/// [`CloudEventError`] says what is wrong with the first event that is none.
pub fn parse_batch(bytes: &[u8]) -> Result<Vec<CloudEvent>, CloudEventError> {
    let Value::Array(items) = json(bytes)? else { return Err(CloudEventError::Shape) };
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(CloudEventError::BatchSize { length: items.len() });
    }
    let events = items.into_iter().map(|item| match item {
        Value::Object(object) => structured(object),
        _ => Err(CloudEventError::Shape),
    });
    events.collect()
}

impl CloudEvent {
    /// The travelling form of an event whose payload `data` signs.
    #[must_use]
    pub fn of(event: &Event, data: Envelope) -> Self {
        Self {
            id: event.id.to_string(),
            source: event.source.clone(),
            type_name: event.body.type_name().to_owned(),
            time: Some(event.time),
            data,
        }
    }

    /// The event in structured mode.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    /// Holds the attributes against the event that was read from the signed payload.
    ///
    /// # Errors
    /// [`CloudEventError::Disagreement`] names the first one that differs.
    pub fn check(&self, event: &Event) -> Result<(), CloudEventError> {
        let disagreement = |name| Err(CloudEventError::Disagreement { name });
        if self.id != event.id.as_str() {
            return disagreement("id");
        }
        if self.source != event.source {
            return disagreement("source");
        }
        if self.type_name != event.body.type_name() {
            return disagreement("type");
        }
        if self.time.is_some_and(|time| time != event.time) {
            return disagreement("time");
        }
        Ok(())
    }

    fn to_value(&self) -> Value {
        // An envelope that was read or signed can be written; its bytes are JSON by its own promise.
        let data = serde_json::from_slice(&self.data.to_json()).unwrap_or(Value::Null);
        let mut object = Map::new();
        object.insert("specversion".to_owned(), SPEC_VERSION.into());
        object.insert("id".to_owned(), self.id.as_str().into());
        object.insert("source".to_owned(), self.source.as_str().into());
        object.insert("type".to_owned(), self.type_name.as_str().into());
        if let Some(time) = self.time {
            object.insert("time".to_owned(), timestamp::format(time).into());
        }
        object.insert("datacontenttype".to_owned(), DATA_MEDIA_TYPE.into());
        object.insert("data".to_owned(), data);
        Value::Object(object)
    }
}

/// A batch in its JSON form.
#[must_use]
pub fn batch_to_json(events: &[CloudEvent]) -> Vec<u8> {
    Value::Array(events.iter().map(CloudEvent::to_value).collect()).to_string().into_bytes()
}

fn json(bytes: &[u8]) -> Result<Value, CloudEventError> {
    if bytes.len() > MAX_BYTES {
        return Err(CloudEventError::TooLarge { length: bytes.len() });
    }
    let limits = Limits { max_bytes: MAX_BYTES, ..Limits::FOREIGN };
    canonical::parse(bytes, &limits).map_err(|error| CloudEventError::Json { source: error.into() })
}

fn structured(mut object: Map<String, Value>) -> Result<CloudEvent, CloudEventError> {
    let mut attributes = Attributes::default();
    for (name, place) in attributes.places() {
        match object.remove(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => *place = Some(text),
            Some(_) => {
                return Err(CloudEventError::Attribute { name, reason: "it is not a string".to_owned() });
            }
        }
    }
    if object.contains_key("data_base64") {
        let reason = "the envelope is JSON and travels in data".to_owned();
        return Err(CloudEventError::Attribute { name: "data_base64", reason });
    }
    let data = object.remove("data").ok_or(CloudEventError::Missing { name: "data" })?;
    attributes.with(data)
}

/// Context attributes as they came.
#[derive(Default)]
struct Attributes {
    spec_version: Option<String>,
    id: Option<String>,
    source: Option<String>,
    type_name: Option<String>,
    time: Option<String>,
    content_type: Option<String>,
}

impl Attributes {
    fn places(&mut self) -> [(&'static str, &mut Option<String>); 6] {
        [
            ("specversion", &mut self.spec_version),
            ("id", &mut self.id),
            ("source", &mut self.source),
            ("type", &mut self.type_name),
            ("time", &mut self.time),
            ("datacontenttype", &mut self.content_type),
        ]
    }

    fn with(self, data: Value) -> Result<CloudEvent, CloudEventError> {
        let wrong = |name, reason: &str| CloudEventError::Attribute { name, reason: reason.to_owned() };
        if required("specversion", self.spec_version)? != SPEC_VERSION {
            return Err(wrong("specversion", "only 1.0 is known"));
        }
        if let Some(content_type) = &self.content_type {
            let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if essence != DATA_MEDIA_TYPE && !essence.ends_with("+json") {
                return Err(wrong("datacontenttype", "the data is JSON"));
            }
        }
        let time =
            self.time.map(|text| timestamp::parse(&text).map_err(|error| wrong("time", &error.to_string())));
        Ok(CloudEvent {
            id: required("id", self.id)?,
            source: required("source", self.source)?,
            type_name: required("type", self.type_name)?,
            time: time.transpose()?,
            data: serde_json::from_value(data)
                .map_err(|error| CloudEventError::Data { source: error.into() })?,
        })
    }
}

fn required(name: &'static str, value: Option<String>) -> Result<String, CloudEventError> {
    let text = value.ok_or(CloudEventError::Missing { name })?;
    let reason = if text.is_empty() {
        "it is empty"
    } else if text.len() > MAX_ATTRIBUTE {
        "it is too long"
    } else if text.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(text);
    };
    Err(CloudEventError::Attribute { name, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests;
