//! The line of a key in a SQLite file, whose front is deleted from the index by the dozen.

use std::path::Path;

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::dead_letter::{DeadPolicy, Redrive, Selection};
use openfactory_queue::lease::{Leased, Settled};
use openfactory_queue::{LeaseRequest, Message, Settlement, SyncQueue};
use rusqlite::Connection;

/// Enough to have most of them indexed, where tests index early.
const MANY: usize = 300;

async fn open(path: &Path) -> SqliteQueue {
    SqliteQueue::open(SqliteConfig::new(path)).await.unwrap()
}

fn message(n: usize) -> Message {
    let mut message = Message::new(format!("{n}"), "k", "body").with_key(format!("key-{}", n % 3));
    message.on_dead = DeadPolicy::Skip;
    message
}

async fn lease(queue: &SqliteQueue) -> Vec<Leased> {
    queue.lease(LeaseRequest::new("test").max(3)).await.unwrap()
}

async fn settle(queue: &SqliteQueue, leased: &[Leased], how: Settlement) {
    let settlements = leased.iter().map(|leased| (leased.token, how.clone())).collect();
    let settled = queue.settle(settlements).await.unwrap();
    assert!(settled.iter().all(|settled| *settled == Settled::Done), "{settled:?}");
}

fn ids(leased: &[Leased]) -> Vec<usize> {
    leased.iter().map(|leased| leased.message.id.parse().unwrap()).collect()
}

/// Entries of messages that are gone, which only a front may leave.
fn left(path: &Path) -> i64 {
    let sql =
        "SELECT count(*) FROM lane_index i WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = i.seq)";
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_is_left_of_a_front_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let mut queue = open(&path).await;
    for n in (0..MANY).step_by(50) {
        queue.publish((n..n + 50).map(message).collect()).await.unwrap();
    }
    let mut seen_left = 0;
    for n in (0..MANY).step_by(3) {
        if n % 12 == 0 {
            queue.close().await.unwrap();
            let left = left(&path);
            assert!(left <= 3 * 4, "{left} entries of a front are left");
            seen_left += left;
            queue = open(&path).await;
        }
        let leased = lease(&queue).await;
        assert_eq!(ids(&leased), [n, n + 1, n + 2]);
        settle(&queue, &leased, Settlement::Ack).await;
    }
    assert!(seen_left > 0, "no front was ever left: the test shows nothing");
    assert!(lease(&queue).await.is_empty());
    queue.close().await.unwrap();
    assert_eq!(left(&path), 0);
}

#[tokio::test]
async fn a_letter_redriven_before_a_lease_is_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let queue = open(&path).await;
    for n in (0..MANY).step_by(50) {
        queue.publish((n..n + 50).map(message).collect()).await.unwrap();
    }
    for n in (0..30).step_by(3) {
        let leased = lease(&queue).await;
        assert_eq!(ids(&leased), [n, n + 1, n + 2]);
        let how = if n == 12 { Settlement::Dead { reason: "no".into() } } else { Settlement::Ack };
        settle(&queue, &leased, how).await;
    }
    let leased = lease(&queue).await;
    assert_eq!(ids(&leased), [30, 31, 32]);
    let letters = Selection::Ids(vec!["12".into(), "13".into(), "14".into()]);
    queue.redrive(Redrive::new(letters, "me", "mended")).await.unwrap();
    settle(&queue, &leased, Settlement::Ack).await;
    let leased = lease(&queue).await;
    assert_eq!(ids(&leased), [12, 13, 14]);
    settle(&queue, &leased, Settlement::Ack).await;
    assert_eq!(ids(&lease(&queue).await), [33, 34, 35]);
    queue.close().await.unwrap();
}
