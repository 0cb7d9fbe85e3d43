//! Writing: each call is one immediate transaction, durable when it returns.

use std::time::SystemTime;

use openfactory_sn::lifecycle::entity::EntityKey;
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::lifecycle::state::StateError;
use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome};
use openfactory_sn::lifecycle::state::receipt::Receipt;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{corrupt, sqlite};
use super::read::{bounded, millis};

/// A commit as it goes into rows. Made before the transaction, so that nothing in it fails on its content.
#[derive(Debug)]
pub(super) struct Prepared {
    inbox: EventId,
    writes: Vec<(EntityKey, i64, String)>,
    outbox: Vec<String>,
    cancel: Vec<String>,
    timers: Vec<(String, i64, String)>,
}

impl Prepared {
    pub(super) fn of(commit: &Commit) -> Result<Self, StateError> {
        let write = |write: &openfactory_sn::lifecycle::state::commit::Write| {
            let place = || write.key.to_string();
            let document = write.entity.to_document().map_err(|error| corrupt(place())(Box::new(error)))?;
            let over = i64::try_from(write.over).map_err(|error| corrupt(place())(Box::new(error)))?;
            Ok((write.key.clone(), over, document))
        };
        let timers = commit
            .timers
            .iter()
            .map(|timer| Ok((timer.name.clone(), millis(timer.due), text(&timer.to_event())?)));
        Ok(Self {
            inbox: commit.inbox.clone(),
            writes: commit.writes.iter().map(write).collect::<Result<_, StateError>>()?,
            outbox: commit.outbox.iter().map(text).collect::<Result<_, _>>()?,
            cancel: commit.cancel.clone(),
            timers: timers.collect::<Result<_, StateError>>()?,
        })
    }
}

/// An event as it is kept: the payload that an envelope would sign.
fn text(event: &Event) -> Result<String, StateError> {
    let place = || format!("event/{}", event.id);
    let payload = event.to_payload().map_err(|error| corrupt(place())(Box::new(error)))?;
    String::from_utf8(payload).map_err(|error| corrupt(place())(Box::new(error)))
}

pub(super) fn commit(connection: &mut Connection, step: &Prepared) -> Result<CommitOutcome, StateError> {
    let transaction = begin(connection)?;
    // Dropped without commit, the transaction is rolled back.
    let outcome = apply(&transaction, step).map_err(sqlite)?;
    if outcome == CommitOutcome::Applied {
        transaction.commit().map_err(sqlite)?;
    }
    Ok(outcome)
}

fn apply(transaction: &Transaction<'_>, step: &Prepared) -> rusqlite::Result<CommitOutcome> {
    let fresh = transaction
        .prepare_cached("INSERT INTO inbox (id) VALUES (?1) ON CONFLICT (id) DO NOTHING")?
        .execute([step.inbox.as_str()])?;
    if fresh == 0 {
        return Ok(CommitOutcome::AlreadyApplied);
    }
    for (key, over, document) in &step.writes {
        let (kind, id) = (key.kind().as_str(), key.id());
        let written = if *over == 0 {
            transaction
                .prepare_cached(
                    "INSERT INTO entity (kind, id, version, document) VALUES (?1, ?2, 1, ?3)
                     ON CONFLICT (kind, id) DO NOTHING",
                )?
                .execute((kind, id, document))?
        } else {
            transaction
                .prepare_cached(
                    "UPDATE entity SET version = version + 1, document = ?4
                     WHERE kind = ?1 AND id = ?2 AND version = ?3",
                )?
                .execute((kind, id, over, document))?
        };
        if written == 0 {
            return Ok(CommitOutcome::Conflict);
        }
    }
    for event in &step.outbox {
        transaction.prepare_cached("INSERT INTO outbox (event) VALUES (?1)")?.execute([event])?;
    }
    for name in &step.cancel {
        transaction.prepare_cached("DELETE FROM timer WHERE name = ?1")?.execute([name])?;
    }
    for (name, due, event) in &step.timers {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO timer (name, due, event) VALUES (?1, ?2, ?3)")?
            .execute((name, due, event))?;
    }
    Ok(CommitOutcome::Applied)
}

pub(super) fn published(connection: &mut Connection, seqs: &[u64]) -> Result<(), StateError> {
    let transaction = begin(connection)?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM outbox WHERE seq = ?1").map_err(sqlite)?;
        // A place beyond SQLite's integers is in no outbox.
        for seq in seqs.iter().filter_map(|seq| i64::try_from(*seq).ok()) {
            delete.execute([seq]).map_err(sqlite)?;
        }
    }
    transaction.commit().map_err(sqlite)
}

pub(super) fn fire_due(
    connection: &mut Connection,
    now: SystemTime,
    limit: usize,
) -> Result<usize, StateError> {
    let transaction = begin(connection)?;
    let fired = fire(&transaction, millis(now), bounded(limit)).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)?;
    Ok(fired)
}

fn fire(transaction: &Transaction<'_>, now: i64, limit: i64) -> rusqlite::Result<usize> {
    let due: Vec<(String, String)> = transaction
        .prepare_cached("SELECT name, event FROM timer WHERE due <= ?1 ORDER BY due, name LIMIT ?2")?
        .query_map((now, limit), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (name, event) in &due {
        transaction.prepare_cached("INSERT INTO outbox (event) VALUES (?1)")?.execute([event])?;
        transaction.prepare_cached("DELETE FROM timer WHERE name = ?1")?.execute([name])?;
    }
    Ok(due.len())
}

pub(super) fn record_receipt(connection: &mut Connection, receipt: &Receipt) -> Result<(), StateError> {
    let document = serde_json::to_string(receipt)
        .map_err(|error| corrupt(format!("receipt/{}", receipt.event))(Box::new(error)))?;
    let transaction = begin(connection)?;
    transaction
        .execute(
            "INSERT OR REPLACE INTO receipt (event, document) VALUES (?1, ?2)",
            (receipt.event.as_str(), &document),
        )
        .map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}

/// Immediate: a transaction that will write takes the right to at once, so that it can't fail half-way for it.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StateError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)
}
