//! One call, before it is a request.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Map, Value};

use super::url::{BaseUrl, Target};
use crate::attachment::Measured;
use crate::error::{Error, ErrorKind};
use crate::record::Fields;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const ANY: HeaderValue = HeaderValue::from_static("*/*");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("openfactory-sn/", env!("CARGO_PKG_VERSION")));

/// Whether the client itself may send a call again whose outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Sending it twice leaves the instance as sending it once.
    Safe,
    /// Only if it can't have been acted on.
    OnlyIfUnsent,
}

/// What a good answer to a call looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// JSON with a `result` that is a list of records.
    List,
    /// JSON with a `result`.
    Result,
    /// No body.
    Nothing,
    /// A file's bytes.
    File,
    /// JSON of another form than one with a `result`.
    Json,
    /// A file's bytes, which are not waited for.
    Stream,
    /// The token endpoint's form of JSON.
    Token,
    /// JSON with a `result`, perhaps of work that goes on behind it (202).
    Work,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// Content that is read while it is sent.
    Content(Measured),
    /// Bytes at hand, or none.
    Whole(Bytes),
}

/// One call, ready to be made once or several times.
#[derive(Clone)]
pub(crate) struct Call {
    /// What it does, for people.
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) repeat: Repeat,
    pub(crate) expects: Expects,
    content_type: Option<HeaderValue>,
    payload: Payload,
}

impl Call {
    fn new(method: Method, operation: String, target: Target) -> Self {
        Self {
            operation,
            method,
            target,
            repeat: Repeat::Safe,
            expects: Expects::Result,
            content_type: None,
            payload: Payload::Whole(Bytes::new()),
        }
    }

    pub(crate) fn get(operation: String, target: Target) -> Self {
        Self::new(Method::GET, operation, target)
    }

    pub(crate) fn delete(operation: String, target: Target) -> Self {
        Self { expects: Expects::Nothing, ..Self::new(Method::DELETE, operation, target) }
    }

    /// A create: not repeated by the client unless it can't have been acted on.
    pub(crate) fn post(operation: String, target: Target, fields: &Fields) -> Self {
        Self { repeat: Repeat::OnlyIfUnsent, ..Self::new(Method::POST, operation, target) }.with_json(fields)
    }

    /// A call whose body is any JSON; not repeated by the client unless it can't have been acted on.
    pub(crate) fn json(method: Method, operation: String, target: Target, body: &Value) -> Self {
        Self {
            repeat: Repeat::OnlyIfUnsent,
            content_type: Some(JSON),
            payload: Payload::Whole(Bytes::from(body.to_string())),
            ..Self::new(method, operation, target)
        }
    }

    /// The same with another form of answer.
    pub(crate) fn expecting(self, expects: Expects) -> Self {
        Self { expects, ..self }
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.payload
    }

    /// What it carries, if that is at hand.
    pub(crate) fn body(&self) -> Bytes {
        match &self.payload {
            Payload::Content(_) => Bytes::new(),
            Payload::Whole(body) => body.clone(),
        }
    }

    /// An update: not repeated by the client where it has text for one of these, which it would append a second time.
    pub(crate) fn patch(operation: String, target: Target, fields: &Fields, journal: &[&str]) -> Self {
        let repeat = if fields.leaves_out(journal) { Repeat::Safe } else { Repeat::OnlyIfUnsent };
        Self { repeat, ..Self::new(Method::PATCH, operation, target) }.with_json(fields)
    }

    pub(crate) fn upload(
        operation: String,
        target: Target,
        content_type: HeaderValue,
        content: Measured,
    ) -> Self {
        Self {
            repeat: Repeat::OnlyIfUnsent,
            content_type: Some(content_type),
            payload: Payload::Content(content),
            ..Self::new(Method::POST, operation, target)
        }
    }

    /// A token request: repeating it changes nothing.
    pub(crate) fn token(target: Target, body: Bytes) -> Self {
        Self {
            expects: Expects::Token,
            content_type: Some(FORM),
            payload: Payload::Whole(body),
            ..Self::new(Method::POST, "get an access token".to_owned(), target)
        }
    }

    /// The same, for a caller that looks for the outcome before it sends the call again.
    pub(crate) fn looked_for(self) -> Self {
        Self { repeat: Repeat::Safe, ..self }
    }

    fn with_json(mut self, fields: &Fields) -> Self {
        let object: Map<String, Value> =
            fields.iter().map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect();
        self.payload = Payload::Whole(Bytes::from(Value::Object(object).to_string()));
        self.content_type = Some(JSON);
        self
    }

    /// Whether a lost answer leaves open what the instance now holds.
    pub(crate) fn writes(&self) -> bool {
        !self.method.is_safe() && self.expects != Expects::Token
    }

    /// The request on the wire, without content that is read while it is sent.
    pub(crate) fn request(
        &self,
        base: &BaseUrl,
        credential: Option<(&HeaderName, &HeaderValue)>,
    ) -> Result<Request<Bytes>, Error> {
        let url = base.join(&self.target).map_err(|reason| self.refused(reason))?;
        let mut request = Request::new(self.body());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, AGENT);
        headers
            .insert(ACCEPT, if matches!(self.expects, Expects::File | Expects::Stream) { ANY } else { JSON });
        if let Some(content_type) = &self.content_type {
            headers.insert(CONTENT_TYPE, content_type.clone());
        }
        if let Some((name, value)) = credential {
            headers.insert(name.clone(), value.clone());
        }
        Ok(request)
    }

    /// An error of this side, before anything was sent.
    pub(crate) fn refused(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Local, self.operation.clone(), reason)
    }
}
