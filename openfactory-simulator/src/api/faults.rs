//! `/simulator/faults`: the administrator's door to faults on demand. No fault hits it.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{Answer, App, Call};
use crate::faults::FaultList;
use crate::refusal::Refusal;
use crate::store::Session;

pub(super) fn faults(app: &App, session: &Session<'_>, call: &Call) -> Result<Answer, Refusal> {
    let caller = app.caller(session, call)?;
    if !caller.is_admin() {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Failed API level ACL Validation"));
    }
    match call.method {
        Method::GET | Method::HEAD => {}
        Method::POST => {
            let list = FaultList::from_json(&call.body).map_err(|error| {
                let reason = std::error::Error::source(&error).map(ToString::to_string);
                Refusal::unreadable(reason.unwrap_or_default())
            })?;
            app.faults.add(list.faults);
        }
        Method::DELETE => app.faults.clear(),
        _ => return Err(Refusal::method(call.method.as_str())),
    }
    Ok(Answer::json(StatusCode::OK, &json!({ "faults": app.faults.waiting() })))
}
