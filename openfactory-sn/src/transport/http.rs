//! The transport over reqwest: the only file that names it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;

use super::{Transport, TransportError, TransportErrorKind, tls};

/// Time for name resolution, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/1.1 over rustls: no redirects, no cookies, no retries, no decompression, bodies bounded.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    max_body: usize,
}

/// What the transport needs to know.
#[derive(Debug)]
pub(crate) struct HttpOptions<'a> {
    /// Certificates to trust, PEM; the platform's if none.
    pub(crate) roots: &'a [Vec<u8>],
    /// Largest body taken, in bytes.
    pub(crate) max_body: usize,
    /// Whether the instance is on this machine, which no proxy can reach.
    pub(crate) loopback: bool,
}

impl HttpTransport {
    pub(crate) fn new(options: &HttpOptions<'_>) -> Result<Self, TransportError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(options.roots)?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        if options.loopback {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| TransportError::new(TransportErrorKind::Local).caused_by(error))?;
        Ok(Self { client, max_body: options.max_body })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::new(TransportErrorKind::Local).caused_by(error.without_url()))?;
        let mut response = self.client.execute(request).await.map_err(unanswered)?;
        let too_large = || TransportError::new(TransportErrorKind::TooLarge);
        let max = u64::try_from(self.max_body).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// How far a request got whose answer did not come.
fn unanswered(error: reqwest::Error) -> TransportError {
    let kind = if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_builder() {
        TransportErrorKind::Local
    } else {
        TransportErrorKind::Interrupted
    };
    TransportError::new(kind).caused_by(error.without_url())
}
