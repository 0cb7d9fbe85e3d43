//! Dead letters: in, and out again.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::link::{Tx, Work};
use super::rows::{self, counter, get};
use crate::backend::stagger;
use crate::dead_letter::{DeadCause, DeadLetterFilter, DeadPolicy, Discard, Moved, Redrive, Selection};
use crate::history::{self, Incident, IncidentKind};
use crate::stamp::Stamp;

/// The filter's condition over `messages`, on `$1` to `$7`.
pub(super) const MATCHES: &str = "state = 'dead' AND ($1::text IS NULL OR id = $1)
    AND ($2::text IS NULL OR key = $2) AND ($3::text IS NULL OR kind = $3)
    AND ($4::text IS NULL OR destination = $4) AND ($5::text IS NULL OR cause = $5)
    AND ($6::bigint IS NULL OR died >= $6) AND ($7::bigint IS NULL OR died < $7)";

/// The values for [`MATCHES`].
pub(super) struct Filter([Option<String>; 4], Option<&'static str>, [Option<i64>; 2]);

impl Filter {
    /// None if nothing can match: no text of the tables holds U+0000.
    pub(super) fn new(filter: &DeadLetterFilter) -> Option<Self> {
        let DeadLetterFilter { id, key, kind, destination, cause, died_from, died_before } = filter;
        let texts = [id, key, kind, destination].map(Clone::clone);
        let times = [rows::micros(*died_from), rows::micros(*died_before)];
        let possible = texts.iter().flatten().all(|text| !text.contains('\0'));
        possible.then_some(Self(texts, cause.map(DeadCause::name), times))
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        let [id, key, kind, destination] = &self.0;
        let [from, before] = &self.2;
        vec![id, key, kind, destination, &self.1, from, before]
    }
}

impl Tx<'_> {
    /// Moves living messages, whose keys and rows are locked, to the dead letters, each with its reason, and lets
    /// their policies decide about their keys, which are to be seated afterwards.
    pub(super) async fn bury(&self, dying: &[(i64, String)], cause: DeadCause) -> Result<(), Failure> {
        if dying.is_empty() {
            return Ok(());
        }
        let kind = match cause {
            DeadCause::Rejected => IncidentKind::Dead,
            DeadCause::Expired => IncidentKind::Expired,
            DeadCause::Parked => IncidentKind::Parked,
        };
        let rejected = cause == DeadCause::Rejected;
        let seqs: Vec<i64> = dying.iter().map(|(seq, _)| *seq).collect();
        let sql =
            "SELECT m.seq, m.id, m.key, m.on_dead, m.deliveries, m.history FROM unnest($1::bigint[]) WITH
            ORDINALITY AS dying (seq, n) JOIN messages m USING (seq) ORDER BY dying.n";
        let (mut histories, mut reasons, mut blocking) = (Vec::new(), Vec::new(), Vec::new());
        let mut parking = Vec::new();
        for (row, (_, reason)) in self.rows(sql, &[&seqs]).await?.iter().zip(dying) {
            let reason = rows::plain(history::cut(reason));
            let mut history = rows::history(row)?;
            let deliveries = counter(row, "deliveries")?;
            history::record(&mut history, Incident::new(self.now.time(), kind, &reason, deliveries));
            histories.push(rows::history_text(&history)?);
            reasons.push(reason);
            let (key, policy): (Option<String>, &str) = (get(row, "key")?, get(row, "on_dead")?);
            blocking.push(rejected && key.is_some() && policy == DeadPolicy::Block.name());
            if let Some(key) = key.filter(|_| rejected && policy == DeadPolicy::Park.name()) {
                parking.push((key, get::<String>(row, "id")?));
            }
        }
        let sql = "UPDATE messages m SET state = 'dead', outstanding = false, worker = NULL, since = NULL,
                until = NULL, cause = $5, died = $6, reason = dying.reason, history = dying.history,
                blocking = dying.blocking
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[]) AS dying (seq, reason, history, blocking)
            WHERE m.seq = dying.seq";
        self.run(sql, &[&seqs, &reasons, &histories, &blocking, &cause.name(), &self.now.0]).await?;
        for (key, id) in parking {
            let sql = "SELECT seq FROM messages WHERE key = $1 AND state IN ('ready', 'delayed', 'held')
                ORDER BY seq FOR UPDATE";
            let rest = self.rows(sql, &[&key]).await?;
            let rest = rest.iter().map(|row| Ok((get(row, "seq")?, format!("parked behind {id}"))));
            let rest = rest.collect::<Result<Vec<_>, Failure>>()?;
            // What is parked parks nothing more: this goes no deeper.
            Box::pin(self.bury(&rest, DeadCause::Parked)).await?;
        }
        Ok(())
    }

    /// The selected letters, oldest first, with how many more there are and the ids that are none; their keys and
    /// rows are locked unless this is only to look.
    async fn select(&self, selection: &Selection, limit: usize, look: bool) -> Result<Chosen, Failure> {
        let (mut found, missing, remaining) = match selection {
            Selection::Ids(ids) => self.select_ids(ids, limit).await?,
            Selection::Matching(filter) => self.select_matching(filter, limit).await?,
        };
        if !look {
            self.lock(found.iter().filter_map(|(_, _, key)| key.as_deref())).await?;
            let seqs: Vec<i64> = found.iter().map(|(seq, ..)| *seq).collect();
            let sql =
                "SELECT seq FROM messages WHERE seq = ANY($1) AND state = 'dead' ORDER BY seq FOR UPDATE";
            let rows = self.rows(sql, &[&seqs]).await?;
            let still = rows.iter().map(|row| get(row, "seq")).collect::<Result<BTreeSet<i64>, _>>()?;
            // Somebody else may have moved one meanwhile.
            found.retain(|(seq, ..)| still.contains(seq));
        }
        let (mut seqs, mut ids, mut keys) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (seq, id, key) in found {
            seqs.push(seq);
            ids.push(id);
            keys.extend(key);
        }
        Ok(Chosen { seqs, keys, moved: Moved { ids, missing, remaining } })
    }

    async fn select_ids(&self, ids: &[String], limit: usize) -> Result<Found, Failure> {
        let asked: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let names: Vec<&str> = asked.iter().copied().filter(|id| !id.contains('\0')).collect();
        let sql = "SELECT m.seq, m.id, m.key FROM known k JOIN messages m USING (seq)
            WHERE k.id = ANY($1) AND m.state = 'dead' ORDER BY m.seq";
        let mut found = letters(&self.rows(sql, &[&names]).await?)?;
        let there: BTreeSet<&str> = found.iter().map(|(_, id, _)| id.as_str()).collect();
        let missing = asked.difference(&there).map(|id| (*id).to_owned()).collect();
        let remaining = found.len().saturating_sub(limit) as u64;
        found.truncate(limit);
        Ok((found, missing, remaining))
    }

    async fn select_matching(&self, filter: &DeadLetterFilter, limit: usize) -> Result<Found, Failure> {
        let Some(filter) = Filter::new(filter) else { return Ok(Found::default()) };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values = filter.values();
        let count = self.rows(&format!("SELECT count(*) FROM messages WHERE {MATCHES}"), &values).await?;
        let count: i64 = count.first().map_or(Ok(0), |row| get(row, "count"))?;
        values.push(&limit);
        let sql = format!("SELECT seq, id, key FROM messages WHERE {MATCHES} ORDER BY seq LIMIT $8");
        let found = letters(&self.rows(&sql, &values).await?)?;
        let remaining = count.unsigned_abs().saturating_sub(found.len() as u64);
        Ok((found, Vec::new(), remaining))
    }

    /// Notes what an operator did.
    pub(super) async fn act<T>(&self, act: &str, actor: &str, reason: &str, what: &T) -> Result<(), Failure>
    where
        T: Serialize + Sync,
    {
        let what = serde_json::to_string(what).map_err(|error| Failure::Strange(error.to_string()))?;
        let sql = "INSERT INTO acts (at, act, actor, reason, what) VALUES ($1, $2, $3, $4, $5)";
        self.run(sql, &[&self.now.0, &act, &rows::plain(actor), &rows::plain(reason), &what]).await.map(drop)
    }
}

