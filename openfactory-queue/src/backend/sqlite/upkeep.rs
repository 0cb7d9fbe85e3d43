//! Pauses and maintenance.

use rusqlite::Result;

use super::rows;
use super::store::Store;
use crate::dead_letter::DeadCause;
use crate::pause::{Pause, Resume};
use crate::stats::Maintained;

/// So many ids are looked at in one call, or more.
const ENOUGH_LOOKED: usize = 4096;

impl Store<'_> {
    pub(super) fn pause(&self, pause: &Pause) -> Result<()> {
        let (scope, value) = rows::scope(&pause.scope);
        let until = rows::stamp(pause.until);
        let sql = "INSERT OR REPLACE INTO pauses (scope, value, until, actor, reason, since)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.run(sql, (scope, value, until, &pause.actor, &pause.reason, self.now.0))?;
        self.act("pause", &pause.actor, &pause.reason, &rows::text(&(scope, value, until))?)
    }

    pub(super) fn resume(&self, resume: &Resume) -> Result<bool> {
        let (scope, value) = rows::scope(&resume.scope);
        let sql = "DELETE FROM pauses WHERE scope = ?1 AND value = ?2 RETURNING until IS NULL OR until > ?3";
        let ended = self.one(sql, (scope, value, self.now.0), |row| row.get::<_, bool>(0))?.unwrap_or(false);
        if ended {
            self.act("resume", &resume.actor, &resume.reason, &rows::text(&(scope, value))?)?;
        }
        Ok(ended)
    }

    pub(super) fn maintain(&self, budget: usize) -> Result<Maintained> {
        let rows = i64::try_from(budget).unwrap_or(i64::MAX);
        let lapsed = self.sweep_lapsed(self.now, budget)?;
        let sql = "SELECT m.seq, m.lane FROM messages m LEFT JOIN tries t USING (seq)
                   WHERE m.expires <= ?1 AND t.until IS NULL ORDER BY m.expires, m.seq LIMIT ?2";
        let expired: Vec<(i64, Option<i64>)> =
            self.all(sql, [self.now.0, rows], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (seq, lane) in &expired {
            self.bury(*seq, *lane, DeadCause::Expired, "its time was over before it was delivered")?;
        }
        let old = self.old_ids(budget)?;
        old.iter().try_for_each(|(seq, id)| self.forget(id, *seq))?;
        let forgotten = old.len();
        self.run("DELETE FROM pauses WHERE until <= ?1", [self.now.0])?;
        Ok(Maintained {
            lapsed,
            expired: expired.len() as u64,
            forgotten: forgotten as u64,
            more: [lapsed as usize, expired.len(), forgotten].iter().any(|done| *done >= budget),
        })
    }

    /// Ids whose window is over and whose messages are gone, from the oldest on, `limit` at most; the newest id is none of
    /// them. Where many old ones live, they are looked through in several calls.
    fn old_ids(&self, limit: usize) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT k.seq, k.id, k.at,
                       EXISTS (SELECT 1 FROM messages m WHERE m.seq = k.seq)
                       OR EXISTS (SELECT 1 FROM dead d WHERE d.seq = k.seq) AS lives
                   FROM known k WHERE k.seq > ?1 AND k.seq < (SELECT max(seq) FROM known) ORDER BY k.seq";
        let end = self.now.minus(self.window).0;
        let from = self.recent.borrow().looked;
        let (mut old, mut left) = (Vec::new(), ENOUGH_LOOKED.max(16 * limit));
        let (mut last, mut next) = (from, 0);
        self.each(sql, [from], |row| {
            if old.len() >= limit || left == 0 {
                next = if left == 0 { last } else { from };
                return Ok(false);
            }
            // Those behind the first young one are young too, or will be found later.
            if row.get::<_, i64>("at")? > end {
                return Ok(false);
            }
            left -= 1;
            last = row.get("seq")?;
            if !row.get("lives")? {
                old.push((last, row.get("id")?));
            }
            Ok(true)
        })?;
        self.recent.borrow_mut().looked = next;
        Ok(old)
    }
}
