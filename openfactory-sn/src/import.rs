//! Import Sets: records handed to the instance's own transform maps, which decide what becomes of them; one by one, or
//! many in one call.
//!
//! The door for integrations that must not go past a customer's mapping. Whether a row that is sent twice becomes one record
//! is the transform map's affair (its coalesce fields).

mod many;

pub use self::many::{ImportRun, StagedRow};

use http::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::record::Fields;
use crate::value::choice;
use crate::wire::call::Call;
use crate::wire::url::Target;

choice! {
    /// What became of an imported row.
    ///
    /// ```
    /// use openfactory_sn::import::ImportStatus;
    ///
    /// assert_eq!(ImportStatus::from_raw("skipped"), ImportStatus::Skipped);
    /// assert_eq!(ImportStatus::Inserted.as_str(), "inserted");
    /// ```
    ImportStatus {
        /// Refused.
        Error = "error",
        /// Left out by the map, or because nothing changed.
        Ignored = "ignored",
        /// A record was made.
        Inserted = "inserted",
        /// Not transformed yet.
        Pending = "pending",
        /// Left out because nothing changed.
        Skipped = "skipped",
        /// A record was changed.
        Updated = "updated",
    }
}

/// What one transform map made of a row.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::import::{ImportStatus, Imported};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let answer = json!({"result": [
///     {"transform_map": "Device", "table": "cmdb_ci_server", "status": "skipped", "sys_id": "d1"},
///     {"transform_map": "Site", "table": "cmn_location", "status": "error", "error_message": "no such site"},
/// ]});
/// let instance =
///     ScriptedTransport::new().on(Expected::post("/api/now/import/u_device"), Reply::json(201, &answer));
/// let made = client(&instance).import_set("u_device").insert(&Fields::new().with("u_site", "x")).await?;
/// let bad: Vec<&Imported> = made.iter().filter(|row| !row.is_good()).collect();
/// assert_eq!((bad.len(), &bad[0].status), (1, &ImportStatus::Error));
/// assert_eq!((bad[0].transform_map.as_str(), bad[0].message.as_deref()), ("Site", Some("no such site")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// What became of it.
    pub status: ImportStatus,
    /// The table written to.
    pub table: String,
    /// The record, if there is one.
    pub sys_id: Option<SysId>,
    /// The map.
    pub transform_map: String,
    /// What the instance says to it, errors included.
    pub message: Option<String>,
}

impl Imported {
    /// Whether a record holds what was sent.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.status, ImportStatus::Inserted | ImportStatus::Updated | ImportStatus::Skipped)
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Self {
            status: ImportStatus::from_raw(text("status")?),
            table: text("table").unwrap_or_default().to_owned(),
            sys_id: text("sys_id").and_then(|key| SysId::new(key).ok()),
            transform_map: text("transform_map").unwrap_or_default().to_owned(),
            message: text("error_message").or_else(|| text("status_message")).map(str::to_owned),
        })
    }
}

/// A staging table.
///
/// ```
/// use openfactory_sn::import::ImportSet;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// use openfactory_sn::{Cause, Fields};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/import/u_devise"), Reply::fault(400, "Invalid staging table", "Invalid table u_devise"));
/// let devices: ImportSet = client(&instance).import_set("u_devise");
/// let error = devices.insert(&Fields::new().with("u_name", "edge-0001")).await.unwrap_err();
/// assert_eq!((error.cause(), error.may_have_happened()), (Some(Cause::InvalidTable), false));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ImportSet {
    client: Client,
    table: String,
}

impl ImportSet {
    pub(crate) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Hands over a row; tells what each transform map made of it. An error of a map is in there, not an [`Error`].
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::import::ImportStatus;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let answer = json!({"import_set": "ISET0010001", "staging_table": "u_device", "result": [
    ///     {"transform_map": "Device", "table": "cmdb_ci_server", "status": "updated", "sys_id": "d1"}]});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/import/u_device").field("u_name", "edge-0001"), Reply::json(201, &answer));
    /// let made = client(&instance).import_set("u_device").insert(&Fields::new().with("u_name", "edge-0001")).await?;
    /// assert_eq!(made[0].status, ImportStatus::Updated);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] for an answer of another form; the kinds of network, availability and rights. Not repeated once
    /// it may have happened.
    pub async fn insert(&self, row: &Fields) -> Result<Vec<Imported>, Error> {
        let call = Call::json(Method::POST, self.operation(), self.target()?, &json!(row));
        let result = self.client.call(&call, self.client.engine().deadline()).await?.result;
        let rows = result.as_array().map(|rows| rows.iter().map(Imported::read).collect::<Option<Vec<_>>>());
        rows.flatten().ok_or_else(|| {
            Error::new(ErrorKind::Decode, call.operation, "answer does not tell what became of the row")
                .with_may_have_happened(true)
        })
    }
    fn operation(&self) -> String {
        format!("import into {}", self.table)
    }

    fn target(&self) -> Result<Target, Error> {
        let good = (1..=80).contains(&self.table.len())
            && self.table.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        match good {
            true => Ok(Target::new(format!("/api/now/import/{}", self.table))),
            false => Err(Error::new(ErrorKind::Local, self.operation(), "table name is not of [a-z0-9_]")),
        }
    }
}
