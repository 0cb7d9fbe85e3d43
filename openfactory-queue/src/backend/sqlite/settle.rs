//! How leases end.

use rusqlite::Result;

use super::store::Store;
use crate::dead_letter::DeadCause;
use crate::history::IncidentKind;
use crate::lease::{LeaseToken, Settled, Settlement};

impl Store<'_> {
    pub(super) fn settle(&self, token: LeaseToken, how: &Settlement) -> Result<Settled> {
        let (Ok(seq), Ok(epoch)) = (i64::try_from(token.seq()), i64::try_from(token.epoch())) else {
            return Ok(Settled::Stale);
        };
        let sql = "SELECT m.lane, t.until IS NOT NULL FROM tries t JOIN messages m USING (seq)
                   WHERE t.seq = ?1 AND t.deliveries = ?2 AND t.outstanding = 1";
        let found =
            self.one(sql, [seq, epoch], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, bool>(1)?)))?;
        let Some((lane, lasts)) = found else { return Ok(Settled::Stale) };
        match how {
            Settlement::Ack if lasts => return self.ack(seq, lane).map(|()| Settled::Done),
            Settlement::Ack => {
                self.detach(seq, lane)?;
                self.delete(seq, lane)?;
            }
            Settlement::Dead { reason } => self.bury(seq, lane, DeadCause::Rejected, reason)?,
            Settlement::Retry { after, reason, counts } => {
                self.detach(seq, lane)?;
                let sql =
                    "UPDATE tries SET outstanding = 0, due = ?2, failures = failures + ?3 WHERE seq = ?1";
                self.run(sql, (seq, self.now.plus(*after).0, counts))?;
                let kind = if *counts { IncidentKind::Failed } else { IncidentKind::Deferred };
                self.note(seq, kind, reason)?;
            }
            Settlement::Release => {
                self.detach(seq, lane)?;
                self.run("UPDATE tries SET outstanding = 0 WHERE seq = ?1", [seq])?;
            }
        }
        if let Some(lane) = lane {
            self.settle_lane(lane)?;
        } else if !matches!(how, Settlement::Ack | Settlement::Dead { .. }) {
            self.settle_places(seq, None)?;
        }
        Ok(Settled::Done)
    }

    /// Deletes a message whose lease lasts, and seats the next of its lane: what happens to nearly every message.
    fn ack(&self, seq: i64, lane: Option<i64>) -> Result<()> {
        self.erase(seq)?;
        let Some(lane) = lane else { return Ok(()) };
        self.leave_front(lane, seq)?;
        let blocked = self.lane(lane)?.map_or(0, |lane| lane.blocked);
        match self.head(lane)? {
            Some(next) if blocked == 0 => {
                self.seat(next)?;
                self.change_lane(lane, |lane| (lane.leased, lane.seated) = (None, Some(next)))
            }
            _ => {
                self.change_lane(lane, |lane| lane.leased = None)?;
                self.settle_lane(lane)
            }
        }
    }
}
