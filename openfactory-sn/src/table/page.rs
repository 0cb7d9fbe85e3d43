//! One page after the other, so that rows neither repeat nor vanish while the table changes.

use std::collections::VecDeque;

use serde_json::Value;

use super::dynamic::shown;
use crate::client::Client;
use crate::error::{Error, ErrorKind, QUERY_WIDENED};
use crate::id::SysId;
use crate::query::Query;
use crate::record::Row;
use crate::wire::call::Call;
use crate::wire::url::Target;

/// Rows per page.
const PAGE: usize = 500;

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
    left: Option<usize>,
    ended: bool,
}

impl Pager {
    /// Refuses a query that cannot be encoded, before anything is sent.
    pub(crate) fn new(client: Client, operation: String, path: String, query: Query) -> Result<Self, Error> {
        let left = query.maximum();
        let pager =
            Self { client, operation, path, query, after: None, offset: 0, left, ended: left == Some(0) };
        pager.target(PAGE)?;
        Ok(pager)
    }

    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// The next rows; none at all when there are no more.
    pub(crate) async fn next_page(&mut self) -> Result<VecDeque<Row>, Error> {
        while !self.ended {
            let size = self.left.map_or(PAGE, |left| left.min(PAGE));
            let call = Call::get(self.operation.clone(), self.target(size)?);
            let answer = self.client.call(&call, self.client.engine().deadline()).await?;
            let rows = self.rows(answer.result)?;
            self.ended = !answer.has_next && rows.len() < size;
            self.advance(&rows, size);
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        Ok(VecDeque::new())
    }

    fn advance(&mut self, rows: &VecDeque<Row>, size: usize) {
        match rows.back() {
            Some(last) if !self.query.is_ordered() => {
                self.after = Some(last.sys_id().clone());
                self.offset = 0;
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

    fn rows(&self, result: Value) -> Result<VecDeque<Row>, Error> {
        let decode = |reason: &str| Error::new(ErrorKind::Decode, self.operation.clone(), reason);
        let Value::Array(values) = result else {
            return Err(decode("result is not a list"));
        };
        let mut rows = VecDeque::with_capacity(values.len());
        for value in values {
            let row = Row::try_from(value)
                .map_err(|malformed| decode("list holds what is no record").with_source(malformed))?;
            if let Some(field) = self.query.contradicts(&row) {
                let reason =
                    format!("answer holds record {} although its {field} is not as asked", row.sys_id());
                return Err(decode(&reason).with_advice(QUERY_WIDENED));
            }
            if self.after.as_ref() == Some(row.sys_id()) {
                return Err(decode("list does not advance: the instance ignores the order by sys_id"));
            }
            rows.push_back(row);
        }
        Ok(rows)
    }
}
