//! Leases: who has a message for how long, and how that ends.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::message::Message;

/// Asks for messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Who asks: shown to operators and kept in the history, not a secret and not checked.
    pub worker: String,
    /// At most so many messages, each of another key.
    pub max: usize,
    /// How long the lease lasts unless extended.
    pub ttl: Duration,
    /// How long to wait for the first message if there is none.
    pub wait: Duration,
}

impl LeaseRequest {
    /// Asks for one message for 30 seconds, without waiting.
    pub fn new(worker: impl Into<String>) -> Self {
        Self { worker: worker.into(), max: 1, ttl: Duration::from_secs(30), wait: Duration::ZERO }
    }

    /// Sets how many messages at most.
    #[must_use]
    pub fn max(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// Sets how long the lease lasts.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long to wait for the first message.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// Proves who holds a message: its place, and the epoch that every new lease raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaseToken {
    seq: u64,
    epoch: u64,
}

impl LeaseToken {
    /// Made by backends.
    #[must_use]
    pub const fn new(seq: u64, epoch: u64) -> Self {
        Self { seq, epoch }
    }

    /// The message's place in the queue.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Rises with every lease of the message.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// A message under lease.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leased {
    /// What was published.
    pub message: Message,
    /// What settles it.
    pub token: LeaseToken,
    /// 1 + the failures that counted so far.
    pub attempt: u32,
    /// How often it was leased, this time included. Above 1 somebody may already have done the work: look before
    /// doing again what must not be done twice.
    pub deliveries: u32,
    /// How many of its leases ended without an answer, by crash or by timeout.
    pub lapses: u32,
    /// When it was published.
    pub published: SystemTime,
    /// When the lease lapses unless extended.
    pub until: SystemTime,
}

impl Leased {
    /// A first lease, made by backends, which set the counters afterwards.
    #[must_use]
    pub const fn new(message: Message, token: LeaseToken, published: SystemTime, until: SystemTime) -> Self {
        Self { message, token, attempt: 1, deliveries: 1, lapses: 0, published, until }
    }
}

/// What became of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extended {
    /// The lease lasts until then.
    Until(SystemTime),
    /// The lease is no longer this token's: stop working.
    Stale,
}

/// How a lease ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Settlement {
    /// Done: the message leaves the queue.
    Ack,
    /// Again, not before `after` has passed; holds up its key meanwhile.
    Retry {
        /// The pause, from the moment of settling.
        after: Duration,
        /// For the history. Cut at 2,048 bytes.
        reason: String,
        /// Whether it counts as a failure of this message: not when the destination is at fault.
        counts: bool,
    },
    /// To the dead letters, in one commit; its [`DeadPolicy`](crate::dead_letter::DeadPolicy) decides about its key.
    Dead {
        /// For the operator. Cut at 2,048 bytes.
        reason: String,
    },
    /// Back at once, as if not leased but for the delivery counter.
    Release,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// It holds.
    Done,
    /// The lease was no longer this token's: nothing has changed.
    Stale,
}
