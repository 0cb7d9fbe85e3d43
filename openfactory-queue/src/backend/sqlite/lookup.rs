//! Inside a transaction: which message has an id, which messages of a key stand in line; in the indices or not yet.

use rusqlite::Result;

use super::recent::{self, Entry};
use super::store::Store;

impl Store<'_> {
    /// The place of the message that is known by an id.
    pub(super) fn place_of(&self, id: &str) -> Result<Option<i64>> {
        let hash = recent::hash(id);
        let range = (hash, i64::MIN)..=(hash, i64::MAX);
        let mut places: Vec<i64> = self.recent.borrow().ids.range(range).map(|entry| entry.1).collect();
        places.extend(
            self.all("SELECT seq FROM id_index WHERE hash = ?1", [hash], |row| row.get::<_, i64>(0))?,
        );
        for seq in places {
            let sql = "SELECT 1 FROM known WHERE seq = ?1 AND id = ?2";
            if self.one(sql, (seq, id), |_| Ok(()))?.is_some() {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Forgets an id.
    pub(super) fn forget(&self, id: &str, seq: i64) -> Result<()> {
        let entry: Entry = (recent::hash(id), seq);
        if !self.recent.borrow_mut().ids.remove(&entry) {
            self.run("DELETE FROM id_index WHERE hash = ?1 AND seq = ?2", [entry.0, entry.1])?;
        }
        self.run("DELETE FROM known WHERE seq = ?1", [seq]).map(drop)
    }

    /// Puts an old message into its lane's line again.
    pub(super) fn line_up_again(&self, lane: i64, seq: i64) -> Result<()> {
        // Never by way of memory: a sweep that has passed its place would leave it out.
        self.run("INSERT INTO lane_index (lane, seq) VALUES (?1, ?2)", [lane, seq]).map(drop)
    }

    pub(super) fn leave_line(&self, lane: i64, seq: i64) -> Result<()> {
        if self.recent.borrow_mut().line.remove(&(lane, seq)) {
            return Ok(());
        }
        self.run("DELETE FROM lane_index WHERE lane = ?1 AND seq = ?2", [lane, seq]).map(drop)
    }

    /// The first message of a lane.
    pub(super) fn head(&self, lane: i64) -> Result<Option<i64>> {
        let range = (lane, i64::MIN)..=(lane, i64::MAX);
        let recent = self.recent.borrow().line.range(range).next().map(|entry| entry.1);
        let sql = "SELECT seq FROM lane_index WHERE lane = ?1 ORDER BY seq LIMIT 1";
        let indexed = self.one(sql, [lane], |row| row.get::<_, i64>(0))?;
        Ok(indexed.into_iter().chain(recent).min())
    }

    /// All messages of a lane, in order.
    pub(super) fn line(&self, lane: i64) -> Result<Vec<i64>> {
        let sql = "SELECT seq FROM lane_index WHERE lane = ?1";
        let mut line: Vec<i64> = self.all(sql, [lane], |row| row.get(0))?;
        let range = (lane, i64::MIN)..=(lane, i64::MAX);
        line.extend(self.recent.borrow().line.range(range).map(|entry| entry.1));
        line.sort_unstable();
        Ok(line)
    }
}
