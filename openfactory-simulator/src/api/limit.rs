//! Hourly limits around calls: their headers, and the answer to whoever is beyond them.

use axum::http::{HeaderName, StatusCode, header};

use super::{Answer, App, Call, route};
use crate::instant;
use crate::limits::{self, Verdict};
use crate::refusal::Refusal;
use crate::store::StoreError;

/// Does what a call asks for, unless its caller asks too often.
pub(super) fn perform(app: &App, call: &Call) -> Answer {
    around(app, call, || route::perform(app, call))
}

/// The same for any work.
pub(super) fn around(app: &App, call: &Call, work: impl FnOnce() -> Answer) -> Answer {
    let verdict = app.store.read(|session| {
        let rules = limits::rules(session)?;
        if rules.is_empty() {
            return Ok::<_, StoreError>(None);
        }
        // Whoever is not known is refused by the call itself.
        let Ok(caller) = app.caller(session, call) else { return Ok(None) };
        let now = instant::unix_seconds(session.now);
        Ok(app.counters.count(&rules, &caller, &call.path, now, app.store.switches.limits_lag))
    });
    match verdict {
        Err(error) => Answer::refused(&error.into(), &app.store.switches),
        Ok(None) => work(),
        Ok(Some(verdict)) => match verdict.wait {
            None => told(work(), &verdict),
            Some(wait) => {
                let detail =
                    format!("Rate limit of {} requests per hour for {} exceeded", verdict.limit, verdict.api);
                let refusal =
                    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").detail(detail);
                told(Answer::refused(&refusal, &app.store.switches), &verdict)
                    .header(header::RETRY_AFTER, &wait.to_string())
            }
        },
    }
}

/// There is no header for what is left.
fn told(answer: Answer, verdict: &Verdict) -> Answer {
    let name = HeaderName::from_static;
    answer
        .header(name("x-ratelimit-limit"), &verdict.limit.to_string())
        .header(name("x-ratelimit-reset"), &verdict.reset.to_string())
        .header(name("x-ratelimit-rule"), &verdict.rule)
}
