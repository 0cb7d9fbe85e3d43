//! Who is told of an event beside ServiceNow: a pure function from the event to a [`Notice`], and the seam that a notice
//! leaves by.
//!
//! ```
//! use std::sync::Mutex;
//!
//! use openfactory_sn::lifecycle::event::Event;
//! use openfactory_sn::lifecycle::notify::{Notice, Notifier, NotifyError, notice};
//! use openfactory_sn::lifecycle::priority::Priority;
//!
//! /// A pager that is a list.
//! #[derive(Default)]
//! struct Pager(Mutex<Vec<Notice>>);
//!
//! #[async_trait::async_trait]
//! impl Notifier for Pager {
//!     async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
//!         let mut told = self.0.lock().map_err(|_poisoned| NotifyError::new("the pager is broken"))?;
//!         // The same notice may come again after a crash: its id tells.
//!         if told.iter().all(|known| known.id != notice.id) {
//!             told.push(notice.clone());
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let event = Event::parse(br#"{
//!     "id": "3", "source": "/openfactory/lifecycle", "time": "2026-11-25T14:54:25.120Z",
//!     "type": "tech.openfactory.incident.assigned.v1",
//!     "data": {
//!         "device": "press-7", "fleet": "line-7", "build_id": "b-1", "incident": "incident/press-7/39fffec3e6c3d26e",
//!         "number": "INC0010042", "priority": "P2", "assigned_to": "46d44a23a9fe19810012d100cca80666",
//!         "group": "287ebd7da9fe198100f92cc8d1d2154e", "updated_by": "dispatcher"
//!     }
//! }"#)?;
//! let pager = Pager::default();
//! if let Some(notice) = notice(&event) {
//!     pager.notify(&notice).await?;
//!     pager.notify(&notice).await?;
//! }
//! let told = pager.0.into_inner()?;
//! assert_eq!(told.len(), 1);
//! assert_eq!(told[0].priority, Some(Priority::P2));
//! assert_eq!(told[0].user.as_deref(), Some("46d44a23a9fe19810012d100cca80666"));
//! assert_eq!(told[0].text, "INC0010042 (P2), device press-7, is assigned to you by dispatcher.");
//! # Ok(())
//! # }
//! ```

use super::event::{Event, EventBody};
use super::id::{DeviceId, EventId};
use super::priority::Priority;
use crate::id::CorrelationId;

/// Something that a person is to hear of now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// The identity of the event: the same however often it is told.
    pub id: EventId,
    /// The device, if it is about one.
    pub device: Option<DeviceId>,
    /// The incident, if there is one.
    pub incident: Option<CorrelationId>,
    /// How urgent that is, if it is known.
    pub priority: Option<Priority>,
    /// The sys_id of the user who is to hear of it; `None`: whoever is on duty.
    pub user: Option<String>,
    /// The sys_id of the group that is to hear of it.
    pub group: Option<String>,
    /// What happened, in one or two sentences.
    pub text: String,
}

/// Why a notice did not get through; it is to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("a notice could not be sent: {reason}")]
pub struct NotifyError {
    reason: String,
}

impl NotifyError {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Tells persons: by pager, chat, mail, or whatever they have.
#[async_trait::async_trait]
pub trait Notifier: Send + Sync {
    /// Hands the notice over; when it returns, somebody else answers for it. The same one may come again.
    ///
    /// # Errors
    /// [`NotifyError`]: try again later.
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError>;
}

/// The notice of an event: an incident that is assigned, a P1 or P2 that is opened, what does not go on without a person.
#[must_use]
pub fn notice(event: &Event) -> Option<Notice> {
    let id = event.identity();
    let on_duty = |device: &DeviceId, incident: Option<&CorrelationId>, priority, text| Notice {
        id: id.clone(),
        device: Some(device.clone()),
        incident: incident.cloned(),
        priority,
        user: None,
        group: None,
        text,
    };
    match &event.body {
        EventBody::IncidentAssigned(body) => {
            let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
            let whom = if body.assigned_to.is_empty() { "your group" } else { "you" };
            let text = format!(
                "{} ({}), device {}, is assigned to {whom} by {}.",
                body.number, body.priority, body.device, body.updated_by
            );
            Some(Notice {
                user: some(&body.assigned_to),
                group: some(&body.group),
                ..on_duty(&body.device, Some(&body.incident), Some(body.priority), text)
            })
        }
        EventBody::DeviceEscalated(body) => {
            let text = format!("Device {} needs a person: {}", body.device, body.reason);
            Some(on_duty(&body.device, body.incident.as_ref(), None, text))
        }
        EventBody::DeviceDrifted(body) if is_urgent(body.priority) => {
            let text = format!(
                "{}: device {} is not as it was built: {} finding(s).",
                body.priority, body.device, body.findings_total
            );
            Some(on_duty(&body.device, Some(&body.incident), Some(body.priority), text))
        }
        EventBody::DeviceUnattested(body) if is_urgent(body.priority) => {
            let text = format!("{}: device {} does not attest.", body.priority, body.device);
            Some(on_duty(&body.device, Some(&body.incident), Some(body.priority), text))
        }
        EventBody::ResponseLate(body) => {
            let hours = body.deadline.within().as_secs() / 3600;
            let text = format!(
                "P1: the compromise of key {} was not {} within {hours} h. {}",
                body.key_id, body.deadline, body.reason
            );
            Some(Notice {
                id,
                device: None,
                incident: Some(body.incident.clone()),
                priority: Some(Priority::P1),
                user: None,
                group: None,
                text,
            })
        }
        _ => None,
    }
}

/// Which incidents are told when they are opened (guide, "Incident Priority Matrix").
const fn is_urgent(priority: Priority) -> bool {
    matches!(priority, Priority::P1 | Priority::P2)
}
