//! What the writer has read of lanes, so that it need not read it again. All of it can be forgotten at any time.

use std::collections::HashMap;

use super::store::Lane;

/// So many lanes are kept in memory, as their rows say.
const LANES: usize = 16_384;

/// So many entries of a lane's messages that are gone are deleted from the index at once.
const GONE: usize = if cfg!(debug_assertions) { 4 } else { 32 };

/// Lanes as the file has them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// As their rows say.
    rows: HashMap<i64, Lane>,
    keys: HashMap<String, i64>,
    names: HashMap<i64, String>,
    /// What is known of the front of their lines.
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

impl Lanes {
    pub(super) fn row(&self, lane: i64) -> Option<Lane> {
        self.rows.get(&lane).copied()
    }

    pub(super) fn key(&self, key: &str) -> Option<i64> {
        self.keys.get(key).copied()
    }

    pub(super) fn keep_row(&mut self, lane: i64, row: Lane) {
        if self.rows.len() >= LANES {
            self.rows.clear();
        }
        self.rows.insert(lane, row);
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
        self.rows.remove(&lane);
        self.fronts.remove(&lane);
        if let Some(key) = self.names.remove(&lane) {
            self.keys.remove(&key);
        }
    }
}
