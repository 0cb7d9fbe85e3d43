//! What has come in lately and is not in the indices yet.
//!
//! Ids are random and keys come in any order, so that an index over either would have a page of its own rewritten for
//! nearly every message. The newest entries are therefore kept in memory, sorted, and a sweep moves them into the
//! indices in their order, some with every few commits: many of them to a page. Tables hold all that the entries hold, and
//! `meta.indexed` says from which message on the indices may lack some: what a crash takes from memory is read again.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Result};
use sha2::{Digest as _, Sha256};

use super::sieve::Sieve;
use super::store::Lane;
use super::unindexed::{Entry, Ids, Lines};

/// So many entries of each kind are kept before a sweep begins; few where tests are to see sweeps all the time.
const ENOUGH: usize = if cfg!(debug_assertions) { 64 } else { 131_072 };

/// So many new messages let a sweep go on: the entries of several share pages, which are then written once.
const STEP: usize = 32;

/// So many entries of `id_index` are read for each new message, until all have been.
const READ: usize = if cfg!(debug_assertions) { 1 } else { 16 };

/// So many lanes are kept in memory, as their rows say.
const LANES: usize = 16_384;

/// So many entries of a lane's messages that are gone are deleted from the index at once.
const GONE: usize = if cfg!(debug_assertions) { 4 } else { 32 };

/// The newest entries of both indices, and what else the writer need not read again.
#[derive(Debug)]
pub(super) struct Recent {
    /// The place of the next message.
    pub(super) next: i64,
    /// Entries of messages before this one are all in the indices.
    mark: i64,
    /// Entries that are not in `id_index`.
    pub(super) ids: Ids,
    /// Which ids may be here or there.
    pub(super) sieve: Sieve,
    /// Entries that are not in `lane_index`.
    pub(super) line: Lines,
    /// While a sweep goes on: when it is through, entries of messages before this one are all in the indices.
    sweep: Option<i64>,
    added: usize,
    /// Lanes as their rows say.
    lanes: HashMap<i64, Lane>,
    keys: HashMap<String, i64>,
    names: HashMap<i64, String>,
    /// Of lanes, what is known of the front of their lines.
    fronts: HashMap<i64, Front>,
}

/// The front of a lane's line.
#[derive(Clone, Copy, Debug)]
struct Front {
    /// The first message, as long as nothing lines up before it.
    head: Option<i64>,
    /// Entries in `lane_index` up to here are of messages that are gone.
    gone: i64,
    /// How many of those are still there.
    left: usize,
}

/// Where ids are looked for: the first 64 bits of SHA-256 of the id, big-endian.
pub(super) fn hash(id: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(id).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Recent {
    /// Reads what the indices lack.
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let mark = mark(conn)?;
        let next = next(conn)?;
        let (ids, line) = missing(conn, mark, next)?;
        let mut recent = Self {
            next,
            mark,
            ids: Ids::default(),
            sieve: Sieve::default(),
            line: Lines::default(),
            sweep: None,
            added: 0,
            lanes: HashMap::new(),
            keys: HashMap::new(),
            names: HashMap::new(),
            fronts: HashMap::new(),
        };
        ids.into_iter().for_each(|entry| recent.add_id(entry));
        line.into_iter().for_each(|entry| recent.line.insert(entry));
        Ok(recent)
    }

    /// Takes a new message's entries; the message is the next.
    pub(super) fn add(&mut self, seq: i64, id: i64, lane: Option<i64>) {
        self.next = seq.saturating_add(1);
        self.added += 1;
        self.add_id((id, seq));
        if let Some(lane) = lane {
            self.line.insert((lane, seq));
        }
    }

    /// An id is forgotten. Whether its entry was here; otherwise it is in the index.
    pub(super) fn forget_id(&mut self, entry: Entry) -> bool {
        let here = self.ids.remove(entry);
        if self.sieve.remove() {
            // It begins anew. The index will not tell it of those that are here.
            self.ids.hashes().for_each(|hash| self.sieve.add(hash));
        }
        here
    }

    fn add_id(&mut self, entry: Entry) {
        self.sieve.add(entry.0);
        self.ids.insert(entry);
    }

    pub(super) fn lane(&self, lane: i64) -> Option<Lane> {
        self.lanes.get(&lane).copied()
    }

    pub(super) fn key(&self, key: &str) -> Option<i64> {
        self.keys.get(key).copied()
    }

    pub(super) fn keep_lane(&mut self, lane: i64, row: Lane) {
        if self.lanes.len() >= LANES {
            self.lanes.clear();
        }
        self.lanes.insert(lane, row);
    }

    pub(super) fn keep_key(&mut self, lane: i64, key: &str) {
        if self.keys.len() >= LANES {
            self.keys.clear();
            self.names.clear();
        }
        self.keys.insert(key.to_owned(), lane);
        self.names.insert(lane, key.to_owned());
    }

    /// Up to where the indexed line of a lane is gone, if that is known.
    pub(super) fn gone(&self, lane: i64) -> Option<i64> {
        self.fronts.get(&lane).map(|front| front.gone)
    }

    /// Nothing of the indexed line of a lane is left that is gone.
    pub(super) fn clean(&self, lane: i64) -> bool {
        self.fronts.get(&lane).is_some_and(|front| front.left == 0)
    }

    /// What was found at the front of a lane's line; if nothing was known of it, nothing is left there that is gone.
    pub(super) fn keep_front(&mut self, lane: i64, head: Option<i64>) {
        if self.fronts.len() >= LANES && !self.fronts.contains_key(&lane) {
            self.fronts.clear();
        }
        self.fronts.entry(lane).or_insert(Front { head, gone: i64::MIN, left: 0 }).head = head;
    }

    /// Nothing is known any more of the front of a lane's line.
    pub(super) fn drop_front(&mut self, lane: i64) {
        self.fronts.remove(&lane);
    }

    /// An indexed message goes. If it was the head, says whether all up to it are to be deleted now.
    pub(super) fn goes(&mut self, lane: i64, seq: i64) -> Option<bool> {
        let front = self.fronts.get_mut(&lane).filter(|front| front.head == Some(seq))?;
        front.gone = seq;
        front.left = (front.left + 1) % GONE;
        Some(front.left == 0)
    }

    /// The lane's row is gone; its number may come again for another key.
    pub(super) fn drop_key(&mut self, lane: i64) {
        self.lanes.remove(&lane);
        self.fronts.remove(&lane);
        if let Some(key) = self.names.remove(&lane) {
            self.keys.remove(&key);
        }
    }

    /// Before a commit: moves some entries into the indices, if there are enough; twice as many as came in, so that a sweep
    /// ends.
    pub(super) fn tend(&mut self, conn: &Connection) -> Result<()> {
        if self.added < STEP {
            return Ok(());
        }
        let added = std::mem::take(&mut self.added);
        self.sieve.read(conn, READ * added)?;
        let slice = 2 * added;
        let full = self.ids.len().max(self.line.len()) >= ENOUGH;
        if self.sweep.is_none() && full {
            self.ids.sweep();
            self.line.sweep();
            self.sweep = Some(self.next);
        }
        let Some(end) = self.sweep else { return Ok(()) };
        index(conn, ID_INDEX, self.ids.take(slice))?;
        index(conn, LANE_INDEX, self.line.take(slice))?;
        if self.ids.swept() && self.line.swept() {
            self.mark = end;
            self.sweep = None;
            set_mark(conn, end)?;
        }
        Ok(())
    }
}

