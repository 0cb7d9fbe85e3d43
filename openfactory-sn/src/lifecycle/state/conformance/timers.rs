//! Promises about timers.

use super::samples::{commit, instant, timer};
use super::{Harness, Outcome, same};
use crate::lifecycle::id::EventId;
use crate::lifecycle::state::commit::Commit;
use crate::lifecycle::state::timer::Timer;
use crate::lifecycle::state::{StateError, StateStore};

fn setting(label: &str, timers: Vec<Timer>) -> Commit {
    Commit { timers, ..commit(label, vec![], vec![]) }
}

async fn outbox(store: &impl StateStore) -> Result<Vec<EventId>, StateError> {
    Ok(store.outbox(100).await?.into_iter().map(|row| row.event.id).collect())
}

pub(super) async fn a_timer_fires_once<H: Harness>(harness: &H) -> Outcome {
    let promise = "a timer fires once, when it is due";
    let store = harness.empty().await;
    store.commit(&setting("1", vec![timer("t", 10)])).await?;
    same(promise, &store.next_due().await?, &Some(instant(10)))?;
    same(promise, &store.fire_due(instant(9), 10).await?, &0)?;
    let store = harness.reopen(store).await;
    let (one, other) =
        futures_util::future::join(store.fire_due(instant(10), 10), store.fire_due(instant(10), 10)).await;
    same(promise, &(one? + other?), &1)?;
    same(promise, &store.fire_due(instant(11), 10).await?, &0)?;
    same(promise, &outbox(&store).await?, &vec![timer("t", 10).event_id()])?;
    let rows = store.outbox(1).await?;
    same(promise, &rows.first().map(|row| row.event.clone()), &Some(timer("t", 10).to_event()))?;
    same(promise, &store.next_due().await?, &None)
}

pub(super) async fn a_name_has_one_timer<H: Harness>(harness: &H) -> Outcome {
    let promise = "setting a timer replaces the one of its name";
    let store = harness.empty().await;
    store.commit(&setting("1", vec![timer("t", 10)])).await?;
    store.commit(&setting("2", vec![timer("t", 20)])).await?;
    same(promise, &store.fire_due(instant(15), 10).await?, &0)?;
    same(promise, &store.fire_due(instant(20), 10).await?, &1)?;
    same(promise, &outbox(&store).await?, &vec![timer("t", 20).event_id()])
}

pub(super) async fn a_cancelled_timer_does_not_fire<H: Harness>(harness: &H) -> Outcome {
    let promise = "a cancelled timer does not fire; one set in the same commit does";
    let store = harness.empty().await;
    store.commit(&setting("1", vec![timer("t", 10), timer("u", 10)])).await?;
    let cancel = vec!["t".to_owned(), "u".to_owned(), "never set".to_owned()];
    store.commit(&Commit { cancel, ..setting("2", vec![timer("u", 12)]) }).await?;
    same(promise, &store.fire_due(instant(30), 10).await?, &1)?;
    same(promise, &outbox(&store).await?, &vec![timer("u", 12).event_id()])
}

pub(super) async fn timers_fire_in_order_and_by_limit<H: Harness>(harness: &H) -> Outcome {
    let promise = "timers fire in the order in which they are due";
    let store = harness.empty().await;
    store.commit(&setting("1", vec![timer("c", 3), timer("a", 1), timer("d", 4), timer("b", 2)])).await?;
    same(promise, &store.fire_due(instant(3), 2).await?, &2)?;
    same(promise, &store.next_due().await?, &Some(instant(3)))?;
    same(promise, &store.fire_due(instant(3), 2).await?, &1)?;
    let expected = vec![timer("a", 1).event_id(), timer("b", 2).event_id(), timer("c", 3).event_id()];
    same(promise, &outbox(&store).await?, &expected)
}
