//! Many calls in few: the Batch API.
//!
//! An instance works at the calls of a batch one after the other for at most 30 s, without a transaction around them:
//! each succeeds or fails by itself, and what it did not get to is sent again. A batch whose answer was lost leaves every
//! write of it in doubt; those that can be repeated are, the rest say so.
//!
//! ```
//! use openfactory_sn::batch::Batch;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{Fields, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // {"result":{"sys_id":"a1"}} and {"error":{"message":"No Record found"}}, in base64.
//! let answer = json!({"serviced_requests": [
//!     {"id": "0", "status_code": 201, "body": "eyJyZXN1bHQiOnsic3lzX2lkIjoiYTEifX0="},
//!     {"id": "1", "status_code": 404, "body": "eyJlcnJvciI6eyJtZXNzYWdlIjoiTm8gUmVjb3JkIGZvdW5kIn19"},
//! ], "unserviced_requests": []});
//! let instance = ScriptedTransport::new().on(Expected::post("/api/now/v1/batch"), Reply::json(200, &answer));
//!
//! let (first, second) = (SysId::new("a1")?, SysId::new("a2")?);
//! let mut batch = Batch::new();
//! batch.ensure("incident", &first, &Fields::new().with("short_description", "one"));
//! batch.update("incident", &second, &Fields::new().with("state", "2"));
//! let outcomes = client(&instance).batches().run(batch).await;
//!
//! assert!(outcomes[0].as_ref().is_ok_and(|done| done.created));
//! assert_eq!(outcomes[1].as_ref().map_err(|error| error.kind()), Err(openfactory_sn::ErrorKind::NotFound));
//! # Ok(())
//! # }
//! ```

mod exchange;
mod item;
mod run;

use crate::client::Client;
use crate::error::Error;
use crate::id::SysId;
use crate::record::{Fields, Row};
use item::{Item, Want};

/// Runs batches.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::batch::{Batch, BatchLimits, Batches};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // {"result":{"sys_id":"a1"}} in base64.
/// let call = |id: &str| json!({"id": id, "status_code": 200, "body": "eyJyZXN1bHQiOnsic3lzX2lkIjoiYTEifX0="});
/// let answer = |calls: &[_]| Reply::json(200, &json!({"serviced_requests": calls, "unserviced_requests": []}));
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/v1/batch"), answer(&[call("0"), call("1")]))
///     .on(Expected::post("/api/now/v1/batch"), answer(&[call("0")]));
///
/// let mut limits = BatchLimits::default();
/// limits.calls = 2;
/// let batches: Batches = client(&instance).batches().limits(limits);
/// let mut batch = Batch::new();
/// for _ in 0..3 {
///     batch.get("incident", &SysId::new("a1")?);
/// }
/// assert_eq!(batches.run(batch).await.len(), 3);
/// instance.assert_done(); // three calls in two requests
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Batches {
    client: Client,
    limits: BatchLimits,
}

/// How batches are cut into requests.
///
/// ```
/// use openfactory_sn::batch::{Batch, BatchLimits};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use openfactory_sn::SysId;
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // {"result":{"sys_id":"a1"}} in base64.
/// let answer = |id: &str| json!({"serviced_requests": [
///     {"id": id, "status_code": 200, "body": "eyJyZXN1bHQiOnsic3lzX2lkIjoiYTEifX0="}], "unserviced_requests": []});
/// let instance = ScriptedTransport::new()
///     .on(Expected::post("/api/now/v1/batch"), Reply::json(200, &answer("0")))
///     .on(Expected::post("/api/now/v1/batch"), Reply::json(200, &answer("0")));
/// let mut limits = BatchLimits::default();
/// limits.calls = 1;
/// let mut batch = Batch::new();
/// batch.get("incident", &SysId::new("a1")?);
/// batch.get("incident", &SysId::new("a1")?);
/// let outcomes = client(&instance).batches().limits(limits).run(batch).await;
/// assert!(outcomes.iter().all(Result::is_ok));
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchLimits {
    /// Calls in one request at most; halved while the instance does not get through them in time, or while they or their
    /// answers are larger than it or the client's transport takes.
    pub calls: usize,
    /// Bytes of one request at most. The instance takes 10 MiB in all, and 5 MiB for one call.
    pub bytes: usize,
}

