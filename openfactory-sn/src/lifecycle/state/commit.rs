//! One step of the workflow, as it is stored.

use super::super::entity::{Entity, EntityKey};
use super::super::event::Event;
use super::super::id::EventId;
use super::timer::Timer;

/// An entity to be written over a version that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Write {
    /// Under which key.
    pub key: EntityKey,
    /// The version that was read; 0 if nothing was there.
    pub over: u64,
    /// What to keep.
    pub entity: Entity,
}

impl Write {
    /// All there is to say.
    #[must_use]
    pub fn new(key: EntityKey, over: u64, entity: Entity) -> Self {
        Self { key, over, entity }
    }
}

/// What is stored in one transaction, once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Commit {
    /// What makes it happen once: the identity of the event that it handles.
    pub inbox: EventId,
    /// Entities to write.
    pub writes: Vec<Write>,
    /// Events to publish, in this order.
    pub outbox: Vec<Event>,
    /// Names of timers to take away; one that is not set is no error. Taken away before `timers` are set.
    pub cancel: Vec<String>,
    /// Timers to set; one of the same name is replaced.
    pub timers: Vec<Timer>,
}

impl Commit {
    /// One that only remembers that the event was handled.
    #[must_use]
    pub fn new(inbox: EventId) -> Self {
        Self { inbox, writes: Vec::new(), outbox: Vec::new(), cancel: Vec::new(), timers: Vec::new() }
    }
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every caller must say what it does about each")]
pub enum CommitOutcome {
    /// It is applied, durably.
    Applied,
    /// A commit of this inbox id was applied before; nothing was changed now.
    AlreadyApplied,
    /// An entity is no longer in the version that was read; nothing was changed. Read again and decide again.
    Conflict,
}
