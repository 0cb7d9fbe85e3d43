//! Answers of the page: HTML with the headers that keep it inert.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::refusal::Refusal;

/// No script, no frame, no image, nothing from elsewhere; forms go nowhere but here.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../../templates/style.css");

/// The style sheet.
pub(super) async fn style() -> Response {
    let mut response = with_headers(Response::new(Body::from(STYLE)), "text/css; charset=utf-8");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

/// A page whose form leads to another origin in the end, which the browser has to be told.
pub(super) fn page_that_sends_to(
    origin: Option<&str>,
    status: StatusCode,
    template: &impl Template,
) -> Result<Response, Refusal> {
    let mut response = page(status, template)?;
    let policy =
        origin.map(|origin| POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}")));
    if let Some(Ok(policy)) = policy.map(|policy| HeaderValue::from_str(&policy)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// A page from its template.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Refusal> {
    let text = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be written")
    })?;
    let mut response = with_headers(Response::new(Body::from(text)), "text/html; charset=utf-8");
    *response.status_mut() = status;
    Ok(response)
}

/// Sends the browser on by a GET.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = with_headers(Response::new(Body::empty()), "text/plain; charset=utf-8");
    *response.status_mut() = StatusCode::SEE_OTHER;
    let target = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static(super::HOME));
    response.headers_mut().insert(header::LOCATION, target);
    response
}

/// Bytes to be saved, never to be shown: whatever they claim to be, they can do nothing in this page's name.
pub(super) fn file(name: &str, bytes: Vec<u8>) -> Response {
    let mut response = with_headers(Response::new(Body::from(bytes)), "application/octet-stream");
    let disposition = format!("attachment; filename*=UTF-8''{}", super::link::encoded(name));
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    title: &'a str,
    detail: &'a str,
}

/// A refusal, for a person to read.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let template = Refused { title: &refusal.message, detail: refusal.detail.as_deref().unwrap_or_default() };
    page(refusal.status, &template).unwrap_or_else(|_| refusal.status.into_response())
}

fn with_headers(mut response: Response, content_type: &'static str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
