//! Persons are told of what is theirs: an incident that is assigned to them, an urgent one that is opened, what does not go
//! on without them. By the log and, where one is configured, by the webhook of the alerts.
//!
//! A notice is a message of its own: a receiver that is away holds up nothing else, and is tried again after a restart.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use openfactory_queue::{Message, Outcome, SyncQueueExt as _};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::notify::{Notice, Notifier, NotifyError, notice};
use serde_json::json;

use super::alarms::HttpPost;
use super::core::Core;
use super::message;
use crate::told::told;

/// When a queue that took no notice is asked again.
const QUEUE_AGAIN: Duration = Duration::from_secs(1);

/// Tells by the log, and by a webhook if there is one.
pub(super) struct Notices {
    post: Option<HttpPost>,
}

impl Notices {
    pub(super) fn new(post: Option<HttpPost>) -> Self {
        Self { post }
    }
}

#[async_trait]
impl Notifier for Notices {
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let device = notice.device.as_ref().map(ToString::to_string);
        tracing::warn!(device, user = notice.user, group = notice.group, "{}", notice.text);
        let Some(post) = &self.post else { return Ok(()) };
        let now = SystemTime::now();
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let body = json!({
            "type": "lifecycle.notice",
            "timestamp": seconds,
            "data": {
                "text": notice.text,
                "device": notice.device,
                "incident": notice.incident.as_ref().map(ToString::to_string),
                "priority": notice.priority.map(|priority| priority.to_string()),
                "user": notice.user,
                "group": notice.group,
            },
        });
        let id = format!("notice_{}", notice.id);
        post.send(&id, now, body.to_string().into()).await.map_err(NotifyError::new)
    }
}

/// Publishes the notice of `event`, if somebody is to hear of it.
///
/// # Errors
/// What becomes of the first stage when the queue does not take it now.
pub(super) async fn hand_over(core: &Core, event: &Event, decided: &Message) -> Result<(), Outcome> {
    if notice(event).is_none() {
        return Ok(());
    }
    match core.queue.send(message::notice(decided)).await {
        Ok(_stored_or_known) => Ok(()),
        Err(error) => Err(Outcome::NotYet { after: QUEUE_AGAIN, reason: told(&error) }),
    }
}

/// Has somebody hear of `event`.
///
/// # Errors
/// What becomes of the message when nobody could be told now.
pub(super) async fn tell(core: &Core, event: &Event) -> Result<(), Outcome> {
    let Some(notice) = notice(event) else { return Ok(()) };
    core.notifier.notify(&notice).await.map_err(|error| Outcome::Retry { reason: told(&error), after: None })
}
