//! The PostgreSQL backend, against a server that the tests start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::SyncQueue;
use openfactory_queue::backend::postgres::{PostgresConfig, PostgresQueue};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;

use crate::postgres_server::{address, server};
use crate::shared_server::{SharedServer, or_skip};

/// A schema of its own on the shared server.
pub(crate) fn config(server: &SharedServer) -> PostgresConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    PostgresConfig::new(&address(server)).unwrap().schema(name).unwrap().connections(4)
}

/// The server, or the test is skipped.
pub(crate) fn shared(test: &str) -> Option<&'static SharedServer> {
    let server = server();
    if or_skip(server, test, "postgresql") { None } else { server.as_ref().ok() }
}

struct Postgres {
    clock: ManualClock,
    config: PostgresConfig,
    queue: PostgresQueue,
}

impl Postgres {
    async fn new() -> Option<Self> {
        let server = shared("the conformance of PostgreSQL")?;
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let config = config(server).clock(Arc::new(clock.clone()));
        let queue = PostgresQueue::open(config.clone()).await.unwrap();
        Some(Self { clock, config, queue })
    }
}

#[async_trait]
impl Harness for Postgres {
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
        self.queue = PostgresQueue::open(self.config.clone()).await.unwrap();
        true
    }
}

openfactory_queue::conformance!(conforms, Postgres::new);
