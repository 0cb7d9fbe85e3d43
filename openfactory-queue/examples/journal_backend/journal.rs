//! A backend of one's own: every call that changes something is a line of a journal, synced before it is carried out,
//! and opening carries all of them out again. Where messages stand is kept by [`MemoryQueue`], which comes to the same
//! end whenever it is given the same calls at the same instants. What this lacks for daily use: the journal only grows.

use std::{fs::File, fs::OpenOptions, io::Read as _, io::Write as _};
use std::{path::Path, sync::Arc, time::Duration, time::SystemTime};

use async_trait::async_trait;
use openfactory_queue::backend::memory::{MemoryConfig, MemoryQueue};
use openfactory_queue::capabilities::{Capabilities, Durability};
use openfactory_queue::clock::{Clock, ManualClock};
use openfactory_queue::dead_letter::{DeadLetter, DeadLetterPage, Discard, Moved, Redrive};
use openfactory_queue::lease::{Extended, LeaseToken, Settled};
use openfactory_queue::pause::{Pause, Resume};
use openfactory_queue::stats::{Found, Maintained, Stats};
use openfactory_queue::{Error, ErrorKind, LeaseRequest, Leased, Message, Published, Settlement, SyncQueue};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard, Notify};

/// A queue in a journal, which one process owns.
#[derive(Debug)]
pub(crate) struct JournalQueue {
    clock: Arc<dyn Clock>,
    /// What the memory takes for the time: the instant of the call.
    instant: ManualClock,
    memory: MemoryQueue,
    /// None once the queue is closed or the journal has failed.
    journal: Mutex<Option<File>>,
    changed: Notify,
}

impl JournalQueue {
    pub(crate) async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let io = |source| Error::new(ErrorKind::Unavailable, "open", "no journal").with_source(source);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(io)?;
        file.try_lock().map_err(|source| Error::new(ErrorKind::Locked, "open", source.to_string()))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        // What follows the last line end was never answered.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let instant = ManualClock::at(SystemTime::UNIX_EPOCH);
        let memory = MemoryQueue::with(MemoryConfig::new().clock(Arc::new(instant.clone())));
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            let (at, call) = serde_json::from_slice(line)
                .map_err(|source| Error::new(ErrorKind::Corrupt, "open", "no call").with_source(source))?;
            instant.set(at);
            carry_out(&memory, call).await;
        }
        file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(io)?;
        Ok(Self { clock, instant, memory, journal: Mutex::new(Some(file)), changed: Notify::new() })
    }

    /// Makes a call durable; as long as the guard is held, no other comes between.
    async fn write(&self, call: Call) -> Result<MutexGuard<'_, Option<File>>, Error> {
        let mut journal = self.look().await;
        let file = journal.as_mut().ok_or_else(|| Error::new(ErrorKind::Closed, "write", "it is closed"))?;
        let written = serde_json::to_vec(&(self.instant.now(), &call)).map_err(std::io::Error::from);
        let written = written.and_then(|line| file.write_all(&[&line[..], b"\n"].concat()));
        if let Err(source) = written.and_then(|()| file.sync_data()) {
            // What of it is on the disk shows when the journal is opened again.
            *journal = None;
            let failed = Error::new(ErrorKind::Unavailable, "write", "the journal fails");
            return Err(failed.with_source(source).outcome_unknown());
        }
        if !matches!(call, Call::Lease(_)) {
            self.changed.notify_waiters();
        }
        Ok(journal)
    }

    async fn look(&self) -> MutexGuard<'_, Option<File>> {
        let journal = self.journal.lock().await;
        self.instant.set(self.clock.now());
        journal
    }
}

/// All calls: those that change something are journaled, the others only look.
macro_rules! calls {
    (journaled { $($Call:ident = $change:ident($($arg:ident: $type:ty),+) -> $done:ty;)+ }
     looking { $($see:ident($($what:ident: $what_type:ty)?) -> $seen:ty;)+ }) => {
        /// A line of the journal is the instant of a call, and the call.
        #[derive(Serialize, Deserialize)]
        enum Call { Lease(LeaseRequest), $($Call($($type),+)),+ }
        /// What was refused then is refused again.
        async fn carry_out(memory: &MemoryQueue, call: Call) {
            match call {
                Call::Lease(request) => drop(memory.lease(request).await),
                $(Call::$Call($($arg),+) => drop(memory.$change($($arg),+).await)),+
            }
        }
        #[async_trait]
        impl SyncQueue for JournalQueue {
            $(async fn $change(&self, $($arg: $type),+) -> Result<$done, Error> {
                let _alone = self.write(Call::$Call($($arg.clone()),+)).await?;
                self.memory.$change($($arg),+).await
            })+
            $(async fn $see(&self $(, $what: $what_type)?) -> Result<$seen, Error> {
                let _alone = self.look().await;
                self.memory.$see($($what)?).await
            })+
            fn capabilities(&self) -> Capabilities {
                let mut has = self.memory.capabilities();
                has.durability = Durability::PowerLoss;
                has
            }
            async fn lease(&self, request: LeaseRequest) -> Result<Vec<Leased>, Error> {
                let (began, once) = (self.clock.now(), request.clone().wait(Duration::ZERO));
                loop {
                    let (changed, tried) = (self.changed.notified(), self.clock.now());
                    let alone = self.write(Call::Lease(once.clone())).await?;
                    let leased = self.memory.lease(once.clone()).await?;
                    drop(alone);
                    let since = |at| self.clock.now().duration_since(at).unwrap_or_default();
                    if !leased.is_empty() || since(began) >= request.wait {
                        return Ok(leased);
                    }
                    let left = request.wait.saturating_sub(since(began)).min(Duration::from_secs(1));
                    let second = self.clock.sleep(left.saturating_sub(since(tried)));
                    tokio::select! { () = changed => {}, () = second => {} }
                }
            }
            async fn close(&self) -> Result<(), Error> {
                self.journal.lock().await.take();
                self.changed.notify_waiters();
                self.memory.close().await
            }
        }
    };
}

calls! {
    journaled {
        Publish = publish(messages: Vec<Message>) -> Vec<Published>;
        Extend = extend(tokens: Vec<LeaseToken>, ttl: Duration) -> Vec<Extended>;
        Settle = settle(settlements: Vec<(LeaseToken, Settlement)>) -> Vec<Settled>;
        Redrive = redrive(redrive: Redrive) -> Moved;
        Discard = discard(discard: Discard) -> Moved;
        Pause = pause(pause: Pause) -> ();
        Resume = resume(resume: Resume) -> bool;
        Maintain = maintain(budget: usize) -> Maintained;
    }
    looking {
        dead_letters(page: DeadLetterPage) -> Vec<DeadLetter>;
        pauses() -> Vec<Pause>;
        find(id: &str) -> Option<Found>;
        stats() -> Stats;
    }
}
