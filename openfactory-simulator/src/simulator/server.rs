//! The listening side: TLS, timeouts against slow clients, stopping.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;
use tower::make::Shared;

use crate::calls::Calls;
use crate::faults::FaultPlan;
use crate::faults::service::Faulty;
use crate::switches::PageBody;

/// How long a client has for sending a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

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
        router: Router,
        faults: Arc<FaultPlan>,
        calls: Arc<Calls>,
        unavailable: PageBody,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let handle = Handle::new();
        let service = Shared::new(Faulty::new(router, faults, calls, unavailable));
        let task = match tls {
            Some(config) => {
                let mut server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(config))?
                    .handle(handle.clone())
                    .http1_only();
                bound(server.http_builder());
                tokio::spawn(server.serve(service))
            }
            None => {
                let mut server = axum_server::from_tcp(listener)?.handle(handle.clone()).http1_only();
                bound(server.http_builder());
                tokio::spawn(server.serve(service))
            }
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

fn bound(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_LIMIT);
}
