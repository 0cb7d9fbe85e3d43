//! What lasts too long is told, once, again after a while, and when it is over; and how it is posted.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use openfactory_queue::adapter::faulty::{Fault, FaultyQueue};
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::clock::ManualClock;
use openfactory_queue::dead_letter::{Discard, Selection};
use openfactory_queue::jitter::FixedJitter;
use openfactory_queue::policy::backoff::Backoff;
use openfactory_queue::policy::breaker::Breakers;
use openfactory_queue::stats::{Bound, Bounded};
use openfactory_queue::worker::alert::watch::{FileSystem, Room, Watch};
use openfactory_queue::worker::alert::webhook::{Call, Post, WebhookAlert, WebhookConfig};
use openfactory_queue::worker::alert::{Alarm, Alert, Condition};
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};

use crate::heard::Heard;

const MINUTE: Duration = Duration::from_secs(60);

impl Heard {
    fn take(&self) -> Vec<Alarm> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn names(&self) -> Vec<&'static str> {
        self.take().iter().map(Alarm::name).collect()
    }
}

/// Free bytes as a test wants them; `u64::MAX` fails.
#[derive(Debug)]
struct Gauge(AtomicU64);

impl Room for Gauge {
    fn free(&self) -> io::Result<u64> {
        match self.0.load(Ordering::SeqCst) {
            u64::MAX => Err(io::Error::other("gone")),
            free => Ok(free),
        }
    }
}

struct Scene {
    clock: Arc<ManualClock>,
    queue: MemoryQueue,
    heard: Arc<Heard>,
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_764_000_000)));
        let queue = MemoryQueue::with(MemoryConfig::new().clock(clock.clone()));
        Self { clock, queue, heard: Arc::default() }
    }

    fn watch(&self) -> Watch {
        Watch::on(Arc::new(self.queue.clone()), self.heard.clone()).clock(self.clock.clone())
    }
}

#[tokio::test]
async fn old_messages_old_leases_and_blocked_keys_are_told_and_told_when_over() {
    let scene = Scene::new();
    let mut watch = scene.watch();
    let message = |id: &str| Message::new(id, "k", "").with_key("key");
    scene.queue.publish(vec![message("1"), message("2")]).await.unwrap();
    scene.clock.advance(MINUTE * 14);
    assert_eq!(watch.look().await, 0);
    scene.clock.advance(MINUTE);
    assert_eq!(watch.look().await, 1);
    assert_eq!(scene.heard.take(), [Alarm::OldestReady { age: MINUTE * 15, ready: 1 }]);
    assert_eq!(watch.look().await, 0, "told once");

    let leased = scene.queue.lease(LeaseRequest::new("w").ttl(MINUTE * 60)).await.unwrap().remove(0);
    scene.clock.advance(MINUTE * 15);
    watch.look().await;
    let over = Alarm::Over { condition: Condition::OldestReady };
    assert_eq!(scene.heard.take(), [over, Alarm::OldestLease { age: MINUTE * 15 }]);

    scene.queue.settle(vec![(leased.token, Settlement::Dead { reason: "x".into() })]).await.unwrap();
    watch.look().await;
    let over = Alarm::Over { condition: Condition::OldestLease };
    assert_eq!(scene.heard.take(), [over, Alarm::BlockedKeys { keys: 1 }]);

    scene.clock.advance(MINUTE * 239);
    assert_eq!(watch.look().await, 0);
    scene.clock.advance(MINUTE);
    watch.look().await;
    assert_eq!(scene.heard.names(), ["blocked_keys"], "again after four hours");
    scene.queue.discard(Discard::new(Selection::Ids(vec!["1".into()]), "op", "old")).await.unwrap();
    watch.look().await;
    // The second message has waited all the while, and may be leased now.
    assert_eq!(scene.heard.names(), ["over", "oldest_ready"]);
}

