//! Inside a transaction: which message of which key is next.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Params, Result, Row};

use super::config::SqliteConfig;
use super::recent::Recent;
use super::room::Room;
use crate::stamp::Stamp;

/// A transaction at one instant.
pub(super) struct Store<'c> {
    pub(super) conn: &'c Connection,
    pub(super) recent: &'c RefCell<Recent>,
    pub(super) now: Stamp,
    pub(super) window: Duration,
    pub(super) room: Room,
    /// How many more messages live than at the last commit.
    live: Cell<i64>,
    /// What was the place of the next message at the last commit.
    next: i64,
}

/// A lane as its row says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    pub(super) seated: Option<i64>,
    pub(super) leased: Option<i64>,
    pub(super) blocked: i64,
}

impl<'c> Store<'c> {
    pub(super) fn new(
        conn: &'c Connection,
        recent: &'c RefCell<Recent>,
        config: &SqliteConfig,
        now: Stamp,
    ) -> Self {
        let next = recent.borrow().next;
        let window = config.dedup_window;
        Self { conn, recent, now, window, room: Room::new(config), live: Cell::new(0), next }
    }

    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.conn.prepare_cached(sql)?.execute(params)
    }

    pub(super) fn one<T, F>(&self, sql: &str, params: impl Params, f: F) -> Result<Option<T>>
    where
        F: FnOnce(&Row<'_>) -> Result<T>,
    {
        self.conn.prepare_cached(sql)?.query_row(params, f).optional()
    }

    pub(super) fn all<T, F>(&self, sql: &str, params: impl Params, f: F) -> Result<Vec<T>>
    where
        F: FnMut(&Row<'_>) -> Result<T>,
    {
        self.conn.prepare_cached(sql)?.query_map(params, f)?.collect()
    }

    /// Reads rows as long as `f` goes on.
    pub(super) fn each<F>(&self, sql: &str, params: impl Params, mut f: F) -> Result<()>
    where
        F: FnMut(&Row<'_>) -> Result<bool>,
    {
        let mut select = self.conn.prepare_cached(sql)?;
        let mut rows = select.query(params)?;
        while let Some(row) = rows.next()? {
            if !f(row)? {
                break;
            }
        }
        Ok(())
    }

    /// How many messages live, with what this transaction has changed.
    pub(super) fn live(&self) -> Result<i64> {
        let gone: Option<i64> =
            self.one("SELECT value FROM meta WHERE name = 'gone'", [], |row| row.get(0))?;
        let committed = self.next.saturating_sub(1).saturating_sub(gone.unwrap_or(0));
        Ok(committed.saturating_add(self.live.get()))
    }

    pub(super) fn count(&self, more: i64) {
        self.live.set(self.live.get().saturating_add(more));
    }

    /// What remains to be written before the commit.
    pub(super) fn finish(&self) -> Result<()> {
        self.recent.borrow_mut().tend(self.conn)?;
        // Where messages have only come, their places say how many: that spares each publish a page.
        let come = self.recent.borrow().next.saturating_sub(self.next);
        let gone = come.saturating_sub(self.live.replace(0));
        if gone != 0 {
            self.run("UPDATE meta SET value = value + ?1 WHERE name = 'gone'", [gone])?;
        }
        Ok(())
    }

    pub(super) fn lane(&self, lane: i64) -> Result<Option<Lane>> {
        if let Some(row) = self.recent.borrow().lanes.row(lane) {
            return Ok(Some(row));
        }
        let row = self.one("SELECT seated, leased, blocked FROM lanes WHERE lane = ?1", [lane], |row| {
            Ok(Lane { seated: row.get(0)?, leased: row.get(1)?, blocked: row.get(2)? })
        })?;
        if let Some(row) = row {
            self.recent.borrow_mut().lanes.keep_row(lane, row);
        }
        Ok(row)
    }

    /// Changes the row of a lane, if there is one.
    pub(super) fn change_lane(&self, lane: i64, change: impl FnOnce(&mut Lane)) -> Result<()> {
        let Some(before) = self.lane(lane)? else { return Ok(()) };
        let mut row = before;
        change(&mut row);
        if (row.seated, row.leased) != (before.seated, before.leased) {
            let sql = "UPDATE lanes SET seated = ?2, leased = ?3 WHERE lane = ?1";
            self.run(sql, (lane, row.seated, row.leased))?;
        }
        if row.blocked != before.blocked {
            self.run("UPDATE lanes SET blocked = ?2 WHERE lane = ?1", [lane, row.blocked])?;
        }
        self.recent.borrow_mut().lanes.keep_row(lane, row);
        Ok(())
    }

    /// The lane of a key, made if it isn't there.
    pub(super) fn lane_of(&self, key: &str) -> Result<i64> {
        if let Some(lane) = self.recent.borrow().lanes.key(key) {
            return Ok(lane);
        }
        let found = self.one("SELECT lane FROM lanes WHERE key = ?1", [key], |row| row.get(0))?;
        let lane = match found {
            Some(lane) => lane,
            None => {
                self.run("INSERT INTO lanes (key) VALUES (?1)", [key])?;
                let lane = self.conn.last_insert_rowid();
                // The last lane of this number has left nothing.
                self.recent.borrow_mut().lanes.keep_front(lane, None);
                lane
            }
        };
        self.recent.borrow_mut().lanes.keep_key(lane, key);
        Ok(lane)
    }

    /// Gives a message, or the head of its lane, the place that it should have.
    pub(super) fn settle_places(&self, seq: i64, lane: Option<i64>) -> Result<()> {
        match lane {
            Some(lane) => self.settle_lane(lane),
            None => self.seat(seq),
        }
    }

    /// Seats the head of a lane, if the lane may go on; forgets a lane that is empty.
    pub(super) fn settle_lane(&self, lane: i64) -> Result<()> {
        let Some(Lane { seated, leased, blocked }) = self.lane(lane)? else { return Ok(()) };
        if leased.is_some() && seated.is_none() {
            return Ok(());
        }
        let head = self.head(lane)?;
        if head.is_none() && blocked == 0 && leased.is_none() {
            self.forget_line(lane)?;
            self.recent.borrow_mut().lanes.drop_key(lane);
            return self.run("DELETE FROM lanes WHERE lane = ?1", [lane]).map(drop);
        }
        let next = head.filter(|_| blocked == 0 && leased.is_none());
        if next == seated {
            return Ok(());
        }
        if let Some(seated) = seated {
            self.unseat(seated)?;
        }
        if let Some(next) = next {
            self.seat(next)?;
        }
        self.change_lane(lane, |lane| lane.seated = next)
    }

    /// Puts a message into ready or delayed.
    pub(super) fn seat(&self, seq: i64) -> Result<()> {
        let sql =
            "SELECT m.priority, coalesce(t.due, m.not_before) FROM messages m LEFT JOIN tries t USING (seq)
                   WHERE m.seq = ?1";
        let found = self.one(sql, [seq], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
        match found {
            None => Ok(()),
            Some((_, Some(due))) if due > self.now.0 => {
                self.run("INSERT OR IGNORE INTO delayed (due, seq) VALUES (?1, ?2)", [due, seq]).map(drop)
            }
            Some((priority, _)) => self.seat_ready(priority, seq),
        }
    }

    pub(super) fn seat_ready(&self, priority: i64, seq: i64) -> Result<()> {
        self.run("INSERT OR IGNORE INTO ready (priority, seq) VALUES (?1, ?2)", [priority, seq]).map(drop)
    }

    /// Takes a message out of ready and delayed.
    fn unseat(&self, seq: i64) -> Result<()> {
        let sql =
            "SELECT m.priority, coalesce(t.due, m.not_before) FROM messages m LEFT JOIN tries t USING (seq)
                   WHERE m.seq = ?1";
        let found = self.one(sql, [seq], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
        let Some((priority, due)) = found else { return Ok(()) };
        self.run("DELETE FROM ready WHERE priority = ?1 AND seq = ?2", [priority, seq])?;
        if let Some(due) = due {
            self.run("DELETE FROM delayed WHERE due = ?1 AND seq = ?2", [due, seq])?;
        }
        Ok(())
    }

    /// Ends the lease of a message, if there is one, and takes it from its place.
    pub(super) fn detach(&self, seq: i64, lane: Option<i64>) -> Result<()> {
        let ended = self.run(
            "UPDATE tries SET worker = NULL, since = NULL, until = NULL WHERE seq = ?1 AND until IS NOT NULL",
            [seq],
        )?;
        if ended == 0 {
            self.unseat(seq)?;
        }
        if let Some(lane) = lane {
            let other = |place: Option<i64>| place.filter(|place| *place != seq);
            self.change_lane(lane, |lane| {
                (lane.seated, lane.leased) = (other(lane.seated), other(lane.leased));
            })?;
        }
        Ok(())
    }

    /// Deletes a living message that is detached. The lane is to be settled afterwards.
    pub(super) fn delete(&self, seq: i64, lane: Option<i64>) -> Result<()> {
        if let Some(lane) = lane {
            self.leave_line(lane, seq)?;
        }
        self.erase(seq)
    }

    /// Deletes a living message, but for its place in the line of its lane.
    pub(super) fn erase(&self, seq: i64) -> Result<()> {
        self.run("DELETE FROM tries WHERE seq = ?1", [seq])?;
        let deleted = self.run("DELETE FROM messages WHERE seq = ?1", [seq])?;
        self.count(-i64::try_from(deleted).unwrap_or(0));
        Ok(())
    }
}
