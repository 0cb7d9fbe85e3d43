//! Updates that send only what changes.

use super::DynamicTable;
use crate::error::Error;
use crate::record::{Fields, Row, journal_of};

impl DynamicTable {
    /// Sets those of these fields that the record, as it was read, does not hold already. Makes no call if it holds them
    /// all; then it is `None`.
    ///
    /// The record may have changed since it was read: the Table API has no way to make an update depend on that.
    ///
    /// ```
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{Fields, Row};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let read: Row = serde_json::from_value(json!({"sys_id": "a1", "state": "1", "urgency": "2"}))?;
    /// let wanted = Fields::new().with("state", "2").with("urgency", "2");
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::patch("/api/now/table/incident/a1").body(r#"{"state":"2"}"#),
    ///     Reply::result(200, json!({"sys_id": "a1", "state": "2", "urgency": "2"})),
    /// );
    /// let incidents = client(&instance).dynamic_table("incident");
    /// let now = incidents.update_changed(&read, &wanted).await?.ok_or("nothing to do")?;
    /// assert_eq!(incidents.update_changed(&now, &wanted).await?, None);
    /// instance.assert_done();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::update`].
    pub async fn update_changed(&self, read: &Row, wanted: &Fields) -> Result<Option<Row>, Error> {
        let changed = wanted.differing(read, journal_of(self.name()));
        match changed.is_empty() {
            true => Ok(None),
            false => self.update(read.sys_id(), &changed).await.map(Some),
        }
    }
}
