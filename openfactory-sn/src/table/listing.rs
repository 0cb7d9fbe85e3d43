//! The records of a query, one by one.

use std::collections::VecDeque;
use std::marker::PhantomData;

use futures_util::stream::{self, Stream};

use super::page::Pager;
use super::undecodable;
use crate::error::Error;
use crate::record::{FromRow, Malformed, Row};

/// The records of a query, fetched page by page as they are taken.
///
/// ```
/// use openfactory_sn::models::incident::Incident;
/// use openfactory_sn::table::Listing;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{ErrorKind, Query};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let page = json!([{"sys_id": "a1", "impact": "1"}, {"sys_id": "a2", "impact": "high"}, {"sys_id": "a3", "impact": ""}]);
/// let instance =
///     ScriptedTransport::new().on(Expected::get("/api/now/table/incident"), Reply::result(200, page));
/// let mut incidents: Listing<Incident> = client(&instance).table::<Incident>().list(&Query::new())?;
/// let mut impacts = Vec::new();
/// loop {
///     match incidents.try_next().await {
///         Ok(Some(incident)) => impacts.push(incident.impact),
///         Ok(None) => break,
///         Err(error) if error.kind() == ErrorKind::Decode => impacts.push(None), // this record, not the list
///         Err(error) => return Err(error),
///     }
/// }
/// assert_eq!(impacts, [Some(1), None, None]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listing<R> {
    pager: Pager,
    rows: VecDeque<Result<Row, Malformed>>,
    /// Whether the last error, if there was one, is about one record alone.
    failed_at_a_record: bool,
    holds: PhantomData<fn() -> R>,
}

impl<R: FromRow> Listing<R> {
    pub(crate) fn new(pager: Pager) -> Self {
        Self { pager, rows: VecDeque::new(), failed_at_a_record: false, holds: PhantomData }
    }

    /// The next record, or `None` after the last.
    ///
    /// A record that does not hold what its type needs, or what is no record at all, is an error of its own; the call
    /// after it goes on with the next one. A page that could not be fetched is asked for again by the next call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) for such a record, and for an answer that the query contradicts;
    /// the kinds of network, availability and rights. An empty result can also mean that the credential may read nothing.
    pub async fn try_next(&mut self) -> Result<Option<R>, Error> {
        self.failed_at_a_record = false;
        if self.rows.is_empty() {
            self.rows = self.pager.next_page().await?;
        }
        self.failed_at_a_record = true;
        let Some(row) = self.rows.pop_front() else {
            return Ok(None);
        };
        let row = row.map_err(|malformed| self.pager.malformed(malformed))?;
        R::from_row(row).map(Some).map_err(|malformed| undecodable(self.pager.operation(), malformed))
    }

    /// The same as a stream, in the sense of `futures-core` 0.3. Ends after the last record, and after an error that is
    /// not about one record alone.
    ///
    /// ```
    /// use futures_util::StreamExt as _;
    /// use openfactory_sn::Query;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let page = json!([{"sys_id": "a1"}, {"no": "record"}, {"sys_id": "a2"}]);
    /// let instance = ScriptedTransport::new().on(Expected::get("/api/now/table/incident"), Reply::result(200, page));
    /// let incidents = client(&instance).dynamic_table("incident").list(&Query::new())?;
    /// let found: Vec<_> = incidents.into_stream().map(|row| row.is_ok()).collect().await;
    /// assert_eq!(found, [true, false, true], "one bad record does not spoil the page");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Result<R, Error>> + Send
    where
        R: Send,
    {
        stream::unfold(Some(self), |listing| async move {
            let mut listing = listing?;
            match listing.try_next().await {
                Ok(Some(record)) => Some((Ok(record), Some(listing))),
                Ok(None) => None,
                Err(error) if listing.failed_at_a_record => Some((Err(error), Some(listing))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
