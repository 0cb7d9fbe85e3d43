//! One look through a table, page by page: what is new, what cannot be read, where to go on. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::SystemTime;

use super::Changed;
use crate::id::SysId;
use crate::record::{Malformed, Row};
use crate::table::PAGE;

/// What was shown: the update's time, and how many there were.
pub(super) type Seen = BTreeMap<SysId, (String, i64)>;

/// What a page was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It had a record to go on from.
    Advanced,
    /// Nothing in it told where it stands.
    Stayed,
}

pub(super) struct Look<'a> {
    own_user: Option<&'a str>,
    seen: Seen,
    newest: SystemTime,
    /// The last record whose place in the order is known.
    last: Option<(SystemTime, SysId)>,
    /// Keys of what could not be read: a page by key can begin with the end of the one before.
    unreadable: BTreeSet<SysId>,
    told: Vec<Result<Changed, Malformed>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(seen: Seen, since: SystemTime, own_user: Option<&'a str>) -> Self {
        Self { own_user, seen, newest: since, last: None, unreadable: BTreeSet::new(), told: Vec::new() }
    }

    pub(super) fn last(&self) -> Option<&(SystemTime, SysId)> {
        self.last.as_ref()
    }

    pub(super) fn newest(&self) -> SystemTime {
        self.newest
    }

    /// How much there is to tell by now.
    pub(super) fn told(&self) -> usize {
        self.told.len()
    }

    /// What there is to tell, and what was shown by now.
    pub(super) fn ended(self) -> (Vec<Result<Changed, Malformed>>, Seen) {
        (self.told, self.seen)
    }

    /// Takes a page; the reason if it cannot be one of what was asked for.
    pub(super) fn take(&mut self, rows: VecDeque<Result<Row, Malformed>>) -> Result<Progress, &'static str> {
        let before = self.last.clone();
        for row in rows {
            match row.and_then(|row| self.read(row)) {
                Ok(Some(changed)) => self.told.push(Ok(changed)),
                Ok(None) => {}
                Err(malformed) => {
                    if malformed.sys_id.clone().is_none_or(|key| self.unreadable.insert(key)) {
                        self.told.push(Err(malformed));
                    }
                }
            }
        }
        match (&before, &self.last) {
            (None, None) if self.told.len() >= PAGE && self.seen.is_empty() => {
                Err("no record shows when it was updated")
            }
            (Some((was, _)), Some((is, _))) if is < was => {
                Err("records do not come in the order of their updates")
            }
            (before, last) if before == last => Ok(Progress::Stayed),
            _ => Ok(Progress::Advanced),
        }
    }

    /// What changed of a record; `None` if it was shown already.
    fn read(&mut self, row: Row) -> Result<Option<Changed>, Malformed> {
        let key = row.sys_id().clone();
        let time: SystemTime = row.read("sys_updated_on")?;
        self.newest = self.newest.max(time);
        self.last = Some((time, key.clone()));
        let count: i64 = row.read("sys_mod_count")?;
        let known = self.seen.insert(key, (row.text("sys_updated_on").to_owned(), count));
        let known = known.map(|(_, known)| known);
        if known == Some(count) {
            return Ok(None);
        }
        let by_us = self.own_user == Some(row.text("sys_updated_by"));
        // A count that fell, as by a restored record, tells nothing of what was missed.
        let between = |known: i64| count.checked_sub(known)?.checked_sub(1).filter(|unseen| *unseen >= 0);
        Ok(Some(Changed { row, by_us, unseen: known.and_then(between) }))
    }
}
