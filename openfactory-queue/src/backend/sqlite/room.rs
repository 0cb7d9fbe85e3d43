//! Whether there is room for more messages, asked before anything is written. Limits are a promise about publishing alone:
//! what makes room may take some for a while.

use std::cell::Cell;
use std::collections::HashSet;

use rusqlite::{Connection, Error, Result, ffi};

use super::config::SqliteConfig;
use super::publish::Incoming;
use super::recent;
use super::store::Store;

/// What a message takes beside its texts: numbers, a digest, headers of rows, its places in the indices.
const ROW: u64 = 256;

/// What each message that is not indexed yet will take in the indices, whose pages are half full at worst.
const UNINDEXED: u64 = 96;

/// Left to the trees of the file, which split pages beside those that the messages fill.
const SPLITS: u64 = 16 * PAGE;

const PAGE: u64 = 4096;

/// The limits, and what a transaction knows of the room below them.
#[derive(Debug)]
pub(super) struct Room {
    max_messages: u64,
    max_bytes: Option<u64>,
    /// Bytes that this transaction has still to give away, once it has asked for them.
    left: Cell<Option<u64>>,
}

impl Room {
    pub(super) fn new(config: &SqliteConfig) -> Self {
        Self { max_messages: config.max_messages, max_bytes: config.max_bytes, left: Cell::new(None) }
    }

    fn is_limited(&self) -> bool {
        self.max_messages < u64::MAX || self.max_bytes.is_some()
    }
}

/// About so many bytes are stored of a message.
fn bytes(incoming: &Incoming) -> u64 {
    let message = &incoming.message;
    let attributes: usize = message.attributes.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    let key = message.key.as_deref().map_or(0, str::len);
    // The id is stored twice.
    let texts = 2 * message.id.len() + key + message.kind.len() + attributes + message.payload.len();
    ROW.saturating_add(texts as u64)
}

impl Store<'_> {
    /// Refuses messages of which not all would find room. What is known already takes none.
    pub(super) fn ask_room(&self, messages: &[Incoming]) -> Result<()> {
        if !self.room.is_limited() || self.take_room(messages.iter())? {
            return Ok(());
        }
        let (mut ids, mut new) = (HashSet::new(), Vec::new());
        for incoming in messages {
            if ids.insert(&incoming.message.id) && !self.is_known(incoming)? {
                new.push(incoming);
            }
        }
        if new.is_empty() || self.take_room(new.into_iter())? {
            return Ok(());
        }
        Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None))
    }

    /// Whether messages find room; if so, it is theirs.
    fn take_room<'m>(&self, messages: impl ExactSizeIterator<Item = &'m Incoming>) -> Result<bool> {
        let max = self.room.max_messages;
        if max < u64::MAX && self.live()?.unsigned_abs().saturating_add(messages.len() as u64) > max {
            return Ok(false);
        }
        let Some(limit) = self.room.max_bytes else { return Ok(true) };
        let left = match self.room.left.get() {
            Some(left) => left,
            None => limit.saturating_sub(used(self.conn)?).saturating_sub(SPLITS),
        };
        let rest = left.checked_sub(messages.map(bytes).sum());
        self.room.left.set(Some(rest.unwrap_or(left)));
        Ok(rest.is_some())
    }
}

/// Bytes of the file that hold something, or soon will.
pub(super) fn used(conn: &Connection) -> Result<u64> {
    let sql = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count";
    let pages: i64 = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let unindexed = recent::unindexed(conn)?;
    Ok(pages.unsigned_abs().saturating_mul(PAGE).saturating_add(unindexed * UNINDEXED))
}
