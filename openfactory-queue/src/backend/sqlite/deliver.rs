//! Messages out: leases given, lapsed, extended.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::Result;

use super::rows;
use super::store::Store;
use crate::backend::SWEEP;
use crate::backend::wait::Try;
use crate::dead_letter::DeadCause;
use crate::history::{Incident, IncidentKind, record};
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased};
use crate::message::{DESTINATION, Message};
use crate::stamp::Stamp;

/// A message that could be leased.
struct Candidate {
    priority: i64,
    seq: i64,
    lane: Option<i64>,
    expires: Option<i64>,
    published: i64,
    message: Message,
}

/// The pauses in force.
#[derive(Default)]
struct Paused {
    queue: bool,
    keys: BTreeSet<String>,
    destinations: BTreeSet<String>,
}

impl Store<'_> {
    pub(super) fn lease(&self, request: &LeaseRequest) -> Result<Try> {
        self.sweep_lapsed(self.now, SWEEP)?;
        self.promote()?;
        let paused = self.paused()?;
        let mut leased = Vec::new();
        let mut expired = 0;
        let mut cursor = (-1, -1);
        while !paused.queue && leased.len() < request.max && expired < SWEEP {
            let page = self.candidates(cursor, request.max - leased.len(), &paused)?;
            let Some(last) = page.last() else { break };
            cursor = (last.priority, last.seq);
            for candidate in page {
                if candidate.expires.is_some_and(|expires| expires <= self.now.0) {
                    let reason = "its time was over before it was delivered";
                    self.bury(candidate.seq, candidate.lane, DeadCause::Expired, reason)?;
                    expired += 1;
                    // The next of its key may stand before the cursor.
                    cursor = (-1, -1);
                    break;
                }
                leased.extend(self.take(candidate, request)?);
            }
        }
        Ok(Try { leased, next: self.next_change()? })
    }

    /// The next messages behind the cursor that no pause holds back.
    fn candidates(&self, cursor: (i64, i64), limit: usize, paused: &Paused) -> Result<Vec<Candidate>> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Candidate {
                priority: row.get("priority")?,
                seq: row.get("seq")?,
                lane: row.get("lane")?,
                expires: row.get("expires")?,
                published: row.get("published")?,
                message: rows::message(row)?,
            })
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        if paused.keys.is_empty() && paused.destinations.is_empty() {
            let sql = "SELECT m.*, l.key FROM ready r CROSS JOIN messages m USING (seq) LEFT JOIN lanes l USING (lane)
                       WHERE (r.priority, r.seq) > (?1, ?2) ORDER BY r.priority, r.seq LIMIT ?3";
            return self.all(sql, (cursor.0, cursor.1, limit), read);
        }
        let sql =
            "SELECT m.*, l.key FROM ready r CROSS JOIN messages m USING (seq) LEFT JOIN lanes l USING (lane)
                   WHERE (r.priority, r.seq) > (?1, ?2)
                   AND NOT EXISTS (SELECT 1 FROM pauses p WHERE (p.until IS NULL OR p.until > ?4) AND (
                       (p.scope = 'key' AND p.value = l.key)
                       OR (p.scope = 'destination' AND p.value = m.attributes ->> ?5)))
                   ORDER BY r.priority, r.seq LIMIT ?3";
        let path = format!("$.{DESTINATION}");
        self.all(sql, (cursor.0, cursor.1, limit, self.now.0, path), read)
    }

    fn paused(&self) -> Result<Paused> {
        let sql = "SELECT scope, value FROM pauses WHERE until IS NULL OR until > ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let mut paused = Paused::default();
        for (scope, value) in self.all(sql, [self.now.0], read)? {
            match scope.as_str() {
                "key" => drop(paused.keys.insert(value)),
                "destination" => drop(paused.destinations.insert(value)),
                _ => paused.queue = true,
            }
        }
        Ok(paused)
    }

    fn take(&self, candidate: Candidate, request: &LeaseRequest) -> Result<Option<Leased>> {
        let Candidate { priority, seq, lane, published, message, .. } = candidate;
        self.run("DELETE FROM ready WHERE priority = ?1 AND seq = ?2", [priority, seq])?;
        if let Some(lane) = lane {
            self.change_lane(lane, |lane| (lane.seated, lane.leased) = (None, Some(seq)))?;
        }
        let until = self.now.plus(request.ttl);
        let sql = "INSERT INTO tries (seq, deliveries, outstanding, worker, since, until)
            VALUES (?1, 1, 1, ?2, ?3, ?4)
            ON CONFLICT (seq) DO UPDATE SET deliveries = deliveries + 1, outstanding = 1, worker = excluded.worker,
                since = excluded.since, until = excluded.until
            RETURNING deliveries, failures, lapses";
        let counters = self.one(sql, (seq, &request.worker, self.now.0, until.0), |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
        })?;
        let Some((deliveries, failures, lapses)) = counters else { return Ok(None) };
        let token = LeaseToken::new(seq.unsigned_abs(), u64::from(deliveries));
        let mut leased = Leased::new(message, token, Stamp(published).time(), until.time());
        leased.attempt = failures.saturating_add(1);
        leased.deliveries = deliveries;
        leased.lapses = lapses;
        Ok(Some(leased))
    }

    /// Makes messages available again whose lease had lapsed by `by`.
    pub(super) fn sweep_lapsed(&self, by: Stamp, budget: usize) -> Result<u64> {
        let sql = "SELECT t.seq, t.worker, m.lane FROM tries t JOIN messages m USING (seq)
                   WHERE t.until <= ?1 ORDER BY t.until, t.seq LIMIT ?2";
        let budget = i64::try_from(budget).unwrap_or(i64::MAX);
        let lapsed: Vec<(i64, String, Option<i64>)> =
            self.all(sql, [by.0, budget], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for (seq, worker, lane) in &lapsed {
            self.detach(*seq, *lane)?;
            self.run("UPDATE tries SET lapses = lapses + 1 WHERE seq = ?1", [seq])?;
            self.note(*seq, IncidentKind::Lapsed, &format!("the lease of {worker} lapsed"))?;
            self.settle_places(*seq, *lane)?;
        }
        Ok(lapsed.len() as u64)
    }

    /// Ends all leases for good: their holders are gone.
    pub(super) fn end_all_leases(&self) -> Result<()> {
        self.sweep_lapsed(Stamp(i64::MAX), usize::MAX)?;
        self.run("UPDATE tries SET outstanding = 0 WHERE outstanding <> 0", []).map(drop)
    }

    /// Makes delayed messages ready whose time has come.
    fn promote(&self) -> Result<()> {
        let sql = "SELECT d.due, d.seq, m.priority FROM delayed d JOIN messages m USING (seq)
                   WHERE d.due <= ?1 ORDER BY d.due, d.seq LIMIT ?2";
        let due: Vec<(i64, i64, i64)> =
            self.all(sql, [self.now.0, SWEEP as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for (due, seq, priority) in due {
            self.run("DELETE FROM delayed WHERE due = ?1 AND seq = ?2", [due, seq])?;
            self.seat_ready(priority, seq)?;
        }
        Ok(())
    }

    /// When something may become ready by itself.
    fn next_change(&self) -> Result<Option<Stamp>> {
        let sql = "SELECT min(at) FROM (SELECT min(due) AS at FROM delayed
                   UNION ALL SELECT min(until) FROM tries WHERE until IS NOT NULL
                   UNION ALL SELECT min(until) FROM pauses WHERE until > ?1)";
        Ok(self.one(sql, [self.now.0], |row| row.get::<_, Option<i64>>(0))?.flatten().map(Stamp))
    }

    pub(super) fn extend(&self, token: LeaseToken, ttl: Duration) -> Result<Extended> {
        let until = self.now.plus(ttl);
        let sql = "UPDATE tries SET until = ?3
                   WHERE seq = ?1 AND deliveries = ?2 AND outstanding = 1 AND until IS NOT NULL";
        let (Ok(seq), Ok(epoch)) = (i64::try_from(token.seq()), i64::try_from(token.epoch())) else {
            return Ok(Extended::Stale);
        };
        let extended = self.run(sql, [seq, epoch, until.0])?;
        Ok(if extended == 1 { Extended::Until(until.time()) } else { Extended::Stale })
    }

    /// Adds to the history of a message that was leased or redriven.
    pub(super) fn note(&self, seq: i64, kind: IncidentKind, reason: &str) -> Result<()> {
        let sql = "SELECT deliveries, history FROM tries WHERE seq = ?1";
        let found = self.one(sql, [seq], |row| Ok((row.get::<_, u32>(0)?, rows::history(row)?)))?;
        let Some((deliveries, mut history)) = found else { return Ok(()) };
        record(&mut history, Incident::new(self.now.time(), kind, reason, deliveries));
        let history = rows::history_text(&history)?;
        self.run("UPDATE tries SET history = ?2 WHERE seq = ?1", (seq, history)).map(drop)
    }
}
