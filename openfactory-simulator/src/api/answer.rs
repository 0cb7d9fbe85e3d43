//! What is sent back.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::xml;
use crate::refusal::Refusal;
use crate::switches::{PageBody, Switches};

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

const XML: HeaderValue = HeaderValue::from_static("application/xml;charset=UTF-8");

pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Answer {
    /// `{"result": ...}`.
    pub(crate) fn result(status: StatusCode, result: &Value) -> Self {
        Self::json(status, &json!({ "result": result }))
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, headers: vec![(header::CONTENT_TYPE, JSON)], body: body.to_string().into_bytes() }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn bytes(content_type: &str, body: Vec<u8>) -> Self {
        let kind = HeaderValue::from_str(content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        Self { status: StatusCode::OK, headers: vec![(header::CONTENT_TYPE, kind)], body }
    }

    /// The error envelope.
    pub(crate) fn refused(refusal: &Refusal, switches: &Switches) -> Self {
        let (status, message, detail) = refusal.as_of(switches);
        let body = json!({ "error": { "message": message, "detail": detail }, "status": "failure" });
        let answer = Self::json(status, &body);
        if status == StatusCode::UNAUTHORIZED && switches.names_realm {
            return answer.header(header::WWW_AUTHENTICATE, "BASIC realm=\"Service-now\"");
        }
        answer
    }

    /// The same in XML, where it is JSON.
    pub(crate) fn in_xml(mut self) -> Self {
        let json = self.headers.iter().any(|(name, value)| *name == header::CONTENT_TYPE && *value == JSON);
        match serde_json::from_slice(&self.body) {
            Ok(body) if json => {
                self.body = xml::document(&body).into_bytes();
                self.headers.retain(|(name, _)| name != header::CONTENT_TYPE);
                self.headers.push((header::CONTENT_TYPE, XML));
                self
            }
            _ => self,
        }
    }

    /// Adds a header; a value that no header can hold is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_bytes(value.as_bytes()) {
            Ok(value) => self.headers.push((name, value)),
            Err(error) => tracing::warn!(%name, %error, "a header was left out"),
        }
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its headers, those that are text.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The same, as a HEAD asks for it: what is said of the body, and no body.
    pub(crate) fn head(mut self) -> Self {
        self.body.clear();
        self
    }

    pub(crate) fn without_body(mut self) -> Self {
        self.body.clear();
        self.headers.retain(|(name, _)| name != header::CONTENT_TYPE);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// What says that a call is refused before the instance itself looks at it.
pub(crate) fn front(kind: PageBody, status: StatusCode, text: &str) -> Response {
    match kind {
        PageBody::Html => html(status, text),
        PageBody::Empty => status.into_response(),
        PageBody::Json => {
            let body = json!({ "error": { "message": text, "detail": null }, "status": "failure" });
            Answer::json(status, &body).into_response()
        }
    }
}

/// A page of HTML, as front proxies and login pages are.
pub(crate) fn html(status: StatusCode, text: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/html;charset=UTF-8")];
    (status, headers, page).into_response()
}
