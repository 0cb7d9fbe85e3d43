//! Delivering what waits in the agent's queue, oldest first, until all is delivered or time is up.

use std::time::Duration;

use openfactory_queue::{Error, LeaseRequest, Leased, Settlement, SyncQueue};
use tokio::time::Instant;

use crate::event_client::{EventClient, PostError};
use crate::told::told;

/// The pause after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often to look whether a pause is over.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What became of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// Events that the router holds now.
    pub delivered: u64,
    /// Events that it will never take: dead letters.
    pub refused: u64,
    /// Their ids.
    pub refused_events: Vec<String>,
    /// Events that still wait.
    pub waiting: u64,
    /// Why the last attempt failed, if one did.
    pub last_failure: Option<String>,
}

/// Posts what waits in `queue` to the router, in order, for at most `within`.
///
/// # Errors
/// The queue's own. What had not been settled then comes again.
pub(super) async fn deliver(
    queue: &dyn SyncQueue,
    client: &EventClient,
    attempt: Duration,
    within: Duration,
) -> Result<Delivered, Error> {
    let mut done = Delivered::default();
    let to_deliver = waiting(queue).await?;
    tracing::info!(events = to_deliver, seconds = within.as_secs(), "delivering to the event router");
    let mut failures = 0;
    let end = Instant::now() + within;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let Some(leased) = take(queue, attempt).await? else {
            done.waiting = waiting(queue).await?;
            if done.waiting == 0 || left.is_zero() {
                return Ok(done);
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            continue;
        };
        let settlement = match client.post(leased.message.payload.clone()).await {
            Ok(_held) => {
                done.delivered += 1;
                failures = 0;
                Settlement::Ack
            }
            Err(error) => {
                let reason = told(&error);
                tracing::warn!(event = leased.message.id, reason, "not delivered");
                done.last_failure = Some(reason.clone());
                if error.is_retryable() {
                    let after = pause(failures, &error);
                    failures += 1;
                    Settlement::Retry { after, reason, counts: false }
                } else {
                    done.refused += 1;
                    done.refused_events.push(leased.message.id.clone());
                    Settlement::Dead { reason }
                }
            }
        };
        let too_late = matches!(&settlement, Settlement::Retry { after, .. } if *after >= left);
        queue.settle(vec![(leased.token, settlement)]).await?;
        if too_late {
            done.waiting = waiting(queue).await?;
            return Ok(done);
        }
    }
}

/// Leases what comes next, for longer than an attempt takes.
async fn take(queue: &dyn SyncQueue, attempt: Duration) -> Result<Option<Leased>, Error> {
    let request = LeaseRequest::new("agent").ttl(attempt * 2 + Duration::from_secs(5));
    Ok(queue.lease(request).await?.into_iter().next())
}

pub(super) async fn waiting(queue: &dyn SyncQueue) -> Result<u64, Error> {
    let stats = queue.stats().await?;
    Ok(stats.ready + stats.delayed + stats.held + stats.leased)
}

/// How long to wait after `failures` earlier ones in a row: not less than the router asks for.
fn pause(failures: u32, error: &PostError) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    match error {
        PostError::Busy { retry_after: Some(asked), .. } => doubled.max(*asked),
        _ => doubled,
    }
}
