//! The NATS backend, against servers that the tests start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::SyncQueue;
use openfactory_queue::backend::nats::{NatsConfig, NatsQueue, ServerSync};
use openfactory_queue::backend::tls::Tls;
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;

use crate::nats_server::{Sync, address, shared};

/// A queue of its own on the server at this port.
pub(crate) fn config(port: u16) -> NatsConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    NatsConfig::new(&address(port)).unwrap().tls(Tls::Off).name(name).unwrap()
}

struct Nats {
    clock: ManualClock,
    config: NatsConfig,
    queue: NatsQueue,
}

impl Nats {
    async fn on(sync: Sync) -> Option<Self> {
        let server = shared(sync, "the conformance of NATS")?;
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let told = if sync == Sync::Always { ServerSync::Always } else { ServerSync::Interval };
        let config = config(server.port).clock(Arc::new(clock.clone())).sync(told);
        let queue = NatsQueue::open(config.clone()).await.unwrap();
        Some(Self { clock, config, queue })
    }

    async fn by_default() -> Option<Self> {
        Self::on(Sync::Default).await
    }

    async fn synced() -> Option<Self> {
        Self::on(Sync::Always).await
    }
}

#[async_trait]
impl Harness for Nats {
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
        self.queue = NatsQueue::open(self.config.clone()).await.unwrap();
        true
    }
}

openfactory_queue::conformance!(conforms, Nats::by_default);
openfactory_queue::conformance!(conforms_with_sync_always, Nats::synced);
