//! The worker: outcomes, renewal, faults of the queue itself, stopping.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage};
use openfactory_queue::jitter::FixedJitter;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::{Breakers, Permission};
use openfactory_queue::policy::limits::Limits;
use openfactory_queue::worker::Summary;
use openfactory_queue::worker::alert::Alarm;
use openfactory_queue::{
    ErrorKind, Handler, LeaseRequest, Leased, Message, Outcome, SyncQueue, SyncQueueExt, Worker,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::heard::Heard;

const SECOND: Duration = Duration::from_secs(1);

/// Answers by a function; remembers whom it was called for.
struct Scripted<F> {
    answer: F,
    calls: Mutex<Vec<String>>,
}

impl<F> Scripted<F> {
    fn new(answer: F) -> Arc<Self> {
        Arc::new(Self { answer, calls: Mutex::default() })
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl<F: Fn(&Leased) -> Outcome + Send + Sync + 'static> Handler for Scripted<F> {
    async fn handle(&self, leased: &Leased) -> Outcome {
        self.calls.lock().unwrap().push(leased.message.id.clone());
        tokio::task::yield_now().await;
        (self.answer)(leased)
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Summary, openfactory_queue::Error>>,
}

impl Running {
    async fn stop(self) -> Summary {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap()
    }
}

fn start(worker: Worker, handler: Arc<dyn Handler>) -> Running {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(worker.run(async move { drop(stopped.await) }, handler));
    Running { stop, task }
}

pub(crate) fn worker(queue: &impl AsQueue) -> Worker {
    let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
    Worker::on(queue.as_queue()).backoff(backoff)
}

pub(crate) trait AsQueue {
    fn as_queue(&self) -> Arc<dyn SyncQueue>;
}

impl<Q: SyncQueue + Clone> AsQueue for Q {
    fn as_queue(&self) -> Arc<dyn SyncQueue> {
        Arc::new(self.clone())
    }
}

/// Waits until the queue satisfies a condition; the test fails if that takes 20 seconds.
pub(crate) async fn until<F: AsyncFn() -> bool>(condition: F) {
    for _ in 0..4000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain");
}

pub(crate) async fn live(queue: &impl SyncQueue) -> u64 {
    let stats = queue.stats().await.unwrap();
    stats.ready + stats.delayed + stats.held + stats.leased
}

pub(crate) async fn only_dead_letter(queue: &impl SyncQueue) -> String {
    let letters = queue.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await.unwrap();
    assert_eq!(letters.len(), 1);
    letters[0].reason.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_handled_in_order_under_failures() {
    let queue = MemoryQueue::new();
    let messages =
        (0..200).map(|n| Message::new(format!("{n:03}"), "k", "").with_key(format!("{}", n % 7))).collect();
    queue.publish(messages).await.unwrap();
    let done: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
    let handler = Scripted::new({
        let done = Arc::clone(&done);
        move |leased: &Leased| {
            if (leased.token.seq() + u64::from(leased.deliveries)).is_multiple_of(3) {
                return Outcome::Retry { reason: "flaky".into(), after: None };
            }
            let key = leased.message.key.clone().unwrap();
            done.lock().unwrap().entry(key).or_default().push(leased.message.id.clone());
            Outcome::Done
        }
    });
    let running = start(worker(&queue), handler);
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.dead, summary.lost), (200, 0, 0));
    assert!(summary.retried > 0);
    for ids in done.lock().unwrap().values() {
        assert!(ids.is_sorted(), "{ids:?}");
    }
}

#[tokio::test]
async fn what_fails_too_often_is_dead_lettered_and_told() {
    let queue = MemoryQueue::new();
    queue.send(Message::new("a", "kind", "").with_key("key")).await.unwrap();
    let heard = Arc::new(Heard::default());
    let handler = Scripted::new(|_: &Leased| Outcome::Retry { reason: "500".into(), after: None });
    let worker = worker(&queue).limits(Limits::default().failures(3)).alert(heard.clone());
    let running = start(worker, handler.clone());
    until(async || queue.stats().await.unwrap().dead == 1).await;
    until(async || !heard.0.lock().unwrap().is_empty()).await;
    let summary = running.stop().await;
    assert_eq!((summary.retried, summary.dead), (2, 1));
    assert_eq!(handler.calls().len(), 3);
    assert_eq!(only_dead_letter(&queue).await, "gave up after 3 failures: 500");
    let expected = Alarm::DeadLetter {
        id: "a".into(),
        kind: "kind".into(),
        key: Some("key".into()),
        reason: "gave up after 3 failures: 500".into(),
        blocking: true,
    };
    assert_eq!(*heard.0.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_at_once_and_a_panic_is_a_failure() {
    let queue = MemoryQueue::new();
    queue.publish(vec![Message::new("poison", "k", ""), Message::new("panics", "k", "")]).await.unwrap();
    let handler = Scripted::new(|leased: &Leased| match leased.message.id.as_str() {
        "poison" => Outcome::Poison { reason: "no such type".into() },
        _ if leased.attempt == 1 => panic!("a bug in the handler"),
        _ => Outcome::Done,
    });
    let running = start(worker(&queue), handler);
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.retried, summary.dead), (1, 1, 1));
    assert_eq!(only_dead_letter(&queue).await, "no such type");
}

#[tokio::test]
async fn what_finds_no_room_among_the_dead_letters_stays_and_comes_again() {
    let inner = MemoryQueue::new();
    let full = |operation: &str, n: u64| match (operation, n) {
        ("settle", 0) => Fault::Before(ErrorKind::Full),
        _ => Fault::None,
    };
    let queue = Arc::new(FaultyQueue::new(inner.clone(), full));
    inner.send(Message::new("poison", "k", "")).await.unwrap();
    let handler = Scripted::new(|_: &Leased| Outcome::Poison { reason: "no such type".into() });
    let running = start(Worker::on(queue).backoff(Backoff::new(SECOND / 100, SECOND / 50)), handler.clone());
    until(async || live(&inner).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.deferred, summary.dead, handler.calls().len()), (1, 1, 2));
    let letters = inner.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await.unwrap();
    assert_eq!((letters[0].failures, letters[0].deliveries), (0, 2), "it cost the message no attempt");
}

/// A message that takes its worker down with it each time is not handed out for ever.
/// What can't be decoded is kept as it came, byte for byte.
#[tokio::test]
async fn what_cannot_be_decoded_is_a_dead_letter_with_its_bytes() {
    let queue = MemoryQueue::new();
    let bytes = b"{\"a\": \xff\x00 no JSON".to_vec();
    queue.send(Message::new("a", "k", bytes.clone()).with_key("key")).await.unwrap();
    let handler = Scripted::new(|leased: &Leased| match leased.message.decode::<BTreeMap<String, u64>>() {
        Ok(_) => Outcome::Done,
        Err(error) if error.kind() == ErrorKind::Poisoned => Outcome::Poison { reason: error.to_string() },
        Err(error) => Outcome::Retry { reason: error.to_string(), after: None },
    });
    let running = start(worker(&queue), handler);
    until(async || queue.stats().await.unwrap().dead == 1).await;
    assert_eq!(running.stop().await.dead, 1);
    let letters = queue.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await.unwrap();
    assert_eq!(letters[0].message.payload, bytes);
    assert_eq!((letters[0].failures, letters[0].blocking), (0, true));
}

#[tokio::test]
async fn a_message_whose_leases_lapse_too_often_is_dead_lettered_unhandled() {
    let clock = ManualClock::at(UNIX_EPOCH + SECOND * 1000);
    let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
    queue.send(Message::new("killer", "k", "")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(queue.lease(LeaseRequest::new("dies").ttl(SECOND)).await.unwrap().len(), 1);
        clock.advance(SECOND);
    }
    let handler = Scripted::new(|_: &Leased| Outcome::Done);
    let running = start(worker(&queue).limits(Limits::default().lapses(2)), handler.clone());
    until(async || queue.stats().await.unwrap().dead == 1).await;
    running.stop().await;
    assert_eq!(handler.calls(), [""; 0]);
    assert_eq!(only_dead_letter(&queue).await, "2 leases ended without an answer");
}

/// The clock is virtual: two hours in a moment.
#[tokio::test]
async fn an_outage_consumes_no_attempt_and_is_probed_rarely() {
    const MESSAGES: usize = 300;
    let clock = ManualClock::at(UNIX_EPOCH + SECOND * 1_000_000);
    let up_at = UNIX_EPOCH + SECOND * (1_000_000 + 7200);
    let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(clock.clone())));
    let messages = (0..MESSAGES)
        .map(|n| Message::new(format!("{n:03}"), "k", "").with_key(format!("{}", n % 20)))
        .collect();
    queue.publish(messages).await.unwrap();
    let jitter = Arc::new(FixedJitter(0.5));
    let breakers = Breakers::new(Backoff::new(SECOND, SECOND * 300), Arc::new(clock.clone()), jitter.clone());
    let (probes, done) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let handler = Scripted::new({
        let (breakers, clock, probes, done) = (breakers.clone(), clock.clone(), probes.clone(), done.clone());
        move |leased: &Leased| {
            let down = |reason: &str| Outcome::DestinationDown {
                destination: "sn".into(),
                reason: reason.into(),
                retry_after: None,
            };
            assert_eq!(leased.attempt, 1);
            if matches!(breakers.ask("sn"), Permission::Wait(_)) {
                return down("breaker open");
            }
            if openfactory_queue::clock::Clock::now(&clock) < up_at {
                *probes.lock().unwrap() += 1;
                breakers.failed("sn", "connection refused", None);
                return down("connection refused");
            }
            breakers.succeeded("sn");
            done.lock().unwrap().push((leased.message.key.clone(), leased.message.id.clone()));
            Outcome::Done
        }
    });
    let heard = Arc::new(Heard::default());
    let worker = Worker::on(Arc::new(queue.clone()))
        .clock(Arc::new(clock.clone()))
        .jitter(jitter)
        .breakers(breakers)
        .alert(heard.clone());
    let running = start(worker, handler);
    for _ in 0..20_000 {
        if live(&queue).await == 0 {
            break;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        clock.advance(SECOND);
    }
    assert_eq!(live(&queue).await, 0);
    running.stop.send(()).unwrap();
    let summary = running.task.await.unwrap().unwrap();
    assert_eq!((summary.done, summary.retried, summary.dead), (MESSAGES as u64, 0, 0));
    let probes = *probes.lock().unwrap();
    assert!((10..200).contains(&probes), "{probes} probes");
    let mut done = done.lock().unwrap().clone();
    assert_eq!(done.len(), MESSAGES);
    done.sort_by(|a, b| a.0.cmp(&b.0));
    for (before, after) in done.iter().zip(done.iter().skip(1)) {
        assert!(before.0 != after.0 || before.1 < after.1, "{before:?} {after:?}");
    }
    let opened = |alarm: &&Alarm| matches!(alarm, Alarm::BreakerOpened { .. });
    assert_eq!(heard.0.lock().unwrap().iter().filter(opened).count(), 1, "told once, not at each probe");
}

