//! Where the workflow's state lives: inbox, entities, outbox and timers, under one transaction.
//!
//! A [`StateStore`] keeps four promises, which `conformance` (feature `testing`) tests:
//! 1. [`commit`](StateStore::commit) is all or nothing, durable when it returns, and happens once per inbox id.
//! 2. An entity is only written over the version that was read.
//! 3. What is in the outbox stays there until it is reported as published, in the order of its commits.
//! 4. A timer leaves the clock and enters the outbox in one transaction, so it fires once, whoever asks.
//!
//! ```
//! use openfactory_sn::lifecycle::event::{Event, EventBody, record::RecordChanged};
//! use openfactory_sn::lifecycle::id::EventId;
//! use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome};
//! use openfactory_sn::lifecycle::state::memory::MemoryStateStore;
//! use openfactory_sn::lifecycle::state::{OutboxRow, StateError, StateStore};
//! use openfactory_sn::{SysId, lifecycle::timestamp};
//!
//! /// Moves what waits in the outbox into a queue; to be called again after a crash at any place.
//! async fn relay(store: &dyn StateStore, queue: &mut Vec<Event>) -> Result<(), StateError> {
//!     for OutboxRow { seq, event, .. } in store.outbox(100).await? {
//!         queue.push(event); // a queue drops what it knows by the event's identity
//!         store.published(&[seq]).await?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStateStore::new();
//! let now = timestamp::parse("2026-11-25T14:43:25.120Z")?;
//! let hint = RecordChanged::new("change_request", SysId::new("6b566b0977684da34ed046d34287f7ec")?);
//! let handled = EventId::new("e-1")?;
//! let follows = Event::derived(&handled, "look", now, EventBody::RecordChanged(Box::new(hint)));
//!
//! // That the event was handled, and what follows from it, are one transaction, and happen once.
//! let mut commit = Commit::new(handled.clone());
//! commit.outbox.push(follows.clone());
//! assert_eq!(store.commit(&commit).await?, CommitOutcome::Applied);
//! assert_eq!(store.commit(&commit).await?, CommitOutcome::AlreadyApplied);
//! assert!(store.is_applied(&handled).await?);
//! assert_eq!(store.outbox(1).await?, [OutboxRow::new(1, follows.clone())]);
//!
//! let mut queue = Vec::new();
//! relay(&store, &mut queue).await?;
//! relay(&store, &mut queue).await?;
//! assert_eq!(queue, [follows]);
//!
//! // A store that is away is asked again; one that is full or damaged needs somebody.
//! let away = std::io::Error::from(std::io::ErrorKind::TimedOut);
//! assert!(StateError::Unavailable { source: away.into() }.is_retryable());
//! let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
//! assert!(!StateError::Full { source: full.into() }.is_retryable());
//! # Ok(())
//! # }
//! ```

pub mod commit;
#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "testing")]
pub mod memory;
pub mod receipt;
pub mod signed;
pub mod timer;

use std::time::SystemTime;

use self::commit::{Commit, CommitOutcome};
use self::receipt::Receipt;
use super::entity::{Entity, EntityKey, EntityKind, Versioned};
use super::event::Event;
use super::id::EventId;

/// An entity as it is kept, or its absence.
pub type Kept = Option<Versioned<Entity>>;

/// An event that waits in the outbox.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OutboxRow {
    /// Its place in the order of commits; grows, with gaps.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

impl OutboxRow {
    /// All there is to say.
    #[must_use]
    pub fn new(seq: u64, event: Event) -> Self {
        Self { seq, event }
    }
}

/// What a store can not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It can not be reached or is busy: try again.
    #[error("the state store is unavailable")]
    Unavailable {
        /// What stood in the way.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has no room left.
    #[error("the state store is full")]
    Full {
        /// What stood in the way.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What it holds can not be read: it is damaged, or was written by a later version.
    #[error("the state store holds something unreadable at {place}")]
    Corrupt {
        /// Which row or document.
        place: String,
        /// Why it can't be read.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StateError {
    /// Whether the same call may succeed later without anyone's help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Inbox, entities, outbox and timers.
///
/// Object-safe; methods take `&self` and may be called from many tasks. A dropped future may or may not have had
/// its effect; committing again tells, because a commit happens once.
///
/// # Errors
/// Every method: [`StateError::Unavailable`] and [`StateError::Full`] when the store can not do its work now,
/// [`StateError::Corrupt`] when what it holds can not be read. Nothing is changed then.
#[async_trait::async_trait]
pub trait StateStore: Send + Sync {
    /// The entities under these keys, in their order; what is not there is `None`.
    async fn load(&self, keys: &[EntityKey]) -> Result<Vec<(EntityKey, Kept)>, StateError>;

    /// Entities of one kind, ordered by key, at most `limit`, from after the key `after` on.
    async fn list(
        &self,
        kind: EntityKind,
        after: Option<&EntityKey>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Versioned<Entity>)>, StateError>;

    /// Applies a step in one transaction; see [`CommitOutcome`].
    async fn commit(&self, commit: &Commit) -> Result<CommitOutcome, StateError>;

    /// Whether a commit with this inbox id was applied.
    async fn is_applied(&self, inbox: &EventId) -> Result<bool, StateError>;

    /// The oldest rows of the outbox, at most `limit`.
    async fn outbox(&self, limit: usize) -> Result<Vec<OutboxRow>, StateError>;

    /// Takes these rows out of the outbox; what is not there any more is no error.
    async fn published(&self, seqs: &[u64]) -> Result<(), StateError>;

    /// When the next timer is due.
    async fn next_due(&self) -> Result<Option<SystemTime>, StateError>;

    /// Moves at most `limit` timers that are due at `now` into the outbox, in one transaction; how many.
    async fn fire_due(&self, now: SystemTime, limit: usize) -> Result<usize, StateError>;

    /// Remembers what an event came to in ServiceNow. A second receipt of the same event replaces the first.
    async fn record_receipt(&self, receipt: &Receipt) -> Result<(), StateError>;

    /// What an event (by its identity) came to in ServiceNow.
    async fn receipt(&self, event: &EventId) -> Result<Option<Receipt>, StateError>;
}
