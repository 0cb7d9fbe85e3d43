//! One page after the other, so that rows neither repeat nor vanish while the table changes.

use std::collections::VecDeque;

use super::dynamic::shown;
use crate::client::Client;
use crate::error::{Error, ErrorKind, QUERY_WIDENED};
use crate::id::SysId;
use crate::query::{Paging, Query};
use crate::record::Row;
use crate::record::page::Rows;
use crate::wire::call::{Call, Expects};
use crate::wire::url::Target;

/// Rows per page.
const PAGE: usize = 500;

/// Most pages in a row without a record, although the instance says that more follow: half a million that the credential
/// may not see.
const EMPTY_MAX: usize = 1_000;

/// Fetches pages of one query.
///
/// Without an order of its own, a query is paged by key: rows after the last one seen, in the order of sys_id. With an
/// order, by offset with ties broken by sys_id. A page shorter than asked for does not end it: access controls take rows
/// out after the instance has counted them.
#[derive(Debug)]
pub(crate) struct Pager {
    client: Client,
    operation: String,
    path: String,
    query: Query,
    after: Option<SysId>,
    offset: usize,
    /// Where the instance says that the next page is.
    link: Option<Target>,
    left: Option<usize>,
    /// How many pages in a row had no row.
    empty: usize,
    /// First and last key of the page before.
    before: Option<(SysId, SysId)>,
    ended: bool,
}

impl Pager {
    /// Refuses a query that cannot be encoded, before anything is sent.
    pub(crate) fn new(client: Client, operation: String, path: String, query: Query) -> Result<Self, Error> {
        let left = query.maximum();
        let pager = Self {
            client,
            operation,
            path,
            query,
            after: None,
            offset: 0,
            link: None,
            left,
            empty: 0,
            before: None,
            ended: left == Some(0),
        };
        pager.target(PAGE)?;
        Ok(pager)
    }

    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// The next rows; none at all when there are no more. What is no record is an error among them.
    pub(crate) async fn next_page(&mut self) -> Result<VecDeque<Result<Row, Error>>, Error> {
        while !self.ended {
            let size = self.left.map_or(PAGE, |left| left.min(PAGE));
            let target = match &self.link {
                Some(link) => link.clone(),
                None => self.target(size)?,
            };
            let call = Call::get(self.operation.clone(), target).expecting(Expects::List);
            let answer = self.client.call(&call, self.client.engine().deadline()).await?;
            let mut rows = self.rows(answer.rows)?;
            let next = answer.next;
            self.ended = match self.query.paging() {
                Paging::Own => next.is_none() && rows.len() < size,
                Paging::Links => next.is_none(),
            };
            if let (Paging::Links, Some(next)) = (self.query.paging(), next) {
                self.link = Some(Target::followed(&next, &self.path).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Decode,
                        self.operation.clone(),
                        "link to the next page leads elsewhere",
                    )
                })?);
            }
            if let Some(left) = self.left {
                rows.truncate(left);
            }
            self.check_advance(&rows)?;
            self.advance(&rows, size);
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        Ok(VecDeque::new())
    }

    /// Refuses a list that would never end: one page again and again, or nothing but empty ones.
    fn check_advance(&mut self, rows: &VecDeque<Result<Row, Error>>) -> Result<(), Error> {
        let stuck = |reason| Error::new(ErrorKind::Decode, self.operation.clone(), reason);
        self.empty = if rows.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > EMPTY_MAX && !self.ended {
            return Err(stuck("page after page is empty, and more are said to follow"));
        }
        let keys: Vec<&SysId> = rows.iter().flatten().map(Row::sys_id).collect();
        let ends = keys.first().zip(keys.last()).map(|(first, last)| ((*first).clone(), (*last).clone()));
        if ends.is_some() && ends == self.before && keys.len() > 1 && !self.ended {
            return Err(stuck("list does not advance: the instance sends the same page again"));
        }
        self.before = ends;
        Ok(())
    }

    fn advance(&mut self, rows: &VecDeque<Result<Row, Error>>, size: usize) {
        let last = rows.iter().enumerate().rev().find_map(|(at, row)| row.as_ref().ok().map(|row| (at, row)));
        match last {
            // What follows the last record is none, and is not asked for again.
            Some((at, last)) if !self.query.is_ordered() => {
                self.after = Some(last.sys_id().clone());
                self.offset = rows.len() - at - 1;
            }
            _ => self.offset += size,
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(rows.len());
            self.ended |= *left == 0;
        }
    }

    fn target(&self, size: usize) -> Result<Target, Error> {
        let local = |error| {
            Error::new(ErrorKind::Local, self.operation.clone(), "query cannot be encoded").with_source(error)
        };
        let query = self.query.encoded_page(self.after.as_ref()).map_err(local)?;
        let mut target = shown(Target::new(self.path.clone()))
            .with("sysparm_query", &query)
            .with("sysparm_limit", &size.to_string());
        if self.offset > 0 {
            target = target.with("sysparm_offset", &self.offset.to_string());
        }
        if let Some(fields) = self.query.selected().map_err(local)? {
            target = target.with("sysparm_fields", &fields);
        }
        Ok(target)
    }

    fn rows(&self, read: Rows) -> Result<VecDeque<Result<Row, Error>>, Error> {
        let decode = |reason: &str| Error::new(ErrorKind::Decode, self.operation.clone(), reason);
        let mut rows = VecDeque::with_capacity(read.len());
        for row in read {
            let row = match row {
                Ok(row) => row,
                Err(malformed) => {
                    rows.push_back(Err(decode("list holds what is no record").with_source(malformed)));
                    continue;
                }
            };
            if let Some(field) = self.query.contradicts(&row) {
                let reason =
                    format!("answer holds record {} although its {field} is not as asked", row.sys_id());
                return Err(decode(&reason).with_advice(QUERY_WIDENED));
            }
            if self.link.is_none() && self.after.as_ref() == Some(row.sys_id()) {
                return Err(decode("list does not advance: the instance ignores the order by sys_id"));
            }
            rows.push_back(Ok(row));
        }
        Ok(rows)
    }
}
