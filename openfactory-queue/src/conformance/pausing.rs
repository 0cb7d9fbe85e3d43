//! Deliveries held back on purpose.

use std::time::{Duration, SystemTime};

use super::Harness;
use super::kit::*;
use crate::lease::LeaseRequest;
use crate::pause::{Pause, PauseScope, Resume};

pub(super) async fn pause(harness: &dyn Harness, scope: PauseScope, until: Option<SystemTime>) {
    let mut pause = Pause::new(scope, "op", "maintenance");
    pause.until = until;
    ok(harness.queue().pause(pause).await);
}

pub(super) async fn resume(harness: &dyn Harness, scope: PauseScope) -> bool {
    ok(harness.queue().resume(Resume::new(scope, "op", "over")).await)
}

/// Publishing and settling go on.
pub async fn a_paused_queue_gives_nothing(harness: &mut dyn Harness) {
    publish(harness, [plain("a"), plain("b")]).await;
    let running = lease_one(harness, "a").await;
    pause(harness, PauseScope::Queue, None).await;
    lease_nothing(harness).await;
    publish(harness, [plain("c")]).await;
    ack(harness, &running).await;
    let pauses = ok(harness.queue().pauses().await);
    assert_eq!(pauses.len(), 1);
    assert_eq!((pauses[0].actor.as_str(), pauses[0].since), ("op", harness.now()));
    assert_eq!(stats(harness).await.pauses, 1);
    assert!(resume(harness, PauseScope::Queue).await);
    assert!(!resume(harness, PauseScope::Queue).await);
    assert_eq!(drain(harness).await, ["b", "c"]);
}

/// Other keys go on.
pub async fn a_paused_key_waits_alone(harness: &mut dyn Harness) {
    publish(harness, [keyed("1", "key"), keyed("2", "other"), plain("3")]).await;
    pause(harness, PauseScope::Key("key".into()), None).await;
    assert_eq!(drain(harness).await, ["2", "3"]);
    resume(harness, PauseScope::Key("key".into())).await;
    assert_eq!(drain(harness).await, ["1"]);
}

/// Other destinations go on, and what has none; a key is held up by its head.
pub async fn a_paused_destination_waits_alone(harness: &mut dyn Harness) {
    let to = |id: &str, to: &str| plain(id).with_attribute("destination", to);
    let messages = [
        to("1", "sn"),
        to("2", "mail"),
        plain("3"),
        to("4", "sn").with_key("k"),
        to("5", "mail").with_key("k"),
    ];
    publish(harness, messages).await;
    pause(harness, PauseScope::Destination("sn".into()), None).await;
    assert_eq!(drain(harness).await, ["2", "3"]);
    resume(harness, PauseScope::Destination("sn".into())).await;
    assert_eq!(drain(harness).await, ["1", "4", "5"]);
}

/// At its time, for those who wait too. A new pause replaces the old one.
pub async fn a_pause_ends_by_itself(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    pause(harness, PauseScope::Queue, None).await;
    pause(harness, PauseScope::Queue, Some(harness.now() + SECOND * 60)).await;
    let queue = harness.queue();
    let task =
        tokio::spawn(
            async move { queue.lease(LeaseRequest::new("waiting").ttl(TTL).wait(SECOND * 3600)).await },
        );
    let_others_run().await;
    harness.advance(SECOND * 59);
    lease_nothing(harness).await;
    harness.advance(SECOND);
    expect_a(task).await;
    assert_eq!(ok(harness.queue().pauses().await), []);
    assert!(!resume(harness, PauseScope::Queue).await, "it is over already");
}

/// Nobody has to wait for the next poll.
pub async fn a_resume_wakes_a_waiting_lease(harness: &mut dyn Harness) {
    publish(harness, [plain("a")]).await;
    pause(harness, PauseScope::Queue, None).await;
    let queue = harness.queue();
    let task =
        tokio::spawn(
            async move { queue.lease(LeaseRequest::new("waiting").ttl(TTL).wait(SECOND * 3600)).await },
        );
    let_others_run().await;
    resume(harness, PauseScope::Queue).await;
    expect_a(task).await;
}

async fn expect_a(task: tokio::task::JoinHandle<Result<Vec<crate::Leased>, crate::Error>>) {
    match tokio::time::timeout(Duration::from_secs(20), task).await {
        Ok(Ok(leased)) => assert_eq!(ids(&ok(leased)), ["a"]),
        other => panic!("the waiting lease was not woken: {other:?}"),
    }
}
