//! Rows to values and back.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Failure;
use crate::backend::incidents;
use crate::dead_letter::{DeadCause, DeadLetter, DeadPolicy};
use crate::history::Incident;
use crate::message::Message;
use crate::pause::{Pause, PauseScope};
use crate::stamp::Stamp;

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, Failure> {
    Ok(row.try_get(column)?)
}

pub(super) fn unsigned(row: &Row, column: &str) -> Result<u64, Failure> {
    let value: i64 = get(row, column)?;
    u64::try_from(value).map_err(|_| strange(column, &value.to_string()))
}

pub(super) fn counter(row: &Row, column: &str) -> Result<u32, Failure> {
    let value: i32 = get(row, column)?;
    u32::try_from(value).map_err(|_| strange(column, &value.to_string()))
}

pub(super) fn stamp(row: &Row, column: &str) -> Result<Stamp, Failure> {
    get(row, column).map(Stamp)
}

fn time(row: &Row, column: &str) -> Result<Option<SystemTime>, Failure> {
    Ok(get::<Option<i64>>(row, column)?.map(|micros| Stamp(micros).time()))
}

/// An instant as its column holds it.
pub(super) fn micros(time: Option<SystemTime>) -> Option<i64> {
    time.map(|time| Stamp::from(time).0)
}

pub(super) fn message(row: &Row) -> Result<Message, Failure> {
    let mut message =
        Message::new(get::<String>(row, "id")?, get::<String>(row, "kind")?, get::<Vec<u8>>(row, "payload")?);
    let priority: i16 = get(row, "priority")?;
    message.key = get(row, "key")?;
    message.priority = u8::try_from(priority).map_err(|_| strange("priority", &priority.to_string()))?;
    message.on_dead = named(row, "on_dead", DeadPolicy::from_name)?;
    message.not_before = time(row, "not_before")?;
    message.expires = time(row, "expires")?;
    let attributes: &str = get(row, "attributes")?;
    message.attributes = serde_json::from_str(attributes).map_err(|_| strange("attributes", attributes))?;
    Ok(message)
}

pub(super) fn dead_letter(row: &Row) -> Result<DeadLetter, Failure> {
    let cause = named(row, "cause", DeadCause::from_name)?;
    let published = stamp(row, "published")?.time();
    let died = stamp(row, "died")?.time();
    let mut letter = DeadLetter::new(message(row)?, unsigned(row, "seq")?, cause, published, died);
    letter.reason = get(row, "reason")?;
    letter.failures = counter(row, "failures")?;
    letter.deliveries = counter(row, "deliveries")?;
    letter.blocking = get(row, "blocking")?;
    letter.history = history(row)?;
    Ok(letter)
}

pub(super) fn history(row: &Row) -> Result<Vec<Incident>, Failure> {
    incidents::from_text(get(row, "history")?)
        .map_err(|error| Failure::Strange(format!("a history: {error}")))
}

/// A history as its column holds it.
pub(super) fn history_text(history: &[Incident]) -> Result<String, Failure> {
    incidents::to_text(history).map_err(|error| Failure::Strange(error.to_string()))
}

pub(super) fn pause(row: &Row) -> Result<Pause, Failure> {
    let value: String = get(row, "value")?;
    let scope = match get::<&str>(row, "scope")? {
        "queue" => PauseScope::Queue,
        "key" => PauseScope::Key(value),
        "destination" => PauseScope::Destination(value),
        other => return Err(strange("scope", other)),
    };
    let mut pause = Pause::new(scope, get::<String>(row, "actor")?, get::<String>(row, "reason")?);
    pause.until = time(row, "until")?;
    pause.since = stamp(row, "since")?.time();
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

/// Text as the server can hold it, which is without U+0000.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

fn named<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
    let name: &str = get(row, column)?;
    parse(name).ok_or_else(|| strange(column, name))
}

fn strange(column: &str, value: &str) -> Failure {
    Failure::Strange(format!("column {column} has no value {value:?}"))
}
