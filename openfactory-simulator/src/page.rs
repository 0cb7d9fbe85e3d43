//! The instance to look around in with a browser: tables, records, approvals, the log of calls.
//!
//! Pages are made on the server from templates that escape whatever they show. No script runs in them, and nothing
//! is loaded from elsewhere. Who logs in sees and does what the APIs would let them see and do; an approval given
//! here is written as one given by the Table API, with its rules and its webhook.

mod approval;
mod calls;
mod consent;
mod document;
mod file;
mod link;
mod list;
mod login;
mod record;
mod related;
mod respond;
mod sessions;
mod tables;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{any, get, post};

pub(crate) use sessions::Sessions;

use crate::access::{Access, INTERNAL_ROLE};
use crate::api::{App, Bound, Call};
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use login::Visitor;

/// Where the page is.
const HOME: &str = "/page";

/// The largest form, in bytes.
const FORM_LIMIT: usize = 64 * 1024;

/// Whether this path belongs to the page.
pub(crate) fn is_own(path: &str) -> bool {
    path.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One look at the page, by somebody who is logged in.
struct Visit<'a> {
    app: &'a App,
    session: &'a Session<'a>,
    call: &'a Call,
    visitor: &'a Visitor,
}

/// What the head of each page shows.
struct Top<'a> {
    user_name: &'a str,
    form_token: &'a str,
    /// Whether the log of calls is open to whoever looks.
    sees_calls: bool,
}

impl Visit<'_> {
    /// What the access rules say to whoever visits.
    fn access(&self) -> Result<Access<'_>, StoreError> {
        Access::of(self.session, &self.visitor.caller)
    }

    fn top(&self) -> Top<'_> {
        Top {
            user_name: &self.visitor.caller.user_name,
            form_token: &self.visitor.form_token,
            sees_calls: self.visitor.caller.is_admin(),
        }
    }
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async || respond::see_other(HOME)))
        .route("/{document}", any(on_document))
        .route("/page", get(on_tables))
        .route("/page/style.css", get(respond::style))
        .route("/page/login", get(on_login).post(on_log_in))
        .route("/page/logout", post(on_log_out))
        .route("/page/table/{table}", get(on_list))
        .route("/page/record/{table}/{sys_id}", get(on_record))
        .route("/page/attachment/{sys_id}", get(on_file))
        .route("/page/approval/{sys_id}", post(on_approval))
        .route("/page/calls", get(on_calls))
        .route("/page/consent", get(on_consent).post(on_consented))
}

async fn on_document(
    State(app): State<Arc<App>>,
    Path(document): Path<String>,
    request: Request,
) -> Response {
    answered(app, request, move |_, session, call| document::sent_on(session, call, &document)).await
}

async fn on_tables(State(app): State<Arc<App>>, request: Request) -> Response {
    visited(app, request, tables::show).await
}

async fn on_login(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, login::form).await
}

async fn on_log_in(State(app): State<Arc<App>>, request: Request) -> Response {
    answered(app, request, login::log_in).await
}

async fn on_log_out(State(app): State<Arc<App>>, request: Request) -> Response {
    visited(app, request, login::log_out).await
}

async fn on_list(State(app): State<Arc<App>>, Path(table): Path<String>, request: Request) -> Response {
    visited(app, request, move |visit| list::show(visit, &table)).await
}

async fn on_record(
    State(app): State<Arc<App>>,
    Path((table, sys_id)): Path<(String, String)>,
    request: Request,
) -> Response {
    visited(app, request, move |visit| record::show(visit, &table, &sys_id)).await
}

async fn on_file(State(app): State<Arc<App>>, Path(sys_id): Path<String>, request: Request) -> Response {
    visited(app, request, move |visit| file::download(visit, &sys_id)).await
}

async fn on_approval(State(app): State<Arc<App>>, Path(sys_id): Path<String>, request: Request) -> Response {
    visited(app, request, move |visit| approval::answer(visit, &sys_id)).await
}

async fn on_calls(State(app): State<Arc<App>>, request: Request) -> Response {
    visited(app, request, calls::show).await
}

async fn on_consent(State(app): State<Arc<App>>, request: Request) -> Response {
    visited(app, request, consent::show).await
}

async fn on_consented(State(app): State<Arc<App>>, request: Request) -> Response {
    visited(app, request, consent::answer).await
}

/// Lets somebody who is logged in look, or act by a form that this page made; sends others to the login.
async fn visited<W>(app: Arc<App>, request: Request, work: W) -> Response
where
    W: FnOnce(&Visit<'_>) -> Result<Response, Refusal> + Send + 'static,
{
    answered(app, request, move |app, session, call| {
        let looks = call.method != Method::POST;
        let Some(visitor) = login::visitor(app, session, call)? else {
            let next = if looks { call.path_and_query.as_str() } else { HOME };
            return Ok(respond::see_other(&link::login(link::checked(next))));
        };
        if !looks {
            visitor.check_form(app, call)?;
        }
        work(&Visit { app, session, call, visitor: &visitor })
    })
    .await
}

/// Reads the request, does the work in one transaction off the async threads, and answers.
async fn answered<W>(app: Arc<App>, request: Request, work: W) -> Response
where
    W: FnOnce(&App, &Session<'_>, &Call) -> Result<Response, Refusal> + Send + 'static,
{
    let call = match Call::read(request, Bound::form(FORM_LIMIT), &app).await {
        Ok(call) => call,
        Err(refusal) => return respond::refused(&refusal),
    };
    let outbound = Arc::clone(&app.outbound);
    let done = tokio::task::spawn_blocking(move || {
        let (store, quota) = (Arc::clone(&app.store), Some(app.quota));
        if call.method == Method::POST {
            store.write_within(quota, |session| work(&app, session, &call))
        } else {
            store.read_within(quota, |session| work(&app, session, &call))
        }
    })
    .await;
    outbound.wake.notify_one();
    match done {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => respond::refused(&refusal),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a page was broken off");
            respond::refused(&Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "The page was broken off"))
        }
    }
}

/// Refuses to show rows to whoever may read none.
fn readable(visit: &Visit<'_>) -> Result<(), Refusal> {
    if visit.visitor.caller.holds(INTERNAL_ROLE) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "You may not read this").detail("Your user has no role."))
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn only_the_page_is_the_page() {
        assert!(is_own("/page") && is_own("/page/calls"));
        assert!(!is_own("/pages") && !is_own("/api/now/table/incident") && !is_own("/"));
    }
}
