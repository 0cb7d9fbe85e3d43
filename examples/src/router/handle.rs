//! One message, from lease to settlement.
//!
//! In an event's first stage what follows from it is decided and committed, an order is given to the platform,
//! and the second stage is published; none of it waits for ServiceNow. In the second stage ServiceNow hears of
//! it. The order is the rule that makes a crash harmless: what is decided is committed before anything is asked
//! of the platform or of ServiceNow; what ServiceNow has is in the receipt and in the audit log before the
//! message is settled; and each of them, done again, changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use openfactory_queue::worker::alert::{Alarm, Alert};
use openfactory_queue::{Handler, Leased, Outcome};
use openfactory_sn::lifecycle::event::{Event, EventBody};

use super::audit::AuditFailure;
use super::core::Core;
use super::{commands, deliver, message, notices, order, step, vault};
use crate::told::told;

/// When an audit log that took no entry is tried again.
const AUDIT_AGAIN: Duration = Duration::from_secs(2);

/// Handles the router's messages.
pub(super) struct EventHandler {
    core: Core,
}

impl EventHandler {
    pub(super) fn new(core: Core) -> Self {
        Self { core }
    }

    async fn event(&self, event: &Event, leased: &Leased) -> Result<(), Outcome> {
        if message::is_for_servicenow(&leased.message) {
            return deliver::deliver(&self.core, event, leased).await;
        }
        if message::is_notice(&leased.message) {
            return notices::tell(&self.core, event).await;
        }
        step::take(&self.core, event).await?;
        commands::follow(&self.core, event).await?;
        if let EventBody::OrderGiven(body) = &event.body {
            order::perform(&self.core, event, &body.order).await?;
        }
        notices::hand_over(&self.core, event, &leased.message).await?;
        // ServiceNow hears of a compromise even if the vault can't be used.
        deliver::hand_over(&self.core, event, &leased.message).await?;
        if let EventBody::RevocationOrdered(body) = &event.body {
            vault::revoke(&self.core, event, body).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for EventHandler {
    async fn handle(&self, leased: &Leased) -> Outcome {
        let event = match Event::parse(&leased.message.payload) {
            Ok(event) => event,
            Err(error) => return Outcome::Poison { reason: told(&error) },
        };
        let outcome = match self.event(&event, leased).await {
            Ok(()) => Outcome::Done,
            Err(outcome) => postponed(&self.core, &event, leased, outcome).await,
        };
        self.core.counters.handled(&leased.message.kind, label(&outcome));
        outcome
    }
}

/// Has the audit log know of an event that did not get through, before the queue does.
async fn postponed(core: &Core, event: &Event, leased: &Leased, outcome: Outcome) -> Outcome {
    let Leased { message, attempt, .. } = leased;
    match core.audit.postponed(event, &message.id, *attempt, &reason(&outcome)).await {
        Ok(()) => outcome,
        Err(failure) => failure.into(),
    }
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Retry { reason, .. }
        | Outcome::NotYet { reason, .. }
        | Outcome::DestinationDown { reason, .. }
        | Outcome::CredentialsRefused { reason, .. }
        | Outcome::Poison { reason } => reason.clone(),
        Outcome::RateLimited { after, .. } => format!("rate limited for {} s", after.as_secs()),
        _ => String::new(),
    }
}

const fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Retry { .. } => "retry",
        Outcome::NotYet { .. } => "not_yet",
        Outcome::DestinationDown { .. } => "destination_down",
        Outcome::CredentialsRefused { .. } => "credentials_refused",
        Outcome::RateLimited { .. } => "rate_limited",
        Outcome::Poison { .. } => "poison",
        _ => "other",
    }
}

impl From<AuditFailure> for Outcome {
    /// What becomes of a message that the audit log does not take an entry of: nothing is settled without one.
    fn from(failure: AuditFailure) -> Self {
        Self::NotYet { after: AUDIT_AGAIN, reason: told(&failure) }
    }
}

/// Writes dead letters into the audit log and tells the operator's log.
#[derive(Clone)]
pub(super) struct AuditedAlert {
    core: Core,
}

impl AuditedAlert {
    pub(super) fn new(core: Core) -> Self {
        Self { core }
    }
}

impl std::fmt::Debug for AuditedAlert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditedAlert").finish_non_exhaustive()
    }
}

#[async_trait]
impl Alert for AuditedAlert {
    async fn raise(&self, alarm: &Alarm) {
        openfactory_queue::worker::alert::LogAlert.raise(alarm).await;
        if let Alarm::DeadLetter { id, key, reason, .. } = alarm {
            let subject = key.as_deref().unwrap_or("no key");
            if let Err(failure) = self.core.audit.dead_lettered(id, subject, reason).await {
                tracing::error!("a dead letter is not in the audit log: {}", told(&failure));
            }
        }
    }
}
