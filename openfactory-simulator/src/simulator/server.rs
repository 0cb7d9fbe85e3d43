//! The listening side: TLS, timeouts against slow clients, stopping.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;
use tower::make::Shared;

use super::patience::Patiently;
use crate::faults::service::Faulty;

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// How long requests under way may take after the stop.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Server {
    handle: Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    pub(super) fn start(
        listener: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
        service: Faulty,
        patience: Duration,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let handle = Handle::new();
        let service = Shared::new(service);
        let mut server = axum_server::from_tcp(listener)?.handle(handle.clone()).http1_only();
        let http1 = &mut server.http_builder().http1();
        http1.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEAD_LIMIT);
        let server = server.acceptor(Patiently(patience));
        let task = match tls {
            Some(config) => {
                let config = RustlsConfig::from_config(config);
                let tls = |plain| RustlsAcceptor::new(config).handshake_timeout(patience).acceptor(plain);
                tokio::spawn(server.map(tls).serve(service))
            }
            None => tokio::spawn(server.serve(service)),
        };
        Ok(Self { handle, task })
    }

    pub(super) async fn stop(&mut self) {
        self.handle.graceful_shutdown(Some(GRACE));
        match (&mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the server ended with an error"),
            Err(error) => tracing::warn!(%error, "the server was broken off"),
        }
    }

    pub(super) fn kill(&self) {
        self.handle.shutdown();
    }
}
