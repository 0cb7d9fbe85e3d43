//! Dead letters.

use std::time::Duration;

use super::Harness;
use super::kit::*;
use crate::dead_letter::{DeadCause, DeadLetter, DeadLetterFilter, DeadLetterPage, DeadPolicy};
use crate::history::IncidentKind;
use crate::lease::{LeaseRequest, Settled};
use crate::stats::Stats;

pub(super) async fn letters(harness: &dyn Harness, filter: DeadLetterFilter) -> Vec<DeadLetter> {
    ok(harness.queue().dead_letters(DeadLetterPage::first(filter)).await)
}

pub(super) fn letter_ids(letters: &[DeadLetter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.message.id.as_str()).collect()
}

/// Message, counters, reason and way.
pub async fn a_dead_letter_keeps_everything(harness: &mut dyn Harness) {
    let published = harness.now();
    let message = keyed("a", "key").with_attribute("destination", "sn").with_priority(2);
    let seq = publish(harness, [message.clone()]).await[0];
    let first = lease_one(harness, "a").await;
    done(harness, &first, retry(Duration::ZERO)).await;
    harness.advance(SECOND);
    lease_one(harness, "a").await;
    harness.advance(TTL);
    kill(harness, "a", "schema violated").await;
    let letters = letters(harness, DeadLetterFilter::all()).await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((&letter.message, letter.seq), (&message, seq));
    assert_eq!((letter.cause, letter.reason.as_str()), (DeadCause::Rejected, "schema violated"));
    assert_eq!((letter.published, letter.died), (published, harness.now()));
    assert_eq!((letter.failures, letter.deliveries, letter.blocking), (1, 3, true));
    let kinds: Vec<IncidentKind> = letter.history.iter().map(|incident| incident.kind).collect();
    assert_eq!(kinds, [IncidentKind::Failed, IncidentKind::Lapsed, IncidentKind::Dead]);
    assert_eq!(letter.history[0].reason, "again");
    assert!(letter.history[1].reason.contains('w'), "the worker is named: {:?}", letter.history[1]);
}

/// It is in one place only.
pub async fn a_dead_letter_is_removed_from_the_queue_at_once(harness: &mut dyn Harness) {
    publish(harness, [plain("a"), plain("b")]).await;
    kill(harness, "a", "x").await;
    let stats = stats(harness).await;
    assert_eq!((stats.dead, stats.ready, stats.leased, stats.held), (1, 1, 0, 0));
    assert_eq!(drain(harness).await, ["b"]);
    harness.advance(TTL * 2);
    lease_nothing(harness).await;
}

/// Whoever looks while messages die sees each of them once, alive or dead.
pub async fn a_dying_message_is_never_nowhere(harness: &mut dyn Harness) {
    const CASE: &str = "a_dying_message_is_never_nowhere";
    const MESSAGES: u64 = 40;
    let queue = harness.queue();
    if !has(queue.capabilities().atomic_dead_letter, CASE, "atomic dead-lettering") {
        return;
    }
    publish(harness, (0..MESSAGES).map(|n| plain(&format!("m{n}")))).await;
    let die = tokio::spawn(async move {
        for _ in 0..MESSAGES {
            let leased = ok(queue.lease(LeaseRequest::new("w").ttl(TTL)).await);
            let settled = leased.iter().map(|leased| (leased.token, dead("x"))).collect();
            assert_eq!(ok(queue.settle(settled).await), [Settled::Done]);
        }
    });
    let mut looks = 0;
    while looks == 0 || !die.is_finished() {
        let Stats { ready, delayed, held, leased, dead, .. } = stats(harness).await;
        assert_eq!(ready + delayed + held + leased + dead, MESSAGES);
        looks += 1;
        tokio::task::yield_now().await;
    }
    if let Err(error) = die.await {
        panic!("the one who settles died: {error}");
    }
    assert_eq!(stats(harness).await.dead, MESSAGES);
}

/// Nothing overtakes the dead letter, whatever is published; other keys go on.
pub async fn a_blocked_key_stands_still(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "key"), keyed("x", "other")]).await;
    kill(harness, "1", "x").await;
    publish(harness, [keyed("3", "key").with_priority(0)]).await;
    assert_eq!(drain(harness).await, ["x"]);
    let stats = stats(harness).await;
    assert_eq!((stats.blocked_keys, stats.held, stats.dead), (1, 2, 1));
}

