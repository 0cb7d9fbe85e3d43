//! How leases end.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;

use super::deliver::columns;
use super::failure::Failure;
use super::link::{Tx, Work};
use super::rows::{self, counter, get};
use crate::dead_letter::DeadCause;
use crate::history::{self, Incident, IncidentKind};
use crate::lease::{LeaseToken, Settled, Settlement};
use crate::stamp::Stamp;

/// Ends these leases.
pub(super) struct Settle(pub(super) Vec<(LeaseToken, Settlement)>);

/// What came of them.
pub(super) struct SettleDone {
    pub(super) answers: Vec<Settled>,
    /// Whether something may be leased now that could not before.
    pub(super) woke: bool,
}

/// A message under one of the leases, locked.
pub(super) struct Held {
    pub(super) seq: i64,
    pub(super) key: Option<String>,
    pub(super) due: Stamp,
    pub(super) failures: u32,
    pub(super) deliveries: u32,
    pub(super) history: Vec<Incident>,
}

impl Held {
    pub(super) fn note(&mut self, now: Stamp, kind: IncidentKind, reason: &str) {
        let incident = Incident::new(now.time(), kind, &rows::plain(reason), self.deliveries);
        history::record(&mut self.history, incident);
    }
}

impl Work for Settle {
    type Done = SettleDone;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<SettleDone, Failure>> {
        Box::pin(async move {
            let tokens: Vec<LeaseToken> = self.0.iter().map(|(token, _)| *token).collect();
            let mut held = lock_held(tx, &tokens).await?;
            let keys: BTreeSet<String> = held.values().filter_map(|held| held.key.clone()).collect();
            let (mut done, mut gone, mut back, mut dead) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (token, how) in &self.0 {
                // Taken out, so that a second settlement of the lease finds nothing.
                let Some(mut held) = held.remove(token) else {
                    done.push(Settled::Stale);
                    continue;
                };
                done.push(Settled::Done);
                match how {
                    Settlement::Ack => gone.push(held.seq),
                    Settlement::Dead { reason } => dead.push((held.seq, reason.clone())),
                    Settlement::Retry { after, reason, counts } => {
                        let kind = if *counts { IncidentKind::Failed } else { IncidentKind::Deferred };
                        held.due = tx.now.plus(*after);
                        held.failures = held.failures.saturating_add(u32::from(*counts));
                        held.note(tx.now, kind, reason);
                        back.push(held);
                    }
                    Settlement::Release => back.push(held),
                }
            }
            if !gone.is_empty() {
                tx.run("DELETE FROM messages WHERE seq = ANY($1)", &[&gone]).await?;
            }
            let returned = !back.is_empty();
            tx.give_back(&back, false).await?;
            tx.bury(&dead, DeadCause::Rejected).await?;
            let seated = tx.seat(&keys).await?;
            Ok(SettleDone { answers: done, woke: seated || returned })
        })
    }
}

/// Locks the keys of these leases and then the messages, if the leases are still theirs.
async fn lock_held(tx: &Tx<'_>, tokens: &[LeaseToken]) -> Result<BTreeMap<LeaseToken, Held>, Failure> {
    let (seqs, epochs) = columns(tokens);
    let keys = tx.rows("SELECT key FROM messages WHERE seq = ANY($1) AND key IS NOT NULL", &[&seqs]).await?;
    let keys = keys.iter().map(|row| get(row, "key")).collect::<Result<Vec<&str>, _>>()?;
    tx.lock(keys).await?;
    let sql = "SELECT m.seq, m.key, m.due, m.failures, m.deliveries, m.history
        FROM (SELECT DISTINCT seq, epoch FROM unnest($1::bigint[], $2::bigint[]) AS token (seq, epoch)) AS token
        JOIN messages m ON m.seq = token.seq AND m.deliveries = token.epoch
        WHERE m.outstanding AND m.state <> 'dead' ORDER BY m.seq FOR UPDATE OF m";
    let mut held = BTreeMap::new();
    for row in tx.rows(sql, &[&seqs, &epochs]).await? {
        let one = held_of(&row)?;
        let token = LeaseToken::new(one.seq.unsigned_abs(), u64::from(one.deliveries));
        held.insert(token, one);
    }
    Ok(held)
}

/// A message as these columns tell: seq, key, due, failures, deliveries, history.
pub(super) fn held_of(row: &tokio_postgres::Row) -> Result<Held, Failure> {
    Ok(Held {
        seq: get(row, "seq")?,
        key: get(row, "key")?,
        due: rows::stamp(row, "due")?,
        failures: counter(row, "failures")?,
        deliveries: counter(row, "deliveries")?,
        history: rows::history(row)?,
    })
}

impl Tx<'_> {
    /// Ends the leases of these messages; the keys are to be seated afterwards. A lapse leaves the settlement to its
    /// old holder until somebody else takes the message.
    pub(super) async fn give_back(&self, back: &[Held], lapsed: bool) -> Result<(), Failure> {
        if back.is_empty() {
            return Ok(());
        }
        let seqs: Vec<i64> = back.iter().map(|held| held.seq).collect();
        let due: Vec<i64> = back.iter().map(|held| held.due.0).collect();
        let failures: Vec<i32> =
            back.iter().map(|held| i32::try_from(held.failures).unwrap_or(i32::MAX)).collect();
        let history =
            back.iter().map(|held| rows::history_text(&held.history)).collect::<Result<Vec<_>, _>>()?;
        let sql = "UPDATE messages m SET worker = NULL, since = NULL, until = NULL, due = back.due,
                failures = back.failures, history = back.history, outstanding = m.outstanding AND $6,
                lapses = m.lapses + CASE WHEN $6 THEN 1 ELSE 0 END,
                state = CASE WHEN m.key IS NOT NULL THEN 'held' WHEN back.due > $5 THEN 'delayed' ELSE 'ready' END
            FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[]) AS back (seq, due, failures, history)
            WHERE m.seq = back.seq";
        self.run(sql, &[&seqs, &due, &failures, &history, &self.now.0, &lapsed]).await.map(drop)
    }
}
