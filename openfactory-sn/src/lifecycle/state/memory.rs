//! A state store in memory, for tests: it forgets everything when it is dropped.
//!
//! ```
//! use openfactory_sn::lifecycle::entity::EntityKind;
//! use openfactory_sn::lifecycle::state::{StateStore as _, memory::MemoryStateStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), openfactory_sn::lifecycle::state::StateError> {
//! let store = MemoryStateStore::new();
//! assert!(store.list(EntityKind::Device, None, 10).await?.is_empty());
//! assert_eq!(store.next_due().await?, None);
//! # Ok(())
//! # }
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::commit::{Commit, CommitOutcome};
use super::receipt::Receipt;
use super::timer::Timer;
use super::{Kept, OutboxRow, StateError, StateStore};
use crate::lifecycle::entity::{Entity, EntityKey, EntityKind, Versioned};
use crate::lifecycle::id::EventId;

#[derive(Debug, Default)]
struct Tables {
    inbox: BTreeSet<EventId>,
    entities: BTreeMap<EntityKey, Versioned<String>>,
    outbox: Vec<OutboxRow>,
    seq: u64,
    timers: BTreeMap<String, Timer>,
    receipts: BTreeMap<EventId, Receipt>,
}

/// A [`StateStore`] in memory. Entities are kept as documents, so that what does not survive being written down
/// shows in tests.
#[derive(Debug, Default)]
pub struct MemoryStateStore(Mutex<Tables>);

impl MemoryStateStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Each method changes the tables only after its last check, so they are whole even after a panic.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(key: &EntityKey, kept: &Versioned<String>) -> Result<Versioned<Entity>, StateError> {
    let value = Entity::parse_document(&kept.value)
        .map_err(|error| StateError::Corrupt { place: key.to_string(), source: error.into() })?;
    Ok(Versioned { version: kept.version, value })
}

#[async_trait::async_trait]
impl StateStore for MemoryStateStore {
    async fn load(&self, keys: &[EntityKey]) -> Result<Vec<(EntityKey, Kept)>, StateError> {
        let tables = self.tables();
        keys.iter()
            .map(|key| Ok((key.clone(), tables.entities.get(key).map(|kept| read(key, kept)).transpose()?)))
            .collect()
    }

    async fn list(
        &self,
        kind: EntityKind,
        after: Option<&EntityKey>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Versioned<Entity>)>, StateError> {
        let tables = self.tables();
        tables
            .entities
            .iter()
            .filter(|(key, _)| key.kind() == kind && after.is_none_or(|after| *key > after))
            .take(limit)
            .map(|(key, kept)| Ok((key.clone(), read(key, kept)?)))
            .collect()
    }

    async fn commit(&self, commit: &Commit) -> Result<CommitOutcome, StateError> {
        let mut tables = self.tables();
        if tables.inbox.contains(&commit.inbox) {
            return Ok(CommitOutcome::AlreadyApplied);
        }
        let mut documents = Vec::with_capacity(commit.writes.len());
        for write in &commit.writes {
            if tables.entities.get(&write.key).map_or(0, |kept| kept.version) != write.over {
                return Ok(CommitOutcome::Conflict);
            }
            let document = write.entity.to_document().map_err(|error| StateError::Corrupt {
                place: write.key.to_string(),
                source: error.into(),
            })?;
            documents.push((write.key.clone(), Versioned { version: write.over + 1, value: document }));
        }
        tables.inbox.insert(commit.inbox.clone());
        tables.entities.extend(documents);
        for event in &commit.outbox {
            tables.push_outbox(event.clone());
        }
        for name in &commit.cancel {
            tables.timers.remove(name);
        }
        for timer in &commit.timers {
            tables.timers.insert(timer.name.clone(), timer.clone());
        }
        Ok(CommitOutcome::Applied)
    }

    async fn is_applied(&self, inbox: &EventId) -> Result<bool, StateError> {
        Ok(self.tables().inbox.contains(inbox))
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<OutboxRow>, StateError> {
        Ok(self.tables().outbox.iter().take(limit).cloned().collect())
    }

    async fn published(&self, seqs: &[u64]) -> Result<(), StateError> {
        self.tables().outbox.retain(|row| !seqs.contains(&row.seq));
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<SystemTime>, StateError> {
        Ok(self.tables().timers.values().map(|timer| timer.due).min())
    }

    async fn fire_due(&self, now: SystemTime, limit: usize) -> Result<usize, StateError> {
        let mut tables = self.tables();
        let mut due: Vec<Timer> = tables.timers.values().filter(|timer| timer.due <= now).cloned().collect();
        due.sort_by(|a, b| (a.due, &a.name).cmp(&(b.due, &b.name)));
        due.truncate(limit);
        for timer in &due {
            tables.timers.remove(&timer.name);
            tables.push_outbox(timer.to_event());
        }
        Ok(due.len())
    }

    async fn record_receipt(&self, receipt: &Receipt) -> Result<(), StateError> {
        self.tables().receipts.insert(receipt.event.clone(), receipt.clone());
        Ok(())
    }

    async fn receipt(&self, event: &EventId) -> Result<Option<Receipt>, StateError> {
        Ok(self.tables().receipts.get(event).cloned())
    }
}

impl Tables {
    fn push_outbox(&mut self, event: crate::lifecycle::event::Event) {
        self.seq += 1;
        self.outbox.push(OutboxRow::new(self.seq, event));
    }
}
