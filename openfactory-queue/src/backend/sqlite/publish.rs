//! Messages in.

use rusqlite::{Error, Result, ffi};

use super::rows;
use super::store::Store;
use crate::message::{Message, Published};
use crate::stamp::Stamp;

/// What is known of an id.
struct Known {
    seq: i64,
    same: bool,
}

impl Store<'_> {
    pub(super) fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        messages.iter().map(|message| self.publish_one(message)).collect()
    }

    fn publish_one(&self, message: &Message) -> Result<Published> {
        let digest = message.content_digest();
        if let Some(Known { seq, same }) = self.remembered(&message.id, &digest)? {
            let seq = seq.unsigned_abs();
            return Ok(if same { Published::Duplicate { seq } } else { Published::Conflict { seq } });
        }
        if self.max_messages < u64::MAX && self.live()?.unsigned_abs() >= self.max_messages {
            return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None));
        }
        let seq: i64 =
            self.one("SELECT coalesce(max(seq), 0) + 1 FROM known", [], |row| row.get(0))?.unwrap_or(1);
        self.run("DELETE FROM known WHERE id = ?1", [&message.id])?;
        self.run(
            "INSERT INTO known (seq, id, digest, at) VALUES (?1, ?2, ?3, ?4)",
            (seq, &message.id, &digest, self.now.0),
        )?;
        let lane = message.key.as_deref().map(|key| self.lane_of(key)).transpose()?;
        self.insert(seq, lane, message, self.now)?;
        self.settle_places(seq, lane)?;
        Ok(Published::Stored { seq: seq.unsigned_abs() })
    }

    /// What is known of an id: within the window, and as long as its message lives or is a dead letter.
    fn remembered(&self, id: &str, digest: &[u8; 32]) -> Result<Option<Known>> {
        let found = self.one("SELECT seq, digest, at FROM known WHERE id = ?1", [id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)? == digest, Stamp(row.get(2)?)))
        })?;
        let Some((seq, same, at)) = found else { return Ok(None) };
        let kept = self.now < at.plus(self.window) || self.exists(seq)?;
        Ok(kept.then_some(Known { seq, same }))
    }

    fn exists(&self, seq: i64) -> Result<bool> {
        let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM messages WHERE seq = ?1)
                   OR EXISTS (SELECT 1 FROM dead WHERE seq = ?1)";
        Ok(self.one(sql, [seq], |_| Ok(()))?.is_some())
    }

    /// Adds a message to the living; its place is settled afterwards.
    pub(super) fn insert(
        &self,
        seq: i64,
        lane: Option<i64>,
        message: &Message,
        published: Stamp,
    ) -> Result<()> {
        let sql = "INSERT INTO messages
            (seq, id, lane, kind, priority, on_dead, not_before, expires, published, attributes, payload)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.run(
            sql,
            (
                seq,
                &message.id,
                lane,
                &message.kind,
                message.priority,
                message.on_dead.name(),
                rows::stamp(message.not_before),
                rows::stamp(message.expires),
                published.0,
                rows::text(&message.attributes)?,
                &message.payload[..],
            ),
        )?;
        self.count(1);
        Ok(())
    }
}