/// Real time: the handler takes three times as long as its lease lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_while_the_work_runs() {
    struct Slow(Mutex<u32>);
    #[async_trait]
    impl Handler for Slow {
        async fn handle(&self, _: &Leased) -> Outcome {
            *self.0.lock().unwrap() += 1;
            tokio::time::sleep(SECOND * 3).await;
            Outcome::Done
        }
    }
    let queue = MemoryQueue::new();
    queue.send(Message::new("a", "k", "")).await.unwrap();
    let slow = Arc::new(Slow(Mutex::default()));
    let running = start(worker(&queue).lease(SECOND), slow.clone());
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.lost), (1, 0));
    assert_eq!(*slow.0.lock().unwrap(), 1);
}

/// When somebody else has the message, the handler is stopped.
#[tokio::test]
async fn a_lost_lease_stops_the_handler() {
    struct Forever;
    #[async_trait]
    impl Handler for Forever {
        async fn handle(&self, _: &Leased) -> Outcome {
            std::future::pending().await
        }
    }
    let queue = FaultyQueue::new(MemoryQueue::new(), |operation, _| match operation {
        "extend" => Fault::Before(ErrorKind::Unavailable),
        _ => Fault::None,
    });
    queue.send(Message::new("a", "k", "")).await.unwrap();
    let running =
        start(worker(&queue).lease(Duration::from_millis(90)).grace(Duration::ZERO), Arc::new(Forever));
    // Renewal fails, so the lease lapses and comes again: each holder but the last loses it when it is told.
    until(async || {
        let found = queue.find("a").await.unwrap().unwrap();
        found.deliveries > 2
    })
    .await;
    let summary = running.stop().await;
    assert_eq!(summary.done, 0);
    assert!(summary.released + summary.lost > 0, "{summary:?}");

    let queue = MemoryQueue::new();
    queue.send(Message::new("b", "k", "")).await.unwrap();
    let running = start(worker(&queue).lease(Duration::from_millis(90)), Arc::new(Forever));
    until(async || queue.stats().await.unwrap().leased == 1).await;
    let found = queue.find("b").await.unwrap().unwrap();
    let token = openfactory_queue::lease::LeaseToken::new(found.seq, u64::from(found.deliveries));
    queue
        .pause(openfactory_queue::pause::Pause::new(openfactory_queue::pause::PauseScope::Queue, "op", "x"))
        .await
        .unwrap();
    queue.settle(vec![(token, openfactory_queue::Settlement::Release)]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let summary = running.stop().await;
    assert_eq!((summary.lost, summary.released), (1, 0));
}

/// Whatever call of the queue fails for a while: nothing is lost, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_queue_are_retried() {
    let kinds = [
        Fault::Before(ErrorKind::Unavailable),
        Fault::After(ErrorKind::Timeout),
        Fault::None,
        Fault::Before(ErrorKind::Full),
        Fault::None,
    ];
    let queue = FaultyQueue::new(MemoryQueue::new(), move |operation, n| {
        match (operation, kinds[(n % 5) as usize]) {
            // The answer of a lease that was given is not lost on purpose: that would only wait for the lapse.
            ("lease", Fault::After(kind)) => Fault::Before(kind),
            ("lease" | "settle" | "extend" | "maintain", fault) => fault,
            _ => Fault::None,
        }
    });
    let messages =
        (0..50).map(|n| Message::new(format!("{n:02}"), "k", "").with_key(format!("{}", n % 5))).collect();
    queue.publish(messages).await.unwrap();
    let handler = Scripted::new(|_: &Leased| Outcome::Done);
    let jitter = Arc::new(FixedJitter(0.1));
    let running = start(worker(&queue).jitter(jitter), handler.clone());
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!(summary.done, 50, "{summary:?}");
    let mut calls = handler.calls();
    calls.sort();
    calls.dedup();
    assert_eq!((calls.len(), handler.calls().len()), (50, 50));
}

