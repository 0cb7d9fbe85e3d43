//! The agent's events on their way into its own durable queue: signed once, stored before anything follows from them.

use std::time::SystemTime;

use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Signer;
use openfactory_queue::backend::sqlite::SqliteQueue;
use openfactory_queue::dead_letter::DeadPolicy;
use openfactory_queue::{Message, Published, SyncQueueExt as _};
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use serde::{Deserialize, Serialize};

use super::AgentError;

/// A signed event as it will be posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outgoing {
    id: EventId,
    kind: String,
    key: String,
    /// The CloudEvent's JSON.
    cloud_event: String,
}

impl Outgoing {
    /// Signs an event of this device.
    pub(super) fn sign(
        device: &DeviceId,
        key: &dyn Signer,
        id: EventId,
        now: SystemTime,
        body: EventBody,
    ) -> Result<Self, AgentError> {
        let signed = || -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
            let event = Event::new(id, format!("/agent/{device}"), now, body);
            let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload()?, key)?;
            let cloud_event = String::from_utf8(CloudEvent::of(&event, envelope).to_json())?;
            let (kind, key) = (event.body.type_name().to_owned(), event.body.key());
            Ok(Self { id: event.id, kind, key, cloud_event })
        };
        signed().map_err(|source| AgentError::Sign { source })
    }

    /// Puts it into the queue; it is durable on return. What is there already, word for word, is there once.
    ///
    /// An event that the router refuses for good does not hold up those after it.
    pub(super) async fn store(&self, queue: &SqliteQueue) -> Result<(), AgentError> {
        let message =
            Message::new(self.id.as_str(), self.kind.clone(), self.cloud_event.clone().into_bytes())
                .with_key(self.key.clone())
                .on_dead(DeadPolicy::Skip);
        match queue.send(message).await? {
            Published::Conflict { .. } => Err(AgentError::Conflict { id: self.id.clone() }),
            _ => Ok(()),
        }
    }
}
