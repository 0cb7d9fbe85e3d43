//! Messages in.

use std::collections::BTreeSet;

use super::Harness;
use super::kit::*;
use crate::dead_letter::DeadPolicy;
use crate::error::ErrorKind;
use crate::message::{Message, Published};

/// Every field comes out as it went in.
pub async fn a_message_is_delivered_as_it_was_published(harness: &mut dyn Harness) {
    let now = harness.now();
    let message = Message::new("source/1", "kind.a", vec![0u8, 255, 10, 13])
        .with_key("kéy")
        .with_attribute("destination", "servicenow")
        .with_attribute("quote", "\"'\n\u{1F600}")
        .with_priority(3)
        .not_before(now - SECOND)
        .expires(now + SECOND * 3600)
        .on_dead(DeadPolicy::Park);
    publish(harness, [message.clone()]).await;
    let leased = lease_one(harness, "source/1").await;
    assert_eq!(leased.message, message);
    assert_eq!(leased.message.payload, message.payload);
    assert_eq!((leased.attempt, leased.deliveries, leased.lapses), (1, 1, 0));
    assert_eq!((leased.published, leased.until), (now, now + TTL));
}

/// The second of two equal messages is told the place of the first, and is not delivered.
pub async fn equal_ids_are_one_message(harness: &mut dyn Harness) {
    let seq = publish(harness, [plain("a")]).await[0];
    let again = plain("a").with_attribute("traceparent", "00-2").with_priority(1);
    assert_eq!(publish_one(harness, again).await, Published::Duplicate { seq });
    assert_eq!(drain(harness).await, ["a"]);
    assert_eq!(
        publish_one(harness, plain("a")).await,
        Published::Duplicate { seq },
        "remembered after its ack"
    );
    lease_nothing(harness).await;
}

/// The same inside one call.
pub async fn equal_ids_in_one_batch_are_one_message(harness: &mut dyn Harness) {
    let answers = ok(harness.queue().publish(vec![plain("a"), plain("b"), plain("a")]).await);
    let Published::Stored { seq } = answers[0] else { panic!("{answers:?}") };
    assert_eq!(answers[2], Published::Duplicate { seq });
    assert_eq!(drain(harness).await, ["a", "b"]);
}

/// Other content under a known id changes nothing, and the rest of the batch is stored.
pub async fn an_id_with_other_content_is_a_conflict(harness: &mut dyn Harness) {
    let seq = publish(harness, [keyed("a", "k1")]).await[0];
    for other in [
        Message::new("a", "k", "other").with_key("k1"),
        Message::new("a", "other", "a").with_key("k1"),
        keyed("a", "k2"),
        plain("a"),
    ] {
        assert_eq!(publish_one(harness, other).await, Published::Conflict { seq });
    }
    let answers = ok(harness.queue().publish(vec![plain("a"), plain("b")]).await);
    assert!(matches!(answers[..], [Published::Conflict { .. }, Published::Stored { .. }]), "{answers:?}");
    let leased = lease(harness, 10).await;
    assert_eq!(ids(&leased), ["a", "b"]);
    assert_eq!(&leased[0].message.payload[..], b"a");
}

/// The window is kept to the instant.
pub async fn an_id_is_remembered_for_the_window_and_no_longer(harness: &mut dyn Harness) {
    let window = harness.queue().capabilities().dedup_window;
    let Some(window) = window else {
        assert!(!has(false, "an_id_is_remembered_for_the_window_and_no_longer", "deduplication"));
        return;
    };
    let seq = publish(harness, [plain("a")]).await[0];
    assert_eq!(drain(harness).await, ["a"]);
    harness.advance(window - SECOND);
    assert_eq!(publish_one(harness, plain("a")).await, Published::Duplicate { seq });
    harness.advance(SECOND);
    assert!(publish(harness, [plain("a")]).await[0] > seq);
    assert_eq!(drain(harness).await, ["a"]);
}

/// A message that waits or is a dead letter keeps its id, however old it is.
pub async fn an_id_is_remembered_while_its_message_is_there(harness: &mut dyn Harness) {
    let window = harness.queue().capabilities().dedup_window.unwrap_or_default();
    let seqs = publish(harness, [plain("dead"), plain("waits")]).await;
    kill(harness, "dead", "x").await;
    harness.advance(window + SECOND);
    ok(harness.queue().maintain(100).await);
    assert_eq!(publish_one(harness, plain("dead")).await, Published::Duplicate { seq: seqs[0] });
    assert_eq!(publish_one(harness, plain("waits")).await, Published::Duplicate { seq: seqs[1] });
    let conflict = publish_one(harness, Message::new("waits", "k", "other")).await;
    assert_eq!(conflict, Published::Conflict { seq: seqs[1] });
}

