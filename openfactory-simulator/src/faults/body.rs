//! What faults do to the body of an answer.

use axum::body::Body;
use axum::http::{Response, header};
use futures_util::StreamExt as _;

use super::service::Dropped;

/// The longest body that is held, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// The whole body.
pub(super) async fn collected(body: Body) -> Result<Vec<u8>, Dropped> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(|_| Dropped)?);
        if bytes.len() > LIMIT {
            return Err(Dropped);
        }
    }
    Ok(bytes)
}

/// The answer with the second half of its body missing, and no sign of that in its headers.
pub(super) async fn truncated(response: Response<Body>) -> Result<Response<Body>, Dropped> {
    changed(response, |mut bytes| {
        bytes.truncate(bytes.len() / 2);
        bytes
    })
    .await
}

/// The answer with an error beside its result, as where the time ran out after the status line was sent.
pub(super) async fn with_error(response: Response<Body>) -> Result<Response<Body>, Dropped> {
    const ERROR: &[u8] = br#","error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property to verify REST request processing"},"status":"failure"}"#;
    changed(response, |mut bytes| {
        if bytes.last() == Some(&b'}') {
            bytes.pop();
            bytes.extend_from_slice(ERROR);
        }
        bytes
    })
    .await
}

async fn changed(
    response: Response<Body>,
    change: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> Result<Response<Body>, Dropped> {
    let (mut parts, body) = response.into_parts();
    let bytes = change(collected(body).await?);
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
