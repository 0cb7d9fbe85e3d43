//! What a NATS queue keeps in every router's memory has limits, and nothing is dropped at them.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openfactory_queue::backend::nats::{NatsConfig, NatsQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage, Discard, Selection};
use openfactory_queue::lease::{Leased, Settled};
use openfactory_queue::message::Published;
use openfactory_queue::stats::{Bound, Bounded};
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};

use crate::nats::config;
use crate::nats_server::{Sync, shared};

const WINDOW: Duration = Duration::from_secs(3600);

/// A configuration by a clock that is set by hand.
fn by_clock(test: &str) -> Option<(NatsConfig, ManualClock)> {
    let server = shared(Sync::Default, test)?;
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
    Some((config(server.port).clock(Arc::new(clock.clone())).dedup_window(WINDOW), clock))
}

async fn lease(queue: &NatsQueue) -> Vec<Leased> {
    queue.lease(LeaseRequest::new("w").max(9).ttl(WINDOW * 99)).await.unwrap()
}

fn dead(leased: &Leased) -> (openfactory_queue::lease::LeaseToken, Settlement) {
    (leased.token, Settlement::Dead { reason: "no use".into() })
}

async fn dead_ids(queue: &NatsQueue) -> Vec<String> {
    let letters = queue.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await.unwrap();
    letters.into_iter().map(|letter| letter.message.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_dead_letter_is_dropped_for_want_of_room() {
    let Some((config, clock)) = by_clock("no_dead_letter_is_dropped_for_want_of_room") else { return };
    let queue = NatsQueue::open(config.clone().max_dead_letters(1)).await.unwrap();
    let expires = UNIX_EPOCH + Duration::from_secs(1_764_000_060);
    let messages = vec![
        Message::new("a", "k", "x"),
        Message::new("b", "k", "x"),
        Message::new("c", "k", "x").with_key("key"),
        Message::new("late", "k", "x").with_key("key").expires(expires),
    ];
    queue.publish(messages).await.unwrap();
    let leased = lease(&queue).await;
    let [a, b, c] = &leased[..] else { panic!("{leased:?}") };
    // Two don't fit, and then neither is done, nor anything else of the call.
    let refused = queue.settle(vec![(c.token, Settlement::Ack), dead(a), dead(b)]).await.unwrap_err();
    assert_eq!((refused.kind(), refused.outcome_known()), (ErrorKind::Full, true));
    assert_eq!(queue.settle(vec![dead(a)]).await.unwrap(), [Settled::Done]);
    assert_eq!(queue.settle(vec![dead(b)]).await.unwrap_err().kind(), ErrorKind::Full);
    assert!(queue.stats().await.unwrap().bounds.contains(&Bound::new(Bounded::DeadLetters, 1, 1)));
    // What has expired waits, and is not delivered.
    clock.advance(Duration::from_secs(61));
    assert_eq!(queue.settle(vec![(c.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert!(lease(&queue).await.is_empty());
    assert_eq!(queue.maintain(10).await.unwrap().expired, 0);
    assert_eq!(dead_ids(&queue).await, ["a"]);
    // With room, both follow.
    queue.discard(Discard::new(Selection::Ids(vec!["a".into()]), "op", "seen")).await.unwrap();
    assert_eq!(queue.settle(vec![dead(b)]).await.unwrap(), [Settled::Done]);
    queue.discard(Discard::new(Selection::Ids(vec!["b".into()]), "op", "seen")).await.unwrap();
    assert_eq!(queue.maintain(10).await.unwrap().expired, 1);
    assert_eq!(dead_ids(&queue).await, ["late"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_needs_room_too() {
    let Some((config, _)) = by_clock("what_is_parked_needs_room_too") else { return };
    let queue = NatsQueue::open(config.clone().max_dead_letters(2)).await.unwrap();
    let park = openfactory_queue::dead_letter::DeadPolicy::Park;
    let message = |id: &str| Message::new(id, "k", "x").with_key("key").on_dead(park);
    queue.publish(vec![message("1"), message("2"), message("3")]).await.unwrap();
    let leased = lease(&queue).await;
    assert_eq!(queue.settle(vec![dead(&leased[0])]).await.unwrap_err().kind(), ErrorKind::Full);
    queue.close().await.unwrap();
    // The limit is what the router says that was opened last.
    let queue = NatsQueue::open(config.max_dead_letters(3)).await.unwrap();
    assert_eq!(queue.settle(vec![dead(&leased[0])]).await.unwrap(), [Settled::Done]);
    assert_eq!(dead_ids(&queue).await, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_id_is_forgotten_early_for_want_of_room() {
    let Some((config, clock)) = by_clock("no_id_is_forgotten_early_for_want_of_room") else { return };
    let queue = NatsQueue::open(config.max_ids(2)).await.unwrap();
    let message = |id: &str| Message::new(id, "k", "x");
    queue.publish(vec![message("a"), message("b")]).await.unwrap();
    for leased in lease(&queue).await {
        queue.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap();
    }
    let refused = queue.send(message("c")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.outcome_known()), (ErrorKind::Full, true));
    assert!(refused.to_string().contains("2 remembered ids"), "{refused}");
    assert!(matches!(queue.send(message("a")).await.unwrap(), Published::Duplicate { .. }));
    // When its time is over, the oldest makes room by itself.
    clock.advance(WINDOW);
    assert!(matches!(queue.send(message("c")).await.unwrap(), Published::Stored { .. }));
    assert!(queue.stats().await.unwrap().bounds.iter().any(|bound| bound.of == Bounded::Ids));
}