#[tokio::test]
async fn a_fault_that_no_waiting_cures_ends_the_worker() {
    for operation in ["lease", "settle", "maintain"] {
        let queue = FaultyQueue::new(MemoryQueue::new(), move |called, _| {
            if called == operation { Fault::Before(ErrorKind::Corrupt) } else { Fault::None }
        });
        queue.send(Message::new("a", "k", "")).await.unwrap();
        let handler = Scripted::new(|_: &Leased| Outcome::Done);
        let run = worker(&queue).run(std::future::pending(), handler);
        let ended = tokio::time::timeout(SECOND * 20, run).await;
        assert_eq!(ended.expect(operation).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn a_stop_lets_running_work_end_within_the_grace_and_gives_back_the_rest() {
    struct Mixed;
    #[async_trait]
    impl Handler for Mixed {
        async fn handle(&self, leased: &Leased) -> Outcome {
            if leased.message.id == "quick" {
                tokio::time::sleep(Duration::from_millis(100)).await;
                return Outcome::Done;
            }
            std::future::pending().await
        }
    }
    let queue = MemoryQueue::new();
    queue.publish(vec![Message::new("quick", "k", ""), Message::new("stuck", "k", "")]).await.unwrap();
    let running = start(worker(&queue).grace(Duration::from_millis(500)), Arc::new(Mixed));
    until(async || queue.stats().await.unwrap().leased == 2).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.released), (1, 1));
    // Given back, not left to lapse.
    assert_eq!(queue.lease(LeaseRequest::new("next")).await.unwrap()[0].message.id, "stuck");
}

#[tokio::test]
async fn a_queue_without_fencing_is_refused() {
    let mut has = MemoryQueue::new().capabilities();
    has.fencing = false;
    let queue = FaultyQueue::new(MemoryQueue::new(), |_, _| Fault::None).declaring(has);
    let handler = Scripted::new(|_: &Leased| Outcome::Done);
    let refused = worker(&queue).run(std::future::pending(), handler).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("fencing"), "{refused}");
}
