//! What can be seen from outside: numbers for each scrape, one message for a question.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::history::Incident;
use crate::message::Message;

/// The queue in numbers. `ready + delayed + held + leased` is all that lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Could be leased now (pauses apart).
    pub ready: u64,
    /// Would be next but for its time.
    pub delayed: u64,
    /// Waits behind another of its key, or in a blocked key.
    pub held: u64,
    /// Under lease, or under one that lapsed and was not noticed yet.
    pub leased: u64,
    /// Dead letters.
    pub dead: u64,
    /// Keys that stand still because of a dead letter.
    pub blocked_keys: u64,
    /// Pauses in force.
    pub pauses: u64,
    /// The age of the oldest ready message, since its publish.
    pub oldest_ready: Option<Duration>,
    /// The age of the oldest lease, since it was given: a worker that hangs shows here.
    pub oldest_lease: Option<Duration>,
    /// Bytes on disk, if there is a disk.
    pub disk_bytes: Option<u64>,
    /// How full the queue is of what is bounded; what has no limit is not among them.
    pub bounds: Vec<Bound>,
}

/// How much there is of something that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// Of what.
    pub of: Bounded,
    /// So much there is.
    pub held: u64,
    /// So much there may be.
    pub limit: u64,
}

impl Bound {
    /// How much there is of something that has this limit.
    #[must_use]
    pub const fn new(of: Bounded, held: u64, limit: u64) -> Self {
        Self { of, held, limit }
    }
}

/// What may have a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Bounded {
    /// Living messages: at the limit, a publish is refused as `Full`.
    Messages,
    /// Bytes of what is kept: at the limit, a publish is refused as `Full`.
    Bytes,
    /// Dead letters: at the limit, what should become one stays in the queue.
    DeadLetters,
    /// Remembered ids: at the limit, a publish is refused as `Full` until the oldest may be forgotten.
    Ids,
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::DeadLetters => "dead letters",
            Self::Ids => "remembered ids",
        })
    }
}

/// What a round of maintenance has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintained {
    /// Leases that had lapsed.
    pub lapsed: u64,
    /// Messages that were dead-lettered because their time was over.
    pub expired: u64,
    /// Ids that were forgotten because their window was over.
    pub forgotten: u64,
    /// Whether the budget was used up: there may be more to do.
    pub more: bool,
}

/// A message that was asked for by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What was published.
    pub message: Message,
    /// Its place in the queue.
    pub seq: u64,
    /// Where it stands.
    pub state: MessageState,
    /// When it was published.
    pub published: SystemTime,
    /// The failures that counted.
    pub failures: u32,
    /// How often it was leased.
    pub deliveries: u32,
    /// What happened on its way, oldest first.
    pub history: Vec<Incident>,
}

impl Found {
    /// Made by backends, which set the counters afterwards.
    #[must_use]
    pub const fn new(message: Message, seq: u64, state: MessageState, published: SystemTime) -> Self {
        Self { message, seq, state, published, failures: 0, deliveries: 0, history: Vec::new() }
    }
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// Could be leased now (pauses apart).
    Ready,
    /// Would be next, from this time on.
    Delayed {
        /// When its time comes.
        until: SystemTime,
    },
    /// Waits behind another of its key.
    Held,
    /// Under lease.
    Leased {
        /// By whom.
        worker: String,
        /// Until when, unless extended.
        until: SystemTime,
    },
    /// A dead letter.
    Dead,
}
