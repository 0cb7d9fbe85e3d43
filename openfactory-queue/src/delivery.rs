//! A leased message that settles itself.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::lease::{Extended, Leased, Settled, Settlement};
use crate::queue::SyncQueue;

/// A leased message together with its queue. Settling consumes it; if that fails, it is handed back.
///
/// Dropped without settling, it stays leased until its lease lapses.
#[derive(Debug)]
#[must_use = "an unsettled delivery comes again when its lease lapses"]
pub struct Delivery<Q> {
    queue: Q,
    leased: Leased,
}

impl<Q> Deref for Delivery<Q> {
    type Target = Leased;

    fn deref(&self) -> &Leased {
        &self.leased
    }
}

impl<Q: SyncQueue> Delivery<Q> {
    /// Ties a lease to the queue it came from.
    pub const fn new(queue: Q, leased: Leased) -> Self {
        Self { queue, leased }
    }

    /// The payload read as JSON.
    ///
    /// # Errors
    /// `Poisoned` if it isn't such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.leased.message.decode()
    }

    /// Done: the message leaves the queue.
    ///
    /// # Errors
    /// [`SettleError`] hands the delivery back; kind `LeaseLost` if somebody else has it by now.
    pub async fn ack(self) -> Result<(), SettleError<Q>> {
        self.settle(Settlement::Ack).await
    }

    /// Again, after a pause; counts as a failure of this message.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn retry(self, after: Duration, reason: impl Into<String>) -> Result<(), SettleError<Q>> {
        self.settle(Settlement::Retry { after, reason: reason.into(), counts: true }).await
    }

    /// To the dead letters.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn dead(self, reason: impl Into<String>) -> Result<(), SettleError<Q>> {
        self.settle(Settlement::Dead { reason: reason.into() }).await
    }

    /// Back at once.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn release(self) -> Result<(), SettleError<Q>> {
        self.settle(Settlement::Release).await
    }

    /// Settles it in any way.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub async fn settle(self, settlement: Settlement) -> Result<(), SettleError<Q>> {
        let error = match self.queue.settle(vec![(self.leased.token, settlement)]).await {
            Ok(answers) if answers.first() == Some(&Settled::Done) => return Ok(()),
            Ok(_) => lost("settle"),
            Err(error) => error,
        };
        Err(SettleError(Box::new((error, self))))
    }

    /// Makes the lease last `ttl` from now; returns when it will lapse.
    ///
    /// # Errors
    /// As [`SyncQueue::extend`]; `LeaseLost` if somebody else has the message by now.
    pub async fn extend(&mut self, ttl: Duration) -> Result<SystemTime, Error> {
        match self.queue.extend(vec![self.leased.token], ttl).await?.first() {
            Some(Extended::Until(until)) => {
                self.leased.until = *until;
                Ok(*until)
            }
            Some(Extended::Stale) | None => Err(lost("extend")),
        }
    }

    /// The lease alone.
    pub fn into_leased(self) -> Leased {
        self.leased
    }
}

fn lost(operation: &'static str) -> Error {
    Error::new(ErrorKind::LeaseLost, operation, "the lease is no longer held")
}

/// A settlement that did not come about, with the delivery handed back.
pub struct SettleError<Q>(Box<(Error, Delivery<Q>)>);

impl<Q> SettleError<Q> {
    /// Why.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0.0
    }

    /// The delivery, to try again.
    pub fn into_delivery(self) -> Delivery<Q> {
        self.0.1
    }
}

impl<Q> fmt::Display for SettleError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} is not settled", self.0.1.leased.message.id)
    }
}

impl<Q> fmt::Debug for SettleError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleError").field("error", &self.0.0).field("leased", &self.0.1.leased).finish()
    }
}

impl<Q> StdError for SettleError<Q> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0.0)
    }
}
