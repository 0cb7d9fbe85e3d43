//! What is particular to the file: its owner, its schema, damage, want of room.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::capabilities::{Durability, Requirements};
use openfactory_queue::lease::{Extended, Settled};
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};
use rusqlite::Connection;

fn at(dir: &tempfile::TempDir) -> SqliteConfig {
    SqliteConfig::new(dir.path().join("queue.db"))
}

async fn refused(config: SqliteConfig) -> openfactory_queue::Error {
    SqliteQueue::open(config).await.unwrap_err()
}

fn plain(id: &str) -> Message {
    Message::new(id, "k", vec![b'x'; 512])
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    let error = refused(at(&dir)).await;
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("queue.db.lock"), "{error}");
    queue.close().await.unwrap();
    SqliteQueue::open(at(&dir)).await.unwrap();
}

/// Whatever links lead to it, also one that was made before the file.
#[cfg(unix)]
#[tokio::test]
async fn a_link_to_the_file_leads_to_the_same_owner() {
    for link_first in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let link = SqliteConfig::new(dir.path().join("link.db"));
        std::os::unix::fs::symlink(at(&dir).path(), link.path()).unwrap();
        let (first, second) = if link_first { (link, at(&dir)) } else { (at(&dir), link) };
        let queue = SqliteQueue::open(first.clone()).await.unwrap();
        queue.send(plain("a")).await.unwrap();
        assert_eq!(refused(second.clone()).await.kind(), ErrorKind::Locked);
        queue.close().await.unwrap();
        assert_eq!(SqliteQueue::open(second).await.unwrap().stats().await.unwrap().ready, 1);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    SqliteQueue::open(at(&dir)).await.unwrap().close().await.unwrap();
    let conn = Connection::open(at(&dir).path()).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    let error = refused(at(&dir)).await;
    assert_eq!(error.kind(), ErrorKind::SchemaVersion);
    assert!(error.to_string().contains("99"), "{error}");
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn the_applied_migrations_are_written_down() {
    let dir = tempfile::tempdir().unwrap();
    SqliteQueue::open(at(&dir)).await.unwrap().close().await.unwrap();
    let conn = Connection::open(at(&dir).path()).unwrap();
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let applied: i64 = conn.query_row("SELECT max(version) FROM migrations", [], |row| row.get(0)).unwrap();
    assert_eq!(version, applied);
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Connection::open(at(&dir).path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert_eq!(refused(at(&dir)).await.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn what_is_no_database_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(at(&dir).path(), "this is a letter, not a database. ".repeat(1000)).unwrap();
    assert_eq!(refused(at(&dir)).await.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_path_that_cannot_be_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(SqliteConfig::new(dir.path().join("nowhere").join("queue.db"))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_damaged_page_is_reported_as_corruption() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    let messages = (0..1000).map(|n| plain(&format!("m{n}")).with_key(format!("key{n}"))).collect();
    queue.publish(messages).await.unwrap();
    queue.close().await.unwrap();
    // Everything behind the schema's page.
    let mut bytes = std::fs::read(at(&dir).path()).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xA5);
    }
    std::fs::write(at(&dir).path(), bytes).unwrap();
    let kind = match SqliteQueue::open(at(&dir)).await {
        Err(error) => error.kind(),
        Ok(queue) => queue.lease(LeaseRequest::new("w")).await.unwrap_err().kind(),
    };
    assert_eq!(kind, ErrorKind::Corrupt);
}

/// A call that fails in the middle of a group takes nothing of its own along, and nothing of the others'.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_committed_together_fail_apart() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir).max_messages(50)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let queue = queue.clone();
        tasks.spawn(async move { queue.send(plain(&format!("m{n}"))).await.map_err(|error| error.kind()) });
    }
    let answers = tasks.join_all().await;
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    let full = answers.iter().filter(|answer| **answer == Err(ErrorKind::Full)).count();
    assert_eq!((stored, full), (50, 50));
    assert_eq!(queue.stats().await.unwrap().ready, 50);
    let leased = queue.lease(LeaseRequest::new("w").max(100)).await.unwrap();
    assert_eq!(leased.len(), 50);
}

#[tokio::test]
async fn the_leases_of_the_process_before_end_when_the_file_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    queue.publish(vec![plain("a").with_key("k"), plain("b").with_key("k")]).await.unwrap();
    let hour = LeaseRequest::new("before").ttl(Duration::from_secs(3600));
    let old = queue.lease(hour).await.unwrap().remove(0);
    queue.close().await.unwrap();

    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    let new = queue.lease(LeaseRequest::new("after")).await.unwrap().remove(0);
    assert_eq!((new.message.id.as_str(), new.deliveries, new.lapses), ("a", 2, 1));
    assert_eq!(queue.settle(vec![(old.token, Settlement::Ack)]).await.unwrap(), [Settled::Stale]);
    assert_eq!(queue.extend(vec![old.token], Duration::from_secs(1)).await.unwrap(), [Extended::Stale]);
    queue.settle(vec![(new.token, Settlement::Ack)]).await.unwrap();
    assert_eq!(queue.lease(LeaseRequest::new("after")).await.unwrap()[0].message.id, "b");
}

