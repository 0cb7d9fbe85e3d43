//! Relations of configuration items, each once.

use super::Cmdb;
use crate::error::{Error, ErrorKind};
use crate::id::{CorrelationId, SysId};
use crate::models::relationship::{self, Relationship};
use crate::query::Query;
use crate::record::{Fields, Record};
use crate::table::Ensured;

impl Cmdb {
    /// Makes sure that `parent` and `child` are related by this type, by its key
    /// ([`RelationshipType::named`](crate::models::relationship_type::RelationshipType::named)).
    ///
    /// The instance keeps nobody from making the same relation twice. So it is looked for, and made under a key that
    /// follows from the three, which two at the same time cannot both make.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let known = json!([{"sys_id": "r1", "parent": "d1", "child": "i1", "type": "t1"}]);
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::get("/api/now/table/cmdb_rel_ci")
    ///         .query("sysparm_query", "parent=d1^child=i1^type=t1^ORDERBYsys_id"),
    ///     Reply::result(200, known),
    /// );
    /// let [device, image, runs_on] = [SysId::new("d1")?, SysId::new("i1")?, SysId::new("t1")?];
    /// let related = client(&instance).cmdb().relate(&device, &runs_on, &image).await?;
    /// assert!(!related.created);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::find`](crate::table::DynamicTable::find) and
    /// [`DynamicTable::ensure`](crate::table::DynamicTable::ensure).
    pub async fn relate(&self, parent: &SysId, kind: &SysId, child: &SysId) -> Result<Ensured, Error> {
        let table = self.client.dynamic_table(Relationship::TABLE);
        let query = Query::new()
            .and(relationship::PARENT.is(parent))
            .and(relationship::CHILD.is(child))
            .and(relationship::TYPE.is(kind))
            .limit(2);
        let deadline = self.client.engine().deadline();
        let mut found = table.find_within(&query, deadline).await?.into_iter();
        if let Some(row) = found.next() {
            let others = found.map(|row| row.sys_id().clone()).collect();
            return Ok(Ensured { row, created: false, others });
        }
        let key = relation_key(parent, kind, child)?;
        let fields = Fields::new()
            .with_field(relationship::PARENT, parent)
            .with_field(relationship::CHILD, child)
            .with_field(relationship::TYPE, kind);
        table.ensure_within(&key, &fields, deadline).await
    }
}

/// The key of the relation of these three.
fn relation_key(parent: &SysId, kind: &SysId, child: &SysId) -> Result<SysId, Error> {
    let words = format!("{parent}/{kind}/{child}");
    let id = CorrelationId::new(&words).map_err(|error| {
        Error::new(ErrorKind::Local, "relate configuration items", "keys do not fit").with_source(error)
    })?;
    Ok(SysId::derived(Relationship::TABLE, &id))
}
