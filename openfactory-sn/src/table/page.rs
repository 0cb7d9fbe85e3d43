//! One page after the other, so that rows neither repeat nor vanish while the table changes.

use std::collections::{BTreeSet, VecDeque};
use std::error::Error as _;

use super::dynamic::shown;
use crate::client::Client;
use crate::client::engine::Deadline;
use crate::error::{Cause, Error, ErrorKind, QUERY_WIDENED};
use crate::id::SysId;
use crate::query::{Paging, Query};
use crate::record::page::Rows;
use crate::record::{Malformed, Row};
use crate::transport::{TransportError, TransportErrorKind};
use crate::wire::call::{Call, Expects};
use crate::wire::response::Answer;
use crate::wire::url::Target;

/// Rows per page, where the instance manages so many.
pub(crate) const PAGE: usize = 500;

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
    /// Rows per page: fewer than at first after an answer that was too much.
    size: usize,
    /// Of all pages together, where they are one call.
    deadline: Option<Deadline>,
    /// Fields of the query's conditions that some row has shown, or that the table is known to have.
    shown: BTreeSet<String>,
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
            size: PAGE,
            deadline: None,
            shown: BTreeSet::new(),
            empty: 0,
            before: None,
            ended: left == Some(0),
        };
        pager.target(PAGE)?;
        Ok(pager)
    }

    /// With one deadline for all pages.
    pub(crate) fn within(self, deadline: Deadline) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// For a table that has this field for certain: a row without it hides it.
    pub(crate) fn knowing(mut self, field: &str) -> Self {
        self.shown.insert(field.to_owned());
        self
    }

    /// Whether there are no more pages.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// What is no record among the rows, as an error.
    pub(crate) fn malformed(&self, malformed: Malformed) -> Error {
        self.decode("list holds what is no record").with_source(malformed)
    }

    fn decode(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Decode, self.operation.clone(), reason)
    }

    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// The next rows; none at all when there are no more. What is no record is an error among them.
    pub(crate) async fn next_page(&mut self) -> Result<VecDeque<Result<Row, Malformed>>, Error> {
        let deadline = self.deadline.unwrap_or_else(|| self.client.engine().deadline());
        while !self.ended {
            let (Answer { rows, next, .. }, size) = self.fetch(deadline).await?;
            self.check(&rows)?;
            let mut rows = VecDeque::from(rows);
            self.ended = match self.query.paging() {
                Paging::Own => next.is_none() && rows.len() < size,
                Paging::Links => next.is_none(),
            };
            if let (Paging::Links, Some(next)) = (self.query.paging(), next) {
                self.follow(&next)?;
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

    /// The answer with the next page, and how many rows it was asked for: half as many after one that was too much.
    async fn fetch(&mut self, deadline: Deadline) -> Result<(Answer, usize), Error> {
        loop {
            let size = self.left.map_or(self.size, |left| left.min(self.size));
            let target = match &self.link {
                Some(link) => link.clone(),
                None => self.target(size)?,
            };
            let call = Call::get(self.operation.clone(), target).expecting(Expects::List);
            let error = match self.client.call(&call, deadline).await {
                Ok(answer) => return Ok((answer, size)),
                Err(error) => error,
            };
            if self.link.is_some() || size == 1 || !is_too_much(&error) {
                return Err(error);
            }
            self.size = size / 2;
            let engine = self.client.engine();
            if engine.attempts() == 1 || engine.is_over(deadline) {
                return Err(error);
            }
        }
    }

    /// Goes on where the instance says that the next page is, if that is further on in the same list.
    fn follow(&mut self, next: &str) -> Result<(), Error> {
        let link = Target::followed(next, &self.path)
            .ok_or_else(|| self.decode("link to the next page leads elsewhere"))?;
        if self.link.as_ref() == Some(&link) {
            return Err(
                self.decode("list does not advance: the link to the next page leads to the same page")
            );
        }
        self.link = Some(link);
        Ok(())
    }

    /// Refuses a list that would never end: one page again and again, or nothing but empty ones.
    fn check_advance(&mut self, rows: &VecDeque<Result<Row, Malformed>>) -> Result<(), Error> {
        self.empty = if rows.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > EMPTY_MAX && !self.ended {
            return Err(self.decode("page after page is empty, and more are said to follow"));
        }
        let keys: Vec<&SysId> = rows.iter().flatten().map(Row::sys_id).collect();
        let ends = keys.first().zip(keys.last()).map(|(first, last)| ((*first).clone(), (*last).clone()));
        if ends.is_some() && ends == self.before && keys.len() > 1 && !self.ended {
            return Err(self.decode("list does not advance: the instance sends the same page again"));
        }
        self.before = ends;
        Ok(())
    }

    fn advance(&mut self, rows: &VecDeque<Result<Row, Malformed>>, size: usize) {
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

    /// Refuses rows that the query cannot have meant.
    fn check(&mut self, rows: &Rows) -> Result<(), Error> {
        let good = || rows.iter().flatten();
        for field in self.query.asked() {
            if !self.shown.contains(field) && good().any(|row| row.has(field)) {
                self.shown.insert(field.to_owned());
            }
        }
        for row in good() {
            if let Some(field) = self.query.contradicts_among(row, &|field| self.shown.contains(field)) {
                let reason =
                    format!("answer holds record {} although its {field} is not as asked", row.sys_id());
                return Err(self.decode(&reason).with_advice(QUERY_WIDENED));
            }
            if self.link.is_none() && self.after.as_ref() == Some(row.sys_id()) {
                return Err(self.decode("list does not advance: the instance ignores the order by sys_id"));
            }
        }
        Ok(())
    }
}

/// Whether fewer rows at once may succeed where so many did not.
fn is_too_much(error: &Error) -> bool {
    let too_large = |error: &TransportError| error.kind() == TransportErrorKind::TooLarge;
    matches!(error.cause(), Some(Cause::CutOff | Cause::QuotaExpired))
        || error.kind() == ErrorKind::Timeout
        || error.source().and_then(|source| source.downcast_ref()).is_some_and(too_large)
}
