//! The CMDB by its own doors: Identification and Reconciliation, the Instance API, relations without doubles.
//!
//! The Table API writes a configuration item as it is told, twice if it is told twice. Identification and Reconciliation
//! (IRE) finds out by the instance's rules which item is meant, so that it is made once whoever tells of it.

mod identify;
mod instance;
mod outcome;
mod payload;
mod relation;

pub use self::instance::{Instance, InstanceRelation, NewRelation};
pub use self::outcome::{CiOperation, IreErrorCode, ItemError, Outcome, Reconciled, Refused};
pub use self::payload::{Item, ItemRef, Payload};

use crate::auth::IntegrationPoint;
use crate::client::Client;

/// The CMDB's own APIs.
///
/// ```
/// use openfactory_sn::SysId;
/// use openfactory_sn::models::relationship_type::RelationshipType;
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
/// # use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let relation = json!({"sys_id": "8fb648eed3537a7c91c2728dce1bff17", "parent": "d1", "child": "i1", "type": "t1"});
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/cmdb_rel_type"),
///         Reply::result(200, json!([{"sys_id": "t1", "name": "Runs on::Runs"}])))
///     .on(Expected::get("/api/now/table/cmdb_rel_ci"), Reply::result(200, json!([relation])));
/// let sn = client(&instance);
/// let runs_on = RelationshipType::named(&sn, "Runs on::Runs").await?;
/// let related = sn.cmdb().relate(&SysId::new("d1")?, &runs_on, &SysId::new("i1")?).await?;
/// assert!(!related.created, "an instance would take the same relation twice");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cmdb {
    client: Client,
}

impl Cmdb {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.with_point(IntegrationPoint::Cmdb) }
    }
}
