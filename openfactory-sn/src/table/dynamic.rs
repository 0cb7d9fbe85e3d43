//! A table by its name, its records without types.

use http::StatusCode;

use super::ensure::{self, Ensured};
use super::listing::Listing;
use super::page::Pager;
use super::undecodable;
use crate::client::Client;
use crate::client::engine::Deadline;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::{Fields, FromRow, Row, journal_of};
use crate::wire::call::Call;
use crate::wire::response::Answer;
use crate::wire::url::Target;

/// Longest table name, in bytes.
const NAME_MAX: usize = 80;
/// Most rows that [`DynamicTable::find`] collects; beyond it, use a listing.
const FIND_MAX: usize = 10_000;

/// A table by its name.
///
/// Rows come with raw values: sys_ids for references, UTC for dates, numbers for choices.
///
/// ```
/// use openfactory_sn::record::Field;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{CorrelationId, Fields, Query, SysId};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = "/api/now/table/u_gateway";
/// let key = SysId::derived("u_gateway", &CorrelationId::new("gateway/7")?);
/// let one = format!("{path}/{key}");
/// let old = json!({"sys_id": key, "u_firmware": "7.0"});
/// let new = json!({"sys_id": key, "u_firmware": "7.1"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post(path).field("sys_id", key.as_str()), Reply::result(201, old.clone()))
///     .on(Expected::get(path).query("sysparm_query", "u_firmware=7.0^ORDERBYsys_id"), Reply::result(200, json!([old])))
///     .on(Expected::patch(&one).field("u_firmware", "7.1"), Reply::result(200, new.clone()))
///     .on(Expected::get(&one), Reply::result(200, new))
///     .on(Expected::delete(&one), Reply::empty(204));
///
/// let gateways = client(&instance).dynamic_table("u_gateway");
/// let ensured = gateways.ensure(&key, &Fields::new().with("u_firmware", "7.0")).await?;
/// assert!(ensured.created);
/// let outdated = Query::new().and(Field::<String>::new("u_firmware").is("7.0"));
/// for row in gateways.find(&outdated).await? {
///     gateways.update(row.sys_id(), &Fields::new().with("u_firmware", "7.1")).await?;
/// }
/// let row = gateways.get_opt(&key).await?.ok_or("it is gone")?;
/// assert_eq!(row.text("u_firmware"), "7.1");
/// gateways.delete(&key).await?;
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DynamicTable {
    client: Client,
    name: String,
}

impl DynamicTable {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The record with this key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none, or an access control hides it: the instance gives both the same answer.
    pub async fn get(&self, sys_id: &SysId) -> Result<Row, Error> {
        self.get_within(sys_id, self.client.engine().deadline()).await
    }

    /// The record with this key, or `None` if there is none or it is hidden.
    ///
    /// # Errors
    ///
    /// Whatever kept the question from being answered. A 404 that is not the Table API's own is one of these.
    pub async fn get_opt(&self, sys_id: &SysId) -> Result<Option<Row>, Error> {
        self.get_opt_within(sys_id, self.client.engine().deadline()).await
    }

    /// All records that a query asks for, 10,000 at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the query cannot be encoded; [`ErrorKind::Invalid`] if there are more than 10,000; as
    /// [`Listing::try_next`].
    pub async fn find(&self, query: &Query) -> Result<Vec<Row>, Error> {
        self.collect(Listing::new(self.pager(query.clone())?)).await
    }

    /// The same within a deadline for all pages.
    pub(crate) async fn find_within(&self, query: &Query, deadline: Deadline) -> Result<Vec<Row>, Error> {
        self.collect(Listing::new(self.pager(query.clone())?.within(deadline))).await
    }

