//! One step of the workflow, as it is stored.
//!
//! ```
//! use openfactory_sn::lifecycle::entity::{Entity, EntityKey};
//! use openfactory_sn::lifecycle::id::EventId;
//! use openfactory_sn::lifecycle::state::StateStore as _;
//! use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome, Write};
//! use openfactory_sn::lifecycle::state::memory::MemoryStateStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fleet = Entity::parse_document(r#"{"kind":"fleet","format":1,"data":{"reached_full":["b-1"]}}"#)?;
//! let key: EntityKey = "fleet/line-7".parse()?;
//! let step = |event: &str, over: u64| -> Result<Commit, Box<dyn std::error::Error>> {
//!     let mut commit = Commit::new(EventId::new(event)?);
//!     commit.writes.push(Write::new(key.clone(), over, fleet.clone()));
//!     Ok(commit)
//! };
//!
//! // Two events were decided on the same state: the second one is decided again, on what the first one left.
//! let store = MemoryStateStore::new();
//! assert_eq!(store.commit(&step("e-1", 0)?).await?, CommitOutcome::Applied);
//! assert_eq!(store.commit(&step("e-2", 0)?).await?, CommitOutcome::Conflict);
//! let [(_, Some(kept))] = &store.load(&[key.clone()]).await?[..] else { panic!() };
//! assert_eq!(store.commit(&step("e-2", kept.version)?).await?, CommitOutcome::Applied);
//! # Ok(())
//! # }
//! ```

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
