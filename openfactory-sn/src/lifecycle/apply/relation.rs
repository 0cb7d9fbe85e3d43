//! Relations between configuration items.

use super::super::correlation;
use super::super::plan::operation::RecordKey;
use super::Worker;
use super::error::Failure;
use super::resolve::Found;
use crate::record::Fields;
use crate::table::is_absent;

impl Worker<'_> {
    pub(super) async fn relate(
        &mut self,
        parent: &RecordKey,
        child: &RecordKey,
        type_name: &str,
    ) -> Result<(), Failure> {
        let type_id = match self.lookups.find(&self.tables.relation_type, "name", type_name).await? {
            Found::One(sys_id) => sys_id,
            Found::None(why) => {
                self.find(format!("{parent} is not related to {child}: {why}"));
                return Ok(());
            }
        };
        let key = self.relation(parent, child, type_name);
        let fields = Fields::new()
            .with("parent", parent.sys_id().as_str())
            .with("child", child.sys_id().as_str())
            .with("type", type_id.as_str());
        let sys_id = key.sys_id();
        let ensured = self.client.dynamic_table(&key.table).ensure(&sys_id, &fields).await?;
        self.remember(&key, &sys_id, Some(&ensured.row), ensured.created);
        Ok(())
    }

    pub(super) async fn unrelate(
        &mut self,
        parent: &RecordKey,
        child: &RecordKey,
        type_name: &str,
    ) -> Result<(), Failure> {
        let key = self.relation(parent, child, type_name);
        match self.client.dynamic_table(&key.table).delete(&key.sys_id()).await {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn relation(&self, parent: &RecordKey, child: &RecordKey, type_name: &str) -> RecordKey {
        let correlation = correlation::relation(&parent.sys_id(), type_name, &child.sys_id());
        RecordKey::new(&self.tables.relation, correlation)
    }
}
