//! The create that can be repeated where an instance takes no keys of our choice: looked for by its correlation id.

use std::time::Duration;

use http::StatusCode;

use super::{DynamicTable, Ensured};
use crate::client::engine::Deadline;
use crate::error::{CORRELATION_LOST, Error, ErrorKind};
use crate::id::CorrelationId;
use crate::query::Query;
use crate::record::{Field, Fields, Row};

const CORRELATION_ID: Field<CorrelationId> = Field::new("correlation_id");
/// How long a request whose answer was lost is given to end, before it is taken not to have been acted on.
pub(crate) const SETTLES: Duration = Duration::from_secs(2);
/// Most records of one correlation id that are told.
const MOST: usize = 20;

/// Whether the instance may still be at work on a request: nobody answered, or something in front of it did.
pub(crate) fn may_be_under_way(failure: &Error) -> bool {
    match failure.status() {
        None => matches!(failure.kind(), ErrorKind::Timeout | ErrorKind::Unavailable),
        Some(status) => matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT
        ),
    }
}

impl DynamicTable {
    /// Makes sure that a record with this correlation id exists: looks for it first, and again after the create, whatever
    /// became of that.
    ///
    /// For tables in which the instance does not let the credential choose the `sys_id`; else
    /// [`DynamicTable::ensure`] is better, since the database keeps a key unique and a correlation id not. Two calls at the
    /// same time can both find none, and so can one whose create is still under way two seconds after its answer was lost.
    /// Then two records are there, the older one counts from then on, and
    /// [`Ensured::others`] tells of the rest: to the later of the two calls at once, to both from then on.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::transport::TransportErrorKind;
    /// use openfactory_sn::{CorrelationId, Fields};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = CorrelationId::new("drift/dev-1")?;
    /// let path = "/api/now/table/incident";
    /// let record = json!({"sys_id": "a1", "correlation_id": "drift/dev-1"});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get(path), Reply::result(200, json!([])))
    ///     .on(Expected::post(path).field("correlation_id", "drift/dev-1"),
    ///         Reply::failure(TransportErrorKind::Interrupted))
    ///     .on(Expected::get(path), Reply::result(200, json!([record])));
    /// let incidents = client(&instance).dynamic_table("incident");
    /// let ensured = incidents.ensure_correlated(&key, &Fields::new()).await?;
    /// assert_eq!((ensured.row.sys_id().as_str(), ensured.created), ("a1", false));
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::create`] and [`DynamicTable::find`]; with [`Error::may_have_happened`] if it could not be looked
    /// for after a create, or is not found by its correlation id although it was created.
    pub async fn ensure_correlated(
        &self,
        correlation_id: &CorrelationId,
        fields: &Fields,
    ) -> Result<Ensured, Error> {
        let engine = self.client().engine();
        let deadline = engine.deadline();
        let fields = fields.clone().with_field(CORRELATION_ID, correlation_id);
        if let Some(found) = self.correlated(correlation_id, deadline).await? {
            return Ok(found);
        }
        // Repeated, since each repetition is preceded by a look for the record.
        let call = self.post_call(&fields)?.looked_for();
        for made in 1.. {
            let failure = match self.post(&fields, deadline).await {
                Ok(row) => return self.made(correlation_id, row, deadline).await,
                Err(failure) => failure,
            };
            if !failure.may_have_happened() {
                return Err(failure);
            }
            let mut found = self.correlated(correlation_id, deadline).await;
            if matches!(found, Ok(None)) && may_be_under_way(&failure) {
                if !engine.sleep_before(deadline, SETTLES).await {
                    return Err(failure);
                }
                found = self.correlated(correlation_id, deadline).await;
            }
            match found {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => engine.pause(failure, &call, made, deadline).await?,
                Err(unanswered) => return Err(unanswered.with_may_have_happened(true)),
            }
        }
        Err(call.refused("no attempt allowed"))
    }

    /// What a record that was created is among those of its correlation id.
    async fn made(
        &self,
        correlation_id: &CorrelationId,
        row: Row,
        deadline: Deadline,
    ) -> Result<Ensured, Error> {
        match self.correlated(correlation_id, deadline).await {
            Ok(Some(found)) if found.row.sys_id() == row.sys_id() => {
                Ok(Ensured { row, created: true, others: found.others })
            }
            Ok(Some(found)) if found.others.contains(row.sys_id()) => Ok(found),
            Ok(_) => {
                let reason = "record was created, but is not found by its correlation id";
                Err(Error::new(ErrorKind::Conflict, self.operation_on("create", row.sys_id()), reason)
                    .with_may_have_happened(true)
                    .with_advice(CORRELATION_LOST))
            }
            Err(unanswered) => Err(unanswered.with_may_have_happened(true)),
        }
    }

    async fn correlated(
        &self,
        correlation_id: &CorrelationId,
        deadline: Deadline,
    ) -> Result<Option<Ensured>, Error> {
        let query = Query::new().and(CORRELATION_ID.is(correlation_id)).limit(MOST);
        let found = self.find_within(&query, deadline).await?;
        let is_ours = |row: &Row| row.text("correlation_id") == correlation_id.as_str();
        let (mut ours, foreign): (Vec<Row>, Vec<Row>) = found.into_iter().partition(is_ours);
        ours.sort_by_key(|row| (row.text("sys_created_on").to_owned(), row.sys_id().clone()));
        let mut ours = ours.into_iter();
        match (ours.next(), foreign.first()) {
            (Some(row), _) => {
                let others = ours.map(|row| row.sys_id().clone()).collect();
                Ok(Some(Ensured { row, created: false, others }))
            }
            // An instance that changes the case of what it is sent would be sent another record each time.
            (None, Some(foreign)) => {
                let reason = "a record was found whose correlation id differs in case only";
                let operation = self.operation_on("find", foreign.sys_id());
                Err(Error::new(ErrorKind::Conflict, operation, reason))
            }
            (None, None) => Ok(None),
        }
    }
}
