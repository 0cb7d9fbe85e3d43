//! Dead letters: in, and out again.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Result, params, params_from_iter};

use super::rows;
use super::store::Store;
use crate::backend::stagger;
use crate::dead_letter::{
    DeadCause, DeadLetter, DeadLetterFilter, DeadPolicy, Discard, Moved, Redrive, Selection,
};
use crate::history::{self, Incident, IncidentKind};
use crate::message::{DESTINATION, Message};
use crate::stamp::Stamp;

/// What is known of a message that dies.
struct Dying {
    message: Message,
    published: i64,
    failures: u32,
    deliveries: u32,
    history: Vec<Incident>,
}

impl Store<'_> {
    /// Moves a living message to the dead letters and lets its policy decide about its key.
    pub(super) fn bury(&self, seq: i64, lane: Option<i64>, cause: DeadCause, reason: &str) -> Result<()> {
        let sql = format!(
            "SELECT {}, coalesce(failures, 0) AS failures, coalesce(deliveries, 0) AS deliveries, history
             FROM messages LEFT JOIN lanes USING (lane) LEFT JOIN tries USING (seq) WHERE seq = ?1",
            rows::MESSAGE
        );
        let dying = self.one(&sql, [seq], |row| {
            Ok(Dying {
                message: rows::message(row)?,
                published: row.get("published")?,
                failures: row.get("failures")?,
                deliveries: row.get("deliveries")?,
                history: rows::history(row)?,
            })
        })?;
        let Some(mut dying) = dying else { return Ok(()) };
        let kind = match cause {
            DeadCause::Rejected => IncidentKind::Dead,
            DeadCause::Expired => IncidentKind::Expired,
            DeadCause::Parked => IncidentKind::Parked,
        };
        let incident = Incident::new(self.now.time(), kind, reason, dying.deliveries);
        history::record(&mut dying.history, incident);
        let rejected = cause == DeadCause::Rejected;
        let policy = dying.message.on_dead;
        let blocking = rejected && policy == DeadPolicy::Block && lane.is_some();
        self.detach(seq, lane)?;
        self.delete(seq, lane)?;
        self.insert_dead(seq, &dying, cause, history::cut(reason), blocking)?;
        let Some(lane) = lane else { return Ok(()) };
        if blocking {
            self.change_lane(lane, |lane| lane.blocked = lane.blocked.saturating_add(1))?;
        }
        if rejected && policy == DeadPolicy::Park {
            for other in self.line(lane)? {
                let leased = "SELECT 1 FROM tries WHERE seq = ?1 AND until IS NOT NULL";
                if self.one(leased, [other], |_| Ok(()))?.is_some() {
                    continue;
                }
                self.bury(
                    other,
                    Some(lane),
                    DeadCause::Parked,
                    &format!("parked behind {}", dying.message.id),
                )?;
            }
        }
        self.settle_lane(lane)
    }

    fn insert_dead(
        &self,
        seq: i64,
        dying: &Dying,
        cause: DeadCause,
        reason: &str,
        blocking: bool,
    ) -> Result<()> {
        let message = &dying.message;
        let sql =
            "INSERT INTO dead (seq, id, key, kind, priority, on_dead, not_before, expires, published, cause,
                   reason, died, failures, deliveries, blocking, history, attributes, payload)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
        let values = params![
            seq,
            message.id,
            message.key,
            message.kind,
            message.priority,
            message.on_dead.name(),
            rows::stamp(message.not_before),
            rows::stamp(message.expires),
            dying.published,
            cause.name(),
            reason,
            self.now.0,
            dying.failures,
            dying.deliveries,
            blocking,
            rows::history_text(&dying.history)?,
            rows::text(&message.attributes)?,
            &message.payload[..],
        ];
        self.run(sql, values).map(drop)
    }

    /// The places of the selected letters, oldest first, and the ids that are none.
    fn select(&self, selection: &Selection) -> Result<(Vec<i64>, Vec<String>)> {
        match selection {
            Selection::Ids(ids) => {
                let (mut found, mut missing) = (BTreeSet::new(), BTreeSet::new());
                let sql = "SELECT seq FROM dead WHERE id = ?1";
                for id in ids {
                    match self.one(sql, [id], |row| row.get::<_, i64>(0))? {
                        Some(seq) => drop(found.insert(seq)),
                        None => drop(missing.insert(id.clone())),
                    }
                }
                Ok((found.into_iter().collect(), missing.into_iter().collect()))
            }
            Selection::Matching(filter) => {
                let (condition, values) = condition(filter);
                let sql = format!("SELECT seq FROM dead WHERE {condition} ORDER BY seq");
                Ok((self.all(&sql, params_from_iter(values), |row| row.get(0))?, Vec::new()))
            }
        }
    }

    fn chosen(&self, selection: &Selection, limit: usize) -> Result<(Vec<i64>, Moved)> {
        let (mut found, missing) = self.select(selection)?;
        let remaining = found.len().saturating_sub(limit) as u64;
        found.truncate(limit);
        let mut ids = Vec::with_capacity(found.len());
        for seq in &found {
            ids.extend(self.one("SELECT id FROM dead WHERE seq = ?1", [seq], |row| row.get(0))?);
        }
        Ok((found, Moved { ids, missing, remaining }))
    }

    pub(super) fn redrive(&self, redrive: &Redrive) -> Result<Moved> {
        let (chosen, moved) = self.chosen(&redrive.selection, redrive.limit)?;
        if redrive.dry_run {
            return Ok(moved);
        }
        for (n, seq) in chosen.into_iter().enumerate() {
            let Some(mut letter) = self.take_dead(seq)? else { continue };
            // What has expired is delivered all the same: somebody has asked for it.
            letter.message.expires =
                letter.message.expires.filter(|expires| Stamp::from(*expires) > self.now);
            let lane = letter.message.key.as_deref().map(|key| self.lane_of(key)).transpose()?;
            self.insert(seq, lane, &letter.message, letter.published.into())?;
            if let Some(lane) = lane {
                self.line_up_again(lane, seq)?;
            }
            let by = format!("{}: {}", redrive.actor, redrive.reason);
            let incident = Incident::new(self.now.time(), IncidentKind::Redriven, &by, letter.deliveries);
            history::record(&mut letter.history, incident);
            let sql =
                "INSERT INTO tries (seq, deliveries, failures, due, history) VALUES (?1, ?2, ?3, ?4, ?5)";
            let failures = if redrive.keep_failures { letter.failures } else { 0 };
            let due = self.now.plus(stagger(n, redrive.rate));
            self.run(sql, (seq, letter.deliveries, failures, due.0, rows::history_text(&letter.history)?))?;
            self.settle_places(seq, lane)?;
        }
        self.act("redrive", &redrive.actor, &redrive.reason, &rows::text(&moved.ids)?)?;
        Ok(moved)
    }

    pub(super) fn discard(&self, discard: &Discard) -> Result<Moved> {
        let (chosen, moved) = self.chosen(&discard.selection, discard.limit)?;
        if discard.dry_run {
            return Ok(moved);
        }
        for seq in chosen {
            if let Some(key) = self.take_dead(seq)?.and_then(|letter| letter.message.key) {
                let lane = self.lane_of(&key)?;
                self.settle_lane(lane)?;
            }
        }
        self.act("discard", &discard.actor, &discard.reason, &rows::text(&moved.ids)?)?;
        Ok(moved)
    }

    /// Takes a letter out, and its weight off its lane. The lane is to be settled afterwards.
    fn take_dead(&self, seq: i64) -> Result<Option<DeadLetter>> {
        let letter = self.one("SELECT * FROM dead WHERE seq = ?1", [seq], rows::dead_letter)?;
        self.run("DELETE FROM dead WHERE seq = ?1", [seq])?;
        if let Some(letter) = &letter
            && letter.blocking
            && let Some(key) = &letter.message.key
        {
            let lane = self.lane_of(key)?;
            self.change_lane(lane, |lane| lane.blocked = lane.blocked.saturating_sub(1))?;
        }
        Ok(letter)
    }

    /// Notes what an operator did.
    pub(super) fn act(&self, act: &str, actor: &str, reason: &str, what: &str) -> Result<()> {
        let sql = "INSERT INTO acts (at, act, actor, reason, what) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(sql, (self.now.0, act, actor, reason, what)).map(drop)
    }
}

/// A filter as a condition over the table `dead`, with its values for `?1` and on.
pub(super) fn condition(filter: &DeadLetterFilter) -> (String, Vec<Value>) {
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let parts = [
        ("id =", text(&filter.id)),
        ("key =", text(&filter.key)),
        ("kind =", text(&filter.kind)),
        ("cause =", filter.cause.map(|cause| Value::Text(cause.name().to_owned()))),
        ("died >=", rows::stamp(filter.died_from).map(Value::Integer)),
        ("died <", rows::stamp(filter.died_before).map(Value::Integer)),
    ];
    let destination = format!("attributes ->> '$.{DESTINATION}' =");
    let (mut condition, mut values) = ("1".to_owned(), Vec::new());
    let parts = parts.into_iter().chain([(destination.as_str(), text(&filter.destination))]);
    for (left, value) in parts {
        if let Some(value) = value {
            values.push(value);
            condition.push_str(&format!(" AND {left} ?{}", values.len()));
        }
    }
    (condition, values)
}
