//! A destination that is down for two hours, while messages wait: 100,000 of them in strict runs and in release.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::Clock;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::{Breakers, Permission};
use openfactory_queue::{Handler, Leased, Message, Outcome, SyncQueue, Worker};
use tokio::sync::Notify;

use crate::virtual_time::{self, SeededJitter, VirtualClock};

/// As many as wait; fewer where nobody asked for the whole test.
fn messages() -> u64 {
    let whole = std::env::var_os("OPENFACTORY_STRICT").is_some_and(|strict| strict == "1");
    if whole || !cfg!(debug_assertions) { 100_000 } else { 10_000 }
}

const KEYS: u64 = 200;
const OUTAGE: Duration = Duration::from_secs(2 * 3600);
const DESTINATION: &str = "servicenow";

/// Calls the destination if its breaker lets it, as a handler should.
struct Caller {
    clock: VirtualClock,
    up_at: SystemTime,
    breakers: Breakers,
    /// Calls that came while it was down.
    probes: AtomicU64,
    delivered: Mutex<BTreeMap<String, Vec<u64>>>,
    left: AtomicU64,
    counted: AtomicU64,
    done: Notify,
}

#[async_trait]
impl Handler for Caller {
    async fn handle(&self, leased: &Leased) -> Outcome {
        self.counted.fetch_max(u64::from(leased.attempt), Ordering::Relaxed);
        if let Permission::Wait(after) = self.breakers.ask(DESTINATION) {
            return Outcome::NotYet { after, reason: "the breaker is open".into() };
        }
        if self.clock.now() < self.up_at {
            self.probes.fetch_add(1, Ordering::Relaxed);
            return Outcome::DestinationDown {
                destination: DESTINATION.into(),
                reason: "connection refused".into(),
                retry_after: None,
            };
        }
        self.breakers.succeeded(DESTINATION);
        let n = leased.message.id.parse().unwrap();
        self.delivered.lock().unwrap().entry(leased.message.key.clone().unwrap()).or_default().push(n);
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.notify_one();
        }
        Outcome::Done
    }
}

#[test]
fn two_hours_of_outage_cost_no_message_and_few_probes() {
    virtual_time::run(async {
        let clock = VirtualClock::new();
        let seam: Arc<dyn Clock> = Arc::new(clock);
        let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::clone(&seam)));
        let numbers: Vec<u64> = (0..messages()).collect();
        for batch in numbers.chunks(1000) {
            let message = |n: &u64| Message::new(n.to_string(), "k", "x").with_key((n % KEYS).to_string());
            queue.publish(batch.iter().map(message).collect()).await.unwrap();
        }
        let breakers = Breakers::new(Backoff::default(), Arc::clone(&seam), Arc::new(SeededJitter::new(7)));
        let caller = Arc::new(Caller {
            clock,
            up_at: clock.now() + OUTAGE,
            breakers: breakers.clone(),
            probes: AtomicU64::new(0),
            delivered: Mutex::default(),
            left: AtomicU64::new(messages()),
            counted: AtomicU64::new(0),
            done: Notify::new(),
        });
        let handler = Arc::clone(&caller);
        let worker = Worker::on(Arc::new(queue.clone())).clock(Arc::clone(&seam)).breakers(breakers);
        let began = clock.now();
        let summary = worker.run(async { handler.done.notified().await }, caller.clone()).await.unwrap();
        assert!(clock.now().duration_since(began).unwrap() >= OUTAGE);
        assert_eq!((summary.done, summary.dead, summary.retried), (messages(), 0, 0));
        assert_eq!(caller.counted.load(Ordering::Relaxed), 1, "the outage counted against a message");
        let probes = caller.probes.load(Ordering::Relaxed);
        assert!((1..200).contains(&probes), "{probes} probes");
        let stats = queue.stats().await.unwrap();
        let delivered = caller.delivered.lock().unwrap();
        assert_eq!(delivered.values().map(Vec::len).sum::<usize>() as u64, messages());
        assert!(delivered.values().all(|numbers| numbers.is_sorted_by(|a, b| a < b)));
        assert_eq!((stats.ready, stats.delayed, stats.leased, stats.held, stats.dead), (0, 0, 0, 0, 0));
    });
}