impl Default for BatchLimits {
    /// 100 calls, 4 MiB.
    fn default() -> Self {
        Self { calls: 100, bytes: 4 * 1024 * 1024 }
    }
}

impl Batches {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, limits: BatchLimits::default() }
    }

    /// The same with other limits; both are at least 1.
    #[must_use]
    pub fn limits(mut self, limits: BatchLimits) -> Self {
        self.limits = BatchLimits { calls: limits.calls.max(1), bytes: limits.bytes.max(1) };
        self
    }

    /// Runs a batch; the outcomes are in the order of its calls.
    ///
    /// Calls must not build on each other: requests go out side by side, and are repeated one by one. Each goes by the
    /// credential of its table, as it would alone, so that one batch can become requests by several users.
    ///
    /// A call's own error has the kinds of the call alone. One that nothing is known of has
    /// [`Error::may_have_happened`] if it writes and cannot be repeated.
    pub async fn run(&self, batch: Batch) -> Vec<Result<Done, Error>> {
        run::run(&self.client, self.limits, batch.wants).await
    }
}

/// Calls to be made together.
///
/// ```
/// use openfactory_sn::batch::Batch;
/// use openfactory_sn::{Fields, SysId};
///
/// let (incident, relation) = (SysId::new("a1")?, SysId::new("r1")?);
/// let mut batch = Batch::new();
/// assert!(batch.is_empty());
/// batch.get("change_request", &SysId::new("c1")?);
/// batch.create("incident", &Fields::new().with("short_description", "drift"));
/// batch.update("incident", &incident, &Fields::new().with("state", "2"));
/// batch.delete("cmdb_rel_ci", &relation);
/// assert_eq!(batch.len(), 4);
/// # Ok::<(), openfactory_sn::IdError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Batch {
    wants: Vec<Want>,
}

impl Batch {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many calls there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wants.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }

    /// Reads a record.
    pub fn get(&mut self, table: &str, sys_id: &SysId) {
        self.push(table, Item::Get(sys_id.clone()));
    }

    /// Creates a record with a key of the instance's choice: not repeated once it may have happened.
    pub fn create(&mut self, table: &str, fields: &Fields) {
        self.push(table, Item::Create(fields.clone()));
    }

    /// Makes sure that the record with this key exists, as [`DynamicTable::ensure`](crate::table::DynamicTable::ensure):
    /// repeated and looked for as often as need be.
    pub fn ensure(&mut self, table: &str, sys_id: &SysId, fields: &Fields) {
        self.push(table, Item::Ensure(sys_id.clone(), fields.clone()));
    }

    /// Sets fields of a record; repeated, unless a journal field is among them.
    pub fn update(&mut self, table: &str, sys_id: &SysId, fields: &Fields) {
        self.push(table, Item::Update(sys_id.clone(), fields.clone()));
    }

    /// Deletes a record; that it is gone already counts as done if an earlier request may have done it.
    pub fn delete(&mut self, table: &str, sys_id: &SysId) {
        self.push(table, Item::Delete(sys_id.clone()));
    }

    fn push(&mut self, table: &str, item: Item) {
        self.wants.push(Want { table: table.to_owned(), item });
    }
}

/// What a call came to.
///
/// ```
/// use openfactory_sn::batch::{Batch, Done};
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use openfactory_sn::SysId;
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let answer = json!({"serviced_requests": [{"id": "0", "status_code": 204, "body": ""}], "unserviced_requests": []});
/// let instance = ScriptedTransport::new().on(Expected::post("/api/now/v1/batch"), Reply::json(200, &answer));
/// let mut batch = Batch::new();
/// batch.delete("cmdb_rel_ci", &SysId::new("r1")?);
/// for outcome in client(&instance).batches().run(batch).await {
///     let Done { row, created, .. } = outcome?;
///     assert!(row.is_none() && !created, "deleted");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The record as it is now; `None` for one that was deleted.
    pub row: Option<Row>,
    /// Whether the instance confirmed that this call created it.
    pub created: bool,
}
