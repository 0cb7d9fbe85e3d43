//! What time alone brings about: lapsed leases, expired messages, forgotten ids. And pauses.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;

use super::failure::Failure;
use super::link::{Tx, Work};
use super::rows::{self, get};
use super::settle::{Held, held_of};
use crate::dead_letter::DeadCause;
use crate::history::IncidentKind;
use crate::pause::{Pause, Resume};
use crate::stats::Maintained;

/// Makes messages whose lease has lapsed available again; how many.
pub(super) struct Lapse {
    pub(super) budget: usize,
}

impl Work for Lapse {
    type Done = u64;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<u64, Failure>> {
        Box::pin(async move {
            let condition = "state = 'leased' AND until <= $1";
            let (seqs, keys) = tx.lock_where(condition, "until, seq", self.budget).await?;
            let sql = "SELECT seq, key, due, failures, deliveries, history, worker FROM messages
                WHERE state = 'leased' AND until <= $1 AND seq = ANY($2) ORDER BY seq FOR UPDATE SKIP LOCKED";
            let mut lapsed: Vec<Held> = Vec::new();
            for row in tx.rows(sql, &[&tx.now.0, &seqs]).await? {
                let mut held = held_of(&row)?;
                let worker: Option<&str> = get(&row, "worker")?;
                let reason = format!("the lease of {} lapsed", worker.unwrap_or_default());
                held.note(tx.now, IncidentKind::Lapsed, &reason);
                lapsed.push(held);
            }
            tx.give_back(&lapsed, true).await?;
            tx.seat(&keys).await?;
            Ok(lapsed.len() as u64)
        })
    }
}

/// Dead-letters what has expired and is not worked on; how much.
pub(super) struct Expire {
    pub(super) budget: usize,
}

impl Work for Expire {
    type Done = u64;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<u64, Failure>> {
        Box::pin(async move {
            let condition = "expires IS NOT NULL AND expires <= $1 AND state IN ('ready', 'delayed', 'held')";
            let (seqs, keys) = tx.lock_where(condition, "expires, seq", self.budget).await?;
            let sql = format!(
                "SELECT seq FROM messages WHERE {condition} AND seq = ANY($2) ORDER BY seq
                FOR UPDATE SKIP LOCKED"
            );
            let rows = tx.rows(&sql, &[&tx.now.0, &seqs]).await?;
            let reason = "its time was over before it was delivered";
            let dead = rows.iter().map(|row| Ok((get(row, "seq")?, reason.to_owned())));
            let dead = dead.collect::<Result<Vec<_>, Failure>>()?;
            tx.bury(&dead, DeadCause::Expired).await?;
            tx.seat(&keys).await?;
            Ok(dead.len() as u64)
        })
    }
}

impl Tx<'_> {
    /// Up to `budget` messages that meet the condition on `$1`, the present, with their keys locked. The messages
    /// themselves are not: whoever goes on asks again.
    async fn lock_where(
        &self,
        condition: &str,
        order: &str,
        budget: usize,
    ) -> Result<(Vec<i64>, BTreeSet<String>), Failure> {
        let budget = i64::try_from(budget).unwrap_or(i64::MAX);
        let sql = format!("SELECT seq, key FROM messages WHERE {condition} ORDER BY {order} LIMIT $2");
        let (mut seqs, mut keys) = (Vec::new(), BTreeSet::new());
        for row in self.rows(&sql, &[&self.now.0, &budget]).await? {
            seqs.push(get(&row, "seq")?);
            keys.extend(get::<Option<String>>(&row, "key")?);
        }
        self.lock(keys.iter().map(String::as_str)).await?;
        Ok((seqs, keys))
    }
}

/// Forgets ids beyond their window whose message is gone, and pauses that are over.
pub(super) struct Forget {
    pub(super) budget: usize,
}

impl Work for Forget {
    type Done = u64;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<u64, Failure>> {
        Box::pin(async move {
            let budget = i64::try_from(self.budget).unwrap_or(i64::MAX);
            let cutoff = tx.now.minus(tx.config.dedup_window).0;
            let sql = "DELETE FROM known k USING (SELECT id FROM known old WHERE at <= $1
                    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = old.seq)
                    ORDER BY at, seq LIMIT $2 FOR UPDATE SKIP LOCKED) AS old
                WHERE k.id = old.id AND k.at <= $1";
            let forgotten = tx.run(sql, &[&cutoff, &budget]).await?;
            tx.run("DELETE FROM pauses WHERE until <= $1", &[&tx.now.0]).await?;
            Ok(forgotten)
        })
    }
}

/// What the three rounds have done, each within the budget.
pub(super) fn maintained(budget: usize, lapsed: u64, expired: u64, forgotten: u64) -> Maintained {
    let more = [lapsed, expired, forgotten].iter().any(|done| *done >= budget as u64);
    Maintained { lapsed, expired, forgotten, more }
}

impl Work for Pause {
    type Done = ();

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (scope, value) = rows::scope(&self.scope);
            let until = rows::micros(self.until);
            let (actor, reason) = (rows::plain(&self.actor), rows::plain(&self.reason));
            let sql = "INSERT INTO pauses (scope, value, until, actor, reason, since) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (scope, value) DO UPDATE SET until = excluded.until, actor = excluded.actor,
                    reason = excluded.reason, since = excluded.since";
            tx.run(sql, &[&scope, &value, &until, &actor, &reason, &tx.now.0]).await?;
            tx.act("pause", &self.actor, &self.reason, &(scope, value, until)).await
        })
    }
}

impl Work for Resume {
    type Done = bool;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let (scope, value) = rows::scope(&self.scope);
            let sql = "DELETE FROM pauses WHERE scope = $1 AND value = $2
                RETURNING until IS NULL OR until > $3 AS in_force";
            let ended = tx.rows(sql, &[&scope, &value, &tx.now.0]).await?;
            let ended = ended.first().map_or(Ok(false), |row| get(row, "in_force"))?;
            if ended {
                tx.act("resume", &self.actor, &self.reason, &(scope, value)).await?;
            }
            Ok(ended)
        })
    }
}
