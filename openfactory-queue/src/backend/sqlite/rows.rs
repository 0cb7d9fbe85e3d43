//! Rows to values and back.

use std::collections::BTreeMap;
use std::time::SystemTime;

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde::{Deserialize, Serialize};

use crate::dead_letter::{DeadCause, DeadLetter, DeadPolicy};
use crate::history::{Incident, IncidentKind};
use crate::message::Message;
use crate::pause::{Pause, PauseScope};
use crate::stamp::Stamp;

/// The columns that [`message`] reads, of any table that has them, with the key as `key`.
pub(super) const MESSAGE: &str =
    "id, key, kind, priority, on_dead, not_before, expires, attributes, payload, published";

pub(super) fn message(row: &Row<'_>) -> Result<Message> {
    let mut message = Message::new(
        row.get::<_, String>("id")?,
        row.get::<_, String>("kind")?,
        row.get::<_, Vec<u8>>("payload")?,
    );
    message.key = row.get("key")?;
    message.priority = row.get("priority")?;
    message.on_dead = named(row, "on_dead", DeadPolicy::from_name)?;
    message.not_before = time(row, "not_before")?;
    message.expires = time(row, "expires")?;
    message.attributes = json::<BTreeMap<String, String>>(row, "attributes")?;
    Ok(message)
}

pub(super) fn dead_letter(row: &Row<'_>) -> Result<DeadLetter> {
    let cause = named(row, "cause", DeadCause::from_name)?;
    let published = Stamp(row.get("published")?).time();
    let mut letter = DeadLetter::new(
        message(row)?,
        unsigned(row, "seq")?,
        cause,
        published,
        Stamp(row.get("died")?).time(),
    );
    letter.reason = row.get("reason")?;
    letter.failures = row.get("failures")?;
    letter.deliveries = row.get("deliveries")?;
    letter.blocking = row.get("blocking")?;
    letter.history = history(row)?;
    Ok(letter)
}

pub(super) fn pause(row: &Row<'_>) -> Result<Pause> {
    let value: String = row.get("value")?;
    let scope = match row.get::<_, String>("scope")?.as_str() {
        "queue" => PauseScope::Queue,
        "key" => PauseScope::Key(value),
        "destination" => PauseScope::Destination(value),
        other => return Err(strange("scope", other)),
    };
    let mut pause = Pause::new(scope, row.get::<_, String>("actor")?, row.get::<_, String>("reason")?);
    pause.until = time(row, "until")?;
    pause.since = Stamp(row.get("since")?).time();
    Ok(pause)
}

/// A scope as the columns `scope` and `value` hold it.
pub(super) fn scope(scope: &PauseScope) -> (&'static str, &str) {
    match scope {
        PauseScope::Queue => ("queue", ""),
        PauseScope::Key(key) => ("key", key),
        PauseScope::Destination(to) => ("destination", to),
    }
}

#[derive(Serialize, Deserialize)]
struct StoredIncident {
    at: i64,
    kind: String,
    reason: String,
    delivery: u32,
    times: u32,
}

pub(super) fn history(row: &Row<'_>) -> Result<Vec<Incident>> {
    let Some(text) = row.get::<_, Option<String>>("history")? else { return Ok(Vec::new()) };
    let stored: Vec<StoredIncident> = serde_json::from_str(&text)
        .map_err(|error| Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    let incident = |stored: StoredIncident| {
        let kind = IncidentKind::from_name(&stored.kind).ok_or_else(|| strange("history", &stored.kind))?;
        let mut incident = Incident::new(Stamp(stored.at).time(), kind, &stored.reason, stored.delivery);
        incident.times = stored.times;
        Ok(incident)
    };
    stored.into_iter().map(incident).collect()
}

/// A history as its column holds it.
pub(super) fn history_text(history: &[Incident]) -> Result<Option<String>> {
    if history.is_empty() {
        return Ok(None);
    }
    let stored: Vec<StoredIncident> = history
        .iter()
        .map(|incident| StoredIncident {
            at: Stamp::from(incident.at).0,
            kind: incident.kind.name().to_owned(),
            reason: incident.reason.clone(),
            delivery: incident.delivery,
            times: incident.times,
        })
        .collect();
    text(&stored).map(Some)
}

/// A value as JSON text.
pub(super) fn text<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn stamp(time: Option<SystemTime>) -> Option<i64> {
    time.map(|time| Stamp::from(time).0)
}

pub(super) fn unsigned(row: &Row<'_>, column: &str) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(0, value))
}

fn time(row: &Row<'_>, column: &str) -> Result<Option<SystemTime>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|micros| Stamp(micros).time()))
}

fn json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: &str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

fn named<T>(row: &Row<'_>, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let name: String = row.get(column)?;
    parse(&name).ok_or_else(|| strange(column, &name))
}

fn strange(column: &str, value: &str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, format!("{column} has no value {value:?}").into())
}
