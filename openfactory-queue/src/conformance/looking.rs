//! What can be seen from outside.

use super::Harness;
use super::kit::*;
use crate::dead_letter::{DeadLetterFilter, DeadLetterPage, DeadPolicy, Discard, Redrive, Selection};
use crate::error::ErrorKind;
use crate::lease::LeaseRequest;
use crate::message::Published;
use crate::pause::{Pause, PauseScope, Resume};
use crate::stats::MessageState;

/// Every message is counted in exactly one place.
pub async fn stats_equal_a_full_count(harness: &mut dyn Harness) {
    assert_eq!(stats(harness).await.ready, 0);
    let now = harness.now();
    let messages = [
        keyed("dead", "blocked"),
        plain("leased"),
        keyed("head", "key"),
        keyed("held", "key"),
        plain("delayed").not_before(now + SECOND * 60),
        plain("ready"),
        keyed("behind", "blocked"),
    ];
    publish(harness, messages).await;
    kill(harness, "dead", "x").await;
    lease_one(harness, "leased").await;
    let stats_now = stats(harness).await;
    let counts = (stats_now.ready, stats_now.delayed, stats_now.held, stats_now.leased, stats_now.dead);
    assert_eq!(counts, (2, 1, 2, 1, 1));
    assert_eq!((stats_now.blocked_keys, stats_now.pauses), (1, 0));
    let mut states = (0, 0, 0, 0, 0);
    for id in ["dead", "leased", "head", "held", "delayed", "ready", "behind"] {
        match ok(harness.queue().find(id).await).map(|found| found.state) {
            Some(MessageState::Ready) => states.0 += 1,
            Some(MessageState::Delayed { .. }) => states.1 += 1,
            Some(MessageState::Held) => states.2 += 1,
            Some(MessageState::Leased { .. }) => states.3 += 1,
            Some(MessageState::Dead) => states.4 += 1,
            None => panic!("{id} is lost"),
        }
    }
    assert_eq!(states, counts);
    harness.advance(SECOND * 60);
    assert_eq!(stats(harness).await.ready, 3, "a delay that is over is ready, noticed or not");
}

/// The oldest that waits, and the oldest that is worked on.
pub async fn ages_are_told(harness: &mut dyn Harness) {
    let before = stats(harness).await;
    assert_eq!((before.oldest_ready, before.oldest_lease), (None, None));
    publish(harness, [plain("a"), plain("b").with_priority(200)]).await;
    harness.advance(SECOND * 5);
    publish(harness, [plain("c").with_priority(1)]).await;
    assert_eq!(stats(harness).await.oldest_ready, Some(SECOND * 5));
    let leased = lease(harness, 2).await;
    assert_eq!(ids(&leased), ["c", "a"]);
    harness.advance(SECOND * 7);
    ok(harness.queue().extend(vec![leased[0].token], TTL).await);
    let after = stats(harness).await;
    assert_eq!((after.oldest_ready, after.oldest_lease), (Some(SECOND * 12), Some(SECOND * 7)));
}

/// With what is known of it.
pub async fn a_message_is_found_in_each_state(harness: &mut dyn Harness) {
    let seq = publish(harness, [keyed("a", "key").on_dead(DeadPolicy::Skip)]).await[0];
    let find = async |harness: &dyn Harness| match ok(harness.queue().find("a").await) {
        Some(found) => found,
        None => panic!("not found"),
    };
    let found = find(harness).await;
    assert_eq!((found.state, found.seq, found.deliveries), (MessageState::Ready, seq, 0));
    let leased = lease_one(harness, "a").await;
    let expected = MessageState::Leased { worker: "w".into(), until: harness.now() + TTL };
    assert_eq!(find(harness).await.state, expected);
    done(harness, &leased, retry(SECOND * 5)).await;
    let found = find(harness).await;
    assert_eq!(found.state, MessageState::Delayed { until: harness.now() + SECOND * 5 });
    assert_eq!((found.failures, found.deliveries, found.history.len()), (1, 1, 1));
    harness.advance(SECOND * 5);
    kill(harness, "a", "x").await;
    let found = find(harness).await;
    assert_eq!((found.state, found.failures, found.history.len()), (MessageState::Dead, 1, 2));
    assert_eq!(found.message, keyed("a", "key").on_dead(DeadPolicy::Skip));
    assert_eq!(ok(harness.queue().find("b").await), None);
}

