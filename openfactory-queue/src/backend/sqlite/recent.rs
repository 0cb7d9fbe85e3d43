//! What has come in lately and is not in the indices yet.
//!
//! Ids are random and keys come in any order, so that an index over either would have a page of its own rewritten for
//! nearly every message. The newest entries are therefore kept in memory, sorted, and a sweep moves them into the
//! indices in their order, some with every few commits: many of them to a page. Tables hold all that the entries hold, and
//! `meta.indexed` says from which message on the indices may lack some: what a crash takes from memory is read again.

use rusqlite::{Connection, OptionalExtension as _, Result};
use sha2::{Digest as _, Sha256};

use super::lanes::Lanes;
use super::sieve::Sieve;
use super::unindexed::{Entry, Ids, Lines};

/// So many entries of each kind are kept before a sweep begins; few where tests are to see sweeps all the time.
const ENOUGH: i64 = if cfg!(debug_assertions) { 8 } else { 131_072 };

/// So many new messages let a sweep go on: the entries of several share pages, which are then written once.
const STEP: usize = if cfg!(debug_assertions) { 4 } else { 32 };

/// So many entries of `id_index` are read for each new message, until all have been.
const READ: usize = if cfg!(debug_assertions) { 1 } else { 16 };

/// Room for so many steps is kept from one transaction to the next.
const STEPS: usize = 4096;

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
    /// Up to where upkeep has looked for old ids.
    pub(super) looked: i64,
    pub(super) lanes: Lanes,
    /// What this transaction has done here.
    done: Vec<Step>,
}

/// Something that was done here and can be undone.
#[derive(Debug)]
enum Step {
    /// A message came.
    Added { id: Entry, lane: Option<i64> },
    /// An id was forgotten, whose entry was here, or else in the index.
    Forgotten { id: Entry, here: bool },
    /// A message left its line, whose entry was here.
    Left(Entry),
    /// Entries were moved into the indices.
    Tended(Tended),
}

