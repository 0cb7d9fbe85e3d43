//! Where a message stands.

use rusqlite::{Result, Row};

use super::rows;
use super::store::Store;
use crate::dead_letter::DeadLetter;
use crate::stamp::Stamp;
use crate::stats::{Found, MessageState};

impl Store<'_> {
    /// What is known of a message that lives or is a dead letter. Asked of the writer, who alone knows every id.
    pub(super) fn find(&self, id: &str) -> Result<Option<Found>> {
        let Some(seq) = self.place_of(id)? else { return Ok(None) };
        if let Some(letter) = self.one("SELECT * FROM dead WHERE seq = ?1", [seq], rows::dead_letter)? {
            return Ok(Some(dead(letter)));
        }
        let sql = "SELECT m.*, l.key, l.seated, coalesce(t.failures, 0) AS failures,
                   coalesce(t.deliveries, 0) AS deliveries, t.history, t.worker, t.until,
                   coalesce(t.due, m.not_before) AS due
                   FROM messages m LEFT JOIN lanes l USING (lane) LEFT JOIN tries t USING (seq) WHERE m.seq = ?1";
        self.one(sql, [seq], |row| living(row, self.now))
    }
}

fn dead(letter: DeadLetter) -> Found {
    let mut found = Found::new(letter.message, letter.seq, MessageState::Dead, letter.published);
    found.failures = letter.failures;
    found.deliveries = letter.deliveries;
    found.history = letter.history;
    found
}

fn living(row: &Row<'_>, now: Stamp) -> Result<Found> {
    let seq = rows::unsigned(row, "seq")?;
    let seated: Option<i64> = row.get("seated")?;
    let keyed = row.get::<_, Option<String>>("key")?.is_some();
    let due: Option<i64> = row.get("due")?;
    let state = match row.get::<_, Option<i64>>("until")? {
        Some(until) => MessageState::Leased { worker: row.get("worker")?, until: Stamp(until).time() },
        None if keyed && seated.map(i64::unsigned_abs) != Some(seq) => MessageState::Held,
        None => match due.filter(|due| *due > now.0) {
            Some(due) => MessageState::Delayed { until: Stamp(due).time() },
            None => MessageState::Ready,
        },
    };
    let published = Stamp(row.get("published")?).time();
    let mut found = Found::new(rows::message(row)?, seq, state, published);
    found.failures = row.get("failures")?;
    found.deliveries = row.get("deliveries")?;
    found.history = rows::history(row)?;
    Ok(found)
}
