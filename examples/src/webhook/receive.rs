//! `POST /api/webhooks/servicenow`: bounds, content type, signature and freshness, meaning, then the queue, then 202.
//!
//! | status | when |
//! |---|---|
//! | 202 | it is stored; `{"id", "duplicate"}` |
//! | 401 | not signed by a known secret, headers missing, or stale; which, only our log says |
//! | 408, 413, 415, 422 | too slow, too large, not JSON by its type, no hint that can be followed |
//! | 409 | the id is known with another body: an alarm |
//! | 503 | it can't be stored now |

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use openfactory_queue::dead_letter::DeadPolicy;
use openfactory_queue::{Message, Published, SyncQueue, SyncQueueExt as _};
use openfactory_sn::webhook::{BODY_MAX, RecordChanged, Verifier};
use serde_json::json;

use super::metrics::{Counters, Result as CallResult};
use crate::serve::{BodyError, read_body};
use crate::told::told;

/// The path that ServiceNow calls (guide, "ServiceNow API Endpoints").
pub const PATH: &str = "/api/webhooks/servicenow";
/// The kind of a stored call in the queue.
pub(super) const KIND: &str = "servicenow.webhook";
/// How long a call's body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Seconds after which a call that can't be stored should come again.
const RETRY_AFTER: &str = "5";

/// What receiving needs.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) verifier: Verifier,
    pub(super) tables: Vec<String>,
    pub(super) queue: Arc<dyn SyncQueue>,
    pub(super) counters: Counters,
}

/// Why a call is not taken.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    /// For the metric.
    result: &'static str,
    /// For the caller.
    answer: &'static str,
    /// For our own log.
    reason: String,
}

pub(super) fn routes(receiver: Arc<Receiver>) -> Router {
    Router::new().route(PATH, post(call)).with_state(receiver)
}

async fn call(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let count = |result| receiver.counters.calls.get_or_create(&CallResult { result }).inc();
    match receiver.take(request, SystemTime::now()).await {
        Ok((id, duplicate)) => {
            count(if duplicate { "duplicate" } else { "stored" });
            tracing::info!(webhook = id, duplicate, "call stored");
            (StatusCode::ACCEPTED, Json(json!({ "id": id, "duplicate": duplicate }))).into_response()
        }
        Err(refused) => {
            count(refused.result);
            let Refused { status, answer, reason, .. } = refused;
            if status == StatusCode::CONFLICT {
                tracing::error!(
                    reason,
                    "ALARM: one webhook id, two bodies: somebody forges or the sender is broken"
                );
            } else {
                tracing::warn!(status = status.as_u16(), reason, "call refused");
            }
            let body = Json(json!({ "error": answer }));
            if status == StatusCode::SERVICE_UNAVAILABLE {
                return (status, [(header::RETRY_AFTER, RETRY_AFTER)], body).into_response();
            }
            (status, body).into_response()
        }
    }
}

impl Receiver {
    async fn take(&self, request: Request, now: SystemTime) -> Result<(String, bool), Refused> {
        let (head, body) = request.into_parts();
        let body = read_body(body, BODY_MAX, BODY_WITHIN).await.map_err(|error| unread(&error))?;
        if !is_json(&head.headers) {
            let answer = "the content type must be application/json";
            let reason = format!("content type {:?}", head.headers.get(header::CONTENT_TYPE));
            return Err(Refused {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                result: "media_type",
                answer,
                reason,
            });
        }
        let (id, hint) = self.believe(&head.headers, &body, now)?;
        let key = format!("{}:{}", hint.table, hint.sys_id);
        // A hint that the router refuses does not hold up the next one; whoever acts reads the record anyway.
        let message = Message::new(&id, KIND, body).with_key(key).on_dead(DeadPolicy::Skip);
        match self.queue.send(message).await {
            Ok(Published::Stored { .. }) => Ok((id, false)),
            Ok(Published::Duplicate { .. }) => Ok((id, true)),
            Ok(_conflict) => Err(Refused {
                status: StatusCode::CONFLICT,
                result: "conflict",
                answer: "this webhook-id is known with another body",
                reason: format!("webhook id {id} is known with another body"),
            }),
            Err(error) => Err(Refused {
                status: StatusCode::SERVICE_UNAVAILABLE,
                result: "unavailable",
                answer: "the call can't be stored now",
                reason: told(&error),
            }),
        }
    }

    /// The call's id and what it says, if it is signed and fresh and says something that is listened to.
    fn believe(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: SystemTime,
    ) -> Result<(String, RecordChanged), Refused> {
        let verified = self.verifier.verify(headers, body, now).map_err(|refusal| Refused {
            status: StatusCode::UNAUTHORIZED,
            result: "unauthorized",
            answer: "not signed by a known secret, or not fresh",
            reason: refusal.to_string(),
        })?;
        let tables: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        let hint = verified.record_changed(&tables).map_err(|error| Refused {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            result: "unprocessable",
            answer: "the body is no hint that can be followed: JSON with table, sys_id and operation is expected",
            reason: told(&error),
        })?;
        Ok((verified.id().to_owned(), hint))
    }
}

fn unread(error: &BodyError) -> Refused {
    let (status, result, answer) = match error {
        BodyError::TooLarge { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 64 KiB")
        }
        BodyError::TooSlow { .. } => {
            (StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time")
        }
        BodyError::Broken { .. } => (StatusCode::BAD_REQUEST, "broken", "the body ended early"),
    };
    Refused { status, result, answer, reason: told(error) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
