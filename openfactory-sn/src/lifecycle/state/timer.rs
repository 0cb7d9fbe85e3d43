//! Timers that are events of the future.

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
