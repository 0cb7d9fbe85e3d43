//! The Identification and Reconciliation API.

use axum::http::{Method, StatusCode};

use super::{Answer, App, Call};
use crate::access::{Access, Operation};
use crate::entropy;
use crate::ire::{self, Options, Payload};
use crate::refusal::Refusal;
use crate::store::Session;

/// Which of its calls it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    Plain,
    Enhanced,
    /// Tells what would be done, without doing it.
    Query,
}

/// `POST /api/now/identifyreconcile` and its variants. What is wrong with an item is told in a 200.
pub(super) fn identify(
    app: &App,
    session: &Session<'_>,
    call: &Call,
    variant: Variant,
) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if call.method != Method::POST {
        return Err(Refusal::method(call.method.as_str()));
    }
    call.sends_json()?;
    if !Access::of(session, &caller)?.table(Operation::Write, "cmdb_ci") {
        return Err(Refusal::api_acl());
    }
    let payload = Payload::from_json(&call.body)?;
    let enhanced = variant != Variant::Plain;
    let options = call.param("options").unwrap_or_default();
    let option =
        |name: &str| enhanced && options.split(',').any(|option| option.trim() == format!("{name}:true"));
    let options = Options {
        source: call.param("sysparm_data_source").unwrap_or_default().to_owned(),
        commit: variant != Variant::Query,
        partial: option("partial_commits") || session.switches.ire_always_commits_partially,
        deduplicate: option("deduplicate_payloads"),
    };
    let outcomes = ire::run(session, &app.writer(&caller), &payload, &options)?;
    let context = entropy::sys_id(session.entropy);
    Ok(Answer::result(StatusCode::OK, &outcomes.told(&context)))
}
