//! Whether there is room for more messages, asked before anything is written. Limits are a promise about publishing alone:
//! what makes room may take some for a while.

use std::collections::HashSet;

use rusqlite::{Connection, Error, Result, ffi};

use super::config::SqliteConfig;
use super::publish::Incoming;
use super::store::Store;

/// What a message takes beside its texts: numbers, a digest, headers of rows, its places in the indices.
const ROW: u64 = 256;

/// What an entry that is not indexed yet will take in its index, whose pages are half full at worst.
const UNINDEXED: u64 = 48;

/// Left to the trees of the file, which split pages beside those that the messages fill.
const SPLITS: u64 = 16 * PAGE;

const PAGE: u64 = 4096;

/// What an overflow page holds of a row.
const OVERFLOW: u64 = PAGE - 4;

/// A row of up to so many bytes is kept in one page, perhaps with others.
const IN_PAGE: u64 = PAGE - 35;

/// A row so small is packed with few gaps.
const SMALL: u64 = 1000;

/// The limits.
#[derive(Debug)]
pub(super) struct Room {
    max_messages: u64,
    max_bytes: Option<u64>,
}

impl Room {
    pub(super) fn new(config: &SqliteConfig) -> Self {
        Self { max_messages: config.max_messages, max_bytes: config.max_bytes }
    }

    fn is_limited(&self) -> bool {
        self.max_messages < u64::MAX || self.max_bytes.is_some()
    }
}

/// About so many bytes of the file a row takes: those that share no page with another take all of it.
fn stored(row: u64) -> u64 {
    if row <= SMALL {
        row * 9 / 8
    } else if row <= IN_PAGE {
        PAGE / (PAGE / row)
    } else {
        row / OVERFLOW * PAGE + stored(row % OVERFLOW)
    }
}

/// About so many bytes are stored of a message.
fn bytes(incoming: &Incoming) -> u64 {
    let message = &incoming.message;
    let attributes: usize = message.attributes.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    let key = message.key.as_deref().map_or(0, str::len);
    // The id is stored twice.
    let texts = 2 * message.id.len() + key + message.kind.len() + attributes + message.payload.len();
    stored(ROW.saturating_add(texts as u64))
}

impl Store<'_> {
    /// Refuses messages of which not all would find room. What is known already takes none.
    pub(super) fn ask_room(&self, messages: &[Incoming]) -> Result<()> {
        if !self.room.is_limited() || self.fits(messages.iter())? {
            return Ok(());
        }
        let (mut ids, mut new) = (HashSet::new(), Vec::new());
        for incoming in messages {
            if ids.insert(&incoming.message.id) && !self.is_known(incoming)? {
                new.push(incoming);
            }
        }
        if new.is_empty() || self.fits(new.into_iter())? {
            return Ok(());
        }
        Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None))
    }

    fn fits<'m>(&self, messages: impl ExactSizeIterator<Item = &'m Incoming>) -> Result<bool> {
        let max = self.room.max_messages;
        if max < u64::MAX && self.live()?.unsigned_abs().saturating_add(messages.len() as u64) > max {
            return Ok(false);
        }
        let Some(limit) = self.room.max_bytes else { return Ok(true) };
        let held = used(self.conn, self.recent.borrow().unindexed())?.saturating_add(SPLITS);
        Ok(held.saturating_add(messages.map(bytes).sum()) <= limit)
    }
}

/// Bytes of the file that hold something, or soon will: so many entries are not indexed yet.
pub(super) fn used(conn: &Connection, unindexed: u64) -> Result<u64> {
    let sql = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
    let pages: i64 = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(pages.unsigned_abs().saturating_mul(PAGE).saturating_add(unindexed.saturating_mul(UNINDEXED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_share_no_page_take_all_of_it() {
        for (row, bytes) in [(0, 0), (800, 900), (1100, 1365), (2000, 2048), (2100, 4096), (4000, 4096)] {
            assert_eq!(stored(row), bytes, "{row}");
        }
        assert_eq!(stored(2 * OVERFLOW + 400), 2 * PAGE + 450);
        assert_eq!(stored(OVERFLOW + 2100), 2 * PAGE);
    }
}
