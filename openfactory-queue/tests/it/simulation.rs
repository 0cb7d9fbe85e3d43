//! Worker, queue, clock and faults in one thread and virtual time, drawn from a seed: hundreds of short lives, each of
//! which can be had again by its seed.
//!
//! `OPENFACTORY_SEEDS=FROM..TO` runs other seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::Clock;
use openfactory_queue::jitter::Jitter;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::{Breakers, Permission};
use openfactory_queue::policy::limits::Limits;
use openfactory_queue::worker::BatchHandler;
use openfactory_queue::{ErrorKind, Handler, Leased, Message, Outcome, SyncQueue, Worker};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::virtual_time::{self, SeededJitter, VirtualClock};

const KEYS: u32 = 4;
const MESSAGES: u32 = 24;
const LEASE: Duration = Duration::from_secs(6);
const DESTINATION: &str = "there";

/// When faults stop: from then on everything must come through.
const CALM: Duration = Duration::from_secs(120);

/// When it must have come through.
const END: Duration = Duration::from_secs(3600);

/// What handlers have seen, over all lives of the worker.
#[derive(Default)]
struct Seen {
    /// By key, the numbers that were done at least once.
    done: BTreeMap<u32, BTreeSet<u32>>,
    /// The highest epoch by which a message was handled.
    epochs: BTreeMap<(u32, u32), u64>,
    handled: u32,
}

struct Chaos {
    random: Mutex<StdRng>,
    seen: Mutex<Seen>,
    clock: VirtualClock,
    calm: std::time::SystemTime,
    breakers: Breakers,
    jitter: Arc<dyn Jitter>,
}

impl Chaos {
    fn draw(&self, below: u32) -> u32 {
        self.random.lock().unwrap().random_range(0..below)
    }

    fn is_calm(&self) -> bool {
        self.clock.now() >= self.calm
    }

    /// A message is begun only when those before it in its key are done, and under an epoch of its own.
    fn begin(&self, leased: &Leased) {
        let ((key, n), epoch) = (numbers(leased), leased.token.epoch());
        let mut seen = self.seen.lock().unwrap();
        seen.handled += 1;
        let done = seen.done.entry(key).or_default();
        assert!((0..n).all(|before| done.contains(&before)), "{key}/{n} was begun too early: {done:?}");
        let last = seen.epochs.insert((key, n), epoch);
        assert!(last.is_none_or(|last| last < epoch), "{key}/{n}: epoch {epoch} after {last:?}");
    }
}

#[async_trait]
impl Handler for Chaos {
    async fn handle(&self, leased: &Leased) -> Outcome {
        self.begin(leased);
        self.act(leased).await
    }
}

#[async_trait]
impl BatchHandler for Chaos {
    async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
        // All at once: what is begun late may have a later holder by then.
        leased.iter().for_each(|leased| self.begin(leased));
        let mut outcomes = Vec::new();
        for leased in leased {
            outcomes.push(self.act(leased).await);
        }
        outcomes
    }
}

impl Chaos {
    async fn act(&self, leased: &Leased) -> Outcome {
        let (key, n) = numbers(leased);
        // Mostly short, sometimes longer than a lease: then it must be renewed.
        let long = self.draw(8) == 0;
        let time = self.draw(if long { 15_000 } else { 500 });
        self.clock.sleep(Duration::from_millis(time.into())).await;
        let down = |reason: &str| Outcome::DestinationDown {
            destination: DESTINATION.into(),
            reason: reason.into(),
            retry_after: None,
        };
        if let Permission::Wait(after) = self.breakers.ask(DESTINATION) {
            return Outcome::NotYet { after, reason: "open".into() };
        }
        let outcome = if self.is_calm() { 0 } else { self.draw(10) };
        match outcome {
            7 => Outcome::Retry { reason: "no".into(), after: None },
            8 => down("refused"),
            9 => Outcome::RateLimited { destination: DESTINATION.into(), after: Duration::from_secs(3) },
            _ => {
                self.breakers.succeeded(DESTINATION);
                self.seen.lock().unwrap().done.entry(key).or_default().insert(n);
                Outcome::Done
            }
        }
    }
}

fn numbers(leased: &Leased) -> (u32, u32) {
    let (key, n) = leased.message.id.split_once('/').unwrap();
    (key.parse().unwrap(), n.parse().unwrap())
}