/// The order has a gap, and the letter says so.
pub async fn a_skipped_letter_lets_its_key_go_on(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key").on_dead(DeadPolicy::Skip), keyed("2", "key")]).await;
    kill(harness, "1", "x").await;
    assert_eq!(drain(harness).await, ["2"]);
    assert!(!letters(harness, DeadLetterFilter::all()).await[0].blocking);
    assert_eq!(stats(harness).await.blocked_keys, 0);
}

/// What waits goes along; what comes later does not.
pub async fn a_parked_key_goes_along(harness: &mut dyn Harness) {
    let messages = [
        keyed("1", "key").on_dead(DeadPolicy::Park),
        keyed("2", "key"),
        keyed("3", "key"),
        keyed("x", "other"),
    ];
    publish(harness, messages).await;
    kill(harness, "1", "x").await;
    let letters = letters(harness, DeadLetterFilter::all()).await;
    let causes: Vec<DeadCause> = letters.iter().map(|letter| letter.cause).collect();
    assert_eq!(letter_ids(&letters), ["1", "2", "3"]);
    assert_eq!(causes, [DeadCause::Rejected, DeadCause::Parked, DeadCause::Parked]);
    publish(harness, [keyed("4", "key")]).await;
    assert_eq!(drain(harness).await, ["x", "4"]);
}

/// An expiry was announced by the publisher: it is no failure.
pub async fn what_expires_is_a_dead_letter_that_blocks_nothing(harness: &mut dyn Harness) {
    let until = harness.now() + SECOND * 10;
    publish(harness, [keyed("1", "key").expires(until), keyed("2", "key"), plain("x").expires(until)]).await;
    harness.advance(SECOND * 10);
    assert_eq!(drain(harness).await, ["2"]);
    let letters = letters(harness, DeadLetterFilter::all().cause(DeadCause::Expired)).await;
    assert_eq!(letter_ids(&letters), ["1", "x"]);
    assert_eq!(letters[0].history[0].kind, IncidentKind::Expired);
    assert_eq!((letters[0].deliveries, letters[0].blocking), (0, false));
}

/// Each part of a filter, and parts together.
pub async fn filters_take_what_they_say(harness: &mut dyn Harness) {
    let start = harness.now();
    let mut other = keyed("c", "k2").on_dead(DeadPolicy::Skip);
    other.kind = "other".into();
    for message in [
        keyed("a", "k1").on_dead(DeadPolicy::Skip).with_attribute("destination", "sn"),
        keyed("b", "k1").on_dead(DeadPolicy::Skip).with_attribute("destination", "it's \"odd\""),
        other,
    ] {
        let id = message.id.clone();
        publish(harness, [message]).await;
        kill(harness, &id, "x").await;
        harness.advance(SECOND);
    }
    let all = DeadLetterFilter::all;
    for (filter, expected) in [
        (all(), vec!["a", "b", "c"]),
        (all().id("b"), vec!["b"]),
        (all().id("nobody"), vec![]),
        (all().id("b").kind("other"), vec![]),
        (all().key("k1"), vec!["a", "b"]),
        (all().kind("other"), vec!["c"]),
        (all().destination("sn"), vec!["a"]),
        (all().destination("it's \"odd\""), vec!["b"]),
        (all().cause(DeadCause::Rejected), vec!["a", "b", "c"]),
        (all().cause(DeadCause::Parked), vec![]),
        (all().died_between(start + SECOND, start + SECOND * 2), vec!["b"]),
        (all().key("k1").kind("other"), vec![]),
        (all().key("k1").destination("sn").died_between(start, start + SECOND), vec!["a"]),
    ] {
        assert_eq!(letter_ids(&letters(harness, filter.clone()).await), expected, "{filter:?}");
    }
}

/// Nothing is left out and nothing comes twice.
pub async fn pages_follow_each_other(harness: &mut dyn Harness) {
    for n in 0..7 {
        publish(harness, [plain(&n.to_string())]).await;
        kill(harness, &n.to_string(), "x").await;
    }
    let (mut page, mut all) = (DeadLetterPage::first(DeadLetterFilter::all()).limit(3), Vec::new());
    loop {
        let letters = ok(harness.queue().dead_letters(page.clone()).await);
        assert!(letters.len() <= 3);
        let Some(last) = letters.last() else { break };
        page = page.after(last.seq);
        all.extend(letters.iter().map(|letter| letter.message.id.clone()));
    }
    assert_eq!(all, ["0", "1", "2", "3", "4", "5", "6"]);
}
