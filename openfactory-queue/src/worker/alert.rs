//! Telling an operator, by a way that does not lead through the queue.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::stats::{Bound, Bounded};

pub mod watch;
pub mod webhook;

/// What an operator must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// A message was dead-lettered.
    DeadLetter {
        /// Its id.
        id: String,
        /// Its kind.
        kind: String,
        /// Its key.
        key: Option<String>,
        /// Why.
        reason: String,
        /// Whether its key stands still now.
        blocking: bool,
    },
    /// Messages were dead-lettered because their time was over.
    Expired {
        /// How many.
        messages: u64,
    },
    /// A destination does not work; messages wait.
    BreakerOpened {
        /// Which.
        destination: String,
        /// Why.
        reason: String,
    },
    /// A destination has not worked for long.
    BreakerOpen {
        /// Which.
        destination: String,
        /// Why.
        reason: String,
        /// For how long.
        lasting: Duration,
    },
    /// Keys stand still because of dead letters.
    BlockedKeys {
        /// How many.
        keys: u64,
    },
    /// The disk that holds the queue is nearly full.
    DiskNearlyFull {
        /// Free bytes.
        free: u64,
    },
    /// There is nearly as much of something as there may be.
    NearLimit {
        /// Of what, how much, and how much there may be.
        bound: Bound,
    },
    /// A message is worked on for long: its worker hangs, or renews its lease for nothing.
    OldestLease {
        /// The age of the oldest lease.
        age: Duration,
    },
    /// Messages wait for long.
    OldestReady {
        /// The age of the oldest message that could be leased.
        age: Duration,
        /// How many could be leased.
        ready: u64,
    },
    /// A condition that was told no longer holds.
    Over {
        /// Which.
        condition: Condition,
    },
    /// The free room of the disk can't be told.
    RoomUnknown {
        /// Why.
        reason: String,
    },
    /// The queue can't be looked at.
    Unobservable {
        /// Why.
        reason: String,
    },
}

/// What can last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Keys stand still.
    BlockedKeys,
    /// This destination has not worked for long.
    BreakerOpen(String),
    /// The disk is nearly full.
    DiskNearlyFull,
    /// There is nearly as much of this as there may be.
    NearLimit(Bounded),
    /// A message is worked on for long.
    OldestLease,
    /// Messages wait for long.
    OldestReady,
    /// The free room can't be told.
    RoomUnknown,
    /// The queue can't be looked at.
    Unobservable,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockedKeys => f.write_str("keys stand still"),
            Self::BreakerOpen(destination) => write!(f, "{destination} does not work"),
            Self::DiskNearlyFull => f.write_str("the disk is nearly full"),
            Self::NearLimit(of) => write!(f, "the queue is nearly full of {of}"),
            Self::OldestLease => f.write_str("a message is worked on for long"),
            Self::OldestReady => f.write_str("messages wait for long"),
            Self::RoomUnknown => f.write_str("the free room of the disk can't be told"),
            Self::Unobservable => f.write_str("the queue can't be looked at"),
        }
    }
}

/// How much an alarm matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good news.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody has to act, or messages stay where they are.
    Error,
}

impl Severity {
    /// Its name in a webhook call.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Alarm {
    /// Its name, the same for every alarm of one sort.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DeadLetter { .. } => "dead_letter",
            Self::Expired { .. } => "expired",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::BlockedKeys { .. } => "blocked_keys",
            Self::DiskNearlyFull { .. } => "disk_nearly_full",
            Self::NearLimit { .. } => "near_limit",
            Self::OldestLease { .. } => "oldest_lease",
            Self::OldestReady { .. } => "oldest_ready",
            Self::Over { .. } => "over",
            Self::RoomUnknown { .. } => "room_unknown",
            Self::Unobservable { .. } => "unobservable",
        }
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::DeadLetter { .. }
            | Self::BlockedKeys { .. }
            | Self::DiskNearlyFull { .. }
            | Self::NearLimit { .. }
            | Self::Unobservable { .. } => Severity::Error,
            Self::Over { .. } => Severity::Info,
            Self::Expired { .. }
            | Self::BreakerOpened { .. }
            | Self::BreakerOpen { .. }
            | Self::OldestLease { .. }
            | Self::OldestReady { .. }
            | Self::RoomUnknown { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadLetter { id, kind, key, reason, blocking } => {
                write!(f, "dead letter {id} of kind {kind}: {reason}")?;
                match (key, blocking) {
                    (Some(key), true) => {
                        write!(f, "; key {key} stands still until it is redriven or discarded")
                    }
                    _ => Ok(()),
                }
            }
            Self::Expired { messages } => write!(f, "{messages} messages expired before they were delivered"),
            Self::BreakerOpened { destination, reason } => write!(f, "{destination} does not work: {reason}"),
            Self::BreakerOpen { destination, reason, lasting } => {
                write!(f, "{destination} has not worked for {} s: {reason}", lasting.as_secs())
            }
            Self::BlockedKeys { keys } => {
                write!(f, "{keys} keys stand still until their dead letters are redriven or discarded")
            }
            Self::DiskNearlyFull { free } => write!(f, "the disk has only {free} bytes free"),
            Self::NearLimit { bound } => {
                write!(f, "the queue holds {} {}, and may hold {}", bound.held, bound.of, bound.limit)
            }
            Self::OldestLease { age } => write!(f, "a message has been worked on for {} s", age.as_secs()),
            Self::OldestReady { age, ready } => {
                write!(f, "{ready} messages wait, the oldest for {} s", age.as_secs())
            }
            Self::Over { condition } => write!(f, "over: {condition}"),
            Self::RoomUnknown { reason } => write!(f, "the free room of the disk can't be told: {reason}"),
            Self::Unobservable { reason } => write!(f, "the queue can't be looked at: {reason}"),
        }
    }
}

/// Where alarms go. Called in the worker's course, so it should be quick, and must not use the queue.
#[async_trait]
pub trait Alert: fmt::Debug + Send + Sync + 'static {
    /// Raises an alarm.
    async fn raise(&self, alarm: &Alarm);
}

/// Alarms as `tracing` events, each at the level of its [`Severity`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LogAlert;

#[async_trait]
impl Alert for LogAlert {
    async fn raise(&self, alarm: &Alarm) {
        let name = alarm.name();
        match (alarm, alarm.severity()) {
            (Alarm::DeadLetter { id, kind, key, .. }, _) => tracing::error!(id, kind, key, "{alarm}"),
            (_, Severity::Error) => tracing::error!(name, "{alarm}"),
            (_, Severity::Warning) => tracing::warn!(name, "{alarm}"),
            (_, Severity::Info) => tracing::info!(name, "{alarm}"),
        }
    }
}

/// Several at once, in their order.
#[async_trait]
impl Alert for Vec<Arc<dyn Alert>> {
    async fn raise(&self, alarm: &Alarm) {
        for alert in self {
            alert.raise(alarm).await;
        }
    }
}
