//! Who does the work, and how it says what came of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::lease::Leased;

/// Does the work of one message.
///
/// Called again for the same message after a crash, a lost lease or a retry: [`Leased::deliveries`] above 1 says that
/// an earlier call may have done some of it. The future is dropped at its next await when the lease is lost or the
/// grace of a stop is over.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles the message. A panic counts as a failure of the message.
    async fn handle(&self, leased: &Leased) -> Outcome;
}

/// Does the work of several messages at once, each of another key: where one call of a destination serves them all.
///
/// What [`Handler`] says of repetition holds for each message. The future is dropped at its next await when all leases
/// are lost or the grace of a stop is over; what is answered for a message whose lease was lost meanwhile is ignored.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// Handles the messages; answers for each, in their order. A panic, or another number of answers, counts as a
    /// failure of each message.
    async fn handle(&self, leased: &[Leased]) -> Vec<Outcome>;
}

/// A handler of one message as one of batches, which are handled one after the other.
pub(super) struct Each(pub(super) Arc<dyn Handler>);

#[async_trait]
impl BatchHandler for Each {
    async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(leased.len());
        for leased in leased {
            outcomes.push(self.0.handle(leased).await);
        }
        outcomes
    }
}

/// What came of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done: it leaves the queue.
    Done,
    /// It failed; counts as a failure of this message.
    Retry {
        /// For the history.
        reason: String,
        /// The wait; the worker's backoff if `None`.
        after: Option<Duration>,
    },
    /// Its time has not come; doesn't count.
    NotYet {
        /// The wait.
        after: Duration,
        /// For the history.
        reason: String,
    },
    /// The destination does not work, or was not asked because its breaker is open. Opens the breaker; doesn't count.
    DestinationDown {
        /// Which.
        destination: String,
        /// For the history and the alert.
        reason: String,
        /// The wait that it asked for.
        retry_after: Option<Duration>,
    },
    /// The destination refuses our credentials: the same as down, but somebody must act. Doesn't count.
    CredentialsRefused {
        /// Which.
        destination: String,
        /// For the history and the alert.
        reason: String,
    },
    /// The destination wants fewer calls. Opens the breaker for so long; doesn't count.
    RateLimited {
        /// Which.
        destination: String,
        /// The wait that it asked for.
        after: Duration,
    },
    /// It will never work: to the dead letters.
    Poison {
        /// For the operator.
        reason: String,
    },
}
