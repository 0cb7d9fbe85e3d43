//! Messages in.

use rusqlite::Result;

use super::store::{Lane, Store};
use super::{recent, rows};
use crate::message::{Message, Published};
use crate::stamp::Stamp;

/// What is known of an id.
struct Known {
    seq: i64,
    same: bool,
    /// Within the window, or as long as its message lives or is a dead letter. Otherwise it may be forgotten.
    lasts: bool,
}

/// A message with what is worked out of it before its turn comes: the writer is one for all.
pub(super) struct Incoming {
    pub(super) message: Message,
    digest: [u8; 32],
    hash: i64,
}

impl From<Message> for Incoming {
    fn from(message: Message) -> Self {
        Self { digest: message.content_digest(), hash: recent::hash(&message.id), message }
    }
}

impl Store<'_> {
    pub(super) fn publish(&self, messages: &[Incoming]) -> Result<Vec<Published>> {
        self.ask_room(messages)?;
        messages.iter().map(|message| self.publish_one(message)).collect()
    }

    fn publish_one(&self, incoming: &Incoming) -> Result<Published> {
        let Incoming { message, digest, hash } = incoming;
        match self.known(incoming)? {
            Some(Known { seq, same: true, lasts: true }) => {
                return Ok(Published::Duplicate { seq: seq.unsigned_abs() });
            }
            Some(Known { seq, same: false, lasts: true }) => {
                return Ok(Published::Conflict { seq: seq.unsigned_abs() });
            }
            Some(Known { seq, same: _, lasts: false }) => self.forget(&message.id, seq)?,
            None => {}
        }
        let seq = self.recent.borrow().next;
        self.run(
            "INSERT INTO known (seq, id, digest, at) VALUES (?1, ?2, ?3, ?4)",
            (seq, &message.id, digest, self.now.0),
        )?;
        let lane = message.key.as_deref().map(|key| self.lane_of(key)).transpose()?;
        self.insert(seq, lane, message, self.now)?;
        self.recent.borrow_mut().add(seq, *hash, lane);
        // Behind another of its key it has no place yet.
        let behind = |row: Lane| row.seated.is_some() || row.leased.is_some() || row.blocked > 0;
        let waits = lane.map(|lane| self.lane(lane)).transpose()?.flatten().is_some_and(behind);
        if !waits {
            self.settle_places(seq, lane)?;
        }
        Ok(Published::Stored { seq: seq.unsigned_abs() })
    }

    fn known(&self, Incoming { message, digest, hash }: &Incoming) -> Result<Option<Known>> {
        let Some(seq) = self.place_by(*hash, &message.id)? else { return Ok(None) };
        let found = self.one("SELECT digest, at FROM known WHERE seq = ?1", [seq], |row| {
            Ok((row.get_ref(0)?.as_blob()? == digest, Stamp(row.get(1)?)))
        })?;
        let Some((same, at)) = found else { return Ok(None) };
        let lasts = self.now < at.plus(self.window) || self.exists(seq)?;
        Ok(Some(Known { seq, same, lasts }))
    }

    /// Whether a message is no new one.
    pub(super) fn is_known(&self, incoming: &Incoming) -> Result<bool> {
        Ok(self.known(incoming)?.is_some_and(|known| known.lasts))
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
