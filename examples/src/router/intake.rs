//! `POST /v1/events`: from foreign bytes to a durable message, or a reason why not.
//!
//! Order: bounds, CloudEvent, signature, who may say it, audit entry, queue, answer. The 202 is the last thing
//! that happens: what it acknowledges survives a power cut.

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use openfactory_attest::envelope::OpenError;
use openfactory_attest::key::KeyKind;
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_queue::{Message, Published, SyncQueueExt as _};
use openfactory_sn::lifecycle::cloud_event::{self, CloudEvent, CloudEventError};
use openfactory_sn::lifecycle::event::codec::EventError;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::EventId;
use serde::Serialize;

use super::audit::Named;
use super::core::Core;
use super::edges::Edge;
use super::refusal::Refusal;
use super::{challenge, message, proof};
use crate::serve::read_body;
use crate::told::told;

/// The most bytes of one request.
const MAX_BODY: usize = 24 << 20;
/// The longest that a request's body may take.
const BODY_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);
/// The kinds of keys that may sign events at all; which events each may sign is the event's own rule.
const SENDERS: &[KeyKind] = &[
    KeyKind::BuildPlatformSigning,
    KeyKind::ReleaseSigning,
    KeyKind::DeviceAttestation,
    KeyKind::Integration,
    KeyKind::Operator,
    KeyKind::RootSigning,
];