#[tokio::test]
async fn what_is_near_its_limit_is_told() {
    let scene = Scene::new();
    let queue = MemoryQueue::with(MemoryConfig::new().clock(scene.clock.clone()).max_messages(10));
    let mut watch = Watch::on(Arc::new(queue.clone()), scene.heard.clone()).clock(scene.clock.clone());
    queue.publish((0..8).map(|n| Message::new(n.to_string(), "k", "")).collect()).await.unwrap();
    assert_eq!(watch.look().await, 0);
    queue.send(Message::new("9", "k", "")).await.unwrap();
    watch.look().await;
    let bound = Bound::new(Bounded::Messages, 9, 10);
    let heard = scene.heard.take();
    assert_eq!(heard, [Alarm::NearLimit { bound }]);
    assert_eq!(heard[0].to_string(), "the queue holds 9 messages, and may hold 10");
    let leased = queue.lease(LeaseRequest::new("w")).await.unwrap();
    queue.settle(vec![(leased[0].token, Settlement::Ack)]).await.unwrap();
    watch.look().await;
    assert_eq!(scene.heard.take(), [Alarm::Over { condition: Condition::NearLimit(Bounded::Messages) }]);
}

#[tokio::test]
async fn a_destination_that_is_down_for_long_and_a_full_disk_are_told() {
    let scene = Scene::new();
    let breakers = Breakers::new(Backoff::default(), scene.clock.clone(), Arc::new(FixedJitter(1.0)));
    let gauge = Arc::new(Gauge(AtomicU64::new(1 << 31)));
    let mut watch = scene.watch().breakers(breakers.clone()).room(gauge.clone());
    breakers.failed("servicenow", "503", None);
    assert_eq!(watch.look().await, 0);
    scene.clock.advance(MINUTE * 20);
    gauge.0.store(1000, Ordering::SeqCst);
    watch.look().await;
    let destination = "servicenow".to_owned();
    let open =
        Alarm::BreakerOpen { destination: destination.clone(), reason: "503".into(), lasting: MINUTE * 20 };
    assert_eq!(scene.heard.take(), [open, Alarm::DiskNearlyFull { free: 1000 }]);

    // A disk that can't be looked at is another thing than one with room.
    gauge.0.store(u64::MAX, Ordering::SeqCst);
    watch.look().await;
    assert_eq!(scene.heard.take(), [Alarm::RoomUnknown { reason: "gone".into() }]);
    gauge.0.store(1 << 31, Ordering::SeqCst);
    breakers.succeeded("servicenow");
    watch.look().await;
    let over = [Condition::BreakerOpen(destination), Condition::DiskNearlyFull, Condition::RoomUnknown];
    assert_eq!(scene.heard.take(), over.map(|condition| Alarm::Over { condition }));
}

#[tokio::test]
async fn a_queue_that_cannot_be_looked_at_is_told_and_ends_no_other_alarm() {
    let scene = Scene::new();
    scene.queue.send(Message::new("1", "k", "")).await.unwrap();
    scene.clock.advance(MINUTE * 20);
    let faulty = FaultyQueue::new(scene.queue.clone(), |operation, n| match (operation, n) {
        ("stats", 1) => Fault::Before(ErrorKind::Unavailable),
        _ => Fault::None,
    });
    let mut watch = Watch::on(Arc::new(faulty), scene.heard.clone()).clock(scene.clock.clone());
    for expected in [&["oldest_ready"][..], &["unobservable"], &["over"]] {
        watch.look().await;
        assert_eq!(scene.heard.names(), expected);
    }
}

#[tokio::test]
async fn a_watch_looks_as_often_as_it_should_and_ends_when_told() {
    let scene = Scene::new();
    let counted = FaultyQueue::new(scene.queue.clone(), |_, _| Fault::None);
    let watch =
        Watch::on(Arc::new(counted.clone()), scene.heard.clone()).clock(scene.clock.clone()).every(MINUTE);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(watch.run(async { drop(stopped.await) }));
    for looks in 1..4 {
        while counted.calls("stats") < looks {
            tokio::task::yield_now().await;
        }
        // It sleeps now, or is about to.
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(counted.calls("stats"), looks);
        scene.clock.advance(MINUTE);
    }
    stop.send(()).unwrap();
    tokio::time::timeout(MINUTE, running).await.unwrap().unwrap();
}

