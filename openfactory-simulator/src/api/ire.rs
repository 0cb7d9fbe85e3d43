//! The Identification and Reconciliation API.

use std::collections::BTreeMap;

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
    QueryEnhanced,
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
    let enhanced = matches!(variant, Variant::Enhanced | Variant::QueryEnhanced);
    let said = said(call.param("options").unwrap_or_default().trim())?;
    let option = |name: &str| enhanced && *said.get(name).unwrap_or(&true);
    // What is put aside can only be so if the others are written, and each once.
    let aside = option("partial_payloads");
    let options = Options {
        source: call.param("sysparm_data_source").unwrap_or_default().to_owned(),
        commit: matches!(variant, Variant::Plain | Variant::Enhanced),
        aside,
        partial: aside || option("partial_commits") || session.switches.ire_always_commits_partially,
        deduplicate: aside || option("deduplicate_payloads"),
    };
    let outcomes = ire::run(session, &app.writer(&caller), &payload, &options)?;
    let context = entropy::sys_id(session.entropy);
    Ok(Answer::result(StatusCode::OK, &outcomes.told(&context)))
}

/// The options that were sent, `name:true,name:false`; each is on unless it is turned off.
fn said(text: &str) -> Result<BTreeMap<&str, bool>, Refusal> {
    let chunks = text.split(',').map(str::trim).filter(|chunk| !chunk.is_empty());
    chunks
        .map(|chunk| match chunk.split_once(':') {
            Some((name, "true")) => Ok((name, true)),
            Some((name, "false")) => Ok((name, false)),
            _ => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Invalid options")
                .detail(format!("Chunk [{chunk}] is not a valid entry"))),
        })
        .collect()
}
