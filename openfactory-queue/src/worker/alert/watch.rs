//! Looking at a queue now and then, and telling an operator what has lasted too long.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Alarm, Alert, Condition};
use crate::clock::{Clock, SystemClock};
use crate::policy::breaker::{BreakerReport, Breakers};
use crate::queue::SyncQueue;
use crate::stats::{Bound, Stats};

/// The free room where a queue is kept.
pub trait Room: fmt::Debug + Send + Sync + 'static {
    /// Free bytes. May block for as long as the file system does.
    ///
    /// # Errors
    /// Whatever keeps it from being known.
    fn free(&self) -> std::io::Result<u64>;
}

/// The free room of the file system that holds a path, for those who are not root.
#[derive(Clone, Debug)]
pub struct FileSystem(pub PathBuf);

impl Room for FileSystem {
    fn free(&self) -> std::io::Result<u64> {
        let found = rustix::fs::statvfs(&self.0)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// From when on something is worth an alarm; none: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// The oldest message that could be leased has waited so long.
    pub ready: Option<Duration>,
    /// The oldest lease is so old: a worker hangs.
    pub lease: Option<Duration>,
    /// A destination has not worked for so long.
    pub breaker: Option<Duration>,
    /// So few bytes are free on the disk.
    pub room: Option<u64>,
    /// There is so much of something that has a limit, in percent of that.
    pub limits: Option<u8>,
    /// Whether blocked keys are one.
    pub blocked: bool,
}

impl Default for Thresholds {
    /// Ready for 15 minutes, leased for 15 minutes, a destination down for 15 minutes, less than 1 GiB free, 90 % of
    /// a limit, any blocked key.
    fn default() -> Self {
        let quarter = Some(Duration::from_secs(15 * 60));
        Self {
            ready: quarter,
            lease: quarter,
            breaker: quarter,
            room: Some(1 << 30),
            limits: Some(90),
            blocked: true,
        }
    }
}

/// Looks at a queue now and then, and raises an alarm for each [`Condition`] that holds: when it begins, again each
/// few hours while it lasts, and once when it is over.
///
/// ```
/// use std::sync::Arc;
/// use openfactory_queue::backend::memory::MemoryQueue;
/// use openfactory_queue::worker::alert::LogAlert;
/// use openfactory_queue::worker::alert::watch::Watch;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut watch = Watch::on(Arc::new(MemoryQueue::new()), Arc::new(LogAlert));
/// assert_eq!(watch.look().await, 0, "nothing to tell");
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a watch does nothing until it runs"]
pub struct Watch {
    queue: Arc<dyn SyncQueue>,
    alert: Arc<dyn Alert>,
    clock: Arc<dyn Clock>,
    thresholds: Thresholds,
    breakers: Option<Breakers>,
    room: Option<Arc<dyn Room>>,
    every: Duration,
    again: Duration,
    /// What was told, and when.
    told: BTreeMap<Condition, SystemTime>,
}

impl Watch {
    /// A look each minute, alarms again each 4 hours, with the default thresholds.
    pub fn on(queue: Arc<dyn SyncQueue>, alert: Arc<dyn Alert>) -> Self {
        Self {
            queue,
            alert,
            clock: Arc::new(SystemClock),
            thresholds: Thresholds::default(),
            breakers: None,
            room: None,
            every: Duration::from_secs(60),
            again: Duration::from_secs(4 * 3600),
            told: BTreeMap::new(),
        }
    }

    /// From when on something is worth an alarm.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Watches these breakers too.
    pub fn breakers(mut self, breakers: Breakers) -> Self {
        self.breakers = Some(breakers);
        self
    }

    /// Watches the free room too; see [`FileSystem`].
    pub fn room(mut self, room: Arc<dyn Room>) -> Self {
        self.room = Some(room);
        self
    }

