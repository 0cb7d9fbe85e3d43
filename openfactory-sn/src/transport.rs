//! The one seam to the network: a request goes out, a whole response comes back.

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "http")]
mod tls;

/// Sends one request and returns the whole answer.
///
/// # Contract
///
/// - One call is one request on the wire: no retry, no redirect, no cookie.
/// - The body of the answer is complete or the call fails; it is bounded by the implementation.
/// - Dropping the future abandons the request; the client does so at its deadline.
/// - [`TransportErrorKind::Connect`] is promised only if no byte of the request can have been acted on.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`, whose URI is absolute.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if there is no complete answer. An answer of any status is `Ok`.
    async fn send(&self, request: ::http::Request<Bytes>) -> Result<::http::Response<Bytes>, TransportError>;
}

/// How far a request got that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name, route, TLS. Nothing was sent.
    Connect,
    /// The connection ended in the middle; the request may have been acted on.
    Interrupted,
    /// The request could not be put on the wire by this transport. Nothing was sent.
    Local,
    /// Time ran out; the request may have been acted on.
    Timeout,
    /// The answer is larger than this transport takes; the request was acted on.
    TooLarge,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// An error of this kind with nothing beneath it.
    #[must_use]
    pub fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// How far the request got.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "no connection",
            TransportErrorKind::Interrupted => "connection ended before the answer was complete",
            TransportErrorKind::Local => "request could not be sent",
            TransportErrorKind::Timeout => "no answer in time",
            TransportErrorKind::TooLarge => "answer larger than the limit",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