#[tokio::test]
async fn durability_is_declared_as_configured() {
    let dir = tempfile::tempdir().unwrap();
    let needed = Requirements::new().durability(Durability::PowerLoss);
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    queue.require(&needed).unwrap();
    queue.close().await.unwrap();
    let queue = SqliteQueue::open(at(&dir).without_sync()).await.unwrap();
    assert_eq!(queue.require(&needed).unwrap_err().kind(), ErrorKind::Unsupported);
    queue.require(&Requirements::new().durability(Durability::ProcessCrash)).unwrap();
}

#[tokio::test]
async fn operators_acts_are_written_down() {
    use openfactory_queue::dead_letter::{Discard, Selection};
    let dir = tempfile::tempdir().unwrap();
    let queue = Arc::new(SqliteQueue::open(at(&dir)).await.unwrap());
    queue.send(plain("a")).await.unwrap();
    let delivery = queue.receive(LeaseRequest::new("w")).await.unwrap().remove(0);
    delivery.dead("x").await.unwrap();
    queue.discard(Discard::new(Selection::Ids(vec!["a".into()]), "me", "obsolete")).await.unwrap();
    let conn = Connection::open(at(&dir).path()).unwrap();
    let act: (String, String, String, String) = conn
        .query_row("SELECT act, actor, reason, what FROM acts", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!(act, ("discard".into(), "me".into(), "obsolete".into(), "[\"a\"]".into()));
}

/// Each commit is seen by another reader of the file: none may leave a message neither alive nor dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_is_between_life_and_death() {
    const MESSAGES: i64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    queue.publish((0..MESSAGES).map(|n| plain(&format!("m{n}"))).collect()).await.unwrap();
    let conn = Connection::open(at(&dir).path()).unwrap();
    let settling = tokio::spawn(async move {
        for _ in 0..MESSAGES {
            let leased = queue.lease(LeaseRequest::new("w")).await.unwrap().remove(0);
            let dead = Settlement::Dead { reason: "x".into() };
            assert_eq!(queue.settle(vec![(leased.token, dead)]).await.unwrap(), [Settled::Done]);
        }
    });
    let sql = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM dead)";
    let mut looks = 0;
    while looks == 0 || !settling.is_finished() {
        let there: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(there, MESSAGES);
        looks += 1;
    }
    settling.await.unwrap();
}

/// An operator looks into the file of a running queue with the shell that every system has.
#[tokio::test]
async fn the_sqlite3_shell_reads_the_file_of_a_running_queue() {
    const TEST: &str = "the_sqlite3_shell_reads_the_file_of_a_running_queue";
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(at(&dir)).await.unwrap();
    queue.publish(vec![plain("a").with_key("k"), plain("b").with_key("k")]).await.unwrap();
    let shell = |sql: &str| Command::new("sqlite3").arg("-readonly").arg(at(&dir).path()).arg(sql).output();
    let output = match shell(
        "SELECT id, key FROM messages JOIN lanes USING (lane) ORDER BY seq; PRAGMA integrity_check",
    ) {
        Ok(output) => output,
        Err(error) if std::env::var_os("OPENFACTORY_STRICT").is_some_and(|strict| strict == "1") => {
            panic!("{TEST}: needs sqlite3: {error}")
        }
        Err(_) => {
            eprintln!("SKIPPED: {TEST}: needs sqlite3");
            return;
        }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["a|k", "b|k", "ok"],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    queue.send(plain("c")).await.unwrap();
}

/// Between fork and exec a child has a copy of every open file, the lock's too: letting go must not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_that_are_being_started_do_not_keep_the_file_locked() {
    let dir = tempfile::tempdir().unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let starter = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(Command::new("/bin/true").status().unwrap().success());
            }
        }
    });
    for _ in 0..150 {
        let queue = SqliteQueue::open(at(&dir).without_sync()).await.unwrap();
        queue.close().await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    starter.join().unwrap();
}
