//! The instance over HTTP: which path is answered by what.

mod answer;
mod attachment;
mod call;
mod faults;
mod oauth;
mod pages;
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

pub(crate) use answer::{Answer, html};
pub(crate) use call::{Call, pairs};
pub(crate) use pages::encoded;

use crate::access::Caller;
use crate::auth::Logins;
use crate::calls::Calls;
use crate::faults::FaultPlan;
use crate::page::{self, Sessions};
use crate::profile::Profile;
use crate::refusal::Refusal;
use crate::rules::Switches;
use crate::store::{Session, Store};
use crate::webhook::deliver::Outbound;
use crate::write::Writer;

/// The largest JSON body, in bytes: `glide.rest.max_content_length` by default.
const JSON_LIMIT: usize = 10 * 1024 * 1024;

/// The largest attachment, in bytes.
const ATTACHMENT_LIMIT: usize = 50 * 1024 * 1024;

/// The longest path with query, in bytes; beyond it the front proxy answers 414.
const URI_LIMIT: usize = 8 * 1024;

/// All that a request can reach.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) profile: Profile,
    pub(crate) switches: Switches,
    pub(crate) logins: Logins,
    pub(crate) integration_users: BTreeSet<String>,
    pub(crate) faults: Arc<FaultPlan>,
    pub(crate) outbound: Arc<Outbound>,
    /// The last calls, for the page.
    pub(crate) calls: Arc<Calls>,
    /// Who is logged in to the page.
    pub(crate) sessions: Sessions,
    /// `https://127.0.0.1:PORT`, where a request names no host.
    pub(crate) base_url: String,
}

impl App {
    pub(crate) fn writer<'a>(&'a self, caller: &'a Caller) -> Writer<'a> {
        Writer {
            caller,
            switches: &self.switches,
            integration_users: &self.integration_users,
            webhook: self.outbound.is_set(),
            answering: false,
        }
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/oauth_token.do", any(on_token))
        .route("/api/now/v1/table/{table}", any(on_table_v1))
        .route("/api/now/table/{table}", any(on_table))
        .route("/api/now/v2/table/{table}", any(on_table));
    for version in ["", "/v1", "/v2"] {
        let path = |rest: &str| format!("/api/now{version}/{rest}");
        router = router
            .route(&path("table/{table}/{sys_id}"), any(on_record))
            .route(&path("attachment"), any(on_attachments))
            .route(&path("attachment/file"), any(on_upload))
            .route(&path("attachment/{sys_id}"), any(on_attachment))
            .route(&path("attachment/{sys_id}/file"), any(on_download));
    }
    router
        .route("/simulator/faults", any(on_faults))
        .merge(page::routes())
        .fallback(on_nothing)
        .with_state(app)
}

async fn on_token(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, oauth::BODY_LIMIT, oauth::token).await
}

async fn on_table(State(app): State<Arc<App>>, Path(table): Path<String>, request: Request) -> Response {
    answered(app, request, JSON_LIMIT, move |app, session, call| {
        table::collection(app, session, call, &table, table::Version::Latest)
    })
    .await
}

async fn on_table_v1(State(app): State<Arc<App>>, Path(table): Path<String>, request: Request) -> Response {
    answered(app, request, JSON_LIMIT, move |app, session, call| {
        table::collection(app, session, call, &table, table::Version::One)
    })
    .await
}

async fn on_record(
    State(app): State<Arc<App>>,
    Path((table, sys_id)): Path<(String, String)>,
    request: Request,
) -> Response {
    answered(app, request, JSON_LIMIT, move |app, session, call| {
        table::record(app, session, call, &table, &sys_id)
    })
    .await
}

async fn on_attachments(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, JSON_LIMIT, attachment::collection).await
}

async fn on_upload(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, ATTACHMENT_LIMIT, attachment::upload).await
}

async fn on_attachment(
    State(app): State<Arc<App>>,
    Path(sys_id): Path<String>,
    request: Request,
) -> Response {
    answered(app, request, JSON_LIMIT, move |app, session, call| attachment::one(app, session, call, &sys_id))
        .await
}

async fn on_download(State(app): State<Arc<App>>, Path(sys_id): Path<String>, request: Request) -> Response {
    answered(app, request, JSON_LIMIT, move |app, session, call| {
        attachment::download(app, session, call, &sys_id)
    })
    .await
}

async fn on_faults(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, JSON_LIMIT, faults::faults).await
}

async fn on_nothing(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return Answer::refused(&Refusal::no_resource(path)).into_response();
    }
    html(StatusCode::NOT_FOUND, "Page not found")
}

/// Reads the request, does the work in one transaction off the async threads, and answers.
async fn answered<W>(app: Arc<App>, request: Request, limit: usize, work: W) -> Response
where
    W: FnOnce(&App, &Session<'_>, &Call) -> Result<Answer, Refusal> + Send + 'static,
{
    if request.uri().path_and_query().is_some_and(|text| text.as_str().len() > URI_LIMIT) {
        return html(StatusCode::URI_TOO_LONG, "Request-URI Too Large");
    }
    let call = match Call::read(request, limit, &app.base_url).await {
        Ok(call) => call,
        Err(refusal) => return Answer::refused(&refusal).into_response(),
    };
    let outbound = Arc::clone(&app.outbound);
    let done = tokio::task::spawn_blocking(move || {
        // A GET can hand out no token and change no row, so it takes no write transaction.
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        let store = Arc::clone(&app.store);
        if reads {
            store.read(|session| work(&app, session, &call))
        } else {
            store.write(|session| work(&app, session, &call))
        }
    })
    .await;
    outbound.wake.notify_one();
    match done {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(refusal)) => Answer::refused(&refusal).into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request was broken off");
            let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Transaction cancelled");
            Answer::refused(&refusal).into_response()
        }
    }
}
