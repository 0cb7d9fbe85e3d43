//! A process killed while it publishes and settles, again and again: what it was told is true afterwards.
//!
//! The test runs its own binary as the child. The child writes what it is about to do and what was acknowledged on
//! standard output, which outlives it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::lease::Settled;
use openfactory_queue::{LeaseRequest, Message, Published, Settlement, SyncQueue};

const CHILD: &str = "OPENFACTORY_QUEUE_CRASH_CHILD";
const KEYS: u64 = 8;
const KILLS: u64 = 20;

/// What the children have said.
#[derive(Default)]
struct Journal {
    /// Numbers whose publish was begun, by key.
    tried: BTreeMap<u64, BTreeSet<u64>>,
    stored: BTreeMap<u64, BTreeSet<u64>>,
    /// Numbers in the order of their settlements that were acknowledged.
    acked: BTreeMap<u64, Vec<u64>>,
    /// Numbers that were about to be acked.
    leased: BTreeMap<u64, BTreeSet<u64>>,
}

impl Journal {
    fn read(&mut self, text: &str) {
        // What follows the last newline was cut off by the kill.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let Some(rest) = line.strip_prefix("crash ") else { continue };
            let mut words = rest.split(' ');
            let what = words.next().unwrap();
            let key: u64 = words.next().unwrap().parse().unwrap();
            let n: u64 = words.next().unwrap().parse().unwrap();
            match what {
                "try" => drop(self.tried.entry(key).or_default().insert(n)),
                "stored" => drop(self.stored.entry(key).or_default().insert(n)),
                "lease" => drop(self.leased.entry(key).or_default().insert(n)),
                "ack" => self.acked.entry(key).or_default().push(n),
                other => panic!("{other}"),
            }
        }
    }
}

fn say(what: &str, key: u64, n: u64) {
    let mut out = std::io::stdout().lock();
    // One write per line, so that a kill cuts at most the last line.
    out.write_all(format!("crash {what} {key} {n}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn id(key: u64, n: u64) -> String {
    format!("{key}/{n}")
}

fn numbers(id: &str) -> (u64, u64) {
    let (key, n) = id.split_once('/').unwrap();
    (key.parse().unwrap(), n.parse().unwrap())
}

/// Publishes and settles until it is killed.
async fn child(path: &str) {
    // The harness has begun a line of its own.
    std::io::stdout().write_all(b"\n").unwrap();
    let queue = SqliteQueue::open(SqliteConfig::new(path)).await.unwrap();
    let next: u64 = std::env::var("OPENFACTORY_QUEUE_CRASH_NEXT").unwrap().parse().unwrap();
    let publisher = |lane: u64, queue: SqliteQueue| async move {
        for n in next.. {
            for key in (0..KEYS).filter(|key| key % 2 == lane) {
                say("try", key, n);
                let message = Message::new(id(key, n), "k", vec![0; 200]).with_key(key.to_string());
                match queue.publish(vec![message]).await.unwrap()[0] {
                    Published::Stored { .. } => say("stored", key, n),
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    let settler = |queue: SqliteQueue| async move {
        loop {
            let request = LeaseRequest::new("child").max(3).wait(Duration::from_secs(1));
            for leased in queue.lease(request).await.unwrap() {
                let (key, n) = numbers(&leased.message.id);
                if leased.token.epoch() == 1 && n % 5 == 0 {
                    let how =
                        Settlement::Retry { after: Duration::ZERO, reason: "again".into(), counts: true };
                    assert_eq!(queue.settle(vec![(leased.token, how)]).await.unwrap(), [Settled::Done]);
                    continue;
                }
                say("lease", key, n);
                let settled = queue.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap();
                assert_eq!(settled, [Settled::Done]);
                say("ack", key, n);
            }
        }
    };
    let tasks = [
        tokio::spawn(publisher(0, queue.clone())),
        tokio::spawn(publisher(1, queue.clone())),
        tokio::spawn(settler(queue.clone())),
        tokio::spawn(settler(queue)),
    ];
    for task in tasks {
        task.await.unwrap();
    }
}

/// Not a test of its own: what the child process runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_child() {
    if let Ok(path) = std::env::var(CHILD) {
        child(&path).await;
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill_and_no_key_loses_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let mut journal = Journal::default();
    for kill in 0..KILLS {
        let out = dir.path().join(format!("out{kill}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::crash_child", "--nocapture", "--test-threads=1"])
            .env(CHILD, &path)
            .env("OPENFACTORY_QUEUE_CRASH_NEXT", (kill * 1_000_000).to_string())
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It must have got to work; then it is killed at a moment that differs from kill to kill.
        let began = Instant::now();
        while std::fs::metadata(&out).unwrap().len() < 2000 + kill * 97 {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            assert!(began.elapsed() < Duration::from_secs(60), "the child does not get to work");
            tokio::time::sleep(Duration::from_micros(300 + kill * 37)).await;
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        journal.read(&std::fs::read_to_string(&out).unwrap());
    }

    // What is left, in order.
    let queue = SqliteQueue::open(SqliteConfig::new(&path)).await.unwrap();
    let mut left: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    loop {
        let leased = queue.lease(LeaseRequest::new("checker").max(64)).await.unwrap();
        if leased.is_empty() {
            break;
        }
        for leased in &leased {
            let (key, n) = numbers(&leased.message.id);
            left.entry(key).or_default().push(n);
        }
        let acks = leased.iter().map(|leased| (leased.token, Settlement::Ack)).collect();
        assert!(queue.settle(acks).await.unwrap().iter().all(|settled| *settled == Settled::Done));
    }
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.ready, stats.held, stats.delayed, stats.leased, stats.dead), (0, 0, 0, 0, 0));

    let stored: usize = journal.stored.values().map(BTreeSet::len).sum();
    assert!(stored > 100, "the children did something: {stored}");
    for key in 0..KEYS {
        let acked = journal.acked.remove(&key).unwrap_or_default();
        let left = left.remove(&key).unwrap_or_default();
        assert!(acked.is_sorted_by(|a, b| a < b), "key {key} was acked out of order or twice: {acked:?}");
        assert!(left.is_sorted_by(|a, b| a < b), "key {key} is out of order: {left:?}");
        let (gone, left): (BTreeSet<u64>, BTreeSet<u64>) =
            (acked.into_iter().collect(), left.into_iter().collect());
        let again: Vec<_> = gone.intersection(&left).collect();
        assert!(again.is_empty(), "key {key}: acknowledged acks came again: {again:?}");
        // Whose ack was under way when the kill came may be gone or left; whose publish, stored or not.
        let begun = journal.leased.remove(&key).unwrap_or_default();
        let lost: Vec<u64> = journal
            .stored
            .remove(&key)
            .unwrap_or_default()
            .into_iter()
            .filter(|n| !gone.contains(n) && !left.contains(n) && !begun.contains(n))
            .collect();
        assert!(lost.is_empty(), "key {key}: stored and lost: {lost:?}");
        let tried = journal.tried.remove(&key).unwrap_or_default();
        assert!(gone.union(&left).all(|n| tried.contains(n)), "key {key}: a message that nobody published");
        // Only the last lease of each life may be unclear.
        let unclear = begun.iter().filter(|n| !gone.contains(n)).count() as u64;
        assert!(unclear <= KILLS * 2, "key {key}: {unclear} leases without an acknowledged ack");
    }
}
