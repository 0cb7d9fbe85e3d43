//! Inside a transaction: which message has an id, which messages of a key stand in line; in the indices or not yet.

use rusqlite::Result;

use super::recent;
use super::store::Store;
use super::unindexed::Entry;

impl Store<'_> {
    /// The place of the message that is known by an id.
    pub(super) fn place_of(&self, id: &str) -> Result<Option<i64>> {
        self.place_by(recent::hash(id), id)
    }

    /// The same by the id's hash.
    pub(super) fn place_by(&self, hash: i64, id: &str) -> Result<Option<i64>> {
        let recent = self.recent.borrow();
        if !recent.sieve.may_hold(hash) {
            return Ok(None);
        }
        let mut places = recent.ids.places(hash);
        let sql = "SELECT seq FROM id_index WHERE hash = ?1";
        places.extend(self.all(sql, [hash], |row| row.get::<_, i64>(0))?);
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
        if !self.recent.borrow_mut().forget_id(entry) {
            self.run("DELETE FROM id_index WHERE hash = ?1 AND seq = ?2", [entry.0, entry.1])?;
        }
        self.run("DELETE FROM known WHERE seq = ?1", [seq]).map(drop)
    }

    /// Puts an old message into its lane's line again.
    pub(super) fn line_up_again(&self, lane: i64, seq: i64) -> Result<()> {
        // Never by way of memory: a sweep that has passed its place would leave it out.
        self.recent.borrow_mut().lanes.drop_front(lane);
        self.run("INSERT OR IGNORE INTO lane_index (lane, seq) VALUES (?1, ?2)", [lane, seq]).map(drop)
    }

    /// Takes a message out of its lane's line, most likely the head. If that is indexed, its entry is deleted with those
    /// of several others: they share a page, while each other lane has its own.
    pub(super) fn leave_front(&self, lane: i64, seq: i64) -> Result<()> {
        let mut recent = self.recent.borrow_mut();
        if recent.leave_line((lane, seq)) {
            return Ok(());
        }
        match recent.lanes.goes(lane, seq) {
            Some(false) => Ok(()),
            Some(true) => {
                self.run("DELETE FROM lane_index WHERE lane = ?1 AND seq <= ?2", [lane, seq]).map(drop)
            }
            None => self.run("DELETE FROM lane_index WHERE lane = ?1 AND seq = ?2", [lane, seq]).map(drop),
        }
    }

    /// Deletes what is left of the line of a lane in which no message lives.
    pub(super) fn forget_line(&self, lane: i64) -> Result<()> {
        if self.recent.borrow().lanes.clean(lane) {
            return Ok(());
        }
        self.run("DELETE FROM lane_index WHERE lane = ?1", [lane]).map(drop)
    }

    pub(super) fn leave_line(&self, lane: i64, seq: i64) -> Result<()> {
        if self.recent.borrow_mut().leave_line((lane, seq)) {
            return Ok(());
        }
        self.run("DELETE FROM lane_index WHERE lane = ?1 AND seq = ?2", [lane, seq]).map(drop)
    }

    /// The first message of a lane.
    pub(super) fn head(&self, lane: i64) -> Result<Option<i64>> {
        let recent = self.recent.borrow().line.first(lane);
        let gone = self.recent.borrow().lanes.gone(lane);
        let sql = "SELECT i.seq FROM lane_index i CROSS JOIN messages m USING (seq)
                   WHERE i.lane = ?1 AND i.seq > ?2 ORDER BY i.seq LIMIT 1";
        let indexed = self.one(sql, [lane, gone.unwrap_or(i64::MIN)], |row| row.get::<_, i64>(0))?;
        if gone.is_none() {
            // An earlier owner of the file may have left some.
            let sql = "DELETE FROM lane_index WHERE lane = ?1 AND seq < ?2";
            self.run(sql, [lane, indexed.unwrap_or(i64::MAX)])?;
        }
        let head = indexed.into_iter().chain(recent).min();
        self.recent.borrow_mut().lanes.keep_front(lane, head);
        Ok(head)
    }

    /// All messages of a lane, in order.
    pub(super) fn line(&self, lane: i64) -> Result<Vec<i64>> {
        let sql = "SELECT i.seq FROM lane_index i CROSS JOIN messages m USING (seq) WHERE i.lane = ?1";
        let mut line: Vec<i64> = self.all(sql, [lane], |row| row.get(0))?;
        line.extend(self.recent.borrow().line.line(lane));
        line.sort_unstable();
        Ok(line)
    }
}
