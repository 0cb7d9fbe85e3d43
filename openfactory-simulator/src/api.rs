//! The instance over HTTP.

mod answer;
pub(crate) mod attachment;
mod attributes;
mod batch;
mod bound;
mod call;
mod change;
mod cmdb;
mod event;
mod faults;
mod guarded;
mod import;
mod ire;
mod limit;
mod multipart;
mod oauth;
mod pages;
mod route;
mod stats;
mod table;
mod tiny;
mod turn;
mod xml;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

pub(crate) use answer::{Answer, front, html};
pub(crate) use bound::Bound;
pub(crate) use call::{Call, pairs};
pub(crate) use pages::encoded;
pub(crate) use turn::Delay;

use crate::access::Caller;
use crate::auth::Logins;
use crate::calls::Calls;
use crate::faults::FaultPlan;
use crate::limits::Counters;
use crate::page::{self, Sessions};
use crate::refusal::Refusal;
use crate::store::{Session, Store};
use crate::turns::{Turn, Turns};
use crate::webhook::deliver::Outbound;
use crate::work::{self, Works};
use crate::write::Writer;

/// The longest path with query, in bytes; beyond it the front proxy answers 414.
const URI_LIMIT: usize = 8 * 1024;

/// All that a request can reach.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) logins: Logins,
    pub(crate) integration_users: BTreeSet<String>,
    pub(crate) faults: Arc<FaultPlan>,
    pub(crate) outbound: Arc<Outbound>,
    /// Requests this hour, where a rule limits them.
    pub(crate) counters: Counters,
    /// Whose turn it is.
    pub(crate) turns: Turns,
    /// How long a call may take.
    pub(crate) quota: Duration,
    /// What is still to be done, and how fast.
    pub(crate) works: Works,
    /// How long a client has for sending a body.
    pub(crate) patience: Duration,
    /// The last calls, for the page.
    pub(crate) calls: Arc<Calls>,
    /// Who is logged in to the page.
    pub(crate) sessions: Sessions,
    /// `https://127.0.0.1:PORT`, where a request names no host.
    pub(crate) base_url: String,
}

impl App {
    /// Who calls, by password, token or key.
    pub(crate) fn caller(&self, session: &Session<'_>, call: &Call) -> Result<Caller, Refusal> {
        self.logins.caller(session, call.header("authorization"), call.header("x-sn-apikey"))
    }

    pub(crate) fn writer<'a>(&'a self, caller: &'a Caller) -> Writer<'a> {
        Writer {
            caller,
            integration_users: &self.integration_users,
            webhook: self.outbound.payload(),
            by_rule: false,
        }
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/oauth_token.do", any(on_call))
        .route("/oauth_revoke.do", any(on_call))
        .route("/oauth_auth.do", any(on_call))
        .route("/api/{*path}", any(on_call))
        .route("/simulator/faults", any(on_call))
        .merge(page::routes())
        .fallback(on_nothing)
        .with_state(app)
}

async fn on_nothing(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return Answer::refused(&Refusal::no_resource(path), &app.store.switches).into_response();
    }
    html(StatusCode::NOT_FOUND, "Page not found")
}

/// Reads the request, does the work off the async threads, and answers.
async fn on_call(State(app): State<Arc<App>>, request: Request) -> Response {
    if request.uri().path_and_query().is_some_and(|text| text.as_str().len() > URI_LIMIT) {
        return html(StatusCode::URI_TOO_LONG, "Request-URI Too Large");
    }
    let session = turn::session(request.headers());
    let delay = request.extensions().get::<Delay>().copied();
    let answer = in_turn(Arc::clone(&app), request, session.as_deref(), delay).await;
    turn::with_session(&app, session.as_deref(), answer)
}

async fn read(request: Request, app: &Arc<App>) -> Result<Call, Refusal> {
    let (path, announced) = (request.uri().path().to_owned(), request.body().size_hint().upper());
    let bound = Bound::of(app, &path, announced).await?;
    Call::read(request, bound, app).await
}

/// Waits for the call's turn, and answers it if it does not take too long.
async fn in_turn(app: Arc<App>, request: Request, session: Option<&str>, delay: Option<Delay>) -> Response {
    let switches = app.store.switches;
    let call = match read(request, &app).await {
        Ok(call) => call,
        Err(refusal) => return Answer::refused(&refusal, &switches).into_response(),
    };
    let turns = Arc::clone(&app);
    let _turn = match turns.turns.take(session, &*turns.store.clock).await {
        Turn::Granted(granted) => granted,
        Turn::Refused => return turn::refused(&switches),
        Turn::PutOff => return turn::put_off(),
    };
    if let Some(Delay(delay)) = delay {
        let begun = app.store.clock.now();
        tokio::time::sleep(delay).await;
        if app.store.clock.now().duration_since(begun).is_ok_and(|took| took >= app.quota) {
            return turn::cancelled(&switches);
        }
    }
    let outbound = Arc::clone(&app.outbound);
    let done = tokio::task::spawn_blocking(move || {
        work::advance(&app);
        if route::is_batch(&call.path) {
            limit::around(&app, &call, || {
                batch::run(&app, &call).unwrap_or_else(|refusal| Answer::refused(&refusal, &switches))
            })
        } else {
            limit::perform(&app, &call)
        }
    })
    .await;
    outbound.wake.notify_one();
    match done {
        Ok(answer) => answer.into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request was broken off");
            let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Transaction cancelled");
            Answer::refused(&refusal, &switches).into_response()
        }
    }
}
