//! The SQLite state store: every promise of the contract, one process per file, and SIGKILL at any moment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use openfactory_examples::state::{OpenError, SCHEMA_VERSION, SqliteStateStore};
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, OrderRecord};
use openfactory_sn::lifecycle::event::order::OrderGiven;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, DeviceId, EventId, FleetId, OrderId};
use openfactory_sn::lifecycle::platform::{Action, Order};
use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome, Write};
use openfactory_sn::lifecycle::state::conformance::{self, Harness};
use openfactory_sn::lifecycle::state::timer::Timer;
use openfactory_sn::lifecycle::state::{StateError, StateStore};
use tempfile::TempDir;

struct Files {
    directory: TempDir,
    made: AtomicUsize,
}

struct Store {
    store: SqliteStateStore,
    path: PathBuf,
}

#[async_trait::async_trait]
impl Harness for Files {
    type Store = SqliteStateStore;

    async fn empty(&self) -> SqliteStateStore {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        SqliteStateStore::open(&self.directory.path().join(format!("{number}.sqlite"))).unwrap()
    }

    async fn reopen(&self, store: SqliteStateStore) -> SqliteStateStore {
        drop(store);
        let number = self.made.load(Ordering::Relaxed) - 1;
        SqliteStateStore::open(&self.directory.path().join(format!("{number}.sqlite"))).unwrap()
    }
}

#[tokio::test]
async fn it_keeps_every_promise_of_the_contract() {
    let files = Files { directory: tempfile::tempdir().unwrap(), made: AtomicUsize::new(0) };
    conformance::run(&files).await.unwrap();
}

fn fresh() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    let store = SqliteStateStore::open(&path).unwrap();
    (directory, Store { store, path })
}

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_has_it() {
    let (_directory, Store { store, path }) = fresh();
    let refused = SqliteStateStore::open(&path).unwrap_err();
    let expected = format!("is in use by process {}; stop it first", std::process::id());
    assert!(
        matches!(refused, OpenError::InUse { .. }) && refused.to_string().ends_with(&expected),
        "{refused}"
    );
    drop(store);
    SqliteStateStore::open(&path).unwrap();
}

#[tokio::test]
async fn files_that_are_not_ours_to_write_are_left_alone() {
    let (_directory, Store { store, path }) = fresh();
    drop(store);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(raw);
    let newer = SqliteStateStore::open(&path).unwrap_err();
    assert!(matches!(newer, OpenError::Newer { found, .. } if found == SCHEMA_VERSION + 1), "{newer}");

    let foreign = path.with_file_name("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(SqliteStateStore::open(&foreign), Err(OpenError::Foreign { .. })));

    let text = path.with_file_name("text.sqlite");
    std::fs::write(
        &text,
        "no database at all, only text, and enough of it to be read as a header".repeat(10),
    )
    .unwrap();
    assert!(matches!(SqliteStateStore::open(&text), Err(OpenError::Sqlite { .. })));
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_named() {
    let (_directory, Store { store, path }) = fresh();
    let key = order_key(1);
    store.commit(&step(1, 0)).await.unwrap();
    drop(store);
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE entity SET document = '{}'", []).unwrap();
    let store = SqliteStateStore::open(&path).unwrap();
    let error = store.load(std::slice::from_ref(&key)).await.unwrap_err();
    assert!(matches!(&error, StateError::Corrupt { place, .. } if *place == key.to_string()), "{error}");
}

fn order_key(order: u64) -> EntityKey {
    EntityKey::Order(OrderId::new(format!("order-{order}")).unwrap())
}

fn order(number: u64) -> Order {
    Order::new(
        OrderId::new("order-1").unwrap(),
        DeviceId::new("edge-1").unwrap(),
        FleetId::new("line-7").unwrap(),
        BuildId::new("b-1").unwrap(),
        vec![Action::Quarantine],
        format!("step {number}"),
    )
}

/// Step `number`: writes the one entity over version `over`, with an event for the outbox and a timer.
fn step(number: u64, over: u64) -> Commit {
    let inbox = EventId::new(format!("step-{number}")).unwrap();
    let body = EventBody::OrderGiven(Box::new(OrderGiven::new(order(number))));
    let record = serde_json::json!({
        "order": order(number), "performed": null, "performed_at": null, "proved": false
    });
    let record: OrderRecord = serde_json::from_value(record).unwrap();
    let mut commit = Commit::new(inbox.clone());
    commit.writes.push(Write::new(order_key(1), over, Entity::Order(record)));
    commit.outbox.push(Event::derived(&inbox, "ordered", SystemTime::UNIX_EPOCH, body.clone()));
    commit.timers.push(Timer::new(
        format!("timer-{number}"),
        SystemTime::UNIX_EPOCH + Duration::from_secs(number),
        body,
    ));
    commit
}

/// Not a test of its own: the process that [`what_was_acknowledged_survives_sigkill`] kills.
#[tokio::test]
async fn child_that_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os("STATE_CRASH_CHILD") else { return };
    let store = SqliteStateStore::open(Path::new(&path)).unwrap();
    let mut number = store.load(&[order_key(1)]).await.unwrap()[0].1.as_ref().map_or(0, |kept| kept.version);
    loop {
        let outcome = store.commit(&step(number + 1, number)).await.unwrap();
        assert_eq!(outcome, CommitOutcome::Applied);
        number += 1;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "committed {number}").unwrap();
        stdout.flush().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill_and_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sqlite");
    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["state::child_that_commits_until_it_is_killed", "--exact", "--nocapture"])
            .env("STATE_CRASH_CHILD", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut lines = lines.map(Result::unwrap).filter_map(|line| {
            line.rsplit_once("committed ").and_then(|(_, number)| number.parse::<u64>().ok())
        });
        for number in lines.by_ref().take(5) {
            acknowledged = number;
        }
        // A different part of a commit each round.
        std::thread::sleep(Duration::from_micros(round * 700));
        child.kill().unwrap();
        acknowledged = lines.last().unwrap_or(acknowledged);
        child.wait().unwrap();
        assert!(acknowledged > 0, "the child committed nothing");

        let store = SqliteStateStore::open(&path).unwrap();
        let kept = store.load(&[order_key(1)]).await.unwrap().remove(0).1.unwrap();
        let version = kept.version;
        assert!(version == acknowledged || version == acknowledged + 1, "{version} after {acknowledged}");
        let Entity::Order(record) = kept.value else { panic!("another entity") };
        assert_eq!(record.order.reason, format!("step {version}"));
        let all = usize::try_from(version).unwrap();
        assert_eq!(store.outbox(usize::MAX).await.unwrap().len(), all, "an outbox row for each commit");
        for number in 1..=version {
            assert!(store.is_applied(&EventId::new(format!("step-{number}")).unwrap()).await.unwrap());
        }
        assert!(!store.is_applied(&EventId::new(format!("step-{}", version + 1)).unwrap()).await.unwrap());
        drop(store);
        let timers: i64 = rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM timer", [], |row| row.get(0))
            .unwrap();
        assert_eq!(timers.unsigned_abs(), version, "a timer for each commit");
    }
}