/// What was before [`Recent::tend`], and what that has moved.
#[derive(Debug)]
struct Tended {
    added: usize,
    mark: i64,
    /// If a sweep went on, as in [`Recent::sweep`].
    end: Option<i64>,
    ids: Vec<Entry>,
    line: Vec<Entry>,
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
            looked: 0,
            lanes: Lanes::default(),
            done: Vec::new(),
        };
        ids.into_iter().for_each(|entry| recent.add_id(entry));
        line.into_iter().for_each(|entry| recent.line.insert(entry));
        Ok(recent)
    }

    /// Takes a new message's entries; the message is the next.
    pub(super) fn add(&mut self, seq: i64, id: i64, lane: Option<i64>) {
        self.next = seq.saturating_add(1);
        self.added += 1;
        let id = (id, seq);
        self.add_id(id);
        if let Some(lane) = lane {
            self.line.insert((lane, seq));
        }
        self.done.push(Step::Added { id, lane });
    }

    /// An id is forgotten. Whether its entry was here; otherwise it is in the index.
    pub(super) fn forget_id(&mut self, id: Entry) -> bool {
        let here = self.ids.remove(id);
        if self.sieve.remove() {
            // It begins anew. The index will not tell it of those that are here.
            self.ids.hashes().for_each(|hash| self.sieve.add(hash));
        }
        self.done.push(Step::Forgotten { id, here });
        here
    }

    /// A message leaves its line. Whether its entry was here; otherwise it is in the index.
    pub(super) fn leave_line(&mut self, entry: Entry) -> bool {
        let here = self.line.remove(entry);
        if here {
            self.done.push(Step::Left(entry));
        }
        here
    }

    fn add_id(&mut self, entry: Entry) {
        self.sieve.add(entry.0);
        self.ids.insert(entry);
    }

    /// So many entries are not in the indices.
    pub(super) fn unindexed(&self) -> u64 {
        (self.ids.len() + self.line.len()) as u64
    }

    /// Before a commit: moves some entries into the indices, if there are enough; twice as many as came in, so that a sweep
    /// ends.
    pub(super) fn tend(&mut self, conn: &Connection) -> Result<()> {
        if self.added < STEP {
            return Ok(());
        }
        let added = std::mem::take(&mut self.added);
        let mut tended = Tended { added, mark: self.mark, end: None, ids: Vec::new(), line: Vec::new() };
        let result = self.sieve.read(conn, READ * added).and_then(|()| self.sweep(conn, &mut tended));
        self.done.push(Step::Tended(tended));
        result
    }

    fn sweep(&mut self, conn: &Connection, tended: &mut Tended) -> Result<()> {
        if self.sweep.is_none() && self.next.saturating_sub(self.mark) >= ENOUGH {
            self.ids.sweep();
            self.line.sweep();
            self.sweep = Some(self.next);
        }
        let Some(end) = self.sweep else { return Ok(()) };
        tended.end = Some(end);
        tended.ids = self.ids.take(2 * tended.added);
        tended.line = self.line.take(2 * tended.added);
        index(conn, ID_INDEX, &tended.ids)?;
        index(conn, LANE_INDEX, &tended.line)?;
        if self.ids.swept() && self.line.swept() {
            self.mark = end;
            self.sweep = None;
            set_mark(conn, end)?;
        }
        Ok(())
    }

    /// A transaction begins: what the one before did is there to stay.
    pub(super) fn begin(&mut self) {
        self.done.clear();
        self.done.shrink_to(STEPS);
    }

    /// So many things this transaction has done here.
    pub(super) fn steps(&self) -> usize {
        self.done.len()
    }

    /// Undoes what this transaction has done here.
    pub(super) fn undo(&mut self) {
        for step in std::mem::take(&mut self.done).into_iter().rev() {
            match step {
                Step::Added { id, lane } => {
                    self.next = id.1;
                    self.added = self.added.saturating_sub(1);
                    self.ids.remove(id);
                    lane.map(|lane| self.line.remove((lane, id.1)));
                }
                Step::Forgotten { id, here } => {
                    // Even if it is in the index: the filter may have read on meanwhile.
                    self.sieve.add(id.0);
                    if here {
                        self.ids.insert(id);
                        self.end_sweep_before(id.1);
                    }
                }
                Step::Left(entry) => {
                    self.line.insert(entry);
                    self.end_sweep_before(entry.1);
                }
                Step::Tended(Tended { added, mark, end, ids, line }) => {
                    (self.added, self.mark, self.sweep) = (added, mark, end);
                    self.ids.put_back(ids);
                    self.line.put_back(line);
                }
            }
        }
        self.end_sweep_before(self.next);
        self.lanes = Lanes::default();
    }

    /// The sweep that goes on may pass an entry by: it is through with those before it alone.
    fn end_sweep_before(&mut self, seq: i64) {
        self.sweep = self.sweep.map(|end| end.min(seq));
    }
}

const ID_INDEX: &str = "INSERT OR IGNORE INTO id_index (hash, seq) VALUES (?1, ?2)";
const LANE_INDEX: &str = "INSERT OR IGNORE INTO lane_index (lane, seq) VALUES (?1, ?2)";

fn index(conn: &Connection, sql: &str, entries: &[Entry]) -> Result<()> {
    let mut insert = conn.prepare_cached(sql)?;
    entries.iter().try_for_each(|entry| insert.execute([entry.0, entry.1]).map(drop))
}

/// Before anything else is done with a file: brings indices up that lack very much, as after a migration.
pub(super) fn catch_up(conn: &Connection) -> Result<()> {
    loop {
        let (mark, next) = (mark(conn)?, next(conn)?);
        if next.saturating_sub(mark) <= 2 * ENOUGH {
            return Ok(());
        }
        let end = mark.saturating_add(ENOUGH);
        let (ids, line) = missing(conn, mark, end)?;
        conn.execute_batch("BEGIN IMMEDIATE")?;
        index(conn, ID_INDEX, &ids)?;
        index(conn, LANE_INDEX, &line)?;
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
    let sql = "SELECT coalesce(max(seq), 0) + 1 FROM known";
    conn.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests;
