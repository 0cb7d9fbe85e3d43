//! The transport over reqwest: the only file that names it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::header::CONTENT_LENGTH;
use reqwest::redirect::Policy;
use zeroize::Zeroizing;

use super::{Body, Transport, TransportError, TransportErrorKind, tls};
use crate::secret::Secret;

/// Time for name resolution, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/1.1 over rustls: no redirects, no cookies, no retries, no decompression, bodies bounded.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    max_body: usize,
}

/// What the transport needs to know.
pub(crate) struct HttpOptions {
    /// Certificates to trust, PEM; the platform's if none.
    pub(crate) roots: Vec<Vec<u8>>,
    /// Certificate chain and key to show, PEM.
    pub(crate) identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    /// The proxy's address, which can hold a password.
    pub(crate) proxy: Option<Secret>,
    /// Largest body taken, in bytes.
    pub(crate) max_body: usize,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("roots", &self.roots.len())
            .field("identity", &self.identity.is_some())
            .field("proxy", &self.proxy)
            .field("max_body", &self.max_body)
            .finish()
    }
}

impl HttpOptions {
    pub(crate) fn new(max_body: usize) -> Self {
        Self { roots: Vec::new(), identity: None, proxy: None, max_body }
    }

    /// Whether something was set that another transport would leave undone.
    pub(crate) fn is_particular(&self) -> bool {
        !self.roots.is_empty() || self.identity.is_some() || self.proxy.is_some()
    }
}

impl HttpTransport {
    /// `loopback`: the instance is on this machine, which no proxy of the environment can reach.
    pub(crate) fn new(options: &HttpOptions, loopback: bool) -> Result<Self, TransportError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&options.roots, options.identity.as_ref())?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        if let Some(proxy) = &options.proxy {
            // Its own error names the address, which can hold a password.
            let proxy = reqwest::Proxy::all(proxy.expose()).map_err(|_| {
                TransportError::new(TransportErrorKind::Local).caused_by("proxy is not a URL")
            })?;
            builder = builder.proxy(proxy);
        } else if loopback {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| TransportError::new(TransportErrorKind::Local).caused_by(error))?;
        Ok(Self { client, max_body: options.max_body })
    }
}

impl HttpTransport {
    async fn execute(
        &self,
        request: http::Request<impl Into<reqwest::Body>>,
    ) -> Result<http::Response<Body>, TransportError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::new(TransportErrorKind::Local).caused_by(error.without_url()))?;
        let mut response = self.client.execute(request).await.map_err(unanswered)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let length = response.content_length();
        let body = Body::new(length, response.bytes_stream().map_err(unanswered));
        let mut answer = http::Response::new(body);
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let (head, body) = self.execute(request).await?.into_parts();
        Ok(http::Response::from_parts(head, body.collect(self.max_body).await?))
    }

    async fn stream(&self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        let (mut head, body) = request.into_parts();
        // A body in chunks would go by chunked encoding, which not every proxy passes on, unless its length is told.
        if let Some(length) = body.length() {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
        self.execute(http::Request::from_parts(head, reqwest::Body::wrap_stream(body))).await
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
