//! `cmdb_rel_type`: what a relation of configuration items can be.
//!
//! ```
//! use openfactory_sn::models::relationship_type::RelationshipType;
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! # use openfactory_sn::SysId;
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let types = json!([{"sys_id": "t1", "name": "Runs on::Runs"}]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/cmdb_rel_type"), Reply::result(200, types.clone()))
//!         .on(Expected::get("/api/now/table/cmdb_rel_type/t1"), Reply::result(200, types[0].clone()));
//! let sn = client(&instance);
//! let runs_on = RelationshipType::named(&sn, "Runs on::Runs").await?;
//! let kind = sn.table::<RelationshipType>().get(&runs_on).await?;
//! assert_eq!((kind.sys_id(), kind.name.as_str()), (&SysId::new("t1")?, "Runs on::Runs"));
//! # Ok(())
//! # }
//! ```

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::query::Query;
use crate::record::record;

record! {
    /// What a relation can be.
    RelationshipType in "cmdb_rel_type" {
        /// Both halves: `Runs on::Runs`.
        NAME name: String,
    }
}

impl RelationshipType {
    /// The key of the type with this name: keys differ between instances, names do not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the instance has none of this name, [`ErrorKind::Conflict`] if it has several; as
    /// [`DynamicTable::find`](crate::table::DynamicTable::find).
    pub async fn named(client: &Client, name: &str) -> Result<SysId, Error> {
        let query = Query::new().and(NAME.is(name)).limit(2);
        let mut types = client.table::<Self>().list(&query)?;
        let operation = || format!("find relation type {name}");
        let Some(found) = types.try_next().await? else {
            return Err(Error::new(ErrorKind::NotFound, operation(), "the instance has no such type"));
        };
        match types.try_next().await? {
            None => Ok(found.sys_id().clone()),
            Some(_) => {
                Err(Error::new(ErrorKind::Conflict, operation(), "the instance has several such types"))
            }
        }
    }
}
