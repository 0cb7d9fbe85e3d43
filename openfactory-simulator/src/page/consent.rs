//! Whether an OAuth client may act in the name of whoever is logged in: they allow it, or they do not.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::login::form_value;
use super::{Top, Visit, respond};
use crate::auth::consent::Question;
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    top: Top<'a>,
    question: &'a Question,
}

/// `GET /page/consent`.
pub(super) fn show(visit: &Visit<'_>) -> Result<Response, Refusal> {
    let question = Question::read(&visit.app.logins, |name| visit.call.param(name).map(str::to_owned))?;
    let page = ConsentPage { top: visit.top(), question: &question };
    respond::page_that_sends_to(question.origin().as_deref(), StatusCode::OK, &page)
}

/// `POST /page/consent`.
pub(super) fn answer(visit: &Visit<'_>) -> Result<Response, Refusal> {
    let question = Question::read(&visit.app.logins, |name| form_value(visit.call, name))?;
    let to = match form_value(visit.call, "decision").as_deref() {
        Some("allow") => {
            question.agreed(&visit.app.logins, visit.session, &visit.visitor.caller.user_name)?
        }
        Some("deny") => question.refused(),
        _ => return Err(Refusal::new(StatusCode::BAD_REQUEST, "Allow or deny")),
    };
    Ok(respond::see_other(&to))
}
