//! A transport that counts what goes over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use openfactory_sn::transport::{Body, Transport, TransportError, TransportErrorKind, send_whole};
use serde_json::Value;

use crate::Result;

/// Sends by reqwest, as the client's own transport does. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counting {
    client: reqwest::Client,
    calls: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Counting {
    pub(crate) fn new() -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, calls: Arc::default(), writes: Arc::default() })
    }

    /// Calls and writes since it was last asked. A write inside a batch is a write.
    pub(crate) fn counted(&self) -> (usize, usize) {
        (self.calls.swap(0, Ordering::Relaxed), self.writes.swap(0, Ordering::Relaxed))
    }

    fn count(&self, request: &Request<Bytes>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let writes = match request.uri().path().ends_with("/batch") {
            true => serde_json::from_slice::<Value>(request.body()).map_or(0, |body| {
                let inner = body["rest_requests"].as_array().into_iter().flatten();
                inner.filter(|call| call["method"] != "GET").count()
            }),
            false => usize::from(request.method() != http::Method::GET),
        };
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for Counting {
    async fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, TransportError> {
        self.count(&request);
        let failed =
            |error: reqwest::Error| TransportError::new(TransportErrorKind::Interrupted).caused_by(error);
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let answer = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(answer.bytes().await.map_err(failed)?);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn stream(&self, request: Request<Body>) -> std::result::Result<Response<Body>, TransportError> {
        send_whole(self, request).await
    }
}