/// What is said of an event that was taken.
#[derive(Debug, Serialize)]
struct Taken {
    id: String,
    duplicate: bool,
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
    let media = media_type(headers);
    let binary = headers.contains_key("ce-specversion");
    if media != cloud_event::BATCH_MEDIA_TYPE && media != cloud_event::MEDIA_TYPE && !binary {
        let reason = format!("send {} or {}", cloud_event::MEDIA_TYPE, cloud_event::BATCH_MEDIA_TYPE);
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let body = read_body(body, MAX_BODY, BODY_WITHIN).await?;
    if media == cloud_event::BATCH_MEDIA_TYPE {
        return take_batch(core, &cloud_event::parse_batch(&body)?).await;
    }
    let event = if media == cloud_event::MEDIA_TYPE {
        cloud_event::parse(&body)?
    } else {
        binary_mode(headers, &body)?
    };
    let taken = take_one(core, &event).await?;
    Ok((StatusCode::ACCEPTED, Json(taken)).into_response())
}

/// One after the other. Where one is refused, those before it are taken: the batch may be sent again as it is.
async fn take_batch(core: &Core, batch: &[CloudEvent]) -> Result<Response, Refusal> {
    let mut taken = Vec::with_capacity(batch.len());
    for (index, event) in batch.iter().enumerate() {
        let one = take_one(core, event).await;
        taken.push(one.map_err(|refusal| refusal.of_batch(index + 1, batch.len()))?);
    }
    Ok((StatusCode::ACCEPTED, Json(taken)).into_response())
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn binary_mode(headers: &HeaderMap, body: &Bytes) -> Result<CloudEvent, CloudEventError> {
    let pairs = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    cloud_event::parse_binary(pairs, body)
}

async fn take_one(core: &Core, cloud: &CloudEvent) -> Result<Taken, Refusal> {
    let trust = core.trust.current()?;
    let opened = match cloud.data.open(&trust, PAYLOAD_TYPE, SENDERS) {
        Ok(opened) => opened,
        Err(error) => return Err(revoked(core, cloud, &trust, error).await?),
    };
    let (payload, signer) = (opened.get(), opened.signer());
    let kept = match read(core, cloud, payload, signer, &trust) {
        Ok(content) => keep(core, &content, signer, payload).await,
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = &kept
        && !refusal.is_for_now()
    {
        // Whose signature counts is answered for in the audit log, refusals included.
        core.audit.refused(&format!("event:{}", cloud.id), signer, payload, &refusal.reason).await?;
    }
    kept
}

/// What is answered to a sender whose signature does not count. Somebody who has a key that was revoked is known, and
/// is answered for in the audit log.
async fn revoked(
    core: &Core,
    cloud: &CloudEvent,
    trust: &TrustStore,
    error: OpenError,
) -> Result<Refusal, Refusal> {
    let refusal = Refusal::from(error.clone());
    if let OpenError::Revoked { key_id, .. } = &error
        && let Some(signer) = trust.get(key_id)
    {
        let payload = cloud.data.payload_unverified();
        core.audit.refused(&format!("event:{}", cloud.id), signer, payload, &refusal.reason).await?;
    }
    Ok(refusal)
}

/// What a payload holds whose signature counts.
enum Content {
    /// An event that this version knows, from whom may send it, and who signed the statement inside it.
    Known(Box<Event>, Option<TrustedKey>),
    /// An event of a type that a later version may know.
    Unknown { id: EventId, source: String, type_name: String },
}

/// Reads the payload, and decides whether this signer may say this, in this wrapping, with these statements inside.
fn read(
    core: &Core,
    cloud: &CloudEvent,
    payload: &[u8],
    signer: &TrustedKey,
    trust: &TrustStore,
) -> Result<Content, Refusal> {
    let event = match Event::parse(payload) {
        Ok(event) => event,
        Err(EventError::UnknownType { type_name, id, source_uri }) => {
            for (name, outside, inside) in [
                ("id", &*cloud.id, id.as_str()),
                ("source", &*cloud.source, &*source_uri),
                ("type", &*cloud.type_name, &*type_name),
            ] {
                if outside != inside {
                    return Err(CloudEventError::Disagreement { name }.into());
                }
            }
            return Ok(Content::Unknown { id, source: source_uri, type_name });
        }
        Err(error) => return Err(Refusal::new(StatusCode::BAD_REQUEST, told(&error))),
    };
    let forbidden = |reason| Refusal::new(StatusCode::FORBIDDEN, reason);
    cloud.check(&event)?;
    event.check_sender(signer.kind, &signer.name).map_err(|error| forbidden(told(&error)))?;
    let stated = proof::check(&event, trust).map_err(forbidden)?;
    if let EventBody::KeyCompromised(body) = &event.body {
        let (said, ours) = (&body.key.window.log, core.audit.verifier_key());
        if said != ours.name() {
            let reason =
                format!("the window is told in indices of the log {said:?}, this one is {:?}", ours.name());
            return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        }
        let (from, size) = (body.key.window.from, core.audit.size());
        if from > size {
            let reason = format!("the window begins at index {from}, the log has {size} entries");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        }
        let known = trust.get(&body.key.key_id);
        if !known.is_some_and(|known| known.kind == body.key.kind && known.name == body.key.name) {
            let reason = match known {
                Some(known) => {
                    format!("key {} is the {} key {:?}", known.key_id(), known.kind.as_str(), known.name)
                }
                None => format!("key {} is not in the trust file", body.key.key_id),
            };
            return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        }
    }
    Ok(Content::Known(Box::new(event), stated))
}

/// Into the audit log, then into the queue.
async fn keep(core: &Core, content: &Content, signer: &TrustedKey, payload: &[u8]) -> Result<Taken, Refusal> {
    match content {
        Content::Known(event, stated) => {
            challenge::check(core, event).await?;
            store(core, event, signer, stated.as_ref(), payload).await
        }
        Content::Unknown { id, source, type_name } => {
            // It may be known to a later version: it becomes a dead letter that can be redriven then.
            let identity = EventId::identity(source, id);
            core.audit.received_unknown(&Named { source, id, type_name }, signer, payload).await?;
            publish(core, id, message::unknown(&identity, type_name, payload)).await
        }
    }
}

async fn store(
    core: &Core,
    event: &Event,
    signer: &TrustedKey,
    stated: Option<&TrustedKey>,
    payload: &[u8],
) -> Result<Taken, Refusal> {
    core.audit.received(event, signer, payload).await?;
    if let (Some(statement), Some(stated)) = (proof::statement(event), stated) {
        core.audit.signed(statement, stated).await?;
    }
    core.pass(Edge::IntakeAudited).await;
    let taken = publish(core, &event.id, message::external(event, signer, payload)).await?;
    core.pass(Edge::IntakePublished).await;
    Ok(taken)
}

async fn publish(core: &Core, id: &EventId, message: Message) -> Result<Taken, Refusal> {
    let taken = |duplicate| Taken { id: id.to_string(), duplicate };
    match core.queue.send(message).await? {
        Published::Stored { .. } => Ok(taken(false)),
        Published::Duplicate { .. } => Ok(taken(true)),
        _conflict => {
            let reason = format!("an event {id} of this source is known with other content");
            Err(Refusal::new(StatusCode::CONFLICT, reason))
        }
    }
}
