//! Dead letters: what could not be delivered, kept until an operator decides.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::history::Incident;
use crate::message::Message;

/// What happens to the rest of its key when a message is dead-lettered by its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadPolicy {
    /// The key stands still until the dead letter is redriven or discarded: nothing overtakes it.
    #[default]
    Block,
    /// The key goes on: the order has a gap.
    Skip,
    /// What waits in the key is dead-lettered along with it; what is published later goes on.
    Park,
}

impl DeadPolicy {
    /// The name it is stored by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Skip => "skip",
            Self::Park => "park",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Block, Self::Skip, Self::Park].into_iter().find(|policy| policy.name() == name)
    }
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadCause {
    /// Its worker said so.
    Rejected,
    /// Its time was over before it was delivered.
    Expired,
    /// It waited behind one that was rejected, whose policy is to park.
    Parked,
}

impl DeadCause {
    /// The name it is stored by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Parked => "parked",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Rejected, Self::Expired, Self::Parked].into_iter().find(|cause| cause.name() == name)
    }
}

/// A dead letter, with all that is known of its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What was published.
    pub message: Message,
    /// Its place in the queue, which it keeps when redriven.
    pub seq: u64,
    /// Why it is dead.
    pub cause: DeadCause,
    /// The reason given.
    pub reason: String,
    /// When it was published.
    pub published: SystemTime,
    /// When it was dead-lettered.
    pub died: SystemTime,
    /// The failures that counted.
    pub failures: u32,
    /// How often it was leased.
    pub deliveries: u32,
    /// Whether its key stands still because of it.
    pub blocking: bool,
    /// What happened on its way, oldest first; not more than [`MAX_INCIDENTS`](crate::history::MAX_INCIDENTS).
    pub history: Vec<Incident>,
}

impl DeadLetter {
    /// Made by backends, which set the counters afterwards.
    #[must_use]
    pub const fn new(
        message: Message,
        seq: u64,
        cause: DeadCause,
        published: SystemTime,
        died: SystemTime,
    ) -> Self {
        Self {
            message,
            seq,
            cause,
            reason: String::new(),
            published,
            died,
            failures: 0,
            deliveries: 0,
            blocking: false,
            history: Vec::new(),
        }
    }
}

/// Which dead letters; every part that is set must match.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetterFilter {
    /// With this message id: at most one.
    pub id: Option<String>,
    /// Of this key.
    pub key: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Headed there.
    pub destination: Option<String>,
    /// For this cause.
    pub cause: Option<DeadCause>,
    /// Dead-lettered at or after.
    pub died_from: Option<SystemTime>,
    /// Dead-lettered before.
    pub died_before: Option<SystemTime>,
}

impl DeadLetterFilter {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only the one with this message id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Only those of `key`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Only those of `kind`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Only those headed for `destination`.
    #[must_use]
    pub fn destination(mut self, destination: impl Into<String>) -> Self {
        self.destination = Some(destination.into());
        self
    }

    /// Only those that died of `cause`.
    #[must_use]
    pub fn cause(mut self, cause: DeadCause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Only those that died at `from` or later and before `before`.
    #[must_use]
    pub fn died_between(mut self, from: SystemTime, before: SystemTime) -> Self {
        self.died_from = Some(from);
        self.died_before = Some(before);
        self
    }

    /// Whether it takes this letter.
    #[must_use]
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        self.id.as_ref().is_none_or(|id| *id == letter.message.id)
            && self.key.as_ref().is_none_or(|key| letter.message.key.as_ref() == Some(key))
            && self.kind.as_ref().is_none_or(|kind| *kind == letter.message.kind)
            && self.destination.as_deref().is_none_or(|to| letter.message.destination() == Some(to))
            && self.cause.is_none_or(|cause| cause == letter.cause)
            && self.died_from.is_none_or(|from| letter.died >= from)
            && self.died_before.is_none_or(|before| letter.died < before)
    }
}

/// Asks for a page of dead letters, by place in the queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetterPage {
    /// Which.
    pub filter: DeadLetterFilter,
    /// Only those behind this place: the last one of the page before.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl DeadLetterPage {
    /// The first 100 that match.
    #[must_use]
    pub const fn first(filter: DeadLetterFilter) -> Self {
        Self { filter, after: None, limit: 100 }
    }

    /// Only those behind `seq`.
    #[must_use]
    pub const fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
        self
    }

    /// At most `limit`.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// The dead letters that an operator means.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Selection {
    /// Those with these message ids.
    Ids(Vec<String>),
    /// Those that match.
    Matching(DeadLetterFilter),
}

/// Asks that dead letters be delivered after all. They keep id, place and history; in their key they come before
/// all that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Redrive {
    /// Which.
    pub selection: Selection,
    /// Who asks; not empty.
    pub actor: String,
    /// Why; not empty.
    pub reason: String,
    /// At most so many, the oldest first.
    pub limit: usize,
    /// Not more than so many a second: the later ones are delayed.
    pub rate: Option<u32>,
    /// Only say which, change nothing.
    pub dry_run: bool,
    /// Keep the number of counted failures instead of starting anew.
    pub keep_failures: bool,
}

impl Redrive {
    /// Up to 1,000, at once, with their failures forgiven.
    pub fn new(selection: Selection, actor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            selection,
            actor: actor.into(),
            reason: reason.into(),
            limit: 1000,
            rate: None,
            dry_run: false,
            keep_failures: false,
        }
    }

    /// At most `limit`.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Not more than `per_second`.
    #[must_use]
    pub fn rate(mut self, per_second: u32) -> Self {
        self.rate = Some(per_second);
        self
    }

    /// Only say which.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Keep the number of counted failures.
    #[must_use]
    pub fn keep_failures(mut self) -> Self {
        self.keep_failures = true;
        self
    }
}

/// Asks that dead letters be given up for good.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Discard {
    /// Which.
    pub selection: Selection,
    /// Who asks; not empty.
    pub actor: String,
    /// Why; not empty.
    pub reason: String,
    /// At most so many, the oldest first.
    pub limit: usize,
    /// Only say which, change nothing.
    pub dry_run: bool,
}

impl Discard {
    /// Up to 1,000.
    pub fn new(selection: Selection, actor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { selection, actor: actor.into(), reason: reason.into(), limit: 1000, dry_run: false }
    }

    /// At most `limit`.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Only say which.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// What a redrive or discard has moved, or would move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The ids of the letters, in queue order.
    pub ids: Vec<String>,
    /// Ids that were asked for by name and are no dead letters (any more).
    pub missing: Vec<String>,
    /// How many more match, beyond the limit.
    pub remaining: u64,
}
