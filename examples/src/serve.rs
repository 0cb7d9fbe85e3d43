//! Serving an [`axum`] router over TLS, with the limits that a listener on a network needs and a graceful stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::shutdown::Shutdown;
use crate::tls::{ServerTls, TlsError};

/// `[listen]` in the configuration of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// Address and port; port 0: one that the system chooses.
    pub address: SocketAddr,
    /// The certificate chain, PEM.
    pub certificate_file: Option<PathBuf>,
    /// The private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Where a local CA makes a certificate for localhost.
    pub local_tls_directory: Option<PathBuf>,
}

impl ListenConfig {
    /// The server's certificate, if TLS is spoken.
    ///
    /// # Errors
    /// When the files can't be used, or the three keys contradict each other.
    pub fn tls(&self, now: SystemTime) -> Result<Option<ServerTls>, TlsError> {
        ServerTls::for_listener(
            self.certificate_file.as_deref(),
            self.key_file.as_deref(),
            self.local_tls_directory.as_deref(),
            now,
        )
    }
}

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take to send a request's head.
    pub head: Duration,
    /// How long open requests may go on once the stop was asked for.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), grace: Duration::from_secs(10) }
    }
}

/// Why a listener could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Plain HTTP is only for the loopback interface.
    #[error("{address} is not a loopback address: plain HTTP is refused there; give a TLS certificate")]
    PlainHttp {
        /// The address asked for.
        address: SocketAddr,
    },
}

/// A listener that serves.
#[derive(Debug)]
pub struct Running {
    /// The address that it really listens on: with port 0 asked for, the one that the system chose.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Ends after the stop was asked for and open requests have ended, or when serving failed.
    pub join: JoinHandle<io::Result<()>>,
}

impl Running {
    /// The base URL of the listener for a client on this machine: `https://localhost:PORT`.
    #[must_use]
    pub fn local_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }
}

/// Serves `app` on `address` until `stop` is asked for. Without `tls` it speaks plain HTTP, on loopback only.
///
/// When this returns the socket is listening. HTTP/1.1 only.
///
/// # Errors
/// When the address can't be listened on, or is not loopback and there is no certificate.
pub fn serve(
    app: Router,
    address: SocketAddr,
    tls: Option<&ServerTls>,
    limits: Limits,
    stop: &Shutdown,
) -> Result<Running, ServeError> {
    if tls.is_none() && !address.ip().is_loopback() {
        return Err(ServeError::PlainHttp { address });
    }
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    let local = listener.local_addr().map_err(listen)?;
    let mut server = axum_server::from_tcp(listener)
        .map_err(listen)?
        .first_request_timeout(limits.head)
        .accept_error_handler(|peer, error| tracing::debug!(?peer, %error, "a connection failed"))
        .http1_only();
    server.http_builder().http1().header_read_timeout(limits.head);

    let handle = Handle::new();
    let to_stop = handle.clone();
    let stopped = stop.triggered();
    tokio::spawn(async move {
        stopped.await;
        to_stop.graceful_shutdown(Some(limits.grace));
    });
    let server = server.handle(handle);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let join = match tls {
        Some(tls) => {
            let config = RustlsConfig::from_config(tls.config());
            let server = server.acceptor(axum_server::tls_rustls::RustlsAcceptor::new(config));
            tokio::spawn(server.serve(service))
        }
        None => tokio::spawn(server.serve(service)),
    };
    Ok(Running { address: local, tls: tls.is_some(), join })
}

/// Why a request's body was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The body is larger than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// The body did not come in time.
    #[error("the body did not come within {within:?}")]
    TooSlow {
        /// How long it had.
        within: Duration,
    },
    /// The connection ended before the body did.
    #[error("the body ended early")]
    Broken {
        /// What the connection says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads a whole request body of at most `limit` bytes, within `within`.
///
/// # Errors
/// When it is too large, too slow, or ends early.
pub async fn read_body(body: Body, limit: usize, within: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(within, collect(body, limit))
        .await
        .map_err(|_elapsed| BodyError::TooSlow { within })?
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut taken = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| BodyError::Broken { source: error.into_inner() })?;
        if chunk.len() > limit - taken.len() {
            return Err(BodyError::TooLarge { limit });
        }
        taken.extend_from_slice(&chunk);
    }
    Ok(taken.freeze())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;

    use super::{BodyError, read_body};

    const LONG: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
        let taken = read_body(Body::from(vec![7; 64]), 64, LONG).await.unwrap();
        assert_eq!(taken.len(), 64);
        let refused = read_body(Body::from(vec![7; 65]), 64, LONG).await.unwrap_err();
        assert!(matches!(refused, BodyError::TooLarge { limit: 64 }), "{refused}");
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let refused = read_body(endless, 64, Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(refused, BodyError::TooSlow { .. }), "{refused}");
    }
}