/// One message that will never do keeps the others out too.
pub async fn a_batch_is_stored_whole_or_not_at_all(harness: &mut dyn Harness) {
    let result = harness.queue().publish(vec![plain("a"), plain(""), plain("b")]).await;
    assert_eq!(kind(result), Some(ErrorKind::Invalid));
    lease_nothing(harness).await;
    assert_eq!(stats(harness).await.ready, 0);
    publish(harness, [plain("a")]).await;
}

/// Payload and batch have their declared limits.
pub async fn what_is_too_large_is_refused(harness: &mut dyn Harness) {
    let queue = harness.queue();
    let has = queue.capabilities();
    let payload = |bytes: usize| Message::new("a", "k", vec![b'x'; bytes]);
    assert_eq!(kind(queue.publish(vec![payload(has.max_payload + 1)]).await), Some(ErrorKind::TooLarge));
    publish(harness, [payload(has.max_payload)]).await;
    assert_eq!(lease_one(harness, "a").await.message.payload.len(), has.max_payload);
    let batch = (0..=has.max_batch).map(|n| plain(&format!("m{n}"))).collect();
    assert_eq!(kind(queue.publish(batch).await), Some(ErrorKind::TooLarge));
    lease_nothing(harness).await;
}

/// A place tells the order of publishing for ever.
pub async fn places_rise_and_are_never_used_twice(harness: &mut dyn Harness) {
    let window = harness.queue().capabilities().dedup_window.unwrap_or_default();
    let mut last = 0;
    for n in 0..5 {
        let seqs = publish(harness, [plain(&format!("a{n}")), plain(&format!("b{n}"))]).await;
        assert!(last < seqs[0] && seqs[0] < seqs[1], "{last} {seqs:?}");
        last = seqs[1];
        assert_eq!(drain(harness).await.len(), 2);
        harness.advance(window + SECOND);
        ok(harness.queue().maintain(100).await);
    }
}

/// What a backend doesn't declare it refuses, instead of storing the message without it.
pub async fn what_is_not_declared_is_refused(harness: &mut dyn Harness) {
    let queue = harness.queue();
    let caps = queue.capabilities();
    for (declared, id, message) in [
        (caps.ordering, "keyed", keyed("keyed", "key")),
        (caps.delay, "delayed", plain("delayed").not_before(harness.now() + SECOND)),
        (caps.priorities, "urgent", plain("urgent").with_priority(1)),
    ] {
        let result = queue.publish(vec![message]).await;
        let expected = (!declared).then_some(ErrorKind::Unsupported);
        assert_eq!(kind(result), expected, "{id}");
        assert_eq!(ok(queue.find(id).await).is_some(), declared, "{id}");
    }
    publish(harness, [plain("retried")]).await;
    let leased = lease(harness, 10).await;
    let Some(leased) = leased.iter().find(|leased| leased.message.id == "retried") else {
        panic!("not leased: {leased:?}")
    };
    let result = queue.settle(vec![(leased.token, retry(SECOND))]).await;
    assert_eq!(kind(result), (!caps.delay).then_some(ErrorKind::Unsupported));
}

/// A publish whose caller goes away has happened whole or not at all, and may be repeated.
pub async fn a_dropped_publish_can_be_repeated(harness: &mut dyn Harness) {
    let mut expected = Vec::new();
    for polls in 0..12 {
        let id = |n: u32| format!("{polls:02}/{n}");
        let batch = || vec![keyed(&id(0), "key"), keyed(&id(1), "key"), plain(&id(2))];
        drop(dropped_after(polls, harness.queue().publish(batch())).await);
        let answers = ok(harness.queue().publish(batch()).await);
        let known = answers.iter().filter(|one| matches!(one, Published::Duplicate { .. })).count();
        let stored = answers.iter().filter(|one| matches!(one, Published::Stored { .. })).count();
        assert!(matches!((known, stored), (3, 0) | (0, 3)), "{polls} polls: {answers:?}");
        expected.extend([id(0), id(1), id(2)]);
    }
    let delivered = drain(harness).await;
    let of_key = |ids: &[String]| ids.iter().filter(|id| !id.ends_with("/2")).cloned().collect::<Vec<_>>();
    assert_eq!(of_key(&delivered), of_key(&expected));
    assert_eq!(delivered.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect());
}
