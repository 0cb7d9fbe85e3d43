//! Messages out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::kit::*;
use crate::error::ErrorKind;
use crate::lease::{Extended, LeaseRequest, Settled, Settlement};
use crate::queue::SyncQueue;
use crate::stats::MessageState;

/// Leased once, it is not leased again while the lease holds.
pub async fn a_lease_is_exclusive(harness: &mut dyn Harness) {
    publish(harness, [plain("a"), keyed("b", "key")]).await;
    assert_eq!(ids(&lease(harness, 10).await), ["a", "b"]);
    lease_nothing(harness).await;
    harness.advance(TTL - SECOND);
    lease_nothing(harness).await;
}

/// A lease without an answer ends, and the next one says so.
pub async fn a_lapsed_lease_comes_again(harness: &mut dyn Harness) {
    publish(harness, [keyed("a", "key"), keyed("b", "key")]).await;
    let first = lease_one(harness, "a").await;
    harness.advance(TTL);
    let second = lease_one(harness, "a").await;
    assert_eq!((second.attempt, second.deliveries, second.lapses), (1, 2, 1));
    assert_eq!(second.token.seq(), first.token.seq());
    assert!(second.token.epoch() > first.token.epoch());
}

/// An extension counts from now.
pub async fn an_extended_lease_lasts(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let leased = lease_one(harness, "a").await;
    for _ in 0..5 {
        harness.advance(TTL - SECOND);
        let answers = ok(harness.queue().extend(vec![leased.token], TTL).await);
        assert_eq!(answers, [Extended::Until(harness.now() + TTL)]);
        lease_nothing(harness).await;
    }
    ack(harness, &leased).await;
}

/// Neither after another has the message, nor after it was settled; and the other's lease stays as it is.
pub async fn a_stale_lease_is_not_extended(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let old = lease_one(harness, "a").await;
    harness.advance(TTL);
    let new = lease_one(harness, "a").await;
    let answers = ok(harness.queue().extend(vec![old.token, new.token], TTL).await);
    assert_eq!(answers, [Extended::Stale, Extended::Until(harness.now() + TTL)]);
    assert_eq!(ok(harness.queue().extend(vec![old.token], TTL * 9).await), [Extended::Stale]);
    let found = ok(harness.queue().find("a").await).map(|found| found.state);
    let expected = MessageState::Leased { worker: "w".into(), until: harness.now() + TTL };
    assert_eq!(found, Some(expected), "an old token has changed a new lease");
    ack(harness, &new).await;
    assert_eq!(ok(harness.queue().extend(vec![new.token], TTL).await), [Extended::Stale]);
}

/// Leases beside the case, waiting.
fn waiting(harness: &dyn Harness, wait: Duration) -> tokio::task::JoinHandle<Vec<String>> {
    let queue = harness.queue();
    tokio::spawn(async move {
        let leased = ok(queue.lease(LeaseRequest::new("waiting").max(10).ttl(TTL).wait(wait)).await);
        leased.into_iter().map(|leased| leased.message.id).collect()
    })
}

/// The ids that a waiting lease has brought; panics if it hangs.
async fn woken(task: tokio::task::JoinHandle<Vec<String>>) -> Vec<String> {
    match tokio::time::timeout(Duration::from_secs(20), task).await {
        Ok(Ok(ids)) => ids,
        Ok(Err(error)) => panic!("the waiting lease died: {error}"),
        Err(_) => panic!("the waiting lease was not woken"),
    }
}

/// One publish is enough; no second event is needed.
pub async fn a_waiting_lease_is_woken_by_a_publish(harness: &mut dyn Harness) {
    let task = waiting(harness, SECOND * 3600);
    let_others_run().await;
    publish(harness, [plain("a")]).await;
    assert_eq!(woken(task).await, ["a"]);
}

/// A delay that ends wakes too.
pub async fn a_waiting_lease_is_woken_by_time(harness: &mut dyn Harness) {
    publish(harness, [plain("a").not_before(harness.now() + SECOND * 60)]).await;
    let task = waiting(harness, SECOND * 3600);
    let_others_run().await;
    harness.advance(SECOND * 60);
    assert_eq!(woken(task).await, ["a"]);
}

