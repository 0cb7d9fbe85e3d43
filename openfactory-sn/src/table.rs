//! Tables: typed ([`Table`]) and by name ([`DynamicTable`]).

mod aggregate;
mod change;
mod correlate;
mod dynamic;
mod ensure;
mod journal;
mod listing;
mod page;

use std::marker::PhantomData;

pub use self::aggregate::{Aggregate, Group};
pub(crate) use self::correlate::{SETTLES, may_be_under_way};
pub use self::dynamic::DynamicTable;
pub(crate) use self::dynamic::is_absent;
pub use self::ensure::Ensured;
pub(crate) use self::ensure::{kept_key, keyed, leaves_doubt};
pub use self::listing::Listing;
pub(crate) use self::page::{PAGE, Pager};

use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::{Fields, Malformed, Record, Row};

/// A table of typed records.
///
/// ```
/// use openfactory_sn::models::incident::{ASSIGNED_TO, Incident, STATE, State};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Fields, Query, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/now/table/incident";
/// let one = format!("{path}/a1");
/// let open = json!({"sys_id": "a1", "number": "INC0010001", "state": "1", "assigned_to": ""});
/// let begun = json!({"sys_id": "a1", "number": "INC0010001", "state": "2", "assigned_to": "u1"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get(path).query("sysparm_query", "state=1^ORDERBYsys_id"), Reply::result(200, json!([open])))
///     .on(Expected::patch(&one), Reply::result(200, begun.clone()))
///     .on(Expected::get(&one), Reply::result(200, begun));
///
/// let incidents = client(&instance).table::<Incident>();
/// let mut waiting = incidents.list(&Query::new().and(STATE.is(State::New)))?;
/// let me = SysId::new("u1")?;
/// while let Some(incident) = waiting.try_next().await? {
///     let taken = Fields::new().with_field(STATE, State::InProgress).with_field(ASSIGNED_TO, &me);
///     let incident = incidents.update(incident.sys_id(), &taken).await?;
///     assert_eq!(incident.state, Some(State::InProgress));
/// }
/// assert!(incidents.get_opt(&SysId::new("a1")?).await?.is_some_and(|incident| incident.assigned_to.is_some()));
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Table<R> {
    rows: DynamicTable,
    holds: PhantomData<fn() -> R>,
}

impl<R: Record> Table<R> {
    pub(crate) fn new(rows: DynamicTable) -> Self {
        Self { rows, holds: PhantomData }
    }

    /// The record with this key.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::{ChangeRequest, State};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = "/api/now/table/change_request";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get(format!("{path}/c1")), Reply::result(200, json!({"sys_id": "c1", "state": "-1"})))
    ///     .on(Expected::get(format!("{path}/c2")), Reply::fault(404, "No Record found", "…"));
    /// let changes = client(&instance).table::<ChangeRequest>();
    /// assert_eq!(changes.get(&SysId::new("c1")?).await?.state, Some(State::Implement));
    /// assert_eq!(changes.get(&SysId::new("c2")?).await.unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none or it is hidden; else as [`DynamicTable::get`].
    pub async fn get(&self, sys_id: &SysId) -> Result<R, Error> {
        self.typed(self.rows.get(sys_id).await?)
    }

    /// The record with this key, or `None` if there is none or it is hidden.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::get_opt`].
    pub async fn get_opt(&self, sys_id: &SysId) -> Result<Option<R>, Error> {
        self.rows.get_opt(sys_id).await?.map(|row| self.typed(row)).transpose()
    }

    /// The records that a query asks for, page by page as they are taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the query cannot be encoded.
    pub fn list(&self, query: &Query) -> Result<Listing<R>, Error> {
        self.rows.listing(query)
    }

