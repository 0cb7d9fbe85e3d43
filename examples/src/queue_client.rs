//! Looking after a running router's queue from outside: the client of `/v1/queue`.

use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use openfactory_sn::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::queue_wire::{Held, Hold, Letters, Move, MovedFacts, Page, QueueFacts, Shown};
use crate::tls::{self, TlsError};

/// The most that is read of an answer, in bytes: a page of the longest dead letters fits.
const MAX_ANSWER: usize = 16 << 20;

/// An operator's client of one event router. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QueueClient {
    http: reqwest::Client,
    base: reqwest::Url,
    token: Secret,
}

/// Why the router did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QueueClientError {
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
    /// There was no answer; what was asked for may have been done.
    #[error("the event router can't be reached at {url}: does it run, and is that its address?")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The router refused.
    #[error("the event router answers {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it says.
        reason: String,
    },
    /// The answer is none that an event router gives.
    #[error("what answers at {url} is no event router: {reason}")]
    Foreign {
        /// Where it was asked.
        url: String,
        /// What was wrong with the answer.
        reason: String,
    },
}

impl QueueClient {
    /// A client of the router at `base_url` (`https://HOST[:PORT]`, or `http` on this machine) with the operator's
    /// token. With `ca` it trusts that PEM file alone.
    ///
    /// # Errors
    /// [`QueueClientError::Url`], [`QueueClientError::Tls`].
    pub fn new(base_url: &str, ca: Option<&Path>, token: Secret) -> Result<Self, QueueClientError> {
        let refuse = |reason| QueueClientError::Url { url: base_url.to_owned(), reason };
        let base = tls::service_url(base_url).map_err(refuse)?;
        Ok(Self { http: tls::http_client(ca, Duration::from_secs(60))?, base, token })
    }

    /// The queue in numbers, and what is paused.
    ///
    /// # Errors
    /// [`QueueClientError`].
    pub async fn facts(&self) -> Result<QueueFacts, QueueClientError> {
        self.ask::<(), _>(Method::GET, &["v1", "queue"], None).await
    }

    /// A page of dead letters.
    ///
    /// # Errors
    /// [`QueueClientError`].
    pub async fn dead_letters(&self, page: &Page) -> Result<Letters, QueueClientError> {
        let mut url = self.url(&["v1", "queue", "dead-letters"])?;
        let texts = [("key", &page.key), ("kind", &page.kind), ("cause", &page.cause)];
        for (name, value) in texts {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let numbers = [("after", page.after), ("limit", page.limit.map(|limit| limit as u64))];
        for (name, value) in numbers {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value.to_string());
            }
        }
        self.send(self.http.get(url)).await
    }

    /// One message, if it waits or is a dead letter.
    ///
    /// # Errors
    /// [`QueueClientError`].
    pub async fn message(&self, id: &str) -> Result<Option<Shown>, QueueClientError> {
        match self.ask::<(), _>(Method::GET, &["v1", "queue", "messages", id], None).await {
            Err(QueueClientError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Sends dead letters again.
    ///
    /// # Errors
    /// [`QueueClientError`]; asking again does no harm.
    pub async fn redrive(&self, asked: &Move) -> Result<MovedFacts, QueueClientError> {
        self.ask(Method::POST, &["v1", "queue", "redrive"], Some(asked)).await
    }

    /// Gives dead letters up for good.
    ///
    /// # Errors
    /// [`QueueClientError`]; asking again does no harm.
    pub async fn discard(&self, asked: &Move) -> Result<MovedFacts, QueueClientError> {
        self.ask(Method::POST, &["v1", "queue", "discard"], Some(asked)).await
    }

    /// Holds deliveries back.
    ///
    /// # Errors
    /// [`QueueClientError`]; asking again does no harm.
    pub async fn pause(&self, asked: &Hold) -> Result<Held, QueueClientError> {
        self.ask(Method::POST, &["v1", "queue", "pause"], Some(asked)).await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`QueueClientError`]; asking again does no harm.
    pub async fn resume(&self, asked: &Hold) -> Result<Held, QueueClientError> {
        self.ask(Method::POST, &["v1", "queue", "resume"], Some(asked)).await
    }

    fn url(&self, path: &[&str]) -> Result<reqwest::Url, QueueClientError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(path);
            }
            Err(()) => {
                let reason = "nothing can stand behind it";
                return Err(QueueClientError::Url { url: self.base.to_string(), reason });
            }
        }
        Ok(url)
    }

    async fn ask<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&B>,
    ) -> Result<T, QueueClientError> {
        let request = self.http.request(method, self.url(path)?);
        self.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, QueueClientError> {
        let unreachable = |error: reqwest::Error| QueueClientError::Unreachable {
            url: self.base.to_string(),
            source: Box::new(error.without_url()),
        };
        let foreign = |reason: String| QueueClientError::Foreign { url: self.base.to_string(), reason };
        let mut response = request.bearer_auth(self.token.expose()).send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(foreign("its answer is larger than 16 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| foreign(error.to_string()));
        }
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(QueueClientError::Refused { status, reason: refusal.error }),
            Err(_not_ours) => Err(foreign(format!("it answers {status}"))),
        }
    }
}
