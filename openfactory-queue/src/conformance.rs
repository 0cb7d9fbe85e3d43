//! The suite that every backend must pass: one named case per promise of [`SyncQueue`].
//!
//! Implement [`Harness`] for your backend and write `conformance!` in a test file; it makes one test per case:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime, UNIX_EPOCH};
//! use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
//! use openfactory_queue::clock::{Clock, ManualClock};
//! use openfactory_queue::conformance::Harness;
//! use openfactory_queue::SyncQueue;
//!
//! struct Memory(ManualClock, Arc<dyn SyncQueue>);
//!
//! impl Memory {
//!     async fn new() -> Self {
//!         let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000_000));
//!         let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
//!         Self(clock, Arc::new(queue))
//!     }
//! }
//!
//! #[async_trait::async_trait]
//! impl Harness for Memory {
//!     fn queue(&self) -> Arc<dyn SyncQueue> { self.1.clone() }
//!     fn now(&self) -> SystemTime { self.0.now() }
//!     fn advance(&self, by: Duration) { self.0.advance(by) }
//!     async fn reopen(&mut self) -> bool { false }
//! }
//!
//! openfactory_queue::conformance!(memory, Memory::new);
//! # openfactory_queue::conformance::run(async {
//! #     openfactory_queue::conformance::leasing::a_lease_is_exclusive(&mut Memory::new().await).await
//! # });
//! ```
//!
//! A case that a backend can't be put to, by its declared [`Capabilities`](crate::capabilities::Capabilities) or
//! because it can't be reopened, says `NOT APPLICABLE` on standard error. Cases are added between versions: this
//! module is not under semantic versioning.
#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a case fails by panicking, and what is skipped is said aloud"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::queue::SyncQueue;

mod kit;
pub mod leasing;
pub mod letters;
pub mod looking;
pub mod ordering;
pub mod pausing;
pub mod publishing;
pub mod redriving;
pub mod reopening;
pub mod settling;

/// A backend under test: an empty queue with a clock that stands still, ids remembered for at least an hour and at
/// most 90 days.
#[async_trait]
pub trait Harness: Send {
    /// The queue, as opened last.
    fn queue(&self) -> Arc<dyn SyncQueue>;

    /// The time that the queue sees.
    fn now(&self) -> SystemTime;

    /// Moves that time.
    fn advance(&self, by: Duration);

    /// Closes the queue and opens it again on the same store; false if it has none that lasts.
    async fn reopen(&mut self) -> bool;
}

/// What a maker of harnesses gives: a harness, or none if something it needs is missing, which it has said aloud.
pub trait Made {
    /// The harness.
    type Harness: Harness;

    /// The harness, if it could be made.
    fn into_harness(self) -> Option<Self::Harness>;
}

impl<H: Harness> Made for H {
    type Harness = H;

    fn into_harness(self) -> Option<H> {
        Some(self)
    }
}

impl<H: Harness> Made for Option<H> {
    type Harness = H;

    fn into_harness(self) -> Self {
        self
    }
}

/// Runs a case to its end.
pub fn run<F: Future<Output = ()>>(case: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(case),
        Err(error) => panic!("no runtime for the case: {error}"),
    }
}

/// Makes a module with one test per case; the second argument makes an empty [`Harness`], as an async function. It may
/// give an `Option` of one: with none, the case is not run.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $make:expr) => {
        mod $module {
            #[allow(unused_imports, reason = "the harness may stand in the parent")]
            use super::*;

            $crate::conformance!(@group $make, publishing:
                a_message_is_delivered_as_it_was_published
                equal_ids_are_one_message
                equal_ids_in_one_batch_are_one_message
                an_id_with_other_content_is_a_conflict
                an_id_is_remembered_for_the_window_and_no_longer
                an_id_is_remembered_while_its_message_is_there
                a_batch_is_stored_whole_or_not_at_all
                what_is_too_large_is_refused
                what_is_not_declared_is_refused
                places_rise_and_are_never_used_twice
                a_dropped_publish_can_be_repeated
            );
            $crate::conformance!(@group $make, leasing:
                a_lease_is_exclusive
                a_lapsed_lease_comes_again
                an_extended_lease_lasts
                a_stale_lease_is_not_extended
                a_waiting_lease_is_woken_by_a_publish
                a_waiting_lease_is_woken_by_time
                a_waiting_lease_is_woken_by_a_lapse
                a_wait_ends_empty
                a_dropped_lease_call_holds_nothing
                one_key_gives_one_message_at_a_time
                many_workers_never_share_a_message
                a_senseless_request_is_refused
            );
            $crate::conformance!(@group $make, settling:
                an_acked_message_is_gone
                a_stale_holder_settles_nothing
                settling_twice_is_stale
                a_late_ack_holds_if_nobody_took_the_message
                only_counted_retries_count
                a_retry_waits_for_its_time
                a_released_message_comes_at_once
                each_settlement_has_its_own_result
                a_dropped_settlement_can_be_repeated
            );
            $crate::conformance!(@group $make, ordering:
                order_survives_retries
                order_survives_lapsed_leases
                order_survives_releases
                a_delayed_head_holds_its_key
                messages_without_key_do_not_wait_for_each_other
                urgent_keys_come_first_but_not_inside_a_key
                order_survives_many_workers_and_failures
                order_survives_many_publishers
            );
            $crate::conformance!(@group $make, letters:
                a_dead_letter_keeps_everything
                a_dead_letter_is_removed_from_the_queue_at_once
                a_dying_message_is_never_nowhere
                a_blocked_key_stands_still
                a_skipped_letter_lets_its_key_go_on
                a_parked_key_goes_along
                what_expires_is_a_dead_letter_that_blocks_nothing
                filters_take_what_they_say
                pages_follow_each_other
            );
            $crate::conformance!(@group $make, redriving:
                a_redriven_message_takes_its_old_place
                redriving_twice_moves_once
                a_redriven_message_keeps_its_history_and_its_id
                a_dry_run_changes_nothing
                a_rate_spreads_a_redrive
                an_expired_message_is_delivered_when_redriven
                a_discard_is_for_good_and_unblocks
                operators_must_say_who_and_why
            );
            $crate::conformance!(@group $make, pausing:
                a_paused_queue_gives_nothing
                a_paused_key_waits_alone
                a_paused_destination_waits_alone
                a_pause_ends_by_itself
                a_resume_wakes_a_waiting_lease
            );
            $crate::conformance!(@group $make, looking:
                stats_equal_a_full_count
                ages_are_told
                a_message_is_found_in_each_state
                maintenance_keeps_to_its_budget
                maintenance_forgets_only_what_may_be_forgotten
                a_closed_queue_says_so
            );
            $crate::conformance!(@group $make, reopening:
                messages_survive
                retries_and_their_history_survive
                dead_letters_and_blocked_keys_survive
                pauses_survive
                ids_and_places_survive
            );
        }
    };
    (@group $make:expr, $group:ident: $($case:ident)*) => {
        mod $group {
            #[allow(unused_imports, reason = "the harness may stand in an ancestor")]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::conformance::run(async {
                        let made = ($make)().await;
                        if let Some(mut harness) = $crate::conformance::Made::into_harness(made) {
                            $crate::conformance::$group::$case(&mut harness).await;
                        }
                    });
                }
            )*
        }
    };
}
