//! The example of a backend of one's own, which has to pass as any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;
use openfactory_queue::{ErrorKind, LeaseRequest, Message, SyncQueue, SyncQueueExt as _};
use tempfile::TempDir;

#[path = "../../examples/journal_backend/journal.rs"]
mod journal;

use journal::JournalQueue;

struct Journal {
    clock: ManualClock,
    dir: TempDir,
    queue: Arc<JournalQueue>,
}

impl Journal {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let queue = Arc::new(JournalQueue::open(&path(&dir), Arc::new(clock.clone())).await.unwrap());
        Self { clock, dir, queue }
    }
}

fn path(dir: &TempDir) -> PathBuf {
    dir.path().join("queue.journal")
}

#[async_trait]
impl Harness for Journal {
    fn queue(&self) -> Arc<dyn SyncQueue> {
        self.queue.clone()
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopen(&mut self) -> bool {
        self.queue.close().await.unwrap();
        self.queue =
            Arc::new(JournalQueue::open(&path(&self.dir), Arc::new(self.clock.clone())).await.unwrap());
        true
    }
}

openfactory_queue::conformance!(conforms, Journal::new);

#[test]
fn the_example_is_short() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/journal_backend/journal.rs"),
    );
    let lines = text.unwrap().lines().count();
    assert!(lines < 150, "{lines} lines");
}

#[tokio::test]
async fn what_was_cut_off_was_never_answered_and_what_is_no_call_is_damage() {
    let journal = Journal::new().await;
    journal.queue.send(Message::new("a", "k", "")).await.unwrap();
    journal.queue.close().await.unwrap();
    let open = async || JournalQueue::open(&path(&journal.dir), Arc::new(journal.clock.clone())).await;
    let whole = std::fs::read(path(&journal.dir)).unwrap();
    std::fs::write(path(&journal.dir), [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
    let queue = open().await.unwrap();
    assert_eq!(open().await.unwrap_err().kind(), ErrorKind::Locked);
    assert_eq!(queue.lease(LeaseRequest::new("w")).await.unwrap()[0].message.id, "a");
    queue.close().await.unwrap();
    std::fs::write(path(&journal.dir), [&b"{}\n"[..], &whole[..]].concat()).unwrap();
    assert_eq!(open().await.unwrap_err().kind(), ErrorKind::Corrupt);
}
