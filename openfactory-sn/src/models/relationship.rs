//! `cmdb_rel_ci`: how two configuration items relate.
//!
//! ```
//! use openfactory_sn::models::relationship::{CHILD, Relationship};
//! use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
//! use openfactory_sn::{Query, SysId};
//! # use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let found = json!([{"sys_id": "r1", "parent": "d1", "child": "i1", "type": "t1"}]);
//! let instance =
//!     ScriptedTransport::new().on(Expected::get("/api/now/table/cmdb_rel_ci"), Reply::result(200, found));
//! let mut runs_on = client(&instance).table::<Relationship>().list(&Query::new().and(CHILD.is(&SysId::new("i1")?)))?;
//! let relation = runs_on.try_next().await?.ok_or("nothing runs on the image")?;
//! let device = relation.parent.as_ref().ok_or("relation without a parent")?;
//! assert_eq!((relation.sys_id().as_str(), device.sys_id().as_str()), ("r1", "d1"));
//! # Ok(())
//! # }
//! ```

use crate::record::record;
use crate::value::Reference;

record! {
    /// A relation of two configuration items. An instance does not keep a second one of the same three from being made.
    Relationship in "cmdb_rel_ci" {
        /// The one that the first half of the type's name speaks of: with `Runs on::Runs`, what runs.
        PARENT parent: Reference,
        /// The one that the second half speaks of: with `Runs on::Runs`, what it runs on.
        CHILD child: Reference,
        /// What the relation is.
        TYPE kind = "type": Reference,
    }
}
