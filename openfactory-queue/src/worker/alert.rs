//! Telling an operator, by a way that does not lead through the queue.

use std::fmt;

use async_trait::async_trait;

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
        }
    }
}

/// Where alarms go. Called in the worker's course, so it should be quick, and must not use the queue.
#[async_trait]
pub trait Alert: fmt::Debug + Send + Sync + 'static {
    /// Raises an alarm.
    async fn raise(&self, alarm: &Alarm);
}

/// Alarms as `tracing` events, dead letters as errors.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogAlert;

#[async_trait]
impl Alert for LogAlert {
    async fn raise(&self, alarm: &Alarm) {
        match alarm {
            Alarm::DeadLetter { id, kind, key, .. } => {
                tracing::error!(id, kind, key, "{alarm}");
            }
            Alarm::Expired { .. } | Alarm::BreakerOpened { .. } => tracing::warn!("{alarm}"),
        }
    }
}
