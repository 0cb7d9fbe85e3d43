//! The worker with handlers of several messages at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::backend::memory::MemoryQueue;
use openfactory_queue::lease::LeaseToken;
use openfactory_queue::pause::{Pause, PauseScope};
use openfactory_queue::policy::limits::Limits;
use openfactory_queue::worker::{BatchHandler, Summary};
use openfactory_queue::{
    ErrorKind, LeaseRequest, Leased, Message, Outcome, Settlement, SyncQueue, SyncQueueExt as _, Worker,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::worker::{live, only_dead_letter, until, worker};

/// Answers by a function of the ids; remembers them.
struct Batches<F> {
    answer: F,
    calls: Mutex<Vec<Vec<String>>>,
}

impl<F> Batches<F> {
    fn new(answer: F) -> Arc<Self> {
        Arc::new(Self { answer, calls: Mutex::default() })
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl<F: Fn(&[Leased]) -> Vec<Outcome> + Send + Sync + 'static> BatchHandler for Batches<F> {
    async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
        let ids = leased.iter().map(|leased| leased.message.id.clone()).collect();
        self.calls.lock().unwrap().push(ids);
        tokio::task::yield_now().await;
        (self.answer)(leased)
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Summary, openfactory_queue::Error>>,
}

impl Running {
    fn start(worker: Worker, size: usize, handler: Arc<dyn BatchHandler>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(worker.run_batches(size, async move { drop(stopped.await) }, handler));
        Self { stop, task }
    }

    async fn stop(self) -> Summary {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap()
    }
}

fn keyed(id: &str, key: &str) -> Message {
    Message::new(id, "k", "").with_key(key)
}

fn all_done(leased: &[Leased]) -> Vec<Outcome> {
    leased.iter().map(|_| Outcome::Done).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_one_message_of_each_key_and_keys_keep_their_order() {
    const KEYS: usize = 6;
    const EACH: usize = 20;
    let queue = MemoryQueue::new();
    let messages =
        (0..EACH).flat_map(|n| (0..KEYS).map(move |key| keyed(&format!("{key}/{n}"), &key.to_string())));
    queue.publish(messages.collect()).await.unwrap();
    // Some of them fail, at their first try.
    let handler = Batches::new(|leased: &[Leased]| {
        let outcome = |leased: &Leased| match (leased.attempt, leased.token.seq() % 5) {
            (1, 0) => Outcome::Retry { reason: "no".into(), after: Some(Duration::ZERO) },
            _ => Outcome::Done,
        };
        leased.iter().map(outcome).collect()
    });
    let running = Running::start(worker(&queue).concurrency(8), 4, handler.clone());
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.retried), ((KEYS * EACH) as u64, (KEYS * EACH / 5) as u64));
    let mut seen: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut largest = 0;
    for call in handler.calls() {
        largest = largest.max(call.len());
        let mut keys = Vec::new();
        for id in call {
            let (key, n) = id.split_once('/').unwrap();
            keys.push(key.to_owned());
            seen.entry(key.to_owned()).or_default().push(n.parse().unwrap());
        }
        let messages = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), messages, "two of one key");
    }
    assert_eq!(largest, 4);
    for (key, numbers) in seen {
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
    }
}

#[tokio::test]
async fn each_message_of_a_batch_ends_as_its_own_answer_says() {
    let queue = MemoryQueue::new();
    queue.publish(["done", "poison", "later"].map(|id| Message::new(id, "k", "")).to_vec()).await.unwrap();
    let handler = Batches::new(|leased: &[Leased]| {
        let outcome = |leased: &Leased| match leased.message.id.as_str() {
            "poison" => Outcome::Poison { reason: "not to be read".into() },
            "later" => Outcome::NotYet { after: Duration::from_secs(3600), reason: "too early".into() },
            _ => Outcome::Done,
        };
        leased.iter().map(outcome).collect()
    });
    let running = Running::start(worker(&queue), 8, handler.clone());
    until(async || queue.stats().await.unwrap().delayed == 1).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.dead, summary.deferred, summary.retried), (1, 1, 1, 0));
    assert_eq!(handler.calls(), [["done", "poison", "later"]]);
    assert_eq!(only_dead_letter(&queue).await, "not to be read");
}

