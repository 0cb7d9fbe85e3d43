//! Calls to ServiceNow under the breaker: an outage is met by one probe at a time and costs no message an attempt.

use std::future::Future;
use std::time::Duration;

use openfactory_queue::Outcome;
use openfactory_queue::policy::breaker::Permission;
use openfactory_sn::{Error, ErrorKind};

use super::core::{Core, SERVICENOW};
use crate::told::told;

/// Asks the breaker before a call.
///
/// # Errors
/// When the call must wait: what becomes of the message meanwhile.
pub(super) fn ask(core: &Core) -> Result<(), Outcome> {
    match core.breakers.ask(SERVICENOW) {
        Permission::Wait(after) => {
            let reason = "servicenow does not answer; waiting for a probe to come through".to_owned();
            Err(Outcome::NotYet { after: after.max(Duration::from_millis(50)), reason })
        }
        _ => Ok(()),
    }
}

/// Makes a call if the breaker lets it, and tells the breaker of an answer.
///
/// # Errors
/// What becomes of the message if there is no answer, or a bad one.
pub(super) async fn call<T>(core: &Core, call: impl Future<Output = Result<T, Error>>) -> Result<T, Outcome> {
    ask(core)?;
    match call.await {
        Ok(value) => {
            core.breakers.succeeded(SERVICENOW);
            Ok(value)
        }
        Err(error) => Err(outcome(core, &error)),
    }
}

/// What becomes of a message whose call failed. The worker tells the breaker of outages; that there was an
/// answer is told here.
pub(super) fn outcome(core: &Core, error: &Error) -> Outcome {
    let reason = told(error);
    let destination = SERVICENOW.to_owned();
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Unavailable => {
            Outcome::DestinationDown { destination, reason, retry_after: error.retry_after() }
        }
        ErrorKind::Throttled => {
            let after = error.retry_after().unwrap_or(super::deliver::RATE_LIMITED);
            Outcome::RateLimited { destination, after }
        }
        ErrorKind::Unauthenticated => Outcome::CredentialsRefused { destination, reason },
        _ => {
            core.breakers.succeeded(SERVICENOW);
            Outcome::Retry { reason, after: error.retry_after() }
        }
    }
}
