//! Performs faults on requests, around the instance itself.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower::Service;

use super::{Fault, FaultKind, FaultPlan, body};
use crate::api::{Delay, front, html};
use crate::calls::Calls;
use crate::page;
use crate::switches::PageBody;

/// The connection is closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed by a fault on demand")]
pub(crate) struct Dropped;

/// The instance, with faults in front of it.
#[derive(Clone)]
pub(crate) struct Faulty {
    inner: Router,
    plan: Arc<FaultPlan>,
    calls: Arc<Calls>,
    unavailable: PageBody,
}

impl Faulty {
    pub(crate) fn new(inner: Router, plan: Arc<FaultPlan>, calls: Arc<Calls>, unavailable: PageBody) -> Self {
        Self { inner, plan, calls, unavailable }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Dropped>> + Send>>;

impl<B> Service<Request<B>> for Faulty
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Dropped;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Service::<Request<B>>::poll_ready(&mut self.inner, context).map(|ready| ready.map_err(never))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let path = request.uri().path();
        if page::is_own(path) {
            // People look at what goes wrong by it: it neither fails on demand nor stands in the log of calls.
            let inner = self.inner.call(request);
            return Box::pin(async move { inner.await.map_err(never) });
        }
        let fault = if path.starts_with("/simulator/") {
            None
        } else {
            self.plan.take(request.method().as_str(), path)
        };
        if let Some(fault) = &fault {
            tracing::info!(kind = ?fault.kind, method = %request.method(), path, "a fault hits");
        }
        let asked = request.uri().path_and_query().map_or(path, |whole| whole.as_str());
        let call = self.calls.begin(request.method().as_str(), asked);
        let calls = Arc::clone(&self.calls);
        let mut inner = self.inner.clone();
        let unavailable = self.unavailable;
        let request = request.map(Body::new);
        Box::pin(async move {
            let answer = match fault {
                None => inner.call(request).await.map_err(never),
                Some(fault) => perform(&fault, inner, request, unavailable).await,
            };
            calls.end(call, answer.as_ref().ok().map(|response| response.status().as_u16()));
            answer
        })
    }
}

fn never(error: Infallible) -> Dropped {
    match error {}
}

async fn perform(
    fault: &Fault,
    mut inner: Router,
    mut request: Request<Body>,
    unavailable: PageBody,
) -> Result<Response<Body>, Dropped> {
    match fault.kind {
        FaultKind::Drop => Err(Dropped),
        FaultKind::Unavailable => {
            Ok(front(unavailable, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))
        }
        FaultKind::Html => Ok(html(StatusCode::OK, "Log in | ServiceNow")),
        FaultKind::UriTooLong => Ok(html(StatusCode::URI_TOO_LONG, "Request-URI Too Large")),
        FaultKind::NotFound => Ok(html(StatusCode::NOT_FOUND, "404 Not Found")),
        FaultKind::Redirect => {
            let mut answer = html(StatusCode::FOUND, "Found");
            answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/login.do"));
            Ok(answer)
        }
        FaultKind::Throttle => Ok(throttled(fault.retry_after)),
        FaultKind::Error => Ok(json(StatusCode::INTERNAL_SERVER_ERROR, CANCELLED)),
        FaultKind::Unauthorized => Ok(json(StatusCode::UNAUTHORIZED, UNAUTHENTICATED)),
        FaultKind::Accepted => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::ACCEPTED;
            Ok(response)
        }
        FaultKind::DropAfterCommit => {
            inner.call(request).await.map_err(never)?;
            Err(Dropped)
        }
        FaultKind::ErrorAfterCommit => {
            inner.call(request).await.map_err(never)?;
            Ok(json(StatusCode::INTERNAL_SERVER_ERROR, CANCELLED))
        }
        FaultKind::Slow => {
            // Held back within its turn: others wait for it, and it may take too long.
            request.extensions_mut().insert(Delay(std::time::Duration::from_millis(fault.delay_ms)));
            inner.call(request).await.map_err(never)
        }
        FaultKind::Twice => twice(inner, request).await,
        FaultKind::Truncate => body::truncated(inner.call(request).await.map_err(never)?).await,
        FaultKind::ErrorInSuccess => body::with_error(inner.call(request).await.map_err(never)?).await,
    }
}

const CANCELLED: &str = r#"{"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"Transaction cancelled: maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property to verify REST request processing"},"status":"failure"}"#;

const UNAUTHENTICATED: &str = r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;

/// Handles the request two times; the second answer is the one that is sent.
async fn twice(mut inner: Router, request: Request<Body>) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let bytes = body::collected(body).await?;
    let first = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    inner.call(first).await.map_err(never)?;
    inner.call(Request::from_parts(parts, Body::from(bytes))).await.map_err(never)
}

fn throttled(seconds: u32) -> Response<Body> {
    let mut response = json(
        StatusCode::TOO_MANY_REQUESTS,
        r#"{"error":{"message":"Rate limit exceeded","detail":"Rate limit of 100 requests per hour for Table API exceeded"},"status":"failure"}"#,
    );
    let headers = response.headers_mut();
    if seconds > 0 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from_static("100"));
    response
}

fn json(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json;charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