    async fn collect(&self, mut listing: Listing<Row>) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        while let Some(row) = listing.try_next().await? {
            if rows.len() == FIND_MAX {
                let reason = "more than 10000 records; narrow the query or take them one by one";
                return Err(Error::new(ErrorKind::Invalid, self.operation("find"), reason));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The records that a query asks for, page by page as they are taken.
    ///
    /// ```
    /// use openfactory_sn::Query;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let rows = json!([{"sys_id": "g1", "u_firmware": "7.0"}, {"sys_id": "g2", "u_firmware": "7.1"}]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/table/u_gateway"), Reply::result(200, rows));
    /// let mut gateways = client(&instance).dynamic_table("u_gateway").list(&Query::new())?;
    /// let mut firmware = Vec::new();
    /// while let Some(row) = gateways.try_next().await? {
    ///     firmware.push(row.text("u_firmware").to_owned());
    /// }
    /// assert_eq!(firmware, ["7.0", "7.1"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] if the query cannot be encoded.
    pub fn list(&self, query: &Query) -> Result<Listing<Row>, Error> {
        self.listing(query)
    }

    pub(super) fn listing<R: FromRow>(&self, query: &Query) -> Result<Listing<R>, Error> {
        Ok(Listing::new(self.pager(query.clone())?))
    }

    pub(crate) fn pager(&self, query: Query) -> Result<Pager, Error> {
        Pager::new(self.client.clone(), self.operation("list"), self.path()?, query)
    }

    /// Creates a record with a key of the instance's choice.
    ///
    /// Repeated by the client only where the first request cannot have been acted on. If
    /// [`Error::may_have_happened`], look for the record before creating it again.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, Fields};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let path = "/api/now/table/u_gateway";
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post(path), Reply::result(201, json!({"sys_id": "g1", "u_firmware": "7.0"})))
    ///     .on(Expected::post(path), Reply::fault(403, "Operation against file 'u_gateway' was aborted by Business Rule", ""));
    /// let gateways = client(&instance).dynamic_table("u_gateway");
    /// let fields = Fields::new().with("u_firmware", "7.0");
    /// assert_eq!(gateways.create(&fields).await?.sys_id().as_str(), "g1");
    /// let refused = gateways.create(&fields).await.unwrap_err();
    /// assert_eq!((refused.kind(), refused.may_have_happened()), (ErrorKind::Conflict, false));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`], [`ErrorKind::Invalid`], [`ErrorKind::Conflict`] as the instance says; the kinds of
    /// network and availability.
    pub async fn create(&self, fields: &Fields) -> Result<Row, Error> {
        self.post(fields, self.client.engine().deadline()).await
    }

    /// Creates a record with a key of our choice, once: no look-up before or after.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{ErrorKind, Fields, SysId};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/table/u_gateway").field("sys_id", "g1"),
    ///     Reply::result(201, json!({"sys_id": "0b1c"})),
    /// );
    /// let gateways = client(&instance).dynamic_table("u_gateway");
    /// let error = gateways.create_with_sys_id(&SysId::new("g1")?, &Fields::new()).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Conflict);
    /// assert_eq!(error.to_string(), "create u_gateway g1: instance created 0b1c instead");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::create`]; an existing key is [`ErrorKind::Conflict`] or [`ErrorKind::Forbidden`], as the
    /// instance words it. [`ErrorKind::Conflict`] also if the instance chose another key.
    pub async fn create_with_sys_id(&self, sys_id: &SysId, fields: &Fields) -> Result<Row, Error> {
        let deadline = self.client.engine().deadline();
        ensure::kept_key(self, sys_id, self.post(&ensure::keyed(sys_id, fields), deadline).await?)
    }

    /// Makes sure that the record with this key exists: the create that can be repeated.
    ///
    /// Creates it under the key; if the outcome is not known or the key is refused, looks for it and decides. Run any
    /// number of times, from any number of places, it leaves one record. Fields of a record that exists are left as they
    /// are.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::create`] when the record is not there afterwards; whatever kept the look-up from being
    /// answered, then with [`Error::may_have_happened`].
    pub async fn ensure(&self, sys_id: &SysId, fields: &Fields) -> Result<Ensured, Error> {
        self.ensure_within(sys_id, fields, self.client.engine().deadline()).await
    }

    pub(crate) async fn ensure_within(
        &self,
        sys_id: &SysId,
        fields: &Fields,
        deadline: Deadline,
    ) -> Result<Ensured, Error> {
        ensure::ensure(self, sys_id, fields, deadline).await
    }

    /// Sets these fields of a record, leaving the others.
    ///
    /// Repeated by the client, unless a journal field (`work_notes`, `comments`) is among them, which would be written
    /// twice; a customer's own journal fields are not known here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such record; as [`DynamicTable::create`] else.
    pub async fn update(&self, sys_id: &SysId, fields: &Fields) -> Result<Row, Error> {
        self.one(&self.patch_call(sys_id, fields)?, self.client.engine().deadline()).await
    }

    /// Deletes a record. If the answer to a first request was lost, that it is gone by the second counts as done.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there was no such record.
    pub async fn delete(&self, sys_id: &SysId) -> Result<(), Error> {
        match self.client.call(&self.delete_call(sys_id)?, self.client.engine().deadline()).await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) && error.may_have_happened() => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get_within(&self, sys_id: &SysId, deadline: Deadline) -> Result<Row, Error> {
        self.one(&self.get_call(sys_id)?, deadline).await
    }

    pub(super) async fn get_opt_within(
        &self,
        sys_id: &SysId,
        deadline: Deadline,
    ) -> Result<Option<Row>, Error> {
        match self.get_within(sys_id, deadline).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn get_call(&self, sys_id: &SysId) -> Result<Call, Error> {
        Ok(Call::get(self.operation_on("get", sys_id), shown(Target::new(self.record_path(sys_id)?))))
    }

    pub(crate) fn patch_call(&self, sys_id: &SysId, fields: &Fields) -> Result<Call, Error> {
        let target = shown(Target::new(self.record_path(sys_id)?));
        Ok(Call::patch(self.operation_on("update", sys_id), target, fields, journal_of(&self.name)))
    }

    pub(crate) fn delete_call(&self, sys_id: &SysId) -> Result<Call, Error> {
        Ok(Call::delete(self.operation_on("delete", sys_id), Target::new(self.record_path(sys_id)?)))
    }

    pub(crate) fn post_call(&self, fields: &Fields) -> Result<Call, Error> {
        Ok(Call::post(self.operation("create"), shown(Target::new(self.path()?)), fields))
    }

    pub(super) async fn post(&self, fields: &Fields, deadline: Deadline) -> Result<Row, Error> {
        self.one(&self.post_call(fields)?, deadline).await
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    async fn one(&self, call: &Call, deadline: Deadline) -> Result<Row, Error> {
        let Answer { result, .. } = self.client.call(call, deadline).await?;
        Row::try_from(result).map_err(|malformed| {
            undecodable(self.operation("read"), malformed).with_may_have_happened(call.writes())
        })
    }

    fn path(&self) -> Result<String, Error> {
        self.api_path("table")
    }

    /// The path of this table in one of the APIs that know tables.
    pub(super) fn api_path(&self, api: &str) -> Result<String, Error> {
        let good = (1..=NAME_MAX).contains(&self.name.len())
            && self.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if good {
            Ok(format!("/api/now/{api}/{}", self.name))
        } else {
            Err(Error::new(ErrorKind::Local, "call the Table API", "table name is not of [a-z0-9_]"))
        }
    }

    fn record_path(&self, sys_id: &SysId) -> Result<String, Error> {
        Ok(format!("{}/{sys_id}", self.path()?))
    }

    pub(super) fn operation(&self, verb: &str) -> String {
        format!("{verb} {}", self.name)
    }

    pub(super) fn operation_on(&self, verb: &str, sys_id: &SysId) -> String {
        format!("{verb} {} {sys_id}", self.name)
    }
}

/// Raw values, references as bare sys_ids.
pub(super) fn shown(target: Target) -> Target {
    target.with("sysparm_display_value", "false").with("sysparm_exclude_reference_link", "true")
}

/// Whether the Table API itself says that there is no such record; a 404 of something in between does not, nor do the
/// words alone, as of a script that failed.
pub(crate) fn is_absent(error: &Error) -> bool {
    let is_404 = error.status() == Some(StatusCode::NOT_FOUND);
    is_404 && error.kind() == ErrorKind::NotFound && error.fault().is_some()
}
