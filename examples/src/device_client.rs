//! What a device asks the event router for, under its own key: challenges, and commands that wait for it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::AUTHORIZATION;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Signer;
use openfactory_attest::report::Nonce;
use openfactory_sn::lifecycle::id::DeviceId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::device_request::{self, SignRequestError};
use crate::tls::{self, TlsError};

/// The most that is read of an answer, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// A device's client of one event router. Cheap to clone.
#[derive(Clone)]
pub struct DeviceClient {
    http: reqwest::Client,
    base: String,
    device: DeviceId,
    key: Arc<dyn Signer>,
    timeout: Duration,
}

/// Why a device did not get what it asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// The request could not be signed.
    #[error(transparent)]
    Sign(#[from] SignRequestError),
    /// There was no answer.
    #[error("the event router can't be reached at {url}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The router answered something else.
    #[error("the event router answers {status}: {reason}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it says, or what is wrong with what it says.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Challenge {
    nonce: Nonce,
}

#[derive(Deserialize)]
struct Commands {
    commands: Vec<Envelope>,
}

impl fmt::Debug for DeviceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceClient")
            .field("base", &self.base)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl DeviceClient {
    /// A client of the router at `base_url`. With `ca` it trusts that PEM file alone. `timeout` is how long an answer
    /// may take that is not waited for.
    ///
    /// # Errors
    /// When the CA file can't be used.
    pub fn new(
        base_url: &str,
        ca: Option<&Path>,
        device: DeviceId,
        key: Arc<dyn Signer>,
        timeout: Duration,
    ) -> Result<Self, TlsError> {
        let http = tls::http_client(ca, timeout)?;
        Ok(Self { http, base: base_url.trim_end_matches('/').to_owned(), device, key, timeout })
    }

    /// A challenge, to be answered by one report within five minutes.
    ///
    /// # Errors
    /// [`AskError`]: there is none.
    pub async fn challenge(&self, now: SystemTime) -> Result<Nonce, AskError> {
        let path = format!("/v1/devices/{}/challenge", self.device);
        let request = self.signed("POST", &path, now)?;
        Ok(self.answer::<Challenge>(self.http.post(self.url(&path)), request, Duration::ZERO).await?.nonce)
    }

    /// The commands that wait for the device; waits for one, if there is none, at most that long.
    ///
    /// # Errors
    /// [`AskError`]: nothing is known of them.
    pub async fn commands(&self, wait: Duration, now: SystemTime) -> Result<Vec<Envelope>, AskError> {
        let path = format!("/v1/devices/{}/commands", self.device);
        let request = self.signed("GET", &path, now)?;
        let url = format!("{}?wait={}", self.url(&path), wait.as_secs());
        Ok(self.answer::<Commands>(self.http.get(url), request, wait).await?.commands)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn signed(&self, method: &str, path: &str, now: SystemTime) -> Result<String, SignRequestError> {
        device_request::sign(&self.device, &format!("{method} {path}"), now, self.key.as_ref())
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        signed: String,
        wait: Duration,
    ) -> Result<T, AskError> {
        let unreachable = |error: reqwest::Error| AskError::Unreachable {
            url: self.base.clone(),
            source: Box::new(error.without_url()),
        };
        let request = request.header(AUTHORIZATION, signed).timeout(wait + self.timeout);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let refused = |reason: String| AskError::Refused { status, reason };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(refused("its answer is larger than 4 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if status != StatusCode::OK {
            let text = String::from_utf8_lossy(&body);
            return Err(refused(text.chars().filter(|c| !c.is_control()).take(300).collect()));
        }
        serde_json::from_slice(&body).map_err(|error| refused(format!("it can't be read: {error}")))
    }
}
