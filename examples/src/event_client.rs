//! Posting events to the event router: what its answers mean and what a sender does next.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use openfactory_sn::lifecycle::cloud_event::MEDIA_TYPE;
use serde::Deserialize;
use thiserror::Error;

use crate::tls::{self, TlsError};

/// What the router is called where destinations have names: breakers, pauses, alarms.
pub const ROUTER: &str = "event-router";

/// The path under the router's base URL that takes events.
const EVENTS: &str = "/v1/events";
/// The most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A client of one event router. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventClient {
    http: reqwest::Client,
    url: String,
}

/// What the router says of an event that it holds durably now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Posted {
    /// The event's id.
    pub id: String,
    /// Whether the router had it before, with the same content.
    pub duplicate: bool,
}

/// Why an event is not known to be at the router.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PostError {
    /// The router holds another event under this id. Trying again can't help.
    #[error("the event router knows this id with other content: {reason}")]
    Conflict {
        /// What the router says.
        reason: String,
    },
    /// The router will never take this event from this sender. Trying again can't help.
    #[error("the event router refused the event with status {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What the router says.
        reason: String,
    },
    /// The router doesn't know whoever signed or posted this. Once it is told, the same event is taken.
    #[error("the event router does not know the sender (status {status}): {reason}")]
    UnknownSender {
        /// The HTTP status.
        status: StatusCode,
        /// What the router says.
        reason: String,
    },
    /// The report answers no challenge that counts any more. Trying again can't help; a new report answers a new one.
    #[error("the event router takes the report for no proof: {reason}")]
    NotFresh {
        /// What the router says.
        reason: String,
    },
    /// The router can't take more now.
    #[error("the event router can't take the event now (status {status})")]
    Busy {
        /// The HTTP status.
        status: StatusCode,
        /// How long the router asks to wait.
        retry_after: Option<Duration>,
    },
    /// There was no answer; whether the router has the event is unknown. Posting it again is safe.
    #[error("the event router can't be reached at {url}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer was none that an event router gives: probably something else listens there.
    #[error("what answers at {url} is no event router: {reason}")]
    Foreign {
        /// Where it was asked.
        url: String,
        /// What was wrong with the answer.
        reason: String,
    },
}

impl PostError {
    /// Whether the same event may be taken later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Refused { .. } | Self::NotFresh { .. } => false,
            Self::UnknownSender { .. }
            | Self::Busy { .. }
            | Self::Unreachable { .. }
            | Self::Foreign { .. } => true,
        }
    }
}

impl EventClient {
    /// A client of the router at `base_url` (`https://HOST[:PORT]`). With `ca` it trusts that PEM file alone.
    ///
    /// # Errors
    /// When the URL is not `https` (or `http` to this machine), or the CA file can't be used.
    pub fn new(base_url: &str, ca: Option<&Path>, timeout: Duration) -> Result<Self, EventClientError> {
        let refuse = |reason| EventClientError::Url { url: base_url.to_owned(), reason };
        tls::service_url(base_url).map_err(refuse)?;
        let url = format!("{}{EVENTS}", base_url.trim_end_matches('/'));
        Ok(Self { http: tls::http_client(ca, timeout)?, url })
    }

    /// Posts one CloudEvent in its structured JSON form. When this returns `Ok` the router holds it durably.
    ///
    /// # Errors
    /// See [`PostError`]; posting the same bytes again is always safe.
    pub async fn post(&self, cloud_event: Bytes) -> Result<Posted, PostError> {
        let request = self.http.post(&self.url).header(CONTENT_TYPE, MEDIA_TYPE).body(cloud_event);
        let unreachable = |error: reqwest::Error| PostError::Unreachable {
            url: self.url.clone(),
            source: Box::new(error.without_url()),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.foreign("its answer is larger than 64 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        self.read_answer(status, &headers, &body)
    }

    fn read_answer(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Posted, PostError> {
        match status {
            StatusCode::ACCEPTED => serde_json::from_slice(body)
                .map_err(|error| self.foreign(&format!("its 202 says not which event it took ({error})"))),
            StatusCode::CONFLICT => Err(PostError::Conflict { reason: reason(body) }),
            StatusCode::FORBIDDEN if is_about_freshness(body) => {
                Err(PostError::NotFresh { reason: reason(body) })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(PostError::UnknownSender { status, reason: reason(body) })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(PostError::Busy { status, retry_after: retry_after(headers) })
            }
            _ if status.is_server_error() => {
                Err(PostError::Busy { status, retry_after: retry_after(headers) })
            }
            // A router that is not there yet behind its proxy, or a wrong path: nothing that the event did wrong.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Err(self.foreign(&format!("it answers {status} to POST {EVENTS}")))
            }
            _ if status.is_client_error() => Err(PostError::Refused { status, reason: reason(body) }),
            _ => Err(self.foreign(&format!("it answers {status}"))),
        }
    }

    fn foreign(&self, reason: &str) -> PostError {
        PostError::Foreign { url: self.url.clone(), reason: reason.to_owned() }
    }
}

/// Why a client could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventClientError {
    /// The router's URL can't be used.
    #[error("the event router's URL {url:?} can't be used: {reason}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The reason in a refusal: the `error` or `reason` of its JSON, or its text, cut to what fits a log line.
fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(alias = "error")]
        reason: String,
    }
    let text = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.reason,
        Err(_not_json) => String::from_utf8_lossy(body).into_owned(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    if text.is_empty() { "no reason given".to_owned() } else { text }
}

/// Whether a refusal is about the challenge that a report answers: its code begins with `nonce-`.
fn is_about_freshness(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Coded {
        code: String,
    }
    serde_json::from_slice::<Coded>(body).is_ok_and(|refusal| refusal.code.starts_with("nonce-"))
}

/// The seconds of a `Retry-After`; its date form is not used by the router.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
