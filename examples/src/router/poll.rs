//! Repairs webhooks that never arrived: the change request of every waiting gate is read again now and then.
//!
//! What is found is published as the hint that should have come. Its id is made of the record and of how often
//! it has been changed, so that a change which was told by a webhook and by this poller is looked at twice at
//! the most, and decided once.

use std::time::Duration;

use openfactory_queue::SyncQueueExt as _;
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, GateState};
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::EventId;

use super::core::Core;
use super::message;
use crate::shutdown::Shutdown;
use crate::told::told;

/// The source of the events that the poller publishes.
const SOURCE: &str = "/event-router/poller";
/// Gates that are read from the state store at once.
const PAGE: usize = 200;

/// Why a round came to nothing.
type PollError = Box<dyn std::error::Error + Send + Sync>;

/// Polls until the router stops.
pub(super) async fn gates(core: Core, every: Duration, stop: Shutdown) {
    let mut stopped = Box::pin(stop.triggered());
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = &mut stopped => return,
        }
        // An outage is the workers' business to notice and to report; the poller only stays out of its way.
        if core.breakers.is_open(super::core::SERVICENOW) {
            continue;
        }
        if let Err(error) = round(&core).await {
            tracing::warn!("waiting gates could not be read again: {}", told(&*error));
        }
    }
}

async fn round(core: &Core) -> Result<(), PollError> {
    let mut after: Option<EntityKey> = None;
    loop {
        let page = core.state.list(EntityKind::Gate, after.as_ref(), PAGE).await?;
        for (key, kept) in &page {
            if let (EntityKey::Gate(sys_id), Entity::Gate(gate)) = (key, &kept.value)
                && gate.state == GateState::Waiting
            {
                look_at(core, sys_id).await?;
            }
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE => after = Some(key.clone()),
            _ => return Ok(()),
        }
    }
}

async fn look_at(core: &Core, sys_id: &SysId) -> Result<(), PollError> {
    let table = &core.mapping.tables.change_request;
    let Some(row) = core.client.dynamic_table(table).get_opt(sys_id).await? else { return Ok(()) };
    if matches!(row.text("approval"), "" | "not requested" | "requested") && row.text("state") != "4" {
        return Ok(());
    }
    let id = EventId::new(format!("{sys_id}.{}", row.text("sys_mod_count")))?;
    let body = RecordChanged::new(table.clone(), sys_id.clone());
    // The time is the event's identity's, not the round's: a second look publishes the same bytes.
    let event = Event::new(id, SOURCE, std::time::UNIX_EPOCH, EventBody::RecordChanged(Box::new(body)));
    core.queue.send(message::derived(&event)?).await?;
    Ok(())
}
