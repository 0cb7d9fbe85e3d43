//! `POST /v1/events`: from foreign bytes to a durable message, or a reason why not.
//!
//! Order: bounds, CloudEvent, signature, who may say it, audit entry, queue, answer. The 202 is the last thing
//! that happens: what it acknowledges survives a power cut.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, body::Body};
use bytes::Bytes;
use openfactory_attest::envelope::OpenError;
use openfactory_attest::key::KeyKind;
use openfactory_attest::trust::TrustedKey;
use openfactory_queue::{ErrorKind, Message, Published, SyncQueueExt as _};
use openfactory_sn::lifecycle::cloud_event::{self, CloudEvent};
use openfactory_sn::lifecycle::event::codec::EventError;
use openfactory_sn::lifecycle::event::{Event, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::EventId;
use serde::Serialize;
use serde_json::json;

use super::core::Core;
use super::edges::Edge;
use super::{message, proof};
use crate::serve::{BodyError, read_body};
use crate::told::told;

/// The most bytes of one request.
const MAX_BODY: usize = 24 << 20;
/// The longest that a request's body may take.
const BODY_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);
/// Seconds after which a sender that can't be served now should come again.
const RETRY_AFTER: &str = "2";

/// The kinds of keys that may sign events at all; which events each may sign is the event's own rule.
const SENDERS: &[KeyKind] = &[
    KeyKind::BuildPlatformSigning,
    KeyKind::ReleaseSigning,
    KeyKind::DeviceAttestation,
    KeyKind::Integration,
];

/// What is said of an event that was taken.
#[derive(Debug, Serialize)]
struct Taken {
    id: String,
    duplicate: bool,
}

/// Why an event was not taken.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.reason }));
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            return (self.status, [(header::RETRY_AFTER, RETRY_AFTER)], body).into_response();
        }
        (self.status, body).into_response()
    }
}

/// The route that takes events.
pub(super) fn routes(core: Core) -> Router {
    Router::new().route("/v1/events", post(events)).with_state(core)
}

async fn events(State(core): State<Core>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match take(&core, &head.headers, body).await {
        Ok(response) => response,
        Err(refusal) => {
            core.counters.refused(refusal.status);
            tracing::warn!(status = refusal.status.as_u16(), reason = refusal.reason, "an event was refused");
            refusal.into_response()
        }
    }
}

async fn take(core: &Core, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
    let body = read_body(body, MAX_BODY, BODY_WITHIN).await.map_err(|error| {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken { .. } => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, told(&error))
    })?;
    let media = media_type(headers);
    if media == cloud_event::BATCH_MEDIA_TYPE {
        let batch = cloud_event::parse_batch(&body).map_err(not_an_event)?;
        let mut taken = Vec::with_capacity(batch.len());
        for event in &batch {
            taken.push(take_one(core, event).await?);
        }
        return Ok((StatusCode::ACCEPTED, Json(taken)).into_response());
    }
    let event = if media == cloud_event::MEDIA_TYPE {
        cloud_event::parse(&body).map_err(not_an_event)?
    } else if headers.contains_key("ce-specversion") {
        binary_mode(headers, &body)?
    } else {
        let reason = format!("send {} or {}", cloud_event::MEDIA_TYPE, cloud_event::BATCH_MEDIA_TYPE);
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    };
    let taken = take_one(core, &event).await?;
    Ok((StatusCode::ACCEPTED, Json(taken)).into_response())
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn binary_mode(headers: &HeaderMap, body: &Bytes) -> Result<CloudEvent, Refusal> {
    let pairs = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    cloud_event::parse_binary(pairs, body).map_err(not_an_event)
}

fn not_an_event(error: cloud_event::CloudEventError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, told(&error))
}

async fn take_one(core: &Core, cloud: &CloudEvent) -> Result<Taken, Refusal> {
    let opened = cloud.data.open(&core.trust, PAYLOAD_TYPE, SENDERS).map_err(untrusted)?;
    let payload = opened.get();
    match Event::parse(payload) {
        Ok(event) => {
            let signer = opened.signer();
            if let Err((status, reason)) = acceptable(core, cloud, &event, signer) {
                core.audit.refused(&event.body.key(), signer, payload, &reason).await.map_err(unavailable)?;
                return Err(Refusal::new(status, reason));
            }
            store(core, &event, signer, payload).await
        }
        Err(EventError::UnknownType { type_name, id, source_uri }) => {
            // It may be known to a later version: it becomes a dead letter that can be redriven then.
            let identity = EventId::identity(&source_uri, &id);
            publish(core, &id, message::unknown(&identity, &type_name, payload)).await
        }
        Err(error) => Err(Refusal::new(StatusCode::BAD_REQUEST, told(&error))),
    }
}

/// Whether this signer may say this, in this wrapping, with these statements inside.
fn acceptable(
    core: &Core,
    cloud: &CloudEvent,
    event: &Event,
    signer: &TrustedKey,
) -> Result<(), (StatusCode, String)> {
    cloud.check(event).map_err(|error| (StatusCode::BAD_REQUEST, told(&error)))?;
    event.check_sender(signer.kind, &signer.name).map_err(|error| (StatusCode::FORBIDDEN, told(&error)))?;
    proof::check(event, &core.trust).map_err(|reason| (StatusCode::FORBIDDEN, reason))
}

async fn store(core: &Core, event: &Event, signer: &TrustedKey, payload: &[u8]) -> Result<Taken, Refusal> {
    core.audit.received(event, signer, payload).await.map_err(unavailable)?;
    core.pass(Edge::IntakeAudited).await;
    let taken = publish(core, &event.id, message::external(event, signer, payload)).await?;
    core.pass(Edge::IntakePublished).await;
    Ok(taken)
}

async fn publish(core: &Core, id: &EventId, message: Message) -> Result<Taken, Refusal> {
    let taken = |duplicate| Taken { id: id.to_string(), duplicate };
    match core.queue.send(message).await {
        Ok(Published::Stored { .. }) => Ok(taken(false)),
        Ok(Published::Duplicate { .. }) => Ok(taken(true)),
        Ok(_conflict) => {
            let reason = format!("an event {id} of this source is known with other content");
            Err(Refusal::new(StatusCode::CONFLICT, reason))
        }
        Err(error) => {
            let status = match error.kind() {
                ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                ErrorKind::Full => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            Err(Refusal::new(status, told(&error)))
        }
    }
}

fn untrusted(error: OpenError) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, told(&error))
}

fn unavailable(error: super::audit::AuditFailure) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, told(&error))
}
