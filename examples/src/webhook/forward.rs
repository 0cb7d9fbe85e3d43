//! From the queue to the router: each stored call becomes a signed event, the same bytes however often it is tried.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Signer;
use openfactory_queue::policy::breaker::{Breakers, Permission};
use openfactory_queue::{Handler, Leased, Outcome};
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::{EventId, IdError};
use openfactory_sn::webhook::{self, HintError, Operation};
use prometheus_client::metrics::counter::Counter;

use crate::event_client::{EventClient, PostError, ROUTER};
use crate::told::told;

/// Signs stored calls as events and posts them to the router.
pub(super) struct Forwarder {
    pub(super) client: EventClient,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) source: String,
    pub(super) tables: Vec<String>,
    pub(super) breakers: Breakers,
    pub(super) forwarded: Counter,
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder")
            .field("client", &self.client)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Forwarder {
    fn tables(&self) -> Vec<&str> {
        self.tables.iter().map(String::as_str).collect()
    }

    /// The event of a stored call. Its id follows from the call's, its time is when the call was stored, and
    /// Ed25519 has no randomness: so a repetition is the same event to the byte.
    fn event(&self, leased: &Leased) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let body = EventBody::RecordChanged(Box::new(hint(&leased.message.payload, &self.tables())?));
        let event = Event::new(event_id(&leased.message.id)?, &self.source, leased.published, body);
        let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, self.signer.as_ref())?;
        Ok(CloudEvent::of(&event, envelope).to_json().into())
    }
}

/// The hint of a call that was taken, as the event has it.
fn hint(body: &[u8], tables: &[&str]) -> Result<RecordChanged, HintError> {
    let hint = webhook::RecordChanged::parse(body, tables)?;
    let mut changed = RecordChanged::new(&hint.table, hint.sys_id.clone());
    changed.number = hint.number.as_ref().map(ToString::to_string);
    changed.operation = Some(
        match hint.operation {
            Operation::Delete => "delete",
            Operation::Insert => "insert",
            _ => "update",
        }
        .to_owned(),
    );
    changed.sys_updated_on =
        Some(hint.text("sys_updated_on")).filter(|text| !text.is_empty()).map(str::to_owned);
    changed.sys_mod_count = hint.sys_mod_count.and_then(|count| u64::try_from(count).ok());
    Ok(changed)
}

/// The id of the event that a call becomes: the first 32 hex digits of SHA-256 over `openfactory/webhook_event/v1`
/// and the call's `webhook-id`, NUL between. A `webhook-id` itself may hold what no event id can.
fn event_id(webhook_id: &str) -> Result<EventId, IdError> {
    let mut hex =
        Sha256Digest::of(format!("openfactory/webhook_event/v1\0{webhook_id}").as_bytes()).to_string();
    hex.truncate(32);
    EventId::new(hex)
}

#[async_trait]
impl Handler for Forwarder {
    async fn handle(&self, leased: &Leased) -> Outcome {
        let destination = ROUTER.to_owned();
        let event = match self.event(leased) {
            Ok(event) => event,
            Err(error) => return Outcome::Poison { reason: told(error.as_ref()) },
        };
        if let Permission::Wait(wait) = self.breakers.ask(ROUTER) {
            let reason = "the event router does not answer; not tried".to_owned();
            return Outcome::DestinationDown { destination, reason, retry_after: Some(wait) };
        }
        let error = match self.client.post(event).await {
            Ok(posted) => {
                self.breakers.succeeded(ROUTER);
                self.forwarded.inc();
                tracing::info!(webhook = leased.message.id, event = posted.id, posted.duplicate, "forwarded");
                return Outcome::Done;
            }
            Err(error) => error,
        };
        let reason = told(&error);
        match error {
            PostError::Conflict { .. } | PostError::Refused { .. } | PostError::NotFresh { .. } => {
                self.breakers.succeeded(ROUTER);
                Outcome::Poison { reason }
            }
            PostError::UnknownSender { .. } => {
                self.breakers.failed(ROUTER, &reason, None);
                Outcome::CredentialsRefused { destination, reason }
            }
            PostError::Busy { retry_after, .. } => {
                self.breakers.failed(ROUTER, &reason, retry_after);
                Outcome::DestinationDown { destination, reason, retry_after }
            }
            PostError::Unreachable { .. } | PostError::Foreign { .. } => {
                self.breakers.failed(ROUTER, &reason, None);
                Outcome::DestinationDown { destination, reason, retry_after: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::event_id;

    #[test]
    fn event_ids_are_frozen() {
        // printf 'openfactory/webhook_event/v1\0msg_p5jXN8AQM9LWM0D4loKWxJek' | sha256sum
        let id = event_id("msg_p5jXN8AQM9LWM0D4loKWxJek").unwrap();
        assert_eq!(id.as_str(), "ee43b90fc1fb6a904fc56e46fb2c7f2d");
    }
}
