//! Calls to ServiceNow under the breaker: an outage is met by one probe at a time and costs no message an attempt.

use std::future::Future;
use std::time::Duration;

use openfactory_queue::Outcome;
use openfactory_queue::policy::breaker::Permission;
use openfactory_sn::{Error, ErrorKind};

use super::core::{Core, SERVICENOW};
use crate::told::told;

/// A call that the breaker has let through. Whoever has it tells how it ended; if it is dropped untold, and was a
/// probe, another probe may go.
pub(super) struct Call<'a> {
    core: &'a Core,
    probe: bool,
}

impl<'a> Call<'a> {
    /// Asks the breaker before a call.
    ///
    /// # Errors
    /// When the call must wait: what becomes of the message meanwhile.
    pub(super) fn ask(core: &'a Core) -> Result<Self, Outcome> {
        match core.breakers.ask(SERVICENOW) {
            Permission::Wait(after) => {
                let reason = "servicenow does not answer; waiting for a probe to come through".to_owned();
                Err(Outcome::NotYet { after: after.max(Duration::from_millis(50)), reason })
            }
            permission => Ok(Self { core, probe: permission == Permission::Probe }),
        }
    }

    /// There was an answer, good or bad.
    pub(super) fn answered(mut self) {
        self.probe = false;
        self.core.breakers.succeeded(SERVICENOW);
    }

    /// There was none, or one that asks for patience. The worker tells the breaker too, but of a probe that is out it
    /// takes nobody's word but the prober's.
    pub(super) fn failed(mut self, reason: &str, retry_after: Option<Duration>) {
        self.probe = false;
        self.core.breakers.failed(SERVICENOW, reason, retry_after);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.core.breakers.gave_up(SERVICENOW);
        }
    }
}

/// Makes a call if the breaker lets it, and tells the breaker how it ended.
///
/// # Errors
/// What becomes of the message if there is no answer, or a bad one.
pub(super) async fn call<T>(core: &Core, call: impl Future<Output = Result<T, Error>>) -> Result<T, Outcome> {
    let asked = Call::ask(core)?;
    match call.await {
        Ok(value) => {
            asked.answered();
            Ok(value)
        }
        Err(error) => Err(outcome(asked, &error)),
    }
}

/// What becomes of a message whose call failed.
fn outcome(call: Call<'_>, error: &Error) -> Outcome {
    let reason = told(error);
    let destination = SERVICENOW.to_owned();
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Unavailable => {
            call.failed(&reason, error.retry_after());
            Outcome::DestinationDown { destination, reason, retry_after: error.retry_after() }
        }
        ErrorKind::Throttled => {
            let after = error.retry_after().unwrap_or(super::deliver::RATE_LIMITED);
            call.failed(&reason, Some(after));
            Outcome::RateLimited { destination, after }
        }
        ErrorKind::Unauthenticated => {
            call.failed(&reason, None);
            Outcome::CredentialsRefused { destination, reason }
        }
        _ => {
            call.answered();
            Outcome::Retry { reason, after: error.retry_after() }
        }
    }
}