#[test]
fn a_file_system_has_room() {
    let dir = tempfile::tempdir().unwrap();
    assert!(FileSystem(dir.path().to_owned()).free().unwrap() > 0);
    assert!(FileSystem(dir.path().join("nowhere")).free().is_err());
}

/// Takes calls, after it has refused so many.
#[derive(Debug)]
struct Receiver {
    refuse: AtomicU64,
    tries: Mutex<Vec<Call>>,
    taken: Mutex<Vec<Call>>,
}

impl Receiver {
    fn refusing(calls: u64) -> Arc<Self> {
        Arc::new(Self { refuse: AtomicU64::new(calls), tries: Mutex::default(), taken: Mutex::default() })
    }
}

#[async_trait]
impl Post for Receiver {
    async fn post(&self, call: &Call) -> Result<(), String> {
        self.tries.lock().unwrap().push(call.clone());
        let refused =
            self.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if refused.is_ok() {
            return Err("503".into());
        }
        self.taken.lock().unwrap().push(call.clone());
        Ok(())
    }
}

fn dead_letter() -> Alarm {
    let (id, kind, reason) = ("a".to_owned(), "k".to_owned(), "bad \"quote\"".to_owned());
    Alarm::DeadLetter { id, kind, key: Some("key".into()), reason, blocking: true }
}

fn quick() -> WebhookConfig {
    let mut config = WebhookConfig::new();
    config.pause = Duration::from_millis(1);
    config
}

#[tokio::test]
async fn alarms_are_posted_in_order_and_again_under_the_same_id() {
    let receiver = Receiver::refusing(2);
    let webhook = WebhookAlert::start(receiver.clone(), quick());
    webhook.raise(&dead_letter()).await;
    webhook.raise(&Alarm::Expired { messages: 3 }).await;
    webhook.stop(MINUTE).await;
    let tries = receiver.tries.lock().unwrap();
    let ids: Vec<&str> = tries.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
    let taken = receiver.taken.lock().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&taken[0].body).unwrap();
    let second: serde_json::Value = serde_json::from_slice(&taken[1].body).unwrap();
    assert_eq!(body["type"], "queue.dead_letter");
    assert_eq!(body["data"]["severity"], "error");
    assert_eq!(
        body["data"]["dead_letter"],
        serde_json::json!({"id": "a", "kind": "k", "key": "key", "reason": "bad \"quote\"", "blocking": true})
    );
    assert!(body["timestamp"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(second["type"], "queue.expired");
    assert_eq!(second["data"].get("dead_letter"), None);
}

#[tokio::test]
async fn an_alarm_that_nobody_takes_is_given_up_and_does_not_hold_up_the_next() {
    let receiver = Receiver::refusing(5);
    let webhook = WebhookAlert::start(receiver.clone(), quick());
    webhook.raise(&dead_letter()).await;
    webhook.raise(&Alarm::Expired { messages: 3 }).await;
    webhook.stop(MINUTE).await;
    assert_eq!(receiver.tries.lock().unwrap().len(), 6);
    assert_eq!(receiver.taken.lock().unwrap().len(), 1);
}

/// Never answers.
#[derive(Debug)]
struct Deaf;

#[async_trait]
impl Post for Deaf {
    async fn post(&self, _: &Call) -> Result<(), String> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_deaf_receiver_holds_up_neither_an_alarm_nor_the_stop() {
    let webhook = WebhookAlert::start(Arc::new(Deaf), quick());
    for n in 0..1000 {
        webhook.raise(&Alarm::Expired { messages: n }).await;
    }
    webhook.stop(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn several_alerts_hear_the_same() {
    let (one, other) = (Arc::new(Heard::default()), Arc::new(Heard::default()));
    let both: Vec<Arc<dyn Alert>> = vec![one.clone(), other.clone()];
    both.raise(&dead_letter()).await;
    assert_eq!((one.names(), other.names()), (vec!["dead_letter"], vec!["dead_letter"]));
    assert!(dead_letter().to_string().contains("key key stands still"));
}