/// A bit at a time, and it gets through, past what it has to leave alone.
pub async fn maintenance_keeps_to_its_budget(harness: &mut dyn Harness) {
    let until = harness.now() + SECOND;
    let messages = (0..6).map(|n| plain(&format!("m{n}")).expires(until));
    publish(harness, messages).await;
    // One that has expired but is worked on is left alone.
    let running = lease_one(harness, "m0").await;
    harness.advance(SECOND);
    let mut rounds = Vec::new();
    loop {
        let done = ok(harness.queue().maintain(2).await);
        rounds.push(done.expired);
        if !done.more {
            break;
        }
    }
    assert_eq!(rounds.iter().sum::<u64>(), 5, "{rounds:?}");
    assert!(rounds.iter().all(|expired| *expired <= 2), "{rounds:?}");
    assert_eq!(stats(harness).await.dead, 5);
    harness.advance(TTL);
    assert_eq!(ok(harness.queue().maintain(2).await).lapsed, 1);
    assert_eq!(settle(harness, running.token, crate::Settlement::Ack).await, crate::lease::Settled::Stale);
}

/// Ids beyond the window whose message is gone.
pub async fn maintenance_forgets_only_what_may_be_forgotten(harness: &mut dyn Harness) {
    let window = harness.queue().capabilities().dedup_window.unwrap_or_default();
    publish(harness, [plain("dead"), plain("done"), plain("waits")]).await;
    kill(harness, "dead", "x").await;
    let leased = lease_one(harness, "done").await;
    ack(harness, &leased).await;
    assert_eq!(ok(harness.queue().maintain(100).await).forgotten, 0);
    harness.advance(window + SECOND);
    publish(harness, [plain("new")]).await;
    assert_eq!(ok(harness.queue().maintain(100).await).forgotten, 1);
    assert_eq!(ok(harness.queue().maintain(100).await).forgotten, 0);
    assert!(matches!(publish_one(harness, plain("done")).await, Published::Stored { .. }));
    assert!(matches!(publish_one(harness, plain("waits")).await, Published::Duplicate { .. }));
}

/// Every call, and those that wait.
pub async fn a_closed_queue_says_so(harness: &mut dyn Harness) {
    publish(harness, [keyed("a", "key")]).await;
    let leased = lease_one(harness, "a").await;
    let queue = harness.queue();
    let waiting = tokio::spawn({
        let queue = harness.queue();
        async move { queue.lease(LeaseRequest::new("waiting").wait(SECOND * 3600)).await }
    });
    let_others_run().await;
    ok(queue.close().await);
    ok(queue.close().await);
    match tokio::time::timeout(SECOND * 20, waiting).await {
        Ok(Ok(result)) => assert_eq!(kind(result), Some(ErrorKind::Closed)),
        other => panic!("the waiting lease was not told: {other:?}"),
    }
    let kinds = [
        kind(queue.publish(vec![plain("b")]).await),
        kind(queue.lease(LeaseRequest::new("w")).await),
        kind(queue.settle(vec![(leased.token, crate::Settlement::Ack)]).await),
        kind(queue.extend(vec![leased.token], TTL).await),
        kind(queue.stats().await),
        kind(queue.find("a").await),
        kind(queue.pauses().await),
        kind(queue.maintain(1).await),
        kind(queue.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await),
        kind(queue.redrive(Redrive::new(Selection::Ids(vec!["a".into()]), "op", "why")).await),
        kind(queue.discard(Discard::new(Selection::Ids(vec!["a".into()]), "op", "why")).await),
        kind(queue.pause(Pause::new(PauseScope::Queue, "op", "why")).await),
        kind(queue.resume(Resume::new(PauseScope::Queue, "op", "why")).await),
    ];
    assert_eq!(kinds, [Some(ErrorKind::Closed); 13]);
}
