//! The entries of journal fields, which a record itself does not show.

use super::DynamicTable;
use crate::error::Error;
use crate::id::SysId;
use crate::models::journal_entry::{self, JournalEntry};
use crate::query::Query;

impl DynamicTable {
    /// The entries of a record's journal field (`work_notes`, `comments`), oldest first.
    ///
    /// They are records of `sys_journal_field`, which many instances do not show to an integration's user: none at all does
    /// not prove that there are none.
    ///
    /// ```
    /// use openfactory_sn::SysId;
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let entry = json!({"sys_id": "e1", "element": "work_notes", "element_id": "a1", "name": "incident",
    ///     "value": "seen", "sys_created_on": "2026-01-31 10:00:00", "sys_created_by": "svc"});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::get("/api/now/table/sys_journal_field"), Reply::result(200, json!([entry])));
    /// let entries = client(&instance).dynamic_table("incident").journal(&SysId::new("a1")?, "work_notes").await?;
    /// assert_eq!(entries[0].value, "seen");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) if the entries are closed to the credential; as
    /// [`DynamicTable::find`].
    pub async fn journal(&self, sys_id: &SysId, field: &str) -> Result<Vec<JournalEntry>, Error> {
        let query = Query::new()
            .and(journal_entry::ELEMENT_ID.is(sys_id))
            .and(journal_entry::ELEMENT.is(field))
            .order_by("sys_created_on");
        let mut listing = self.client().table::<JournalEntry>().list(&query)?;
        let mut entries = Vec::new();
        while let Some(entry) = listing.try_next().await? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
