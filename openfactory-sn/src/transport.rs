//! The one seam to the network: a request goes out, a response comes back; whole, or in chunks where they are large.

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

mod body;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "http")]
mod tls;

pub use self::body::Body;

/// Most bytes that [`send_whole`] takes into memory: what an instance takes of a request's JSON.
const WHOLE_MAX: usize = 16 * 1024 * 1024;

/// Sends one request and returns its answer.
///
/// # Contract
///
/// - One call is one request on the wire: no retry, no redirect, no cookie.
/// - The body of an answer is complete, or the call, or the body where it comes in chunks, fails; where it comes as a
///   whole, it is bounded by the implementation.
/// - A request's body in chunks is asked for its next chunk only when there is room for it. If its length is known, the
///   request says so (`Content-Length`).
/// - Dropping the future abandons the request; the client does so at its deadline.
/// - [`TransportErrorKind::Connect`] is promised only if no byte of the request can have been acted on.
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use http::{HeaderValue, Request, Response};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
/// use openfactory_sn::transport::{Body, Transport, TransportError};
/// use openfactory_sn::{Auth, Client, Secret, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// Names the plant in each request, for the gateway in between.
/// #[derive(Debug)]
/// struct Named<T>(T);
///
/// impl<T> Named<T> {
///     fn name<B>(&self, mut request: Request<B>) -> Request<B> {
///         request.headers_mut().insert("x-plant", HeaderValue::from_static("line-4"));
///         request
///     }
/// }
///
/// #[async_trait]
/// impl<T: Transport> Transport for Named<T> {
///     async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
///         self.0.send(self.name(request)).await
///     }
///
///     async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
///         self.0.stream(self.name(request)).await
///     }
/// }
///
/// let instance = ScriptedTransport::new().on(
///     Expected::get("/api/now/table/incident/a1").header("x-plant", "line-4"),
///     Reply::result(200, json!({"sys_id": "a1"})),
/// );
/// let sn = Client::builder("https://plant.example.com")
///     .auth(Auth::basic("svc", Secret::new("p")))
///     .transport(Named(instance.clone()))
///     .build()?;
/// sn.dynamic_table("incident").get(&SysId::new("a1")?).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`, whose URI is absolute.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if there is no complete answer. An answer of any status is `Ok`.
    async fn send(&self, request: ::http::Request<Bytes>) -> Result<::http::Response<Bytes>, TransportError>;

    /// Sends `request`, whose URI is absolute, both bodies in chunks: for attachments, which can be larger than memory.
    ///
    /// A transport that can't do so goes by [`send_whole`].
    ///
    /// # Errors
    ///
    /// [`TransportError`] if there is no answer. An answer of any status is `Ok`.
    async fn stream(&self, request: ::http::Request<Body>) -> Result<::http::Response<Body>, TransportError>;
}

/// [`Transport::stream`] by way of [`Transport::send`]: both bodies as a whole in memory.
///
/// # Errors
///
/// [`TransportErrorKind::Local`] for a request of more than 16 MiB; as [`Transport::send`].
///
/// ```
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use openfactory_sn::transport::{Body, Transport, TransportError, send_whole};
///
/// /// Answers with what it was sent.
/// #[derive(Debug)]
/// struct Echo;
///
/// #[async_trait]
/// impl Transport for Echo {
///     async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
///         Ok(Response::new(request.into_body()))
///     }
///
///     async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
///         send_whole(self, request).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), TransportError> {
/// let answer = Echo.stream(Request::new(Body::from(Bytes::from("x")))).await?;
/// assert_eq!(answer.into_body().collect(1).await?, "x");
/// # Ok(())
/// # }
/// ```
pub async fn send_whole<T: Transport + ?Sized>(
    transport: &T,
    request: ::http::Request<Body>,
) -> Result<::http::Response<Body>, TransportError> {
    let (head, body) = request.into_parts();
    let body = body.collect(WHOLE_MAX).await.map_err(|error| match error.kind() {
        TransportErrorKind::TooLarge => {
            TransportError::new(TransportErrorKind::Local).caused_by("more than this transport takes at once")
        }
        _ => TransportError::new(TransportErrorKind::Local).caused_by(error),
    })?;
    let answer = transport.send(::http::Request::from_parts(head, body)).await?;
    Ok(answer.map(Body::from))
}

/// How far a request got that has no answer.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::transport::TransportErrorKind;
/// use openfactory_sn::{ErrorKind, Fields};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let path = "/api/now/table/incident";
/// let instance = ScriptedTransport::new()
///     .on(Expected::post(path), Reply::failure(TransportErrorKind::TooLarge));
/// let incidents = client(&instance).dynamic_table("incident");
/// let error = incidents.create(&Fields::new()).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Decode);
/// assert!(error.may_have_happened(), "it was created, and the answer cannot be read");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use std::error::Error as _;
/// use openfactory_sn::transport::{TransportError, TransportErrorKind};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = TransportError::new(TransportErrorKind::Connect).caused_by(refused);
/// assert_eq!((error.kind(), error.to_string().as_str()), (TransportErrorKind::Connect, "no connection"));
/// assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("connection refused"));
/// ```
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
