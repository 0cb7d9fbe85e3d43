//! The ids that a SQLite file knows, whatever the writer has in memory of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::{LeaseRequest, Message, Published, Settlement, SyncQueue};

/// Enough to have most of them indexed, where tests index early.
const MANY: usize = 300;

const WINDOW: Duration = Duration::from_secs(60);

async fn open(path: &Path, clock: &ManualClock) -> SqliteQueue {
    let config = SqliteConfig::new(path).clock(Arc::new(clock.clone())).dedup_window(WINDOW);
    SqliteQueue::open(config).await.unwrap()
}

/// Publishes the ids from `from` up to `to`, all of them new.
async fn publish(queue: &SqliteQueue, from: usize, to: usize) {
    let messages = (from..to).map(|n| Message::new(format!("{n}"), "k", "body")).collect();
    let published = queue.publish(messages).await.unwrap();
    assert!(published.iter().all(|one| matches!(one, Published::Stored { .. })), "{from}: {published:?}");
}

/// All ids from `from` up to `to` are known.
async fn known(queue: &SqliteQueue, from: usize, to: usize) {
    let messages = (from..to).map(|n| Message::new(format!("{n}"), "k", "body")).collect();
    let published = queue.publish(messages).await.unwrap();
    let forgotten = (from..to).zip(published).filter(|(_, one)| !matches!(one, Published::Duplicate { .. }));
    assert_eq!(forgotten.collect::<Vec<_>>(), []);
}

#[tokio::test]
async fn each_id_is_known_at_each_step_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
    let queue = open(&path, &clock).await;
    for n in (0..MANY).step_by(50) {
        publish(&queue, n, n + 50).await;
    }
    queue.close().await.unwrap();
    let queue = open(&path, &clock).await;
    for n in (MANY..3 * MANY).step_by(40) {
        known(&queue, 0, n).await;
        publish(&queue, n, n + 40).await;
    }
    queue.close().await.unwrap();
}

#[tokio::test]
async fn each_id_is_known_while_many_others_are_forgotten() {
    const OLD: usize = 1000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
    let queue = open(&path, &clock).await;
    for n in (0..OLD).step_by(50) {
        publish(&queue, n, n + 50).await;
    }
    for _ in (0..OLD).step_by(50) {
        let leased = queue.lease(LeaseRequest::new("test").max(50)).await.unwrap();
        let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
        queue.settle(acks).await.unwrap();
    }
    clock.advance(WINDOW * 2);
    let (mut next, mut forgotten) = (OLD, 0);
    while forgotten < OLD as u64 {
        publish(&queue, next, next + 20).await;
        next += 20;
        forgotten += queue.maintain(100).await.unwrap().forgotten;
        known(&queue, OLD, next).await;
    }
    for n in (next..next + MANY).step_by(20) {
        publish(&queue, n, n + 20).await;
        known(&queue, OLD, n + 20).await;
    }
    publish(&queue, 0, OLD).await;
    queue.close().await.unwrap();
}
