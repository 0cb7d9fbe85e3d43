//! A worker whose handler knows nothing of breakers: the worker asks them, and tells them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::Clock;
use openfactory_queue::message::DESTINATION;
use openfactory_queue::worker::BatchHandler;
use openfactory_queue::worker::alert::Alarm;
use openfactory_queue::{Handler, LeaseRequest, Leased, Message, Outcome, SyncQueue, Worker};
use tokio::sync::Notify;

use crate::heard::Heard;
use crate::virtual_time::{self, SeededJitter, VirtualClock};

const HOUR: Duration = Duration::from_secs(3600);
const MESSAGES: u64 = 400;

/// Two destinations; one of them is down for two hours, twice.
struct Caller {
    clock: VirtualClock,
    began: SystemTime,
    /// Calls that came while it was down.
    probes: AtomicU64,
    left: AtomicU64,
    done: Notify,
}

#[async_trait]
impl Handler for Caller {
    async fn handle(&self, leased: &Leased) -> Outcome {
        let hours = self.clock.now().duration_since(self.began).unwrap().as_secs() / HOUR.as_secs();
        let destination = leased.message.destination().unwrap();
        if destination == "servicenow" && matches!(hours, 0..2 | 10..12) {
            self.probes.fetch_add(1, Ordering::Relaxed);
            let reason = "connection refused".into();
            return Outcome::DestinationDown { destination: destination.into(), reason, retry_after: None };
        }
        if destination != "servicenow" {
            assert!(matches!(hours, 0 | 10), "{} waited {hours} h for another's sake", leased.message.id);
        }
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.notify_one();
        }
        Outcome::Done
    }
}

async fn publish(queue: &MemoryQueue, of: &str) {
    let message = |n| {
        let to = if n % 2 == 0 { "servicenow" } else { "elsewhere" };
        Message::new(format!("{of}/{n}"), "k", "x").with_key(format!("{n}")).with_attribute(DESTINATION, to)
    };
    queue.publish((0..MESSAGES / 2).map(message).collect()).await.unwrap();
}

#[test]
fn an_outage_is_probed_and_told_and_so_is_the_next_one() {
    virtual_time::run(async {
        let clock = VirtualClock::new();
        let seam: Arc<dyn Clock> = Arc::new(clock);
        let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::clone(&seam)));
        let caller = Arc::new(Caller {
            clock,
            began: clock.now(),
            probes: AtomicU64::new(0),
            left: AtomicU64::new(MESSAGES),
            done: Notify::new(),
        });
        let heard = Arc::new(Heard::default());
        let worker = Worker::on(Arc::new(queue.clone()))
            .clock(seam)
            .jitter(Arc::new(SeededJitter::new(7)))
            .alert(heard.clone());
        publish(&queue, "first").await;
        let later = queue.clone();
        let second = async move {
            tokio::time::sleep(10 * HOUR).await;
            publish(&later, "second").await;
        };
        let stop = Arc::clone(&caller);
        let run = worker.run(async move { stop.done.notified().await }, caller.clone());
        let (summary, ()) = tokio::join!(run, second);
        let summary = summary.unwrap();
        assert_eq!((summary.done, summary.dead, summary.retried), (MESSAGES, 0, 0), "{summary:?}");
        let probes = caller.probes.load(Ordering::Relaxed);
        assert!((2..200).contains(&probes), "{probes} calls");
        let heard = heard.0.lock().unwrap();
        let opened = heard.iter().filter(
            |alarm| matches!(alarm, Alarm::BreakerOpened { destination, .. } if destination == "servicenow"),
        );
        assert_eq!((opened.count(), heard.len()), (2, 2), "{heard:?}");
    });
}

/// A destination that no message names: down for an hour, and again for a second at nine.
struct Unnamed {
    clock: VirtualClock,
    began: SystemTime,
    done: Mutex<Vec<Duration>>,
    all: Notify,
}

#[async_trait]
impl Handler for Unnamed {
    async fn handle(&self, _: &Leased) -> Outcome {
        let now = self.clock.now().duration_since(self.began).unwrap();
        if now < HOUR || (9 * HOUR..9 * HOUR + Duration::from_secs(1)).contains(&now) {
            let (destination, reason) = ("servicenow".into(), "connection refused".into());
            return Outcome::DestinationDown { destination, reason, retry_after: None };
        }
        let mut done = self.done.lock().unwrap();
        done.push(now);
        if done.len() == 2 {
            self.all.notify_one();
        }
        Outcome::Done
    }
}

#[test]
fn an_outage_of_a_destination_that_no_message_names_is_over_with_the_next_that_is_done() {
    virtual_time::run(async {
        let clock = VirtualClock::new();
        let seam: Arc<dyn Clock> = Arc::new(clock);
        let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::clone(&seam)));
        let handler =
            Arc::new(Unnamed { clock, began: clock.now(), done: Mutex::default(), all: Notify::new() });
        let heard = Arc::new(Heard::default());
        let worker = Worker::on(Arc::new(queue.clone()))
            .clock(seam)
            .jitter(Arc::new(SeededJitter::new(7)))
            .alert(heard.clone());
        queue.publish(vec![Message::new("first", "k", "x")]).await.unwrap();
        let second = async {
            tokio::time::sleep(9 * HOUR).await;
            queue.publish(vec![Message::new("second", "k", "x")]).await.unwrap();
        };
        let stop = Arc::clone(&handler);
        let run = worker.run(async move { stop.all.notified().await }, handler.clone());
        tokio::join!(run, second).0.unwrap();
        let blip = handler.done.lock().unwrap()[1] - 9 * HOUR;
        assert!(blip < Duration::from_secs(10), "{blip:?} for an outage of a second");
        assert_eq!(heard.0.lock().unwrap().len(), 2);
    });
}

/// A destination that swallows calls: each takes two minutes to fail.
struct BlackHole;

#[async_trait]
impl BatchHandler for BlackHole {
    async fn handle(&self, leased: &[Leased]) -> Vec<Outcome> {
        tokio::time::sleep(Duration::from_secs(120)).await;
        let down = |leased: &Leased| Outcome::DestinationDown {
            destination: leased.message.destination().unwrap().to_owned(),
            reason: "timeout".into(),
            retry_after: None,
        };
        leased.iter().map(down).collect()
    }
}

#[test]
fn messages_that_wait_for_a_probe_keep_no_lease_while_it_is_out() {
    virtual_time::run(async {
        let seam: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let queue = MemoryQueue::with(MemoryConfig::new().clock(Arc::clone(&seam)));
        let message = |n| Message::new(format!("{n}"), "k", "x").with_attribute(DESTINATION, "hole");
        queue.publish((0..40).map(message).collect()).await.unwrap();
        let worker = Worker::on(Arc::new(queue.clone())).clock(seam).jitter(Arc::new(SeededJitter::new(7)));
        let stop = tokio::time::sleep(HOUR);
        let summary = worker.run_batches(8, stop, Arc::new(BlackHole)).await.unwrap();
        assert_eq!((summary.lost, summary.retried, summary.dead), (0, 0, 0), "{summary:?}");
        let lapses = async || {
            let leased = queue.lease(LeaseRequest::new("test").max(40).wait(2 * HOUR)).await.unwrap();
            leased.iter().map(|leased| leased.lapses).sum::<u32>()
        };
        assert_eq!(lapses().await, 0);
    });
}