fn fault(chaos: &Chaos) -> Fault {
    if chaos.is_calm() {
        return Fault::None;
    }
    match chaos.draw(20) {
        0 => Fault::Before(ErrorKind::Unavailable),
        1 => Fault::After(ErrorKind::Timeout),
        _ => Fault::None,
    }
}

async fn live(seed: u64) {
    let clock = VirtualClock::new();
    let seam: Arc<dyn Clock> = Arc::new(clock);
    let jitter: Arc<dyn Jitter> = Arc::new(SeededJitter::new(seed));
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
    let breakers = Breakers::new(backoff, Arc::clone(&seam), Arc::clone(&jitter));
    let chaos = Arc::new(Chaos {
        random: Mutex::new(StdRng::seed_from_u64(seed)),
        seen: Mutex::default(),
        clock,
        calm: clock.now() + CALM,
        breakers: breakers.clone(),
        jitter,
    });
    let inner = MemoryQueue::with(MemoryConfig::new().clock(Arc::clone(&seam)));
    let queue = FaultyQueue::new(inner.clone(), {
        let chaos = Arc::clone(&chaos);
        move |_, _| fault(&chaos)
    });
    let publisher = publish(&queue, &chaos);
    let workers = async {
        // Each life of the worker ends as if it had been killed, until it is calm.
        while !chaos.is_calm() {
            let life = Duration::from_millis(chaos.draw(30_000).into());
            drop(tokio::time::timeout(life, work(&queue, &chaos, &breakers, seed)).await);
        }
        drop(tokio::time::timeout(END, work(&queue, &chaos, &breakers, seed)).await);
    };
    tokio::join!(publisher, workers);

    let stats = inner.stats().await.unwrap();
    let seen = chaos.seen.lock().unwrap();
    for key in 0..KEYS {
        let done = seen.done.get(&key).map_or(0, BTreeSet::len);
        assert_eq!(done, (MESSAGES / KEYS) as usize, "seed {seed}: key {key}");
    }
    assert!(seen.handled >= MESSAGES);
    let left = (stats.ready, stats.delayed, stats.leased, stats.held, stats.dead);
    assert_eq!(left, (0, 0, 0, 0, 0), "seed {seed}");
}

/// Publishes each message until it was answered, those of a key one after the other.
async fn publish(queue: &FaultyQueue<MemoryQueue>, chaos: &Chaos) {
    for n in 0..MESSAGES {
        let (key, n) = (n % KEYS, n / KEYS);
        let message = Message::new(format!("{key}/{n}"), "k", "x").with_key(key.to_string());
        while queue.publish(vec![message.clone()]).await.is_err() {
            chaos.clock.sleep(Duration::from_millis(50)).await;
        }
        chaos.clock.sleep(Duration::from_millis(chaos.draw(4_000).into())).await;
    }
}

/// One message at a time, or batches: by the seed.
async fn work(queue: &FaultyQueue<MemoryQueue>, chaos: &Arc<Chaos>, breakers: &Breakers, seed: u64) {
    let worker = Worker::on(Arc::new(queue.clone()))
        .clock(Arc::new(chaos.clock))
        .jitter(Arc::clone(&chaos.jitter))
        .backoff(Backoff::new(Duration::from_millis(100), Duration::from_secs(10)))
        .limits(Limits::default().failures(1_000))
        .lease(LEASE)
        .concurrency(3)
        .breakers(breakers.clone());
    let ended = match seed % 3 {
        0 => worker.run_batches(3, std::future::pending(), Arc::clone(chaos) as Arc<dyn BatchHandler>).await,
        _ => worker.run(std::future::pending(), Arc::clone(chaos) as Arc<dyn Handler>).await,
    };
    ended.unwrap();
}

#[test]
fn everything_comes_through_in_order_whatever_fails_meanwhile() {
    let seeds = match std::env::var("OPENFACTORY_SEEDS") {
        Ok(range) => {
            let (from, to) = range.split_once("..").expect("OPENFACTORY_SEEDS=FROM..TO");
            from.parse().unwrap()..to.parse().unwrap()
        }
        Err(_) => 0..500,
    };
    for seed in seeds {
        let life = std::panic::AssertUnwindSafe(|| virtual_time::run(live(seed)));
        if std::panic::catch_unwind(life).is_err() {
            panic!("seed {seed}");
        }
    }
}
