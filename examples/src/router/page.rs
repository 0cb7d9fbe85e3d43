//! `GET /`, the operator's page, and `GET /v1/overview`, the same facts as JSON. Both only look.
//!
//! The page is made on the server from a template that escapes whatever it shows; no script runs in it, and nothing
//! is loaded from elsewhere.

mod access;
mod builds;
mod fleet;
mod keys;
mod listed;
mod overview;
mod rollouts;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::config::RouterConfig;
use super::core::Core;
use crate::config::{ConfigError, read_secret_file};
use access::{Access, Refused};
use overview::{Learnt, Overview};

/// No script, no frame, no image, no form, nothing from elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../../templates/router.css");

/// What the page is made from.
struct Shown {
    core: Core,
    access: Access,
    /// The instance, for links to its records.
    servicenow: String,
    audit: PathBuf,
}

/// The routes of the page; none where it is switched off, or could be seen by whoever is on the network.
///
/// # Errors
/// When the token's file can't be used.
pub(super) fn routes(core: Core, config: &RouterConfig) -> Result<Router, ConfigError> {
    let access = match &config.page.token_file {
        _ if !config.page.enabled => return Ok(Router::new()),
        Some(file) => Access::Token(read_secret_file(file)?),
        None if config.listen.address.ip().is_loopback() => Access::Local,
        None => {
            tracing::info!("the operator's page is not served: off loopback it needs [page] token_file");
            return Ok(Router::new());
        }
    };
    let servicenow = config.servicenow.url.trim_end_matches('/').to_owned();
    let shown = Shown { core, access, servicenow, audit: config.audit.directory.clone() };
    Ok(Router::new()
        .route("/", get(page))
        .route("/v1/overview", get(json))
        .route("/page.css", get(style))
        .with_state(Arc::new(shown)))
}

#[derive(Deserialize)]
struct Asked {
    /// Present where the page is not to be read anew by itself.
    paused: Option<String>,
}

#[derive(Template)]
#[template(path = "router.html")]
struct Page<'a> {
    live: bool,
    servicenow: &'a str,
    change_request: &'a str,
    incident: &'a str,
    overview: &'a Overview,
}

async fn page(State(shown): State<Arc<Shown>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    if let Err(refused) = shown.access.check(&headers) {
        return refused.into_response();
    }
    let overview = overview::look_up(&shown.core, &shown.audit).await;
    let tables = &shown.core.mapping.tables;
    let page = Page {
        live: asked.paused.is_none(),
        servicenow: &shown.servicenow,
        change_request: &tables.change_request,
        incident: &tables.incident,
        overview: &overview,
    };
    match page.render() {
        Ok(text) => with_headers(text.into_response(), "text/html; charset=utf-8"),
        Err(error) => {
            tracing::error!(%error, "the operator's page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn json(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    if let Err(refused) = shown.access.check(&headers) {
        return refused.into_response();
    }
    let overview = overview::look_up(&shown.core, &shown.audit).await;
    with_headers(Json(overview).into_response(), "application/json")
}

async fn style() -> Response {
    with_headers(STYLE.into_response(), "text/css; charset=utf-8")
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "the page's token is needed\n"),
            Self::NotLocal => {
                (StatusCode::FORBIDDEN, "without a token the page is only for this machine, as localhost\n")
            }
        };
        let mut response = with_headers((status, reason).into_response(), "text/plain; charset=utf-8");
        if self == Self::NoToken {
            let ask = HeaderValue::from_static("Basic realm=\"event-router\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

fn with_headers(mut response: Response, content_type: &'static str) -> Response {
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
