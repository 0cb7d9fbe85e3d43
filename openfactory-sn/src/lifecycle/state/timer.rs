//! Timers that are events of the future.
//!
//! ```
//! use std::time::Duration;
//!
//! use openfactory_sn::lifecycle::event::EventBody;
//! use openfactory_sn::lifecycle::state::commit::Commit;
//! use openfactory_sn::lifecycle::state::{StateStore as _, memory::MemoryStateStore, timer::Timer};
//! use openfactory_sn::lifecycle::timestamp;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let due = timestamp::parse("2026-11-26T14:43:25.120Z")?;
//! let overdue = serde_json::from_str(r#"{
//!     "device": "press-7", "build_id": "b-1", "awaited": {"awaited": "report"}, "since": "2026-11-25T14:43:25.120Z"
//! }"#)?;
//! let timer = Timer::new("report:press-7", due, EventBody::ReportOverdue(overdue));
//! let mut commit = Commit::new("e-1".parse()?);
//! commit.timers.push(timer.clone());
//! let store = MemoryStateStore::new();
//! store.commit(&commit).await?;
//!
//! // Two routers look at the clock: it fires once, and both would have called the event by the same id.
//! assert_eq!(store.fire_due(due - Duration::from_millis(1), 10).await?, 0);
//! assert_eq!(store.fire_due(due, 10).await? + store.fire_due(due, 10).await?, 1);
//! let fired = &store.outbox(10).await?[0].event;
//! assert_eq!((fired, &fired.id), (&timer.to_event(), &timer.event_id()));
//! # Ok(())
//! # }
//! ```

use std::time::SystemTime;

use super::super::event::{DERIVED_SOURCE, Event, EventBody};
use super::super::id::{EventId, hashed};
use super::super::timestamp;

/// An event that happens by itself at an instant, unless its name is cancelled or set anew before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Timer {
    /// Its name; there is one timer of a name.
    pub name: String,
    /// When.
    pub due: SystemTime,
    /// What happens then.
    pub body: EventBody,
}

impl Timer {
    /// A timer; its instant is kept in milliseconds.
    #[must_use]
    pub fn new(name: impl Into<String>, due: SystemTime, body: EventBody) -> Self {
        Self { name: name.into(), due: timestamp::truncate(due), body }
    }

    /// The event that it becomes. Its id is the first 32 hex digits of SHA-256 over `openfactory/timer_id/v1`,
    /// the name and the instant (RFC 3339, milliseconds), NUL between: however many routers watch the clock,
    /// it is one event.
    #[must_use]
    pub fn to_event(&self) -> Event {
        Event::new(self.event_id(), DERIVED_SOURCE, self.due, self.body.clone())
    }

    /// The id of the event that it becomes.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        EventId::from_hash(hashed("openfactory/timer_id/v1", &[&self.name, &timestamp::format(self.due)]))
    }
}
