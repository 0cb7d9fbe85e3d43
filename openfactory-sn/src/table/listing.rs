//! The records of a query, one by one.

use std::collections::VecDeque;
use std::marker::PhantomData;

use super::page::Pager;
use super::undecodable;
use crate::error::Error;
use crate::record::{FromRow, Row};

/// The records of a query, fetched page by page as they are taken.
#[derive(Debug)]
pub struct Listing<R> {
    pager: Pager,
    rows: VecDeque<Row>,
    holds: PhantomData<fn() -> R>,
}

impl<R: FromRow> Listing<R> {
    pub(crate) fn new(pager: Pager) -> Self {
        Self { pager, rows: VecDeque::new(), holds: PhantomData }
    }

    /// The next record, or `None` after the last.
    ///
    /// A record that does not hold what its type needs is an error of its own; the call after it goes on with the next
    /// one. A page that could not be fetched is asked for again by the next call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) for such a record, and for an answer that the query contradicts;
    /// the kinds of network, availability and rights. An empty result can also mean that the credential may read nothing.
    pub async fn try_next(&mut self) -> Result<Option<R>, Error> {
        if self.rows.is_empty() {
            self.rows = self.pager.next_page().await?;
        }
        let Some(row) = self.rows.pop_front() else {
            return Ok(None);
        };
        R::from_row(row).map(Some).map_err(|malformed| undecodable("read", self.pager.operation(), malformed))
    }
}
