//! What ServiceNow hears of an event: planned purely, applied so that a repetition changes nothing, receipted,
//! audited.

use std::time::Duration;

use openfactory_queue::{Leased, Message, Outcome, SyncQueueExt as _};
use openfactory_sn::lifecycle::apply::{self, ApplyError, Disposition, Repeat};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::plan::plan;
use openfactory_sn::lifecycle::state::receipt::Receipt;

use super::core::{Core, SERVICENOW};
use super::destination::Call;
use super::edges::Edge;
use super::message;
use super::step::state;
use crate::told::told;

/// When a queue that took no second stage is asked again.
const QUEUE_AGAIN: Duration = Duration::from_secs(1);

/// How long a limited instance is left alone when it does not say.
pub(super) const RATE_LIMITED: Duration = Duration::from_secs(5);

/// Publishes the second stage of `event`, if ServiceNow is to hear of it.
///
/// # Errors
/// What becomes of the first stage when the queue does not take it now.
pub(super) async fn hand_over(core: &Core, event: &Event, decided: &Message) -> Result<(), Outcome> {
    if plan(event, &core.mapping).operations.is_empty() {
        return Ok(());
    }
    match core.queue.send(message::records(decided, event)).await {
        Ok(_stored_or_known) => {}
        Err(error) => return Err(Outcome::NotYet { after: QUEUE_AGAIN, reason: told(&error) }),
    }
    core.pass(Edge::RecordsPublished).await;
    Ok(())
}

/// Has ServiceNow hear of `event`, unless it has.
///
/// # Errors
/// What becomes of the message when it can't be delivered now.
pub(super) async fn deliver(core: &Core, event: &Event, leased: &Leased) -> Result<(), Outcome> {
    let identity = event.identity();
    let receipt = match core.state.receipt(&identity).await.map_err(|error| state(&error))? {
        Some(receipt) => receipt,
        None => {
            let receipt = apply(core, event, leased).await?;
            core.pass(Edge::RecordsApplied).await;
            core.state.record_receipt(&receipt).await.map_err(|error| state(&error))?;
            core.pass(Edge::ReceiptStored).await;
            receipt
        }
    };
    if !receipt.records.is_empty() {
        core.audit.delivered(event, &receipt).await?;
        core.pass(Edge::DeliveryAudited).await;
    }
    Ok(())
}

async fn apply(core: &Core, event: &Event, leased: &Leased) -> Result<Receipt, Outcome> {
    let plan = plan(event, &core.mapping);
    if plan.operations.is_empty() {
        return Ok(Receipt::new(event.identity(), core.clock.now(), Vec::new()));
    }
    let call = Call::ask(core)?;
    let repeat = if leased.deliveries > 1 { Repeat::MayHaveHappened } else { Repeat::First };
    match apply::apply(&plan, &core.client, &core.mapping.tables, repeat).await {
        Ok(applied) => {
            call.answered();
            let receipt = applied.into_receipt(event.identity(), core.clock.now());
            core.counters.possible_duplicates(receipt.possible_duplicates);
            for finding in &receipt.findings {
                tracing::warn!(event = %event.identity(), finding, "ServiceNow lacks something that the mapping names");
            }
            Ok(receipt)
        }
        Err(error) => Err(outcome(call, &error)),
    }
}

fn outcome(call: Call<'_>, error: &ApplyError) -> Outcome {
    let reason = told(error);
    let destination = SERVICENOW.to_owned();
    match error.disposition() {
        Disposition::DestinationDown { after } => {
            call.failed(&reason, after);
            Outcome::DestinationDown { destination, reason, retry_after: after }
        }
        Disposition::RateLimited { after } => {
            let after = after.unwrap_or(RATE_LIMITED);
            call.failed(&reason, Some(after));
            Outcome::RateLimited { destination, after }
        }
        Disposition::CredentialsRefused => {
            call.failed(&reason, None);
            Outcome::CredentialsRefused { destination, reason }
        }
        Disposition::Retry => {
            call.answered();
            Outcome::Retry { reason, after: None }
        }
        Disposition::Poison => {
            call.answered();
            Outcome::Poison { reason: format!("{reason}; {}", error.advice()) }
        }
    }
}
