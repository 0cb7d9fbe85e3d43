//! The outbox's way into the queue, and the timers' way into the outbox.

use std::time::Duration;

use openfactory_queue::{Message, SyncQueue as _};
use openfactory_sn::lifecycle::state::StateError;

use super::core::Core;
use super::edges::Edge;
use super::message;
use crate::shutdown::Shutdown;
use crate::told::told;

/// Rows that are moved in one go.
const BATCH: usize = 256;
/// How long the relay rests when nobody rings: a row that a crashed router left behind waits no longer.
const IDLE: Duration = Duration::from_secs(1);
/// How long it waits after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Why rows stay in the outbox for now.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the state store does not answer")]
    State(#[from] StateError),
    #[error("the queue does not take events of the outbox")]
    Queue(#[from] openfactory_queue::Error),
    #[error("an event of the outbox has no JSON form")]
    Event(#[from] openfactory_sn::lifecycle::event::codec::EventError),
}

/// Moves the outbox into the queue until the router stops.
///
/// A row is published before it is struck out, so a crash between the two publishes it again; the queue knows
/// its id and takes it once.
pub(super) async fn outbox(core: Core, stop: Shutdown) {
    let mut stopped = Box::pin(stop.triggered());
    loop {
        let pause = match publish_all(&core).await {
            Ok(()) => IDLE,
            Err(error) => {
                tracing::warn!("the outbox waits: {}", told(&error));
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = core.outbox.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = &mut stopped => return,
        }
    }
}

async fn publish_all(core: &Core) -> Result<(), RelayError> {
    loop {
        let rows = core.state.outbox(BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let messages: Vec<Message> =
            rows.iter().map(|row| message::derived(&row.event)).collect::<Result<_, _>>()?;
        core.queue.publish(messages).await?;
        core.pass(Edge::OutboxPublished).await;
        let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        core.state.published(&seqs).await?;
    }
}

/// Turns due timers into events of the outbox until the router stops.
pub(super) async fn timers(core: Core, stop: Shutdown) {
    let mut stopped = Box::pin(stop.triggered());
    loop {
        let pause = match fire(&core).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!("timers wait: {}", told(&error));
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = core.timers.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = &mut stopped => return,
        }
    }
}

/// Fires what is due; says how long nothing will be.
async fn fire(core: &Core) -> Result<Duration, StateError> {
    let now = core.clock.now();
    while core.state.fire_due(now, BATCH).await? > 0 {
        core.pass(Edge::TimerFired).await;
        core.outbox.notify_one();
    }
    let next = core.state.next_due().await?;
    let wait = next.map_or(IDLE, |due| due.duration_since(now).unwrap_or_default());
    Ok(wait.clamp(Duration::from_millis(10), IDLE))
}
