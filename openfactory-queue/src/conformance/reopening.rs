//! What lasts: the queue is closed and opened again on the same store.

use super::Harness;
use super::kit::*;
use super::letters::{letter_ids, letters};
use super::pausing::{pause, resume};
use crate::dead_letter::{DeadLetterFilter, Redrive, Selection};
use crate::history::IncidentKind;
use crate::message::Published;
use crate::pause::PauseScope;

/// In order, with their delays and priorities.
pub async fn messages_survive(harness: &mut dyn Harness) {
    let late = harness.now() + SECOND * 60;
    let messages = [
        keyed("1", "key"),
        keyed("2", "key"),
        plain("late").not_before(late),
        plain("urgent").with_priority(1),
        keyed("3", "key"),
    ];
    publish(harness, messages).await;
    let leased = lease_one(harness, "urgent").await;
    ack(harness, &leased).await;
    if !reopened(harness, "messages_survive").await {
        return;
    }
    assert_eq!(drain(harness).await, ["1", "2", "3"]);
    harness.advance(SECOND * 60);
    assert_eq!(drain(harness).await, ["late"]);
}

/// Counters, times and reasons.
pub async fn retries_and_their_history_survive(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key")]).await;
    let leased = lease_one(harness, "1").await;
    done(harness, &leased, retry(SECOND * 10)).await;
    if !reopened(harness, "retries_and_their_history_survive").await {
        return;
    }
    lease_nothing(harness).await;
    harness.advance(SECOND * 10);
    let leased = lease_one(harness, "1").await;
    assert_eq!((leased.attempt, leased.deliveries), (2, 2));
    let Some(found) = ok(harness.queue().find("1").await) else { panic!("not found") };
    assert_eq!((found.history[0].kind, found.history[0].reason.as_str()), (IncidentKind::Failed, "again"));
}

/// And can be redriven afterwards.
pub async fn dead_letters_and_blocked_keys_survive(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key")]).await;
    kill(harness, "1", "x").await;
    if !reopened(harness, "dead_letters_and_blocked_keys_survive").await {
        return;
    }
    lease_nothing(harness).await;
    assert_eq!(letter_ids(&letters(harness, DeadLetterFilter::all()).await), ["1"]);
    let redrive = Redrive::new(Selection::Matching(DeadLetterFilter::all()), "op", "fixed");
    ok(harness.queue().redrive(redrive).await);
    assert_eq!(drain(harness).await, ["1", "2"]);
}

/// An operator's pause is not undone by a restart.
pub async fn pauses_survive(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    pause(harness, PauseScope::Queue, Some(harness.now() + SECOND * 3600)).await;
    if !reopened(harness, "pauses_survive").await {
        return;
    }
    lease_nothing(harness).await;
    assert_eq!(ok(harness.queue().pauses().await)[0].reason, "maintenance");
    assert!(resume(harness, PauseScope::Queue).await);
    assert_eq!(drain(harness).await, ["a"]);
}

/// Deduplication and the rise of places.
pub async fn ids_and_places_survive(harness: &mut dyn Harness) {
    let seq = publish(harness, [plain("a")]).await[0];
    assert_eq!(drain(harness).await, ["a"]);
    if !reopened(harness, "ids_and_places_survive").await {
        return;
    }
    assert_eq!(publish_one(harness, plain("a")).await, Published::Duplicate { seq });
    assert!(publish(harness, [plain("b")]).await[0] > seq);
}
