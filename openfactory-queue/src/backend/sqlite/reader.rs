//! Looking at the queue, on a connection apart from the writer's.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, Result, Transaction, params_from_iter};

use super::config::SqliteConfig;
use super::failure::from_sqlite;
use super::letters::condition;
use super::{open, rows};
use crate::backend::request;
use crate::dead_letter::{DeadLetter, DeadLetterPage};
use crate::error::{Error, ErrorKind};
use crate::pause::Pause;
use crate::stamp::Stamp;
use crate::stats::Stats;

/// The connection, opened when it is first needed; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    config: SqliteConfig,
    conn: Arc<Mutex<Slot>>,
}

#[derive(Debug)]
enum Slot {
    Unopened,
    Open(Connection),
    Closed,
}

impl Reader {
    pub(super) fn new(config: SqliteConfig) -> Self {
        Self { config, conn: Arc::new(Mutex::new(Slot::Unopened)) }
    }

    /// Runs `look` over one state of the database, where blocking is allowed.
    pub(super) async fn look<T, L>(&self, operation: &'static str, look: L) -> std::result::Result<T, Error>
    where
        T: Send + 'static,
        L: FnOnce(&Transaction<'_>, Stamp) -> Result<T> + Send + 'static,
    {
        let Self { config, conn } = self.clone();
        let work = move || {
            let mut slot = conn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut conn = match std::mem::replace(&mut *slot, Slot::Unopened) {
                Slot::Open(conn) => conn,
                Slot::Unopened => open::reader(&config)?,
                Slot::Closed => {
                    *slot = Slot::Closed;
                    return Err(request::closed(operation));
                }
            };
            let now = Stamp::from(config.clock.now());
            let seen = conn.transaction().and_then(|tx| look(&tx, now));
            if seen.is_ok() {
                // After an error it is opened anew next time.
                *slot = Slot::Open(conn);
            }
            seen.map_err(|error| from_sqlite(operation, &error))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|source| {
            Err(Error::new(ErrorKind::Other, operation, "the reading task died").with_source(source))
        })
    }

    pub(super) async fn close(&self) {
        let conn = Arc::clone(&self.conn);
        let close = move || *conn.lock().unwrap_or_else(PoisonError::into_inner) = Slot::Closed;
        if tokio::task::spawn_blocking(close).await.is_err() {
            tracing::debug!("the reading connection was not closed in good order");
        }
    }
}

pub(super) fn dead_letters(tx: &Transaction<'_>, page: &DeadLetterPage) -> Result<Vec<DeadLetter>> {
    let (condition, mut values) = condition(&page.filter);
    let after = page.after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
    values.push(Value::Integer(after));
    let n = values.len();
    values.push(Value::Integer(i64::try_from(page.limit).unwrap_or(i64::MAX)));
    let sql = format!("SELECT * FROM dead WHERE {condition} AND seq > ?{n} ORDER BY seq LIMIT ?{}", n + 1);
    tx.prepare(&sql)?.query_map(params_from_iter(values), rows::dead_letter)?.collect()
}

pub(super) fn pauses(tx: &Transaction<'_>, now: Stamp) -> Result<Vec<Pause>> {
    let sql = "SELECT * FROM pauses WHERE until IS NULL OR until > ?1";
    let mut pauses: Vec<Pause> =
        tx.prepare_cached(sql)?.query_map([now.0], rows::pause)?.collect::<Result<_>>()?;
    pauses.sort_by(|a, b| a.scope.cmp(&b.scope));
    Ok(pauses)
}

pub(super) fn stats(tx: &Transaction<'_>, now: Stamp) -> Result<Stats> {
    let number = |sql: &str| -> Result<u64> {
        let value: i64 = tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, value))
    };
    let timed =
        |sql: &str| -> Result<Option<i64>> { tx.prepare_cached(sql)?.query_row([now.0], |row| row.get(0)) };
    let live =
        number("SELECT (SELECT coalesce(max(seq), 0) FROM known) - value FROM meta WHERE name = 'gone'")?;
    let due = timed("SELECT count(*) FROM delayed WHERE due <= ?1")?.unwrap_or(0).unsigned_abs();
    let ready = number("SELECT count(*) FROM ready")?.saturating_add(due);
    let delayed = number("SELECT count(*) FROM delayed")?.saturating_sub(due);
    let leased = number("SELECT count(*) FROM tries WHERE until IS NOT NULL")?;
    let oldest = timed(
        "SELECT published FROM messages WHERE seq = (SELECT min(seq) FROM
         (SELECT min(seq) AS seq FROM ready UNION ALL SELECT min(seq) FROM delayed WHERE due <= ?1))",
    )
    .or_else(|error| if error == rusqlite::Error::QueryReturnedNoRows { Ok(None) } else { Err(error) })?;
    let since: Option<i64> = tx
        .prepare_cached("SELECT min(since) FROM tries WHERE until IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    let age = |at: i64| now.since(Stamp(at));
    Ok(Stats {
        ready,
        delayed,
        leased,
        held: live.saturating_sub(ready).saturating_sub(delayed).saturating_sub(leased),
        dead: number("SELECT count(*) FROM dead")?,
        blocked_keys: number("SELECT count(*) FROM lanes WHERE blocked > 0")?,
        pauses: timed("SELECT count(*) FROM pauses WHERE until IS NULL OR until > ?1")?
            .unwrap_or(0)
            .unsigned_abs(),
        oldest_ready: oldest.map(age),
        oldest_lease: since.map(age),
        disk_bytes: Some(
            number("SELECT page_count FROM pragma_page_count")?
                .saturating_mul(number("SELECT page_size FROM pragma_page_size")?),
        ),
        bounds: Vec::new(),
    })
}
