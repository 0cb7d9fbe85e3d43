//! The SQLite backend.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::SyncQueue;
use openfactory_queue::backend::sqlite::{SqliteConfig, SqliteQueue};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;
use tempfile::TempDir;

pub(crate) struct Sqlite {
    pub(crate) clock: ManualClock,
    pub(crate) config: SqliteConfig,
    pub(crate) queue: SqliteQueue,
    _dir: TempDir,
}

impl Sqlite {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let config = SqliteConfig::new(dir.path().join("queue.db")).clock(Arc::new(clock.clone()));
        let queue = SqliteQueue::open(config.clone()).await.unwrap();
        Self { clock, config, queue, _dir: dir }
    }
}

#[async_trait]
impl Harness for Sqlite {
    fn queue(&self) -> Arc<dyn SyncQueue> {
        Arc::new(self.queue.clone())
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn reopen(&mut self) -> bool {
        self.queue.close().await.unwrap();
        self.queue = SqliteQueue::open(self.config.clone()).await.unwrap();
        true
    }
}

openfactory_queue::conformance!(conforms, Sqlite::new);