const ID_INDEX: &str = "INSERT OR IGNORE INTO id_index (hash, seq) VALUES (?1, ?2)";
const LANE_INDEX: &str = "INSERT OR IGNORE INTO lane_index (lane, seq) VALUES (?1, ?2)";

fn index(conn: &Connection, sql: &str, entries: Vec<Entry>) -> Result<()> {
    let mut insert = conn.prepare_cached(sql)?;
    entries.into_iter().try_for_each(|entry| insert.execute([entry.0, entry.1]).map(drop))
}

/// Before anything else is done with a file: brings indices up that lack very much, as after a migration.
pub(super) fn catch_up(conn: &Connection) -> Result<()> {
    let step = i64::try_from(ENOUGH).unwrap_or(i64::MAX);
    loop {
        let (mark, next) = (mark(conn)?, next(conn)?);
        if next.saturating_sub(mark) <= step.saturating_mul(2) {
            return Ok(());
        }
        let end = mark.saturating_add(step);
        let (ids, line) = missing(conn, mark, end)?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        index(conn, ID_INDEX, ids)?;
        index(conn, LANE_INDEX, line)?;
        set_mark(conn, end)?;
        conn.execute_batch("COMMIT")?;
    }
}

/// The entries of messages from `mark` up to `end` that the indices lack, in their order.
fn missing(conn: &Connection, mark: i64, end: i64) -> Result<(Vec<Entry>, Vec<Entry>)> {
    let mut known = conn.prepare_cached("SELECT seq, id FROM known WHERE seq >= ?1 AND seq < ?2")?;
    let mut rows = known.query([mark, end])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push((hash(row.get_ref("id")?.as_str()?), row.get("seq")?));
    }
    let sql = "SELECT lane, seq FROM messages WHERE seq >= ?1 AND seq < ?2 AND lane IS NOT NULL";
    let line = conn
        .prepare_cached(sql)?
        .query_map([mark, end], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    let ids = lacking(conn, "SELECT 1 FROM id_index WHERE hash = ?1 AND seq = ?2", ids)?;
    let line = lacking(conn, "SELECT 1 FROM lane_index WHERE lane = ?1 AND seq = ?2", line)?;
    Ok((ids, line))
}

/// Those entries that an index lacks. They are looked for in its order, so that each page is read once.
fn lacking(conn: &Connection, sql: &str, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
    entries.sort_unstable();
    let mut indexed = conn.prepare_cached(sql)?;
    let mut lacking = Vec::new();
    for entry in entries {
        if !indexed.exists([entry.0, entry.1])? {
            lacking.push(entry);
        }
    }
    Ok(lacking)
}

fn mark(conn: &Connection) -> Result<i64> {
    let sql = "SELECT value FROM meta WHERE name = 'indexed'";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.unwrap_or(1))
}

fn set_mark(conn: &Connection, mark: i64) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('indexed', ?1)";
    conn.prepare_cached(sql)?.execute([mark]).map(drop)
}

fn next(conn: &Connection) -> Result<i64> {
    // The newest row is never deleted, so that no place is given twice.
    conn.query_row("SELECT coalesce(max(seq), 0) + 1 FROM known", [], |row| row.get(0))
}
