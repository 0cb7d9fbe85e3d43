//! Many rows in one call, which the instance transforms behind its answer.

use http::Method;
use serde_json::{Value, json};

use super::{ImportSet, ImportStatus};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::{Field, Fields, Row};
use crate::wire::call::{Call, Expects};

const SET: Field<SysId> = Field::new("sys_import_set");
const STATE: Field<String> = Field::new("sys_import_state");
const COMMENT: Field<String> = Field::new("sys_import_state_comment");
const TARGET_TABLE: Field<String> = Field::new("sys_target_table");
const TARGET: Field<String> = Field::new("sys_target_sys_id");

/// What the instance calls rows that it took together.
///
/// ```
/// use openfactory_sn::Fields;
/// use openfactory_sn::import::ImportRun;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let instance = ScriptedTransport::new().on(
///     Expected::post("/api/now/import/u_device/insertMultiple"),
///     Reply::json(201, &json!({"import_set_id": "s1"})),
/// );
/// let rows = [Fields::new().with("u_name", "edge-0001")];
/// let ImportRun { import_set, multi_import_set, .. } =
///     client(&instance).import_set("u_device").insert_many(&rows).await?;
/// assert_eq!(import_set.as_str(), "s1", "to be kept, so that the rows can be asked about later");
/// assert_eq!(multi_import_set, None, "this instance groups no import sets");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportRun {
    /// The import set (`sys_import_set`) that the rows are staged in.
    pub import_set: SysId,
    /// The group of import sets (`sys_multi_import_set`), where the instance tells of one.
    pub multi_import_set: Option<SysId>,
}

/// A row as it stands in the staging table.
///
/// ```
/// use openfactory_sn::import::{ImportStatus, StagedRow};
///
/// /// What an operator is told of a row.
/// fn line(row: &StagedRow) -> String {
///     match &row.sys_id {
///         Some(record) => format!("{}: {} {record}", row.row.text("u_name"), row.table),
///         None if row.is_pending() => format!("{}: not transformed yet", row.row.text("u_name")),
///         None => format!("{}: {}", row.row.text("u_name"), row.message),
///     }
/// }
///
/// # use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// # let rows = json!([
/// #     {"sys_id": "r1", "sys_import_set": "s1", "u_name": "edge-0001", "sys_import_state": "inserted",
/// #      "sys_target_table": "cmdb_ci_server", "sys_target_sys_id": "d1"},
/// #     {"sys_id": "r2", "sys_import_set": "s1", "u_name": "edge-0002", "sys_import_state": "error",
/// #      "sys_import_state_comment": "no serial number"},
/// # ]);
/// # let instance = ScriptedTransport::new()
/// #     .on(Expected::post("/api/now/import/u_device/insertMultiple"), Reply::json(201, &json!({"import_set_id": "s1"})))
/// #     .on(Expected::get("/api/now/table/u_device"), Reply::result(200, rows));
/// # let devices = client(&instance).import_set("u_device");
/// # let run = devices.insert_many(&[openfactory_sn::Fields::new()]).await?;
/// let rows = devices.staged(&run).await?;
/// assert_eq!(rows[1].status, ImportStatus::Error);
/// let lines: Vec<String> = rows.iter().map(line).collect();
/// assert_eq!(lines, ["edge-0001: cmdb_ci_server d1", "edge-0002: no serial number"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StagedRow {
    /// The staged row, with the fields of the staging table.
    pub row: Row,
    /// What became of it.
    pub status: ImportStatus,
    /// The table written to; empty if none was.
    pub table: String,
    /// The record, if there is one.
    pub sys_id: Option<SysId>,
    /// What the instance says to it; empty if nothing.
    pub message: String,
}

impl StagedRow {
    /// Whether the instance has yet to transform it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.status == ImportStatus::Pending
    }

    fn read(row: Row) -> Self {
        let status = match row.text(STATE.name()) {
            "" => ImportStatus::Pending,
            state => ImportStatus::from_raw(state),
        };
        Self {
            status,
            table: row.text(TARGET_TABLE.name()).to_owned(),
            sys_id: SysId::new(row.text(TARGET.name())).ok(),
            message: row.text(COMMENT.name()).to_owned(),
            row,
        }
    }
}

impl ImportSet {
    /// Hands over many rows in one call (`insertMultiple`). The instance only stages them before it answers; what becomes of
    /// each is told by [`ImportSet::staged`].
    ///
    /// ```
    /// use openfactory_sn::Fields;
    /// use openfactory_sn::import::ImportStatus;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), openfactory_sn::Error> {
    /// let taken = json!({"import_set_id": "s1", "multi_import_set_id": "m1"});
    /// let staged = json!([
    ///     {"sys_id": "r1", "sys_import_set": "s1", "sys_import_state": "inserted", "sys_target_sys_id": "d1"},
    ///     {"sys_id": "r2", "sys_import_set": "s1", "sys_import_state": "pending", "sys_target_sys_id": ""},
    /// ]);
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/import/u_device/insertMultiple"), Reply::json(201, &taken))
    ///     .on(Expected::get("/api/now/table/u_device"), Reply::result(200, staged));
    /// let devices = client(&instance).import_set("u_device");
    /// let rows = ["edge-0001", "edge-0002"].map(|name| Fields::new().with("u_name", name));
    /// let run = devices.insert_many(&rows).await?;
    /// let staged = devices.staged(&run).await?;
    /// assert_eq!(staged[0].status, ImportStatus::Inserted);
    /// assert!(staged[1].is_pending(), "to be asked again");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Local`] without rows; [`ErrorKind::Decode`] for an answer that names no import set; the kinds of network,
    /// availability and rights. Not repeated once it may have happened.
    pub async fn insert_many(&self, rows: &[Fields]) -> Result<ImportRun, Error> {
        if rows.is_empty() {
            return Err(Error::new(ErrorKind::Local, self.operation(), "no rows given"));
        }
        let operation = format!("import {} rows into {}", rows.len(), self.table);
        let target = self.target()?.below("insertMultiple");
        let body = json!({ "records": rows });
        let call = Call::json(Method::POST, operation, target, &body).expecting(Expects::Json);
        let answer = self.client.call(&call, self.client.engine().deadline()).await?.result;
        let key = |name: &str| answer.get(name).and_then(Value::as_str).and_then(|key| SysId::new(key).ok());
        match key("import_set_id") {
            Some(import_set) => Ok(ImportRun { import_set, multi_import_set: key("multi_import_set_id") }),
            None => Err(Error::new(ErrorKind::Decode, call.operation, "answer does not name the import set")
                .with_may_have_happened(true)),
        }
    }

    /// How each row of a run stands by now, 10,000 at most.
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::find`](crate::table::DynamicTable::find): the credential needs to read the staging table.
    pub async fn staged(&self, run: &ImportRun) -> Result<Vec<StagedRow>, Error> {
        let of_run = Query::new().and(SET.is(&run.import_set));
        let rows = self.client.dynamic_table(self.table.clone()).find(&of_run).await?;
        Ok(rows.into_iter().map(StagedRow::read).collect())
    }
}