#[tokio::test]
async fn a_wrong_number_of_answers_and_a_panic_are_failures_of_each() {
    let queue = MemoryQueue::new();
    queue.publish(vec![Message::new("a", "k", ""), Message::new("b", "k", "")]).await.unwrap();
    let handler = Batches::new(|leased: &[Leased]| match leased[0].attempt {
        1 => vec![Outcome::Done],
        2 => panic!("on purpose"),
        _ => all_done(leased),
    });
    let running = Running::start(worker(&queue), 8, handler);
    until(async || live(&queue).await == 0).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.retried, summary.dead), (2, 4, 0));

    queue.publish(vec![Message::new("c", "k", ""), Message::new("d", "k", "")]).await.unwrap();
    let handler = Batches::new(|_: &[Leased]| vec![Outcome::Done; 3]);
    let running = Running::start(worker(&queue).limits(Limits::default().failures(1)), 8, handler);
    until(async || queue.stats().await.unwrap().dead == 2).await;
    assert_eq!(running.stop().await.dead, 2);
    let found = queue.find("c").await.unwrap().unwrap();
    assert!(found.history[0].reason.contains("the handler gave 3 answers for 2"), "{found:?}");
}

/// Real time: the handler takes three times as long as the leases last, and loses one of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_renewed_and_one_that_is_lost_does_not_end_the_others() {
    struct Slow;
    #[async_trait]
    impl BatchHandler for Slow {
        async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
            tokio::time::sleep(Duration::from_secs(3)).await;
            all_done(leased)
        }
    }
    let queue = MemoryQueue::new();
    queue.publish(vec![keyed("kept", "a"), keyed("lost", "b")]).await.unwrap();
    let running = Running::start(worker(&queue).lease(Duration::from_secs(1)), 2, Arc::new(Slow));
    until(async || queue.stats().await.unwrap().leased == 2).await;
    queue.pause(Pause::new(PauseScope::Key("b".into()), "op", "x")).await.unwrap();
    let found = queue.find("lost").await.unwrap().unwrap();
    let token = LeaseToken::new(found.seq, u64::from(found.deliveries));
    queue.settle(vec![(token, Settlement::Release)]).await.unwrap();
    until(async || queue.find("kept").await.unwrap().is_none()).await;
    let summary = running.stop().await;
    assert_eq!((summary.done, summary.lost), (1, 1));
    assert_eq!(queue.find("lost").await.unwrap().unwrap().deliveries, 1, "nobody else has taken it");
}

#[tokio::test]
async fn a_stop_gives_the_whole_batch_back_after_its_grace() {
    struct Forever;
    #[async_trait]
    impl BatchHandler for Forever {
        async fn handle(&self, _: &[Leased]) -> Vec<Outcome> {
            std::future::pending().await
        }
    }
    let queue = MemoryQueue::new();
    queue.publish((0..5).map(|n| Message::new(n.to_string(), "k", "")).collect()).await.unwrap();
    let running =
        Running::start(worker(&queue).concurrency(4).grace(Duration::from_millis(50)), 3, Arc::new(Forever));
    until(async || queue.stats().await.unwrap().leased == 4).await;
    assert_eq!(running.stop().await.released, 4, "never more than the concurrency");
    assert_eq!(queue.lease(LeaseRequest::new("next").max(9)).await.unwrap().len(), 5);
}

/// The answer of a settlement is lost, or it never came to the queue: the whole batch is settled again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_settlement_failed_is_settled_again() {
    let queue = FaultyQueue::new(MemoryQueue::new(), |operation, n| match (operation, n % 3) {
        ("settle", 0) => Fault::After(ErrorKind::Timeout),
        ("settle", 1) => Fault::Before(ErrorKind::Unavailable),
        _ => Fault::None,
    });
    let messages = (0..40).map(|n| keyed(&format!("{n:02}"), &(n % 8).to_string())).collect();
    queue.publish(messages).await.unwrap();
    let handler = Batches::new(all_done);
    let running = Running::start(worker(&queue), 4, handler.clone());
    until(async || live(&queue).await == 0).await;
    assert_eq!(running.stop().await.done, 40);
    let handled: Vec<String> = handler.calls().into_iter().flatten().collect();
    assert_eq!(handled.len(), 40, "nothing was handled twice");

    let corrupt = FaultyQueue::new(MemoryQueue::new(), |operation, _| match operation {
        "settle" => Fault::Before(ErrorKind::Corrupt),
        _ => Fault::None,
    });
    corrupt.send(Message::new("a", "k", "")).await.unwrap();
    let ended = worker(&corrupt).run_batches(4, std::future::pending(), Batches::new(all_done)).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Corrupt);
}
