//! How leases end.

use std::time::Duration;

use super::Harness;
use super::kit::*;
use crate::lease::{LeaseToken, Settled, Settlement};

/// It leaves the queue.
pub async fn an_acked_message_is_gone(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let leased = lease_one(harness, "a").await;
    ack(harness, &leased).await;
    harness.advance(TTL * 10);
    lease_nothing(harness).await;
    assert_eq!(ok(harness.queue().find("a").await), None);
}

/// Whatever an old holder wants, nothing of it happens.
pub async fn a_stale_holder_settles_nothing(harness: &mut dyn Harness) {
    publish(harness, [keyed("a", "key"), keyed("b", "key")]).await;
    let old = lease_one(harness, "a").await;
    harness.advance(TTL);
    let new = lease_one(harness, "a").await;
    for how in [Settlement::Ack, retry(Duration::ZERO), dead("x"), Settlement::Release] {
        assert_eq!(settle(harness, old.token, how).await, Settled::Stale);
    }
    lease_nothing(harness).await;
    assert_eq!(stats(harness).await.dead, 0);
    ack(harness, &new).await;
    assert_eq!(lease_one(harness, "b").await.attempt, 1);
}

/// The first settlement ends the lease; a token that never was is stale too.
pub async fn settling_twice_is_stale(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let leased = lease_one(harness, "a").await;
    done(harness, &leased, retry(SECOND)).await;
    for how in [Settlement::Ack, retry(Duration::ZERO), dead("x"), Settlement::Release] {
        assert_eq!(settle(harness, leased.token, how).await, Settled::Stale);
    }
    for token in [LeaseToken::new(leased.token.seq() + 1, 1), LeaseToken::new(u64::MAX, u64::MAX)] {
        assert_eq!(settle(harness, token, Settlement::Ack).await, Settled::Stale);
    }
    harness.advance(SECOND);
    assert_eq!(lease_one(harness, "a").await.attempt, 2);
}

/// The work was done, and nobody else has begun it: no reason to do it again.
pub async fn a_late_ack_holds_if_nobody_took_the_message(harness: &mut dyn Harness) {
    publish(harness, [keyed("a", "key"), keyed("b", "key")]).await;
    let leased = lease_one(harness, "a").await;
    harness.advance(TTL * 2);
    ok(harness.queue().maintain(100).await);
    ack(harness, &leased).await;
    assert_eq!(drain(harness).await, ["b"]);
}

/// An outage of the destination is not the message's failure.
pub async fn only_counted_retries_count(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    for (counts, attempt, deliveries) in [(false, 1, 1), (true, 1, 2), (false, 2, 3), (true, 2, 4)] {
        let leased = lease_one(harness, "a").await;
        assert_eq!((leased.attempt, leased.deliveries, leased.lapses), (attempt, deliveries, 0));
        let how = Settlement::Retry { after: Duration::ZERO, reason: "x".into(), counts };
        done(harness, &leased, how).await;
    }
    assert_eq!(lease_one(harness, "a").await.attempt, 3);
}

/// Not a second earlier.
pub async fn a_retry_waits_for_its_time(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let leased = lease_one(harness, "a").await;
    done(harness, &leased, retry(SECOND * 100)).await;
    harness.advance(SECOND * 99);
    lease_nothing(harness).await;
    harness.advance(SECOND);
    lease_one(harness, "a").await;
}

/// As if not leased, but for the counter of deliveries.
pub async fn a_released_message_comes_at_once(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    let leased = lease_one(harness, "a").await;
    done(harness, &leased, Settlement::Release).await;
    let again = lease_one(harness, "a").await;
    assert_eq!((again.attempt, again.deliveries, again.lapses), (1, 2, 0));
}

/// In the order of the call; a stale one does not disturb the others.
pub async fn each_settlement_has_its_own_result(harness: &mut dyn Harness) {
    publish(harness, [plain("a"), plain("b"), plain("c"), plain("d")]).await;
    let leased = lease(harness, 10).await;
    let stale = LeaseToken::new(leased[1].token.seq(), leased[1].token.epoch() + 1);
    let settlements = vec![
        (leased[0].token, Settlement::Ack),
        (stale, Settlement::Ack),
        (leased[2].token, dead("x")),
        (leased[0].token, Settlement::Ack),
        (leased[3].token, Settlement::Release),
    ];
    let answers = ok(harness.queue().settle(settlements).await);
    assert_eq!(answers, [Settled::Done, Settled::Stale, Settled::Done, Settled::Stale, Settled::Done]);
    assert_eq!(ids(&lease(harness, 10).await), ["d"]);
    assert_eq!(ok(harness.queue().settle(Vec::new()).await), []);
}

/// A settlement whose caller goes away has happened or not, and may be repeated: fencing tells.
pub async fn a_dropped_settlement_can_be_repeated(harness: &mut dyn Harness) {
    for polls in 0..12 {
        let ids = [format!("{polls}/0"), format!("{polls}/1")];
        publish(harness, [keyed(&ids[0], "key"), keyed(&ids[1], "key")]).await;
        let first = lease_one(harness, &ids[0]).await;
        let ack_it = vec![(first.token, Settlement::Ack)];
        drop(dropped_after(polls, harness.queue().settle(ack_it)).await);
        let again = settle(harness, first.token, Settlement::Ack).await;
        assert!(matches!(again, Settled::Done | Settled::Stale), "{again:?}");
        let second = lease_one(harness, &ids[1]).await;
        let retry_it = vec![(second.token, retry(Duration::ZERO))];
        drop(dropped_after(polls, harness.queue().settle(retry_it)).await);
        settle(harness, second.token, retry(Duration::ZERO)).await;
        let second = lease_one(harness, &ids[1]).await;
        assert_eq!((second.attempt, second.deliveries), (2, 2), "counted once after {polls} polls");
        ack(harness, &second).await;
        lease_nothing(harness).await;
    }
}
