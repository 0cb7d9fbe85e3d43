//! The memory backend.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::SyncQueue;
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;

struct Memory {
    clock: ManualClock,
    queue: MemoryQueue,
}

impl Memory {
    async fn new() -> Self {
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
        Self { clock, queue }
    }
}

#[async_trait]
impl Harness for Memory {
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
        false
    }
}

openfactory_queue::conformance!(conforms, Memory::new);
