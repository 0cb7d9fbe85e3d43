//! The limits of a SQLite queue: a promise about publishing, which hinders nobody who makes room.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::dead_letter::{DeadLetterFilter, Redrive, Selection};
use openfactory_queue::stats::{Bound, Bounded};
use openfactory_queue::{
    ErrorKind, Handler, LeaseRequest, Leased, Message, Outcome, Published, Settlement, SyncQueue,
    SyncQueueExt, Worker,
};
use tokio::sync::watch;

const CAP: u64 = 1024 * 1024;

fn at(dir: &tempfile::TempDir) -> SqliteConfig {
    SqliteConfig::new(dir.path().join("queue.db"))
}

fn plain(id: &str) -> Message {
    Message::new(id, "k", vec![b'x'; 512])
}

fn keyed(n: usize) -> Message {
    plain(&format!("m{n}")).with_key(format!("key{}", n % 100))
}

/// Publishes one by one until there is no more room; how many found some.
async fn fill(queue: &SqliteQueue) -> usize {
    for n in 0.. {
        if let Err(error) = queue.send(keyed(n)).await {
            assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
            return n;
        }
    }
    unreachable!("never full")
}

async fn bytes(queue: &SqliteQueue) -> Bound {
    let bounds = queue.stats().await.unwrap().bounds;
    *bounds.iter().find(|bound| bound.of == Bounded::Bytes).unwrap()
}

#[tokio::test]
async fn a_full_file_refuses_publishes_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_bytes(512 * 1024)).await.unwrap();
    let mut stored = 0;
    let error = loop {
        let batch = (0..16).map(|n| plain(&format!("m{stored}/{n}"))).collect();
        match queue.publish(batch).await {
            Ok(answers) => stored += answers.len(),
            Err(error) => break error,
        }
        assert!(stored < 10_000, "never full");
    };
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(error.is_retryable() && error.outcome_known());
    assert_eq!(queue.stats().await.unwrap().ready, stored as u64, "nothing of the refused batch is there");
    let leased = queue.lease(LeaseRequest::new("w").max(64)).await.unwrap();
    let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
    queue.settle(acks).await.unwrap();
    queue.publish((0..16).map(|n| plain(&format!("again/{n}"))).collect()).await.unwrap();
}

/// Counts what it handles.
struct Count(watch::Sender<usize>);

#[async_trait]
impl Handler for Count {
    async fn handle(&self, _: &Leased) -> Outcome {
        self.0.send_modify(|count| *count += 1);
        Outcome::Done
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_is_opened_with_leases_held_and_emptied_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let config = at(&dir).max_bytes(CAP);
    let queue = SqliteQueue::open(config.clone()).await.unwrap();
    let stored = fill(&queue).await;
    assert!(stored > 500, "{stored}");
    let leased = queue.lease(LeaseRequest::new("w").max(100)).await.unwrap();
    assert_eq!(leased.len(), 100);
    let later = Settlement::Retry { after: Duration::ZERO, reason: "r".repeat(200), counts: true };
    let retries = leased.iter().take(50).map(|leased| (leased.token, later.clone())).collect();
    queue.settle(retries).await.unwrap();
    queue.close().await.unwrap();

    let queue = SqliteQueue::open(config).await.unwrap();
    let (count, mut counted) = watch::channel(0);
    let worker = Worker::on(Arc::new(queue.clone()));
    let stop = async move { drop(counted.wait_for(|count| *count == stored).await) };
    worker.run(stop, Arc::new(Count(count))).await.unwrap();
    assert_eq!(queue.stats().await.unwrap().ready, 0);
    queue.send(plain("again")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_is_emptied_while_others_go_on_publishing() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_bytes(CAP)).await.unwrap();
    let stored = fill(&queue).await;
    let mut publishers = tokio::task::JoinSet::new();
    for n in 0..4 {
        let queue = queue.clone();
        publishers.spawn(async move {
            for call in 0.. {
                let batch = (0..4).map(|m| plain(&format!("p{n}/{call}/{m}"))).collect();
                match queue.publish(batch).await {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Full, "{error:?}"),
                }
            }
        });
    }
    let mut acked = 0;
    while acked < stored {
        let leased = queue.lease(LeaseRequest::new("w").max(16)).await.unwrap();
        acked += leased.len();
        let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
        queue.settle(acks).await.unwrap();
    }
    publishers.shutdown().await;
}

