//! Repairs webhooks that never arrived: the change request of every waiting gate and of every instruction that waits for
//! its approval, and every open incident, is read again now and then.
//!
//! What is found is published as the hint that should have come. Its id is made of the record and of how often
//! it has been changed, so that a change which was told by a webhook and by this poller is looked at twice at
//! the most, and decided once.

use std::time::Duration;

use openfactory_queue::SyncQueueExt as _;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, GateState, RemediationState};
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::query::{Condition, Operator};
use openfactory_sn::{Query, Row, SysId};

use super::core::Core;
use super::message;
use crate::shutdown::Shutdown;
use crate::told::told;

/// The source of the events that the poller publishes.
const SOURCE: &str = "/event-router/poller";
/// Entities that are read from the state store at once.
const PAGE: usize = 200;
/// Records that are read from ServiceNow at once.
const AT_ONCE: usize = 50;

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
            tracing::warn!("what is waited for could not be read again: {}", told(&*error));
        }
    }
}

async fn round(core: &Core) -> Result<(), PollError> {
    let (changes, incidents) = (awaited(core).await?, open_incidents(core).await?);
    let (tables, policy) = (&core.mapping.tables, &core.policy);
    read(core, &tables.change_request, &changes, |row| {
        !matches!(row.text("approval"), "" | "not requested" | "requested") || row.text("state") == "4"
    })
    .await?;
    let instruction = policy.instruction_column.as_deref();
    read(core, &tables.incident, &incidents, |row| {
        let instructed = instruction.is_some_and(|field| !row.text(field).is_empty());
        instructed || !row.text("assigned_to").is_empty() || matches!(row.text("state"), "7" | "8")
    })
    .await
}

/// The change requests whose approval something waits for.
async fn awaited(core: &Core) -> Result<Vec<SysId>, PollError> {
    let mut found = Vec::new();
    for kind in [EntityKind::Gate, EntityKind::Remediation] {
        each(core, kind, |key, entity| match (key, entity) {
            (EntityKey::Gate(sys_id), Entity::Gate(gate)) if gate.state == GateState::Waiting => {
                found.push(sys_id.clone());
            }
            (EntityKey::Remediation(sys_id), Entity::Remediation(remediation))
                if remediation.state == RemediationState::Waiting =>
            {
                found.push(sys_id.clone());
            }
            _ => {}
        })
        .await?;
    }
    Ok(found)
}

/// The incidents of devices that are open here.
async fn open_incidents(core: &Core) -> Result<Vec<SysId>, PollError> {
    let (mut found, table) = (Vec::new(), &core.mapping.tables.incident);
    each(core, EntityKind::Device, |_, entity| {
        if let Entity::Device(device) = entity {
            found.extend(device.incidents.iter().map(|open| SysId::derived(table, &open.incident)));
        }
    })
    .await?;
    Ok(found)
}

async fn each(
    core: &Core,
    kind: EntityKind,
    mut see: impl FnMut(&EntityKey, &Entity),
) -> Result<(), PollError> {
    let mut after: Option<EntityKey> = None;
    loop {
        let page = core.state.list(kind, after.as_ref(), PAGE).await?;
        page.iter().for_each(|(key, kept)| see(key, &kept.value));
        match page.last() {
            Some((key, _)) if page.len() == PAGE => after = Some(key.clone()),
            _ => return Ok(()),
        }
    }
}

/// Reads records, many in one call, and publishes a hint of each that says something.
async fn read(
    core: &Core,
    table: &str,
    records: &[SysId],
    says_something: impl Fn(&Row) -> bool,
) -> Result<(), PollError> {
    for some in records.chunks(AT_ONCE) {
        let of = some.iter().map(|sys_id| sys_id.as_str().to_owned()).collect();
        let query = Query::new().and(Condition::new("sys_id", Operator::OneOf, of)).limit(AT_ONCE);
        for row in core.client.dynamic_table(table).find(&query).await? {
            if says_something(&row) {
                publish(core, table, &row).await?;
            }
        }
    }
    Ok(())
}

async fn publish(core: &Core, table: &str, row: &Row) -> Result<(), PollError> {
    let sys_id = row.sys_id();
    let id = EventId::new(format!("{sys_id}.{}", row.text("sys_mod_count")))?;
    let body = RecordChanged::new(table.to_owned(), sys_id.clone());
    // The time is the event's identity's, not the round's: a second look publishes the same bytes.
    let event = Event::new(id, SOURCE, std::time::UNIX_EPOCH, EventBody::RecordChanged(Box::new(body)));
    core.queue.send(message::derived(&event)?).await?;
    Ok(())
}