/// Place, id and key of letters, the ids that are none, and how many more there are.
type Found = (Vec<(i64, String, Option<String>)>, Vec<String>, u64);

struct Chosen {
    seqs: Vec<i64>,
    keys: BTreeSet<String>,
    moved: Moved,
}

fn letters(rows: &[tokio_postgres::Row]) -> Result<Vec<(i64, String, Option<String>)>, Failure> {
    rows.iter().map(|row| Ok((get(row, "seq")?, get(row, "id")?, get(row, "key")?))).collect()
}

impl Work for Redrive {
    type Done = Moved;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Moved, Failure>> {
        Box::pin(async move {
            let Chosen { seqs, keys, moved } = tx.select(&self.selection, self.limit, self.dry_run).await?;
            if self.dry_run {
                return Ok(moved);
            }
            // An old place comes before whoever sits there now, unless that one is being worked on.
            tx.unseat(&keys).await?;
            let by = rows::plain(&format!("{}: {}", self.actor, self.reason));
            let sql = "SELECT deliveries, history FROM messages WHERE seq = ANY($1) ORDER BY seq";
            let mut histories = Vec::with_capacity(seqs.len());
            for row in tx.rows(sql, &[&seqs]).await? {
                let mut history = rows::history(&row)?;
                let incident =
                    Incident::new(tx.now.time(), IncidentKind::Redriven, &by, counter(&row, "deliveries")?);
                history::record(&mut history, incident);
                histories.push(rows::history_text(&history)?);
            }
            let due = |n| tx.now.plus(stagger(n, self.rate));
            let due: Vec<i64> = (0..seqs.len()).map(due).map(|Stamp(at)| at).collect();
            // What has expired is delivered all the same: somebody has asked for it.
            let sql = "UPDATE messages m SET due = back.due, history = back.history, cause = NULL, reason = NULL,
                    died = NULL, blocking = false, lapses = 0,
                    failures = CASE WHEN $5 THEN m.failures ELSE 0 END,
                    expires = CASE WHEN m.expires > $4 THEN m.expires END,
                    state = CASE WHEN m.key IS NOT NULL THEN 'held' WHEN back.due > $4 THEN 'delayed' ELSE 'ready' END
                FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS back (seq, due, history)
                WHERE m.seq = back.seq";
            tx.run(sql, &[&seqs, &due, &histories, &tx.now.0, &self.keep_failures]).await?;
            tx.seat(&keys).await?;
            tx.act("redrive", &self.actor, &self.reason, &moved.ids).await?;
            Ok(moved)
        })
    }
}

impl Work for Discard {
    type Done = Moved;

    fn run<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Moved, Failure>> {
        Box::pin(async move {
            let Chosen { seqs, keys, moved } = tx.select(&self.selection, self.limit, self.dry_run).await?;
            if self.dry_run {
                return Ok(moved);
            }
            tx.run("DELETE FROM messages WHERE seq = ANY($1)", &[&seqs]).await?;
            tx.seat(&keys).await?;
            tx.act("discard", &self.actor, &self.reason, &moved.ids).await?;
            Ok(moved)
        })
    }
}
