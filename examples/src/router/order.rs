//! Orders to the platform. The order is durable before it is given, and given before ServiceNow is asked for
//! anything: an outage there delays no remediation.

use std::time::Duration;

use openfactory_queue::Outcome;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::platform::{Order, Performed, PlatformError};
use openfactory_sn::lifecycle::state::commit::CommitOutcome;
use openfactory_sn::lifecycle::workflow::{failed, is_performed_key, performed, withheld};

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
    let outcome = match overtaken(core, order).await? {
        Some(withheld) => withheld,
        None => platform(core, order).await?,
    };
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

/// What the order comes to without the platform: what was decided since it was given may forbid it.
async fn overtaken(core: &Core, order: &Order) -> Result<Option<Performed>, Outcome> {
    let key = EntityKey::Device(order.device.clone());
    let found = core.state.load(&[key]).await.map_err(|error| state(&error))?;
    Ok(found.into_iter().find_map(|(_, kept)| match kept?.value {
        Entity::Device(device) => withheld(order, &device),
        _ => None,
    }))
}

/// What the platform makes of the order. One that it refuses has ended, too: nothing of it was done.
async fn platform(core: &Core, order: &Order) -> Result<Performed, Outcome> {
    match core.platform.perform(order).await {
        Ok(performed) => Ok(performed),
        Err(error @ PlatformError::Refused { .. }) => {
            let reason = told(&error);
            tracing::error!(order = %order.id, device = %order.device, "{reason}");
            Ok(failed(order, &reason))
        }
        Err(error) => Err(Outcome::NotYet { after: AGAIN, reason: told(&error) }),
    }
}