#[tokio::test]
async fn dead_letters_of_a_full_file_are_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_bytes(CAP)).await.unwrap();
    fill(&queue).await;
    let leased = queue.lease(LeaseRequest::new("w").max(50)).await.unwrap();
    let dead = |leased: &Leased| (leased.token, Settlement::Dead { reason: "no".into() });
    queue.settle(leased.iter().map(dead).collect()).await.unwrap();
    let redrive = Redrive::new(Selection::Matching(DeadLetterFilter::all()), "op", "why");
    assert_eq!(queue.redrive(redrive).await.unwrap().ids.len(), 50);
}

#[tokio::test]
async fn the_bytes_are_told_and_keep_to_their_limit() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_bytes(CAP)).await.unwrap();
    let empty = bytes(&queue).await;
    assert!(empty.limit == CAP && empty.held < CAP / 4, "{empty:?}");
    fill(&queue).await;
    let full = bytes(&queue).await;
    assert!(full.held > CAP / 10 * 9 && full.held <= CAP, "{full:?}");
    queue.close().await.unwrap();
    let file = std::fs::metadata(at(&dir).path()).unwrap().len();
    assert!(file <= CAP, "{file}");
}

/// Rows of which a page holds one, in large batches of many callers.
#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_keep_to_their_limit_whatever_the_rows_and_batches() {
    const LARGE: u64 = 8 * CAP;
    for payload in [2_100, 5_000] {
        let dir = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(at(&dir).max_bytes(LARGE).without_sync()).await.unwrap();
        let mut publishers = tokio::task::JoinSet::new();
        for n in 0..8 {
            let queue = queue.clone();
            publishers.spawn(async move {
                for size in [200, 50, 1] {
                    for call in 0.. {
                        let id = |m| format!("{n}/{size}/{call}/{m}");
                        let batch = (0..size).map(|m| Message::new(id(m), "k", vec![b'x'; payload]));
                        if let Err(error) = queue.publish(batch.collect()).await {
                            assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
                            break;
                        }
                    }
                }
            });
        }
        publishers.join_all().await;
        let full = bytes(&queue).await;
        assert!(full.held > LARGE / 4 * 3 && full.held <= LARGE, "{payload}: {full:?}");
    }
}

#[tokio::test]
async fn what_is_known_already_needs_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_messages(2)).await.unwrap();
    queue.publish(vec![plain("a"), plain("a"), plain("b")]).await.unwrap();
    let again = queue.publish(vec![plain("b"), plain("a"), plain("b")]).await.unwrap();
    assert!(again.iter().all(|one| matches!(one, Published::Duplicate { .. })), "{again:?}");
    assert_eq!(queue.publish(vec![plain("a"), plain("c")]).await.unwrap_err().kind(), ErrorKind::Full);
}

#[tokio::test]
async fn the_limit_of_messages_is_kept_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_messages(3)).await.unwrap();
    queue.publish(vec![plain("a"), plain("b")]).await.unwrap();
    let error = queue.publish(vec![plain("c"), plain("d")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(queue.stats().await.unwrap().ready, 2);
    queue.publish(vec![plain("a"), plain("c")]).await.unwrap();
    assert_eq!(queue.publish(vec![plain("d")]).await.unwrap_err().kind(), ErrorKind::Full);
}

/// What a refused batch had begun is undone in the writer's memory too: its keys are as they were.
#[tokio::test]
async fn a_batch_that_was_undone_leaves_nothing_in_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_messages(2)).await.unwrap();
    let keyed = |id: &str, key: &str| plain(id).with_key(key);
    queue.send(keyed("a", "one")).await.unwrap();
    let batch = vec![keyed("b", "two"), keyed("c", "three")];
    assert_eq!(queue.publish(batch).await.unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(queue.find("b").await.unwrap(), None);
    let mut seen = Vec::new();
    for next in [Some(keyed("d", "two")), Some(keyed("b", "two")), Some(keyed("c", "three")), None] {
        let leased = queue.lease(LeaseRequest::new("w")).await.unwrap().remove(0);
        seen.push(leased.message.id);
        queue.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap();
        if let Some(next) = next {
            queue.send(next).await.unwrap();
        }
    }
    assert_eq!(seen, ["a", "d", "b", "c"]);
}
