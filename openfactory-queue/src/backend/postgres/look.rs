//! Looking at the queue, in one statement each, so that every answer is of one instant.

use super::failure::Failure;
use super::letters::{Filter, MATCHES};
use super::link::Link;
use super::rows::{self, counter, get, unsigned};
use crate::dead_letter::{DeadLetter, DeadLetterPage};
use crate::error::Error;
use crate::pause::Pause;
use crate::stamp::Stamp;
use crate::stats::{Found, MessageState, Stats};

impl Link {
    pub(super) async fn dead_letters(&self, page: &DeadLetterPage) -> Result<Vec<DeadLetter>, Error> {
        self.check_open("dead_letters")?;
        let Some(filter) = Filter::new(&page.filter) else { return Ok(Vec::new()) };
        let after = page.after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let mut values = filter.values();
        values.push(&after);
        values.push(&limit);
        let sql = format!("SELECT * FROM messages WHERE {MATCHES} AND seq > $8 ORDER BY seq LIMIT $9");
        let rows = self.rows("dead_letters", &sql, &values).await?;
        rows.iter().map(rows::dead_letter).collect::<Result<_, Failure>>().map_err(in_call("dead_letters"))
    }

    pub(super) async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        let sql = "SELECT * FROM pauses WHERE until IS NULL OR until > $1";
        let rows = self.rows("pauses", sql, &[&self.now().0]).await?;
        let pauses: Result<Vec<Pause>, Failure> = rows.iter().map(rows::pause).collect();
        let mut pauses = pauses.map_err(in_call("pauses"))?;
        pauses.sort_by(|a, b| a.scope.cmp(&b.scope));
        Ok(pauses)
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<Found>, Error> {
        self.check_open("find")?;
        if id.contains('\0') {
            return Ok(None);
        }
        let sql = "SELECT m.* FROM known k JOIN messages m USING (seq) WHERE k.id = $1";
        let rows = self.rows("find", sql, &[&id]).await?;
        let now = self.now();
        rows.first().map(|row| found(row, now)).transpose().map_err(in_call("find"))
    }

    pub(super) async fn stats(&self) -> Result<Stats, Error> {
        let sql = "SELECT
            (SELECT count(*) FROM messages WHERE state = 'ready') AS ready,
            (SELECT count(*) FROM messages WHERE state = 'delayed' AND due <= $1) AS due,
            (SELECT count(*) FROM messages WHERE state = 'delayed' AND due > $1) AS delayed,
            (SELECT count(*) FROM messages WHERE key IS NOT NULL AND state <> 'dead') AS keyed,
            (SELECT count(*) FROM messages WHERE key IS NOT NULL AND state IN ('ready', 'delayed', 'leased'))
                AS seated,
            (SELECT count(*) FROM messages WHERE state = 'leased') AS leased,
            (SELECT count(*) FROM messages WHERE state = 'dead') AS dead,
            (SELECT count(DISTINCT key) FROM messages WHERE blocking) AS blocked_keys,
            (SELECT count(*) FROM pauses WHERE until IS NULL OR until > $1) AS pauses,
            (SELECT published FROM messages WHERE state = 'ready' OR (state = 'delayed' AND due <= $1)
                ORDER BY seq LIMIT 1) AS oldest_ready,
            (SELECT min(since) FROM messages WHERE state = 'leased') AS oldest_lease,
            (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                WHERE relnamespace = to_regnamespace($2) AND relkind = 'r') AS disk_bytes";
        let now = self.now();
        let rows = self.rows("stats", sql, &[&now.0, &self.config.schema]).await?;
        let read = || {
            let row = rows.first().ok_or_else(|| Failure::Strange("no answer".to_owned()))?;
            let age =
                |column| Ok::<_, Failure>(get::<Option<i64>>(row, column)?.map(|at| now.since(Stamp(at))));
            Ok(Stats {
                ready: unsigned(row, "ready")? + unsigned(row, "due")?,
                delayed: unsigned(row, "delayed")?,
                held: unsigned(row, "keyed")?.saturating_sub(unsigned(row, "seated")?),
                leased: unsigned(row, "leased")?,
                dead: unsigned(row, "dead")?,
                blocked_keys: unsigned(row, "blocked_keys")?,
                pauses: unsigned(row, "pauses")?,
                oldest_ready: age("oldest_ready")?,
                oldest_lease: age("oldest_lease")?,
                disk_bytes: get::<Option<i64>>(row, "disk_bytes")?.map(i64::unsigned_abs),
                bounds: Vec::new(),
            })
        };
        read().map_err(in_call("stats"))
    }
}

fn in_call(operation: &'static str) -> impl Fn(Failure) -> Error {
    move |failure| failure.into_error(operation)
}

fn found(row: &tokio_postgres::Row, now: Stamp) -> Result<Found, Failure> {
    let state = match get::<&str>(row, "state")? {
        "dead" => MessageState::Dead,
        "leased" => {
            MessageState::Leased { worker: get(row, "worker")?, until: rows::stamp(row, "until")?.time() }
        }
        "held" => MessageState::Held,
        "delayed" if rows::stamp(row, "due")? > now => {
            MessageState::Delayed { until: rows::stamp(row, "due")?.time() }
        }
        "delayed" | "ready" => MessageState::Ready,
        other => return Err(Failure::Strange(format!("column state has no value {other:?}"))),
    };
    let published = rows::stamp(row, "published")?.time();
    let mut found = Found::new(rows::message(row)?, unsigned(row, "seq")?, state, published);
    found.failures = counter(row, "failures")?;
    found.deliveries = counter(row, "deliveries")?;
    found.history = rows::history(row)?;
    Ok(found)
}
