//! What was last sent and taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::Difference;
use crate::id::SysId;
use crate::models::relationship::{self, Relationship};
use crate::record::{Fields, Record as _};

/// Among a record's fields: the key that the instance gave it, `""` if it did not tell. Not there where it is the key that
/// follows from the correlation id.
const KEY: &str = "sys_id";
/// Characters of a derived key.
pub(super) const DERIVED: usize = 32;

/// What was last sent and taken. Kept by the caller, as JSON or otherwise; if it is lost, everything is looked for again,
/// and nothing is made twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sent(pub(super) BTreeMap<String, BTreeMap<SysId, Fields>>);

impl Sent {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Whether none are known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key by which the instance knows a record: itself where records travel in batches, another where the instance
    /// identifies them ([`Way::Payloads`](super::Way::Payloads)). `None` if the record is not known to be there.
    ///
    /// ```
    /// use openfactory_sn::sync::{Desired, Payloads, Sent, Way};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{CorrelationId, Fields};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut desired = Desired::new();
    /// let named = Fields::new().with("name", "edge-0001");
    /// let device = desired.record("cmdb_ci_server", &CorrelationId::new("device/1")?, named);
    ///
    /// // Discovery had found the device before.
    /// let found = json!({"items": [{"sysId": "d1", "operation": "UPDATE"}], "relations": []});
    /// let instance = ScriptedTransport::new()
    ///     .on(Expected::post("/api/now/identifyreconcile/enhanced"), Reply::result(200, found));
    /// let mut sent = Sent::new();
    /// assert_eq!(sent.key_of(&device), None);
    /// let way = Way::Payloads(Payloads::new("OpenFactory"));
    /// client(&instance).sync_by(&way, &desired, &mut sent).await;
    /// assert_eq!(sent.key_of(&device).as_ref().map(|key| key.as_str()), Some("d1"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn key_of(&self, sys_id: &SysId) -> Option<SysId> {
        let table = self.0.iter().find(|(_, records)| records.contains_key(sys_id));
        table.and_then(|(table, _)| self.key_in(table, sys_id))
    }

    /// Takes in what was sent by other means.
    pub fn remember(&mut self, difference: &Difference) {
        match difference {
            Difference::Gone { table, sys_id } => self.forget(table, sys_id),
            Difference::Changed { table, sys_id, fields } | Difference::Missing { table, sys_id, fields } => {
                let record = self.0.entry(table.clone()).or_default().entry(sys_id.clone()).or_default();
                record.extend(fields.clone());
            }
        }
    }

    pub(super) fn forget(&mut self, table: &str, sys_id: &SysId) {
        if let Some(records) = self.0.get_mut(table) {
            records.remove(sys_id);
        }
    }

    /// Forgets the relations of an item.
    pub(super) fn forget_relations_of(&mut self, item: &SysId) {
        let (parent, child) = (relationship::PARENT, relationship::CHILD);
        let ends = [parent.name(), child.name()];
        if let Some(relations) = self.0.get_mut(Relationship::TABLE) {
            relations.retain(|_, fields| !ends.iter().any(|end| fields.get(end) == Some(item.as_str())));
        }
    }

    /// Remembers a difference, and what the instance calls the record.
    pub(super) fn remember_as(&mut self, difference: &Difference, key: Option<&SysId>) {
        self.remember(difference);
        let (table, sys_id) = (difference.table(), difference.sys_id());
        if let Some(fields) = self.0.get_mut(table).and_then(|records| records.get_mut(sys_id)) {
            match key {
                Some(key) if key == sys_id => {
                    fields.remove(KEY);
                }
                key => fields.set(KEY, key.map(SysId::as_str).unwrap_or_default()),
            }
        }
    }

    /// Puts a record that was read in the place of what is known of it, under the key that it has already.
    pub(super) fn reread(&mut self, table: &str, sys_id: &SysId, read: Option<Fields>) {
        let Some(mut read) = read else { return self.forget(table, sys_id) };
        let records = self.0.entry(table.to_owned()).or_default();
        if let Some(key) = records.get(sys_id).and_then(|known| known.get(KEY)) {
            read.set(KEY, key);
        }
        records.insert(sys_id.clone(), read);
    }

    /// What is known of a record.
    pub(super) fn get(&self, table: &str, sys_id: &SysId) -> Option<&Fields> {
        self.0.get(table)?.get(sys_id)
    }

    /// The keys, as they are here, of what is known of a table.
    pub(super) fn keys(&self, table: &str) -> impl Iterator<Item = &SysId> {
        self.0.get(table).into_iter().flat_map(BTreeMap::keys)
    }

    /// Whether a record with this key is known, in whatever table.
    pub(super) fn holds(&self, sys_id: &SysId) -> bool {
        self.0.values().any(|records| records.contains_key(sys_id))
    }

    /// The key by which the instance knows a record of this table, if it is known here or not; `None` if the instance has
    /// not told it.
    pub(super) fn key_in(&self, table: &str, sys_id: &SysId) -> Option<SysId> {
        match self.get(table, sys_id).and_then(|fields| fields.get(KEY)) {
            None => Some(sys_id.clone()),
            Some(key) => SysId::new(key).ok(),
        }
    }

    /// The key by which the instance knows what a value refers to: what is not known here is taken as it stands.
    pub(super) fn end(&self, value: &str) -> String {
        let derived = (value.len() == DERIVED).then(|| SysId::new(value).ok()).flatten();
        let known = derived.and_then(|sys_id| self.key_of(&sys_id));
        known.map_or_else(|| value.to_owned(), String::from)
    }
}
