//! The contract that every backend keeps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::capabilities::Capabilities;
use crate::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use crate::error::Error;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::pause::{Pause, Resume};
use crate::stats::{Found, Maintained, Stats};

/// A durable queue: at least once, in order per key, fenced.
///
/// # Guarantee
/// A message whose publish was acknowledged survives what the declared [`Durability`] says, until it is acked,
/// or discarded by an operator who gave name and reason. It is delivered *at least* once: a worker that died, or
/// whose lease lapsed, may have done the work already. [`Leased::deliveries`] tells.
///
/// # Ordering
/// Messages of one key are delivered one at a time, in the order of their publishing: at no instant are two of them
/// under a lease that holds, and the next one is leased only after the one before has left the queue. That is so
/// under retries, delays, crashes, lapsed leases and redrives: a redriven message goes back to its old place,
/// before everything that waits. Only what [`DeadPolicy::Skip`](crate::dead_letter::DeadPolicy::Skip) and `Park`
/// permit, an expiry, or a discard leaves a gap. Between keys, and among messages without one, the more urgent
/// priority comes first, then the older message; a steady flow of urgent messages starves the others.
///
/// # Fencing
/// Each lease raises the message's epoch. A settlement or an extension with an older epoch, or by one who has settled
/// already, changes nothing and is answered `Stale`. A lease that has lapsed stays its holder's to settle
/// as long as nobody else has taken the message; it can be extended until a sweep has noticed.
///
/// # Errors
/// An `Err` is about the whole call: nothing of it has happened if [`Error::outcome_known`]. What differs from item
/// to item is in the results, which stand in the order of the request.
///
/// # Cancel safety
/// Dropping a future leaves the queue whole. A dropped [`publish`](Self::publish) or
/// [`settle`](Self::settle) may or may not have happened: repeat it, deduplication and fencing make that harmless. A
/// dropped [`lease`](Self::lease) gives back what it may have taken, or, at worst, lets it lapse.
///
/// # Clone
/// A clone of a handle is the same queue, and so is an `Arc` of it.
///
/// # Abilities
/// What is not in the declared [`Capabilities`] is refused as `Unsupported` when it is asked for, never dropped:
/// [`Capabilities::check`] and [`Capabilities::check_settlement`] say so for every backend alike. Callers that need
/// an ability ask for it when they are built, by [`Capabilities::require`].
///
/// # Wrapping
/// No method has a default: a wrapper must forward each of them, [`capabilities`](Self::capabilities) too, less what
/// it takes away.
///
/// [`Durability`]: crate::capabilities::Durability
#[async_trait]
pub trait SyncQueue: fmt::Debug + Send + Sync + 'static {
    /// What this queue can do; constant for the life of the handle.
    fn capabilities(&self) -> Capabilities;

    /// Stores messages; returns when all of them are durable. All or none.
    ///
    /// # Errors
    /// `Invalid`, `TooLarge` or `Unsupported` for a message that will never do, `Full`, `Unavailable`, `Timeout`, `Corrupt`,
    /// `Closed`.
    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error>;

    /// Leases up to `max` messages, the heads of as many keys: never two of one key. Empty if none came within `wait`.
    ///
    /// # Errors
    /// `Invalid` for a `max` of 0 or an empty worker name, `TooLarge`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error>;

    /// Makes leases last `ttl` from now.
    ///
    /// # Errors
    /// `TooLarge`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error>;

    /// Ends leases; durable on return.
    ///
    /// # Errors
    /// `TooLarge`, `Unsupported`, `Full`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error>;

    /// A page of dead letters, in queue order.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error>;

    /// Puts dead letters back, in one commit. Doing it twice does it once.
    ///
    /// # Errors
    /// `Invalid` without actor and reason, `Full`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error>;

    /// Gives dead letters up for good, in one commit.
    ///
    /// # Errors
    /// `Invalid` without actor and reason, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn discard(&self, discard: Discard) -> Result<Moved, Error>;

    /// Holds deliveries back; durable on return.
    ///
    /// # Errors
    /// `Invalid` without actor and reason, `Full`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn pause(&self, pause: Pause) -> Result<(), Error>;

    /// Ends a pause; says whether there was one.
    ///
    /// # Errors
    /// `Invalid` without actor and reason, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn resume(&self, resume: Resume) -> Result<bool, Error>;

    /// The pauses in force, ordered by scope.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn pauses(&self) -> Result<Vec<Pause>, Error>;

    /// The message with this id, if it lives or is a dead letter.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn find(&self, id: &str) -> Result<Option<Found>, Error>;

    /// The queue in numbers.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn stats(&self) -> Result<Stats, Error>;

    /// Does up to `budget` rows of upkeep of each sort: lapsed leases, expired messages, ids beyond their window.
    /// Leasing does the urgent part by itself; call this now and then.
    ///
    /// # Errors
    /// `Full`, `Unavailable`, `Timeout`, `Corrupt`, `Closed`.
    async fn maintain(&self, budget: usize) -> Result<Maintained, Error>;

    /// Lets go of the store. Every later call of any clone is answered `Closed`; waiting leases too.
    ///
    /// # Errors
    /// `Unavailable` if the store could not be closed in good order; it is closed all the same.
    async fn close(&self) -> Result<(), Error>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<Q: SyncQueue + ?Sized> SyncQueue for Arc<Q> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<Vec<Published>, Error> {
        (**self).publish(messages).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
        (**self).lease(request).await
    }

    async fn extend(&self, tokens: Vec<LeaseToken>, ttl: Duration) -> Result<Vec<Extended>, Error> {
        (**self).extend(tokens, ttl).await
    }

    async fn settle(&self, settlements: Vec<(LeaseToken, Settlement)>) -> Result<Vec<Settled>, Error> {
        (**self).settle(settlements).await
    }

    async fn dead_letters(&self, page: DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        (**self).dead_letters(page).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Moved, Error> {
        (**self).redrive(redrive).await
    }

    async fn discard(&self, discard: Discard) -> Result<Moved, Error> {
        (**self).discard(discard).await
    }

    async fn pause(&self, pause: Pause) -> Result<(), Error> {
        (**self).pause(pause).await
    }

    async fn resume(&self, resume: Resume) -> Result<bool, Error> {
        (**self).resume(resume).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        (**self).pauses().await
    }

    async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        (**self).find(id).await
    }

    async fn stats(&self) -> Result<Stats, Error> {
        (**self).stats().await
    }

    async fn maintain(&self, budget: usize) -> Result<Maintained, Error> {
        (**self).maintain(budget).await
    }

    async fn close(&self) -> Result<(), Error> {
        (**self).close().await
    }
}
