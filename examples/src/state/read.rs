//! Reading: rows become entities, events and receipts, or an error that names the row.

use std::time::{Duration, SystemTime};

use openfactory_sn::lifecycle::entity::{Entity, EntityKey, EntityKind, Versioned};
use openfactory_sn::lifecycle::event::Event;
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::lifecycle::state::receipt::Receipt;
use openfactory_sn::lifecycle::state::{Kept, OutboxRow, StateError};
use rusqlite::{Connection, OptionalExtension as _};

use super::error::{corrupt, sqlite};

pub(super) fn load(
    connection: &Connection,
    keys: Vec<EntityKey>,
) -> Result<Vec<(EntityKey, Kept)>, StateError> {
    let mut select = connection
        .prepare_cached("SELECT version, document FROM entity WHERE kind = ?1 AND id = ?2")
        .map_err(sqlite)?;
    keys.into_iter()
        .map(|key| {
            let row: Option<(i64, String)> = select
                .query_row((key.kind().as_str(), key.id()), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(sqlite)?;
            let kept = row.map(|(version, document)| entity(&key, version, &document)).transpose()?;
            Ok((key, kept))
        })
        .collect()
}

pub(super) fn list(
    connection: &Connection,
    kind: EntityKind,
    after: Option<&EntityKey>,
    limit: usize,
) -> Result<Vec<(EntityKey, Versioned<Entity>)>, StateError> {
    // Keys are ordered by kind first: after one of an earlier kind comes everything, after one of a later kind
    // nothing.
    let after = match after {
        Some(key) if key.kind() > kind => return Ok(Vec::new()),
        Some(key) if key.kind() == kind => key.id(),
        Some(_) | None => "".into(),
    };
    let mut select = connection
        .prepare_cached(
            "SELECT id, version, document FROM entity WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        )
        .map_err(sqlite)?;
    let rows = select
        .query_map((kind.as_str(), after, bounded(limit)), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        })
        .map_err(sqlite)?;
    rows.map(|row| {
        let (id, version, document) = row.map_err(sqlite)?;
        let place = format!("{}/{id}", kind.as_str());
        let key: EntityKey = place.parse().map_err(|error| corrupt(place.clone())(Box::new(error)))?;
        let kept = entity(&key, version, &document)?;
        Ok((key, kept))
    })
    .collect()
}

pub(super) fn is_applied(connection: &Connection, inbox: &EventId) -> Result<bool, StateError> {
    connection
        .prepare_cached("SELECT 1 FROM inbox WHERE id = ?1")
        .and_then(|mut select| select.exists([inbox.as_str()]))
        .map_err(sqlite)
}

pub(super) fn outbox(connection: &Connection, limit: usize) -> Result<Vec<OutboxRow>, StateError> {
    let mut select =
        connection.prepare_cached("SELECT seq, event FROM outbox ORDER BY seq LIMIT ?1").map_err(sqlite)?;
    let rows = select
        .query_map([bounded(limit)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))
        .map_err(sqlite)?;
    rows.map(|row| {
        let (seq, text) = row.map_err(sqlite)?;
        let place = format!("outbox/{seq}");
        let seq = u64::try_from(seq).map_err(|error| corrupt(place.clone())(Box::new(error)))?;
        Ok(OutboxRow::new(seq, event(&place, &text)?))
    })
    .collect()
}

pub(super) fn next_due(connection: &Connection) -> Result<Option<SystemTime>, StateError> {
    let due: Option<i64> =
        connection.query_row("SELECT min(due) FROM timer", [], |row| row.get(0)).map_err(sqlite)?;
    Ok(due.map(instant))
}

pub(super) fn receipt(connection: &Connection, event: &EventId) -> Result<Option<Receipt>, StateError> {
    let document: Option<String> = connection
        .query_row("SELECT document FROM receipt WHERE event = ?1", [event.as_str()], |row| row.get(0))
        .optional()
        .map_err(sqlite)?;
    document
        .map(|document| {
            serde_json::from_str(&document)
                .map_err(|error| corrupt(format!("receipt/{event}"))(Box::new(error)))
        })
        .transpose()
}

fn entity(key: &EntityKey, version: i64, document: &str) -> Result<Versioned<Entity>, StateError> {
    let value =
        Entity::parse_document(document).map_err(|error| corrupt(key.to_string())(Box::new(error)))?;
    let version = u64::try_from(version).map_err(|error| corrupt(key.to_string())(Box::new(error)))?;
    Ok(Versioned { version, value })
}

pub(super) fn event(place: &str, text: &str) -> Result<Event, StateError> {
    Event::parse(text.as_bytes()).map_err(|error| corrupt(place)(Box::new(error)))
}

/// SQLite reads a negative limit as none.
pub(super) fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970, rounded up where an instant lies before.
pub(super) fn millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

fn instant(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}