    /// Creates a record. An answer that got lost leaves open whether it exists: see [`Table::ensure`].
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::models::incident::{Incident, SHORT_DESCRIPTION};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let path = "/api/now/table/incident";
    /// let made = json!({"sys_id": "a1", "number": "INC0010001"});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post(path).field("short_description", "drift"), Reply::result(201, made))
    ///     .on(Expected::delete(format!("{path}/a1")), Reply::empty(204));
    /// let incidents = client(&instance).table::<Incident>();
    /// let incident = incidents.create(&Fields::new().with_field(SHORT_DESCRIPTION, "drift")).await?;
    /// incidents.delete(incident.sys_id()).await?;
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::create`].
    pub async fn create(&self, fields: &Fields) -> Result<R, Error> {
        self.written(self.rows.create(fields).await?)
    }

    /// Makes sure that the record with this key exists, and says whether this call created it.
    ///
    /// ```
    /// use openfactory_sn::models::change_request::ChangeRequest;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{CorrelationId, Fields, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // The key follows from what the record is about, so a repetition comes to the same record.
    /// let key = SysId::derived("change_request", &CorrelationId::new("change/b-1")?);
    /// let made = json!({"sys_id": key.as_str(), "number": "CHG0030001"});
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/table/change_request").field("sys_id", key.as_str()),
    ///     Reply::result(201, made),
    /// );
    /// let changes = client(&instance).table::<ChangeRequest>();
    /// let (change, created) = changes.ensure(&key, &Fields::new().with("short_description", "Image b-1")).await?;
    /// assert_eq!((change.sys_id(), created), (&key, true));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::ensure`].
    pub async fn ensure(&self, sys_id: &SysId, fields: &Fields) -> Result<(R, bool), Error> {
        let Ensured { row, created, .. } = self.rows.ensure(sys_id, fields).await?;
        let record = if created { self.written(row) } else { self.typed(row) };
        Ok((record?, created))
    }

    /// Sets these fields of a record, leaving the others.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::update`].
    pub async fn update(&self, sys_id: &SysId, fields: &Fields) -> Result<R, Error> {
        self.written(self.rows.update(sys_id, fields).await?)
    }

    /// Sets those of these fields that the record, as it was read, does not hold already; `None` if it holds them all.
    ///
    /// ```
    /// use openfactory_sn::models::configuration_item::{ConfigurationItem, NAME, OS_VERSION};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{Fields, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = "/api/now/table/cmdb_ci/d1";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get(path), Reply::result(200, json!({"sys_id": "d1", "name": "edge-0001", "os_version": "1"})))
    ///     .on(Expected::patch(path).body(r#"{"os_version":"2"}"#),
    ///         Reply::result(200, json!({"sys_id": "d1", "name": "edge-0001", "os_version": "2"})));
    /// let devices = client(&instance).table::<ConfigurationItem>();
    /// let device = devices.get(&SysId::new("d1")?).await?;
    /// let wanted = Fields::new().with_field(NAME, "edge-0001").with_field(OS_VERSION, "2");
    /// let device = devices.update_changed(&device, &wanted).await?.ok_or("it was the same")?;
    /// assert!(devices.update_changed(&device, &wanted).await?.is_none(), "no call at all");
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::update_changed`].
    pub async fn update_changed(&self, read: &R, wanted: &Fields) -> Result<Option<R>, Error> {
        self.rows.update_changed(read.row(), wanted).await?.map(|row| self.written(row)).transpose()
    }

    /// How many records a query means.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::models::incident::Incident;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"stats": {"count": "3"}});
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/stats/incident"), Reply::result(200, answer));
    /// assert_eq!(client(&instance).table::<Incident>().count(&Query::new()).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::count`].
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.rows.count(query).await
    }

    /// The same table without types: for what is asked of it more rarely.
    ///
    /// ```
    /// use openfactory_sn::models::incident::Incident;
    /// use openfactory_sn::testing::{ScriptedTransport, client};
    ///
    /// let incidents = client(&ScriptedTransport::new()).table::<Incident>();
    /// assert_eq!(incidents.untyped().name(), "incident"); // which also has journal, aggregate, ensure_correlated
    /// ```
    #[must_use]
    pub fn untyped(&self) -> &DynamicTable {
        &self.rows
    }

    /// Deletes a record.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::delete`].
    pub async fn delete(&self, sys_id: &SysId) -> Result<(), Error> {
        self.rows.delete(sys_id).await
    }

    /// The record as a write left it: one that cannot be read as its type was written all the same.
    fn written(&self, row: Row) -> Result<R, Error> {
        self.typed(row).map_err(|error| error.with_may_have_happened(true))
    }

    fn typed(&self, row: Row) -> Result<R, Error> {
        R::from_row(row).map_err(|malformed| undecodable(self.rows.operation("read"), malformed))
    }
}

/// A record that does not hold what its type says.
pub(crate) fn undecodable(operation: impl Into<String>, malformed: Malformed) -> Error {
    let reason = "record does not hold what its type needs";
    Error::new(ErrorKind::Decode, operation, reason).with_source(malformed)
}
