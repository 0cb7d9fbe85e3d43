//! Messages out: leases given and extended.

use std::collections::HashMap;
use std::time::Duration;

use super::failure::Failure;
use super::link::Link;
use super::rows::{self, counter, get, unsigned};
use super::upkeep::{Expire, Lapse};
use crate::backend::SWEEP;
use crate::backend::wait::Try;
use crate::error::Error;
use crate::lease::{Extended, LeaseRequest, LeaseToken, Leased};
use crate::stamp::Stamp;

/// What a lease has to see to first.
struct Waiting {
    lapsed: bool,
    due: bool,
    expired: bool,
    queue_paused: bool,
}

impl Link {
    /// One try to lease.
    pub(super) async fn lease(&self, request: &LeaseRequest) -> Result<Try, Error> {
        let now = self.now();
        let waiting = self.waiting(now).await?;
        if waiting.lapsed {
            self.transact("lease", Lapse { budget: SWEEP }).await?;
        }
        if waiting.due {
            self.promote(now).await?;
        }
        if waiting.expired {
            self.transact("lease", Expire { budget: SWEEP }).await?;
        }
        let leased = if waiting.queue_paused { Vec::new() } else { self.take(request, now).await? };
        let next = if leased.is_empty() { self.next_change(now).await? } else { None };
        Ok(Try { leased, next })
    }

    async fn waiting(&self, now: Stamp) -> Result<Waiting, Error> {
        let sql = "SELECT
            EXISTS (SELECT 1 FROM messages WHERE state = 'leased' AND until <= $1) AS lapsed,
            EXISTS (SELECT 1 FROM messages WHERE state = 'delayed' AND due <= $1) AS due,
            EXISTS (SELECT 1 FROM messages WHERE expires IS NOT NULL AND expires <= $1
                AND state IN ('ready', 'delayed', 'held')) AS expired,
            EXISTS (SELECT 1 FROM pauses WHERE scope = 'queue' AND (until IS NULL OR until > $1)) AS queue_paused";
        let rows = self.rows("lease", sql, &[&now.0]).await?;
        let read = || {
            let row = rows.first().ok_or_else(|| Failure::Strange("no answer".to_owned()))?;
            Ok(Waiting {
                lapsed: get(row, "lapsed")?,
                due: get(row, "due")?,
                expired: get(row, "expired")?,
                queue_paused: get(row, "queue_paused")?,
            })
        };
        read().map_err(|failure: Failure| failure.into_error("lease"))
    }

    /// Makes delayed messages ready whose time has come. They keep the seat of their key.
    pub(super) async fn promote(&self, now: Stamp) -> Result<(), Error> {
        let sql = "UPDATE messages SET state = 'ready' WHERE seq IN (
            SELECT seq FROM messages WHERE state = 'delayed' AND due <= $1
            ORDER BY due, seq LIMIT $2 FOR UPDATE SKIP LOCKED)";
        self.rows("lease", sql, &[&now.0, &(SWEEP as i64)]).await.map(drop)
    }

    /// Takes what no other transaction is taking. A seat is a key's only one, so no key is taken twice.
    async fn take(&self, request: &LeaseRequest, now: Stamp) -> Result<Vec<Leased>, Error> {
        let until = now.plus(request.ttl);
        let sql = "WITH picked AS MATERIALIZED (
                SELECT seq FROM messages m WHERE state = 'ready' AND (expires IS NULL OR expires > $1)
                AND NOT EXISTS (SELECT 1 FROM pauses p WHERE (p.until IS NULL OR p.until > $1)
                    AND ((p.scope = 'key' AND p.value = m.key)
                    OR (p.scope = 'destination' AND p.value = m.destination)))
                ORDER BY priority, seq LIMIT $2 FOR UPDATE OF m SKIP LOCKED)
            UPDATE messages m SET state = 'leased', worker = $3, since = $1, until = $4, outstanding = true,
                deliveries = deliveries + 1
            FROM picked WHERE m.seq = picked.seq RETURNING m.*";
        let max = i64::try_from(request.max).unwrap_or(i64::MAX);
        let worker = rows::plain(&request.worker);
        let rows = self.rows("lease", sql, &[&now.0, &max, &worker, &until.0]).await?;
        let read = |row| {
            let (seq, deliveries) = (unsigned(row, "seq")?, counter(row, "deliveries")?);
            let token = LeaseToken::new(seq, u64::from(deliveries));
            let published = rows::stamp(row, "published")?.time();
            let mut leased = Leased::new(rows::message(row)?, token, published, until.time());
            leased.attempt = counter(row, "failures")?.saturating_add(1);
            leased.deliveries = deliveries;
            leased.lapses = counter(row, "lapses")?;
            Ok(leased)
        };
        let leased: Result<Vec<Leased>, Failure> = rows.iter().map(read).collect();
        let mut leased = leased.map_err(|failure| failure.into_error("lease"))?;
        leased.sort_by_key(|leased| (leased.message.priority, leased.token));
        Ok(leased)
    }

    /// When something may become ready by itself; at the latest when it is time to look for lost notifications.
    async fn next_change(&self, now: Stamp) -> Result<Option<Stamp>, Error> {
        let sql = "SELECT least(
            (SELECT min(due) FROM messages WHERE state = 'delayed'),
            (SELECT min(until) FROM messages WHERE state = 'leased'),
            (SELECT min(until) FROM pauses WHERE until > $1)) AS next";
        let rows = self.rows("lease", sql, &[&now.0]).await?;
        let next = rows.first().map(|row| get::<Option<i64>>(row, "next")).transpose();
        let next = next.map_err(|failure| failure.into_error("lease"))?.flatten().map(Stamp);
        let poll = now.plus(self.config.poll);
        Ok(Some(next.map_or(poll, |next| next.min(poll))))
    }

    pub(super) async fn extend(&self, tokens: &[LeaseToken], ttl: Duration) -> Result<Vec<Extended>, Error> {
        let until = self.now().plus(ttl);
        let (seqs, epochs) = columns(tokens);
        let sql = "UPDATE messages m SET until = $3 FROM (
                SELECT m.seq FROM unnest($1::bigint[], $2::bigint[]) AS token (seq, epoch)
                JOIN messages m ON m.seq = token.seq AND m.deliveries = token.epoch
                WHERE m.state = 'leased' ORDER BY m.seq FOR UPDATE OF m) AS held
            WHERE m.seq = held.seq RETURNING m.seq, m.deliveries";
        let rows = self.rows("extend", sql, &[&seqs, &epochs, &until.0]).await?;
        let read = |row| Ok((unsigned(row, "seq")?, u64::from(counter(row, "deliveries")?)));
        let held: Result<HashMap<u64, u64>, Failure> = rows.iter().map(read).collect();
        let held = held.map_err(|failure| failure.into_error("extend"))?;
        let answer = |token: &LeaseToken| match held.get(&token.seq()) {
            Some(epoch) if *epoch == token.epoch() => Extended::Until(until.time()),
            _ => Extended::Stale,
        };
        Ok(tokens.iter().map(answer).collect())
    }
}

/// Tokens as two columns, less those that no row can have.
pub(super) fn columns(tokens: &[LeaseToken]) -> (Vec<i64>, Vec<i64>) {
    tokens
        .iter()
        .filter_map(|token| Some((i64::try_from(token.seq()).ok()?, i64::try_from(token.epoch()).ok()?)))
        .unzip()
}