/// And a lease that lapses, even if it was given while the other waited.
pub async fn a_waiting_lease_is_woken_by_a_lapse(harness: &mut dyn Harness) {
    publish(harness, [keyed("a", "key"), keyed("b", "key")]).await;
    let first = lease_one(harness, "a").await;
    let task = waiting(harness, SECOND * 3600);
    let_others_run().await;
    ok(harness.queue().extend(vec![first.token], TTL * 2).await);
    let_others_run().await;
    harness.advance(TTL * 2);
    assert_eq!(woken(task).await, ["a"]);
}

/// If nothing comes, the wait ends in time.
pub async fn a_wait_ends_empty(harness: &mut dyn Harness) {
    let task = waiting(harness, SECOND * 10);
    let_others_run().await;
    harness.advance(SECOND * 10);
    assert_eq!(woken(task).await, [""; 0]);
}

/// A caller that gives up takes nothing with it.
pub async fn a_dropped_lease_call_holds_nothing(harness: &mut dyn Harness) {
    for n in 0..20u32 {
        let id = format!("m{n}");
        let queue = harness.queue();
        let task = tokio::spawn(async move {
            let request = LeaseRequest::new("gone").ttl(TTL).wait(SECOND * 3600);
            queue.lease(request).await
        });
        if n % 2 == 0 {
            let_others_run().await;
        }
        publish(harness, [plain(&id)]).await;
        task.abort();
        match task.await {
            // It had the message in hand before it was stopped.
            Ok(leased) => assert_eq!(ids(&ok(leased)), [id.as_str()]),
            Err(_) => {
                let request = LeaseRequest::new("w").ttl(TTL).wait(SECOND);
                let queue = harness.queue();
                let lease = tokio::time::timeout(Duration::from_secs(20), queue.lease(request));
                let Ok(leased) = lease.await else { panic!("{id} is held by nobody") };
                assert_eq!(ids(&ok(leased)), [id.as_str()]);
            }
        }
    }
}

/// A call for many takes the heads of different keys only.
pub async fn one_key_gives_one_message_at_a_time(harness: &mut dyn Harness) {
    let messages =
        [keyed("a1", "a"), keyed("a2", "a"), keyed("b1", "b"), plain("x"), plain("y"), keyed("b2", "b")];
    publish(harness, messages).await;
    let leased = lease(harness, 10).await;
    assert_eq!(ids(&leased), ["a1", "b1", "x", "y"]);
    lease_nothing(harness).await;
    ack(harness, &leased[1]).await;
    assert_eq!(ids(&lease(harness, 10).await), ["b2"]);
    ack(harness, &leased[0]).await;
    assert_eq!(ids(&lease(harness, 10).await), ["a2"]);
}

/// Each of many messages goes to one of many workers.
pub async fn many_workers_never_share_a_message(harness: &mut dyn Harness) {
    let messages = (0..200).map(|n| match n % 3 {
        0 => plain(&format!("m{n}")),
        _ => keyed(&format!("m{n}"), &format!("key{}", n % 7)),
    });
    publish(harness, messages).await;
    let worker = |queue: Arc<dyn SyncQueue>, name: String| async move {
        let mut taken = Vec::new();
        loop {
            let leased = ok(queue.lease(LeaseRequest::new(name.clone()).max(5).ttl(TTL)).await);
            if leased.is_empty() {
                if ok(queue.stats().await).held == 0 {
                    return taken;
                }
                take_a_breath().await;
            }
            taken.extend(leased.iter().map(|leased| leased.message.id.clone()));
            let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
            assert!(ok(queue.settle(acks).await).iter().all(|settled| *settled == Settled::Done));
        }
    };
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        tasks.spawn(worker(harness.queue(), format!("worker-{n}")));
    }
    let taken: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 200);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 200);
}

/// Nothing for nobody for no time.
pub async fn a_senseless_request_is_refused(harness: &mut dyn Harness) {
    let queue = harness.queue();
    for request in
        [LeaseRequest::new("w").max(0), LeaseRequest::new(""), LeaseRequest::new("w").ttl(Duration::ZERO)]
    {
        assert_eq!(kind(queue.lease(request).await), Some(ErrorKind::Invalid));
    }
    let many = LeaseRequest::new("w").max(queue.capabilities().max_batch + 1);
    assert_eq!(kind(queue.lease(many).await), Some(ErrorKind::TooLarge));
}
