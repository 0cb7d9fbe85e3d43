//! `cmdb_rel_type`: what a relation of configuration items can be.

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
