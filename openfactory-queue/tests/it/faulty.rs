//! The faulty adapter: where no fault is scheduled it is the queue it wraps.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;
use openfactory_queue::{ErrorKind, LeaseRequest, Message, SyncQueue, SyncQueueExt};

struct Faulty {
    clock: ManualClock,
    queue: FaultyQueue<MemoryQueue>,
}

impl Faulty {
    async fn new() -> Self {
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let memory = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
        Self { clock, queue: FaultyQueue::new(memory, |_, _| Fault::None) }
    }
}

#[async_trait]
impl Harness for Faulty {
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

openfactory_queue::conformance!(conforms, Faulty::new);

#[tokio::test]
async fn a_delivery_is_handed_back_when_it_cannot_be_settled() {
    let queue = FaultyQueue::new(MemoryQueue::new(), |operation, n| match (operation, n) {
        ("settle", 0) => Fault::Before(ErrorKind::Unavailable),
        _ => Fault::None,
    });
    queue.send(Message::new("a", "k", "")).await.unwrap();
    let delivery = queue.receive(LeaseRequest::new("w")).await.unwrap().remove(0);
    let failed = delivery.ack().await.unwrap_err();
    assert_eq!(failed.error().kind(), ErrorKind::Unavailable);
    assert_eq!(failed.to_string(), "message a is not settled");
    failed.into_delivery().ack().await.unwrap();
    assert_eq!(queue.calls("settle"), 2);
}

#[tokio::test]
async fn a_delivery_that_was_lost_says_so() {
    let queue = MemoryQueue::new();
    queue.send(Message::new("a", "k", "")).await.unwrap();
    let mut delivery = queue.receive(LeaseRequest::new("w")).await.unwrap().remove(0);
    delivery.extend(Duration::from_secs(5)).await.unwrap();
    let token = delivery.token;
    queue.settle(vec![(token, openfactory_queue::Settlement::Release)]).await.unwrap();
    assert_eq!(delivery.extend(Duration::from_secs(5)).await.unwrap_err().kind(), ErrorKind::LeaseLost);
    assert_eq!(delivery.ack().await.unwrap_err().error().kind(), ErrorKind::LeaseLost);
}
