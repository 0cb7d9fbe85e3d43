//! Promises about the outbox.

use super::samples::{commit, event};
use super::{Harness, Outcome, same};
use crate::lifecycle::event::Event;
use crate::lifecycle::state::StateStore;

pub(super) async fn rows_come_in_order_and_stay_until_published<H: Harness>(harness: &H) -> Outcome {
    let promise = "the outbox is in the order of commits and empties only by `published`";
    let store = harness.empty().await;
    store.commit(&commit("1", vec![], vec![event("a"), event("b")])).await?;
    store.commit(&commit("2", vec![], vec![event("c")])).await?;
    let rows = store.outbox(10).await?;
    let events: Vec<&Event> = rows.iter().map(|row| &row.event).collect();
    same(promise, &events, &vec![&event("a"), &event("b"), &event("c")])?;
    same(promise, &rows.windows(2).all(|pair| pair[0].seq < pair[1].seq), &true)?;
    same(promise, &store.outbox(2).await?, &rows[..2].to_vec())?;
    same(promise, &store.outbox(10).await?, &rows)?;
    store.published(&[rows[1].seq]).await?;
    store.published(&[rows[1].seq, u64::from(u32::MAX)]).await?;
    let store = harness.reopen(store).await;
    let left: Vec<u64> = store.outbox(10).await?.iter().map(|row| row.seq).collect();
    same(promise, &left, &vec![rows[0].seq, rows[2].seq])?;
    store.published(&left).await?;
    store.commit(&commit("3", vec![], vec![event("d")])).await?;
    let later = store.outbox(10).await?;
    same(promise, &later.iter().all(|row| row.seq > rows[2].seq), &true)
}

pub(super) async fn an_event_reads_back_as_it_was<H: Harness>(harness: &H) -> Outcome {
    let promise = "an event reads back as it was";
    let store = harness.empty().await;
    store.commit(&commit("1", vec![], vec![event("a")])).await?;
    let store = harness.reopen(store).await;
    let rows = store.outbox(1).await?;
    same(promise, &rows.first().map(|row| row.event.clone()), &Some(event("a")))
}
