//! Why an event was not taken: the HTTP status tells the sender's program what to do, the reason tells a person.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use openfactory_attest::envelope::OpenError;
use openfactory_queue::ErrorKind;
use openfactory_sn::lifecycle::cloud_event::CloudEventError;
use serde_json::json;

use super::audit::AuditFailure;
use crate::serve::BodyError;
use crate::told::told;
use crate::trust_file::TrustFileError;

/// Seconds after which a sender that can't be served now should come again.
const RETRY_AFTER: &str = "2";

/// Why an event was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: String,
    /// The reason in one word, where a program needs to know more than the status says.
    pub(super) code: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), code: None }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Whether the same event may be taken later, with nothing changed but the time.
    pub(super) fn is_for_now(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// The refusal of a whole batch, because of its event `number` of `total`; those before it were taken.
    pub(super) fn of_batch(self, number: usize, total: usize) -> Self {
        Self { reason: format!("event {number} of {total}: {}", self.reason), ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let for_now = self.is_for_now();
        let mut body = json!({ "error": self.reason });
        if let (Some(code), Some(members)) = (self.code, body.as_object_mut()) {
            members.insert("code".to_owned(), code.into());
        }
        let body = Json(body);
        if for_now {
            return (self.status, [(header::RETRY_AFTER, RETRY_AFTER)], body).into_response();
        }
        (self.status, body).into_response()
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken { .. } => StatusCode::BAD_REQUEST,
        };
        Self::new(status, told(&error))
    }
}

impl From<CloudEventError> for Refusal {
    fn from(error: CloudEventError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, told(&error))
    }
}

impl From<OpenError> for Refusal {
    /// 401 for whom the router does not know, 403 for a key that it knows and that may not say this.
    fn from(error: OpenError) -> Self {
        let status = match error {
            OpenError::PayloadType { .. } => StatusCode::BAD_REQUEST,
            OpenError::KindNotAllowed { .. } | OpenError::Revoked { .. } => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self::new(status, told(&error))
    }
}

impl From<TrustFileError> for Refusal {
    /// Nobody is trusted while the trust file can't be read; that is not the sender's fault.
    fn from(error: TrustFileError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, told(&error))
    }
}

impl From<AuditFailure> for Refusal {
    fn from(error: AuditFailure) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, told(&error))
    }
}

impl From<openfactory_queue::Error> for Refusal {
    fn from(error: openfactory_queue::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Full => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, told(&error))
    }
}
