//! Files of earlier schemas, opened by this program: nothing of them is lost, and ids and order hold.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::dead_letter::{Redrive, Selection};
use openfactory_queue::lease::Settled;
use openfactory_queue::stats::MessageState;
use openfactory_queue::{LeaseRequest, Message, Published, Settlement, SyncQueue, SyncQueueExt};
use rusqlite::Connection;

const FIRST: &str = include_str!("../fixtures/queue-v1.sql");
const SECOND: &str = include_str!("../fixtures/queue-v2.sql");

async fn ids(queue: &SqliteQueue) -> Vec<String> {
    let leased = queue.lease(LeaseRequest::new("now").max(10)).await.unwrap();
    let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
    let settled = queue.settle(acks).await.unwrap();
    assert!(settled.iter().all(|settled| *settled == Settled::Done), "{settled:?}");
    leased.into_iter().map(|leased| leased.message.id).collect()
}

#[tokio::test]
async fn a_file_of_the_first_schema_goes_on_where_it_was() {
    goes_on(FIRST).await;
}

#[tokio::test]
async fn a_file_of_the_second_schema_goes_on_where_it_was() {
    goes_on(SECOND).await;
}

#[tokio::test]
async fn a_file_of_the_third_schema_goes_on_where_it_was() {
    // The third changed no table.
    goes_on(&format!("{SECOND}INSERT INTO migrations VALUES (3, 0, ''); PRAGMA user_version = 3;")).await;
}

async fn goes_on(old: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_060));
    let config = SqliteConfig::new(&path).clock(Arc::new(clock.clone()));
    let queue = SqliteQueue::open(config.clone()).await.unwrap();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.held, stats.delayed, stats.leased, stats.dead), (3, 2, 1, 0, 1));

    // Every id is known, with what it stood for.
    let message = |id: &str, key: &str| Message::new(id, "k", "body").with_key(key);
    assert_eq!(queue.send(message("m1", "one")).await.unwrap(), Published::Duplicate { seq: 1 });
    assert_eq!(queue.send(message("gone", "one")).await.unwrap(), Published::Duplicate { seq: 7 });
    assert_eq!(queue.send(message("m5", "three")).await.unwrap(), Published::Duplicate { seq: 5 });
    assert_eq!(queue.send(message("m2", "two")).await.unwrap(), Published::Conflict { seq: 2 });
    let found = queue.find("m6").await.unwrap().unwrap();
    assert_eq!((found.seq, found.state), (6, MessageState::Held));
    assert_eq!(queue.send(message("m9", "one")).await.unwrap(), Published::Stored { seq: 9 });

    // The urgent one, the heads of two keys; the third key is blocked, one message is delayed.
    assert_eq!(ids(&queue).await, ["m4", "m1", "m3"]);
    assert_eq!(ids(&queue).await, ["m2"]);
    queue.close().await.unwrap();
    let queue = SqliteQueue::open(config).await.unwrap();
    assert_eq!(ids(&queue).await, ["m9"]);
    assert!(ids(&queue).await.is_empty());
    queue.redrive(Redrive::new(Selection::Ids(vec!["m5".into()]), "me", "mended")).await.unwrap();
    assert_eq!(ids(&queue).await, ["m5"]);
    assert_eq!(ids(&queue).await, ["m6"]);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(ids(&queue).await, ["m8"]);
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.held, stats.delayed, stats.dead), (0, 0, 0, 0));

    let conn = Connection::open(&path).unwrap();
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let left: i64 = conn.query_row("SELECT count(*) FROM lane_index", [], |row| row.get(0)).unwrap();
    assert_eq!((sound.as_str(), left), ("ok", 0));
}
