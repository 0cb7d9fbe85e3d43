//! What the cases have in common.

use std::task::Poll;
use std::time::Duration;

use super::Harness;
use crate::error::{Error, ErrorKind};
use crate::lease::{LeaseRequest, LeaseToken, Leased, Settled, Settlement};
use crate::message::{Message, Published};
use crate::stats::Stats;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// How long a lease lasts in the cases.
pub(super) const TTL: Duration = Duration::from_secs(30);

/// A message of kind `k` with its id as payload.
pub(super) fn plain(id: &str) -> Message {
    Message::new(id, "k", id.to_owned())
}

pub(super) fn keyed(id: &str, key: &str) -> Message {
    plain(id).with_key(key)
}

pub(super) fn ok<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

pub(super) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Publishes messages that must all be new; returns their places.
pub(super) async fn publish(harness: &dyn Harness, messages: impl IntoIterator<Item = Message>) -> Vec<u64> {
    let answers = ok(harness.queue().publish(messages.into_iter().collect()).await);
    let seq = |answer: &Published| match answer {
        Published::Stored { seq } => *seq,
        other => panic!("not stored: {other:?}"),
    };
    answers.iter().map(seq).collect()
}

pub(super) async fn publish_one(harness: &dyn Harness, message: Message) -> Published {
    let answers = ok(harness.queue().publish(vec![message]).await);
    assert_eq!(answers.len(), 1, "one answer for one message");
    answers[0]
}

pub(super) async fn lease(harness: &dyn Harness, max: usize) -> Vec<Leased> {
    ok(harness.queue().lease(LeaseRequest::new("w").max(max).ttl(TTL)).await)
}

/// Leases one message, which must be `id`.
pub(super) async fn lease_one(harness: &dyn Harness, id: &str) -> Leased {
    let mut leased = lease(harness, 1).await;
    assert_eq!(ids(&leased), [id]);
    leased.remove(0)
}

pub(super) async fn lease_nothing(harness: &dyn Harness) {
    assert_eq!(ids(&lease(harness, 10).await), [""; 0], "nothing should be there");
}

pub(super) fn ids(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|leased| leased.message.id.as_str()).collect()
}

pub(super) async fn settle(harness: &dyn Harness, token: LeaseToken, how: Settlement) -> Settled {
    let answers = ok(harness.queue().settle(vec![(token, how)]).await);
    assert_eq!(answers.len(), 1, "one answer for one settlement");
    answers[0]
}

pub(super) async fn done(harness: &dyn Harness, leased: &Leased, how: Settlement) {
    assert_eq!(settle(harness, leased.token, how).await, Settled::Done);
}

pub(super) async fn ack(harness: &dyn Harness, leased: &Leased) {
    done(harness, leased, Settlement::Ack).await;
}

pub(super) fn retry(after: Duration) -> Settlement {
    Settlement::Retry { after, reason: "again".into(), counts: true }
}

pub(super) fn dead(reason: &str) -> Settlement {
    Settlement::Dead { reason: reason.into() }
}

/// Leases `id` and dead-letters it.
pub(super) async fn kill(harness: &dyn Harness, id: &str, reason: &str) {
    let leased = lease_one(harness, id).await;
    done(harness, &leased, dead(reason)).await;
}

/// Leases and acks until nothing comes any more; returns the ids in their order.
pub(super) async fn drain(harness: &dyn Harness) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let leased = lease(harness, 1).await;
        let Some(first) = leased.first() else { return all };
        all.push(first.message.id.clone());
        ack(harness, first).await;
    }
}

pub(super) async fn stats(harness: &dyn Harness) -> Stats {
    ok(harness.queue().stats().await)
}

/// Polls a call some times, with time for others in between, and drops it if it is not done then.
pub(super) async fn dropped_after<F: Future>(polls: usize, call: F) -> Option<F::Output> {
    let mut call = std::pin::pin!(call);
    for _ in 0..polls {
        let once = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
        if let Poll::Ready(answer) = once.await {
            return Some(answer);
        }
        take_a_breath().await;
    }
    None
}

/// Real time for calls that run beside the case to get going; what is promised holds without it too.
pub(super) async fn let_others_run() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

/// Lets the other workers have the thread, even if the queue answers without ever waiting.
pub(super) async fn take_a_breath() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Reopens, or says aloud that the case is skipped.
pub(super) async fn reopened(harness: &mut dyn Harness, case: &str) -> bool {
    let reopened = harness.reopen().await;
    if !reopened {
        eprintln!("NOT APPLICABLE: {case}: the backend has no store that lasts");
    }
    reopened
}

/// Whether the backend has declared an ability; says aloud that the case is skipped if not.
pub(super) fn has(ability: bool, case: &str, name: &str) -> bool {
    if !ability {
        eprintln!("NOT APPLICABLE: {case}: the backend declares no {name}");
    }
    ability
}
