//! Orders to the platform. The order is durable before it is given, and given before ServiceNow is asked for
//! anything: an outage there delays no remediation.

use std::time::Duration;

use openfactory_queue::Outcome;
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::platform::{Order, PlatformError};
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::workflow::{is_performed_key, performed};

use super::core::Core;
use super::edges::Edge;
use super::step::state;
use crate::told::told;

/// When a platform that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Has the platform perform `order`, and commits what came of it, once.
///
/// # Errors
/// What becomes of the message when the platform, or the store, can't be reached now.
pub(super) async fn perform(core: &Core, event: &Event, order: &Order) -> Result<(), Outcome> {
    if core.state.is_applied(&is_performed_key(event)).await.map_err(|error| state(&error))? {
        core.outbox.notify_one();
        return Ok(());
    }
    let outcome = core.platform.perform(order).await.map_err(|error| platform(&error))?;
    core.pass(Edge::OrderPerformed).await;
    core.audit.performed(order, &outcome).await?;
    let Some(commit) = performed(event, outcome, core.clock.now()) else { return Ok(()) };
    match core.state.commit(&commit).await.map_err(|error| state(&error))? {
        CommitOutcome::Applied | CommitOutcome::AlreadyApplied => {}
        CommitOutcome::Conflict => {
            return Err(Outcome::NotYet { after: AGAIN, reason: "the order changed meanwhile".to_owned() });
        }
    }
    core.pass(Edge::OutcomeCommitted).await;
    core.outbox.notify_one();
    Ok(())
}

fn platform(error: &PlatformError) -> Outcome {
    let reason = told(error);
    match error {
        PlatformError::Refused { .. } => Outcome::Poison { reason },
        _ => Outcome::NotYet { after: AGAIN, reason },
    }
}
