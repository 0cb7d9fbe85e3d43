//! What every [`StateStore`] must do, as tests for anyone's implementation.
//!
//! [`run`] asks a maker for an empty store per promise and returns the first promise that is broken. A store on
//! disk also tests that everything is still there after [`Harness::reopen`].
//!
//! ```
//! use openfactory_sn::lifecycle::state::conformance::{Broken, Harness, run};
//! use openfactory_sn::lifecycle::state::memory::MemoryStateStore; // yours
//!
//! struct Scratch;
//!
//! #[async_trait::async_trait]
//! impl Harness for Scratch {
//!     type Store = MemoryStateStore;
//!
//!     async fn empty(&self) -> MemoryStateStore {
//!         MemoryStateStore::new()
//!     }
//!
//!     async fn reopen(&self, store: MemoryStateStore) -> MemoryStateStore {
//!         store // a store on disk is dropped here, and opened again by its path
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Broken> {
//! match run(&Scratch).await {
//!     Err(Broken::Promise { promise, found }) => panic!("{promise}: {found}"),
//!     outcome => outcome,
//! }
//! # }
//! ```

mod commits;
mod outbox;
mod receipts;
mod samples;
mod timers;

use super::{StateError, StateStore};

/// Makes stores to be tested.
#[async_trait::async_trait]
pub trait Harness: Send + Sync {
    /// The store.
    type Store: StateStore;

    /// A new, empty store.
    async fn empty(&self) -> Self::Store;

    /// The same store, closed and opened again. One that is only in memory gives back the store as it is.
    async fn reopen(&self, store: Self::Store) -> Self::Store;
}

/// A promise that a store does not keep.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The store did something else.
    #[error("the promise {promise:?} is broken: {found}")]
    Promise {
        /// Which promise.
        promise: &'static str,
        /// What the store did.
        found: String,
    },
    /// The store failed where it must not.
    #[error("a store that is tested must not fail")]
    Store(#[from] StateError),
}

type Outcome = Result<(), Broken>;

fn check(promise: &'static str, good: bool, found: impl FnOnce() -> String) -> Outcome {
    if good { Ok(()) } else { Err(Broken::Promise { promise, found: found() }) }
}

fn same<T: PartialEq + std::fmt::Debug>(promise: &'static str, found: &T, expected: &T) -> Outcome {
    check(promise, found == expected, || format!("{found:?} instead of {expected:?}"))
}

/// Runs every promise against a store of its own.
///
/// # Errors
/// The first promise that is broken.
pub async fn run<H: Harness>(harness: &H) -> Result<(), Broken> {
    commits::nothing_is_there_at_first(harness).await?;
    commits::a_commit_happens_once(harness).await?;
    commits::an_old_version_is_not_written_over(harness).await?;
    commits::a_conflict_changes_nothing(harness).await?;
    commits::what_is_committed_survives(harness).await?;
    commits::one_of_two_rivals_wins(harness).await?;
    commits::lists_are_ordered_and_paged(harness).await?;
    outbox::rows_come_in_order_and_stay_until_published(harness).await?;
    outbox::an_event_reads_back_as_it_was(harness).await?;
    timers::a_timer_fires_once(harness).await?;
    timers::a_name_has_one_timer(harness).await?;
    timers::a_cancelled_timer_does_not_fire(harness).await?;
    timers::timers_fire_in_order_and_by_limit(harness).await?;
    receipts::a_receipt_reads_back(harness).await
}