    /// Looks this often, at most each millisecond.
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(1));
        self
    }

    /// Tells again after so long what still lasts.
    pub fn again(mut self, again: Duration) -> Self {
        self.again = again;
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Looks until `shutdown` completes.
    ///
    /// # Cancel safety
    /// Dropping the future ends the watch, perhaps in the middle of an alarm.
    pub async fn run<S: Future<Output = ()> + Send>(mut self, shutdown: S) {
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = self.look() => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = self.clock.sleep(self.every) => {}
            }
        }
    }

    /// Looks once, raises what there is to tell, and returns how many alarms that were.
    pub async fn look(&mut self) -> usize {
        let now = self.clock.now();
        let mut found = BTreeMap::new();
        let seen = self.queue.stats().await;
        match &seen {
            Ok(stats) => self.thresholds.judge(stats, &mut found),
            Err(error) => {
                found.insert(Condition::Unobservable, Alarm::Unobservable { reason: error.to_string() });
            }
        }
        if let Some(breakers) = &self.breakers {
            self.thresholds.judge_breakers(&breakers.report(), now, &mut found);
        }
        if let Some(room) = &self.room {
            let room = Arc::clone(room);
            match tokio::task::spawn_blocking(move || room.free()).await {
                Ok(Ok(free)) => self.thresholds.judge_room(free, &mut found),
                Ok(Err(error)) => {
                    found.insert(Condition::RoomUnknown, Alarm::RoomUnknown { reason: error.to_string() });
                }
                Err(error) => {
                    found.insert(Condition::RoomUnknown, Alarm::RoomUnknown { reason: error.to_string() });
                }
            }
        }
        let alarms = self.news(found, seen.is_ok(), now);
        for alarm in &alarms {
            self.alert.raise(alarm).await;
        }
        alarms.len()
    }

    /// What of all that holds is to be told now, and what is over.
    fn news(&mut self, found: BTreeMap<Condition, Alarm>, seen: bool, now: SystemTime) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        let over: Vec<Condition> = self
            .told
            .keys()
            // What could not be looked at has not ended.
            .filter(|told| match told {
                Condition::BlockedKeys
                | Condition::NearLimit(_)
                | Condition::OldestLease
                | Condition::OldestReady => seen,
                Condition::DiskNearlyFull => !found.contains_key(&Condition::RoomUnknown),
                Condition::BreakerOpen(_) | Condition::RoomUnknown | Condition::Unobservable => true,
            })
            .filter(|told| !found.contains_key(told))
            .cloned()
            .collect();
        for condition in over {
            self.told.remove(&condition);
            alarms.push(Alarm::Over { condition });
        }
        for (condition, alarm) in found {
            let due = match self.told.get(&condition) {
                // A clock that was set back must not silence it.
                Some(told) => now.duration_since(*told).is_ok_and(|since| since >= self.again),
                None => true,
            };
            if due {
                self.told.insert(condition, now);
                alarms.push(alarm);
            }
        }
        alarms
    }
}

impl Thresholds {
    fn judge(&self, stats: &Stats, found: &mut BTreeMap<Condition, Alarm>) {
        let over = |age: Option<Duration>, limit: Option<Duration>| {
            age.zip(limit).filter(|(age, limit)| age >= limit).map(|(age, _)| age)
        };
        if let Some(age) = over(stats.oldest_ready, self.ready) {
            found.insert(Condition::OldestReady, Alarm::OldestReady { age, ready: stats.ready });
        }
        if let Some(age) = over(stats.oldest_lease, self.lease) {
            found.insert(Condition::OldestLease, Alarm::OldestLease { age });
        }
        if self.blocked && stats.blocked_keys > 0 {
            found.insert(Condition::BlockedKeys, Alarm::BlockedKeys { keys: stats.blocked_keys });
        }
        let near = |bound: &&Bound| {
            let held = u128::from(bound.held) * 100;
            self.limits.is_some_and(|percent| held >= u128::from(bound.limit) * u128::from(percent))
        };
        for bound in stats.bounds.iter().filter(near) {
            found.insert(Condition::NearLimit(bound.of), Alarm::NearLimit { bound: *bound });
        }
    }

    fn judge_breakers(
        &self,
        reports: &[BreakerReport],
        now: SystemTime,
        found: &mut BTreeMap<Condition, Alarm>,
    ) {
        let Some(limit) = self.breaker else { return };
        for report in reports {
            let lasting = report.since.and_then(|since| now.duration_since(since).ok());
            if let Some(lasting) = lasting.filter(|lasting| *lasting >= limit) {
                let destination = report.destination.clone();
                let alarm = Alarm::BreakerOpen {
                    destination: destination.clone(),
                    reason: report.reason.clone(),
                    lasting,
                };
                found.insert(Condition::BreakerOpen(destination), alarm);
            }
        }
    }

    fn judge_room(&self, free: u64, found: &mut BTreeMap<Condition, Alarm>) {
        if self.room.is_some_and(|limit| free < limit) {
            found.insert(Condition::DiskNearlyFull, Alarm::DiskNearlyFull { free });
        }
    }
}
