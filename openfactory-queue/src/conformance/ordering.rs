//! Order per key, above all where something fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Harness;
use super::kit::*;
use crate::lease::{LeaseRequest, Settlement};
use crate::message::Published;

/// A failed message is not overtaken, however long it waits.
pub async fn order_survives_retries(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key"), keyed("3", "key")]).await;
    let leased = lease_one(harness, "1").await;
    done(harness, &leased, retry(SECOND * 10)).await;
    lease_nothing(harness).await;
    harness.advance(SECOND * 10);
    assert_eq!(drain(harness).await, ["1", "2", "3"]);
}

/// Neither is one whose worker died.
pub async fn order_survives_lapsed_leases(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key"), keyed("3", "key")]).await;
    for _ in 0..3 {
        lease_one(harness, "1").await;
        lease_nothing(harness).await;
        harness.advance(TTL);
    }
    assert_eq!(drain(harness).await, ["1", "2", "3"]);
}

/// Nor one that was given back.
pub async fn order_survives_releases(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key")]).await;
    let leased = lease_one(harness, "1").await;
    done(harness, &leased, Settlement::Release).await;
    assert_eq!(drain(harness).await, ["1", "2"]);
}

/// What is published to be late makes late what is behind it, and nothing else.
pub async fn a_delayed_head_holds_its_key(harness: &mut dyn Harness) {
    if !has(harness.queue().capabilities().delay, "a_delayed_head_holds_its_key", "delay") {
        return;
    }
    let late = keyed("1", "key").not_before(harness.now() + SECOND * 60);
    publish(harness, [late, keyed("2", "key"), keyed("3", "other")]).await;
    assert_eq!(drain(harness).await, ["3"]);
    harness.advance(SECOND * 59);
    lease_nothing(harness).await;
    harness.advance(SECOND);
    assert_eq!(drain(harness).await, ["1", "2"]);
}

/// A failure without a key holds up nobody.
pub async fn messages_without_key_do_not_wait_for_each_other(harness: &mut dyn Harness) {
    publish(harness, [plain("1"), plain("2"), plain("3")]).await;
    let leased = lease_one(harness, "1").await;
    done(harness, &leased, retry(SECOND * 10)).await;
    assert_eq!(drain(harness).await, ["2", "3"]);
    harness.advance(SECOND * 10);
    assert_eq!(drain(harness).await, ["1"]);
}

/// The head's priority decides; then age.
pub async fn urgent_keys_come_first_but_not_inside_a_key(harness: &mut dyn Harness) {
    let case = "urgent_keys_come_first_but_not_inside_a_key";
    if !has(harness.queue().capabilities().priorities, case, "priorities") {
        return;
    }
    let messages = [
        keyed("a1", "a").with_priority(4),
        keyed("a2", "a").with_priority(1),
        plain("x").with_priority(4),
        keyed("b1", "b").with_priority(2),
        plain("y").with_priority(1),
        plain("z").with_priority(2),
    ];
    publish(harness, messages).await;
    assert_eq!(drain(harness).await, ["y", "b1", "z", "a1", "a2", "x"]);
}

/// Eight workers, each third delivery fails in one of four ways: no key is ever out of order.
pub async fn order_survives_many_workers_and_failures(harness: &mut dyn Harness) {
    const KEYS: u32 = 5;
    const EACH: u32 = 24;
    let messages =
        (0..EACH).flat_map(|n| (0..KEYS).map(move |key| keyed(&format!("{key}/{n}"), &format!("key{key}"))));
    publish(harness, messages).await;
    let seen: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let (queue, seen) = (harness.queue(), Arc::clone(&seen));
        tasks.spawn(async move {
            loop {
                let request = LeaseRequest::new(format!("worker-{worker}")).max(3).ttl(TTL);
                let leased = ok(queue.lease(request).await);
                if leased.is_empty() {
                    let stats = ok(queue.stats().await);
                    if stats.ready + stats.held + stats.leased + stats.delayed == 0 {
                        return;
                    }
                    take_a_breath().await;
                }
                for leased in leased {
                    let fails = u64::from(leased.deliveries) + leased.token.seq();
                    let how = match (leased.deliveries < 4, fails % 6) {
                        (true, 0) => retry(Duration::ZERO),
                        (true, 1) => Settlement::Release,
                        _ => {
                            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                            let key = leased.message.key.clone().unwrap_or_default();
                            seen.entry(key).or_default().push(leased.message.id.clone());
                            Settlement::Ack
                        }
                    };
                    tokio::task::yield_now().await;
                    ok(queue.settle(vec![(leased.token, how)]).await);
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            panic!("{error}");
        }
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    for key in 0..KEYS {
        let expected: Vec<String> = (0..EACH).map(|n| format!("{key}/{n}")).collect();
        assert_eq!(seen.get(&format!("key{key}")), Some(&expected));
    }
}

/// Several publish to one key at once while it is delivered, some of them large batches that take their time: places
/// rise, and none comes after a later one.
pub async fn order_survives_many_publishers(harness: &mut dyn Harness) {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 12;
    let large = harness.queue().capabilities().max_batch.min(60);
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let queue = harness.queue();
        tasks.spawn(async move {
            for n in 0..EACH {
                let mut batch = vec![keyed(&format!("{publisher}/{n}"), "key")];
                if publisher == 0 {
                    batch.extend((1..large).map(|m| plain(&format!("{n}+{m}"))));
                }
                let stored = ok(queue.publish(batch).await);
                assert!(stored.iter().all(|one| matches!(one, Published::Stored { .. })), "{stored:?}");
                take_a_breath().await;
            }
        });
    }
    let queue = harness.queue();
    let deliver = async {
        let mut places = Vec::new();
        while places.len() < PUBLISHERS * EACH {
            let leased = ok(queue.lease(LeaseRequest::new("w").max(large).ttl(TTL)).await);
            let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
            ok(queue.settle(acks).await);
            let keyed = leased.into_iter().filter(|leased| leased.message.key.is_some());
            places.extend(keyed.map(|leased| (leased.token.seq(), leased.message.id)));
            take_a_breath().await;
        }
        places
    };
    let Ok(places) = tokio::time::timeout(SECOND * 50, deliver).await else { panic!("the key stands still") };
    assert!(places.is_sorted_by(|a, b| a.0 < b.0), "{places:?}");
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}/");
        let own = places.iter().filter_map(|(_, id)| id.strip_prefix(&prefix));
        assert!(own.eq((0..EACH).map(|n| n.to_string())), "{places:?}");
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            panic!("a publisher died: {error}");
        }
    }
}
