//! The instrumented and the limited adapter: the queue they wrap, and what they add.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::adapter::instrumented::InstrumentedQueue;
use openfactory_queue::adapter::limited::LimitedQueue;
use openfactory_queue::adapter::meter::{CONSUMED_MESSAGES, Measurement, Meter, SENT_MESSAGES, Tally};
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::conformance::Harness;
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

struct Wrapped {
    clock: ManualClock,
    queue: Arc<dyn SyncQueue>,
}

impl Wrapped {
    fn new(wrap: impl FnOnce(MemoryQueue, Arc<ManualClock>) -> Arc<dyn SyncQueue>) -> Self {
        let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000));
        let memory = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
        Self { queue: wrap(memory, Arc::new(clock.clone())), clock }
    }
}

#[async_trait]
impl Harness for Wrapped {
    fn queue(&self) -> Arc<dyn SyncQueue> {
        Arc::clone(&self.queue)
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

async fn instrumented() -> Wrapped {
    Wrapped::new(|memory, clock| {
        let queue = InstrumentedQueue::new(memory, "events").clock(clock).meter(Arc::new(Tally::default()));
        Arc::new(queue)
    })
}

async fn limited() -> Wrapped {
    Wrapped::new(|memory, clock| {
        Arc::new(LimitedQueue::new(memory).calls(1).rate(1_000_000, 1_000_000).clock(clock))
    })
}

openfactory_queue::conformance!(instrumented_conforms, instrumented);
openfactory_queue::conformance!(limited_conforms, limited);

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_call_is_a_span_with_the_attributes_of_the_conventions_and_no_payload() {
    let page = Page::default();
    let subscriber =
        tracing_subscriber::fmt().json().with_span_events(FmtSpan::CLOSE).with_writer(page.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let faulty = FaultyQueue::new(MemoryQueue::new(), |operation, _| match operation {
        "stats" => Fault::Before(ErrorKind::Unavailable),
        _ => Fault::None,
    });
    let queue = InstrumentedQueue::new(faulty, "events");
    queue.send(Message::new("m1", "k", "very secret")).await.unwrap();
    let leased = queue.lease(LeaseRequest::new("w")).await.unwrap();
    queue.settle(vec![(leased[0].token, Settlement::Ack)]).await.unwrap();
    assert_eq!(queue.stats().await.unwrap_err().kind(), ErrorKind::Unavailable);
    drop(guard);
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let spans: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["span"].clone())
        .collect();
    let of = |name: &str| spans.iter().find(|span| span["otel.name"] == name).unwrap();
    let publish = of("publish events");
    assert_eq!(publish["messaging.system"], "openfactory_queue");
    assert_eq!(publish["messaging.destination.name"], "events");
    assert_eq!(publish["messaging.operation.name"], "publish");
    assert_eq!(publish["messaging.operation.type"], "send");
    assert_eq!(publish["messaging.message.id"], "m1");
    assert_eq!(publish["messaging.batch.message_count"], 1);
    assert_eq!(publish["otel.kind"], "producer");
    assert_eq!(publish.get("error.type"), None);
    assert_eq!(of("lease events")["messaging.operation.type"], "receive");
    assert_eq!(of("settle events")["messaging.operation.type"], "settle");
    assert_eq!(of("stats events")["error.type"], "unavailable");
}

#[tokio::test]
async fn measurements_tell_calls_messages_time_and_errors() {
    let clock = Arc::new(ManualClock::at(UNIX_EPOCH));
    let slow = {
        let clock = Arc::clone(&clock);
        FaultyQueue::new(MemoryQueue::new(), move |operation, n| {
            clock.advance(Duration::from_millis(if operation == "publish" { 20 } else { 1 }));
            if (operation, n) == ("publish", 1) { Fault::After(ErrorKind::Timeout) } else { Fault::None }
        })
    };
    let tally = Arc::new(Tally::default());
    let queue = InstrumentedQueue::new(slow, "events").clock(clock).meter(tally.clone());
    let message = |n: u32| Message::new(n.to_string(), "k", "");
    queue.publish(vec![message(1), message(2)]).await.unwrap();
    queue.publish(vec![message(3)]).await.unwrap_err();
    assert_eq!(queue.lease(LeaseRequest::new("w").max(10)).await.unwrap().len(), 3);
    let good = tally.sum("publish", None);
    assert_eq!((good.calls, good.messages, good.duration), (1, 2, Duration::from_millis(20)));
    assert_eq!(good.buckets[2], 1, "between 10 and 25 ms");
    let bad = tally.sum("publish", Some(ErrorKind::Timeout));
    assert_eq!((bad.calls, bad.messages), (1, 1));
    assert_eq!(tally.sum("lease", None).messages, 3);
    assert_eq!(Measurement::new("publish", Duration::ZERO, 1).counter(), Some(SENT_MESSAGES));
    assert_eq!(Measurement::new("lease", Duration::ZERO, 1).counter(), Some(CONSUMED_MESSAGES));
    assert_eq!(Measurement::new("settle", Duration::ZERO, 1).counter(), None);
    tally.record(&Measurement::new("slow", Duration::from_secs(100), 0));
    assert_eq!(tally.sum("slow", None).buckets.last(), Some(&1));
}

/// Counts how many calls are under way.
#[derive(Debug, Default)]
struct Crowd {
    now: std::sync::atomic::AtomicUsize,
    most: std::sync::atomic::AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_limit_wait() {
    use std::sync::atomic::Ordering::SeqCst;
    let crowd = Arc::new(Crowd::default());
    let queue = {
        let crowd = Arc::clone(&crowd);
        let counted = FaultyQueue::new(MemoryQueue::new(), move |_, _| {
            crowd.most.fetch_max(crowd.now.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            crowd.now.fetch_sub(1, SeqCst);
            Fault::None
        });
        LimitedQueue::new(counted).calls(1)
    };
    let calls = (0..20).map(|_| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.stats().await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(crowd.most.load(SeqCst), 1);
}

#[tokio::test]
async fn publishes_beyond_the_rate_wait_their_turn_in_order() {
    let clock = ManualClock::at(UNIX_EPOCH);
    let queue = LimitedQueue::new(MemoryQueue::new()).rate(1, 1).clock(Arc::new(clock.clone()));
    let send = |id: &'static str| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.send(Message::new(id, "k", "")).await })
    };
    let mut sent = Vec::new();
    for id in ["a", "b", "c"] {
        sent.push(send(id));
        tokio::task::yield_now().await;
    }
    let ids = async || {
        let leased = queue.lease(LeaseRequest::new("w").max(10)).await.unwrap();
        leased.into_iter().map(|leased| leased.message.id).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, ["a"]);
    for id in ["b", "c"] {
        clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(ids().await, [id]);
    }
    for task in sent {
        task.await.unwrap().unwrap();
    }
    let refused = LimitedQueue::new(MemoryQueue::new()).rate(1, 1).longest_wait(Duration::ZERO);
    refused.send(Message::new("a", "k", "")).await.unwrap();
    let error = refused.send(Message::new("b", "k", "")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome_known(), error.is_retryable()), (ErrorKind::Full, true, true));
    assert_eq!(refused.find("b").await.unwrap(), None);
}
