//! Reading what ServiceNow holds of a fleet.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Desired, Difference};
use super::sent::Sent;
use crate::client::Client;
use crate::error::Error;
use crate::id::SysId;
use crate::models::relationship::{self, Relationship};
use crate::query::Query;
use crate::record::{Field, Fields, Record as _};

/// Keys asked for at once: what a URL holds.
pub(super) const KEYS: usize = 150;

/// What a relation is known by where its key is not: parent, child and type, as the instance calls them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends([String; 3]);

impl Ends {
    /// Those of a relation that is known, or that is to be made.
    pub(super) fn of(relation: &Difference, sent: &Sent) -> Self {
        let known = sent.get(relation.table(), relation.sys_id());
        match relation {
            Difference::Missing { fields, .. } => Self::in_fields(fields, sent),
            Difference::Changed { .. } | Difference::Gone { .. } => {
                known.map_or_else(|| Self(Default::default()), |fields| Self::in_fields(fields, sent))
            }
        }
    }

    fn in_fields(fields: &Fields, sent: &Sent) -> Self {
        let text = |name: &str| fields.get(name).unwrap_or_default();
        let end = |field: &str| sent.end(text(field));
        let kind = text(relationship::TYPE.name()).to_owned();
        Self([end(relationship::PARENT.name()), end(relationship::CHILD.name()), kind])
    }
}

impl Client {
    /// Reads what ServiceNow holds of everything desired, and puts that into `sent`: what others changed or deleted then
    /// differs, and is mended by the next [`Client::sync`].
    ///
    /// ```
    /// use openfactory_sn::sync::{Desired, Sent};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{CorrelationId, Fields};
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut desired, mut sent) = (Desired::new(), Sent::new());
    /// let fields = Fields::new().with("name", "edge-0001");
    /// let key = desired.record("cmdb_ci_server", &CorrelationId::new("device/1")?, fields);
    /// desired.differences(&sent).iter().for_each(|difference| sent.remember(difference));
    ///
    /// // Somebody renamed it.
    /// let renamed = json!([{"sys_id": key, "name": "test"}]);
    /// let instance =
    ///     ScriptedTransport::new().on(Expected::get("/api/now/table/cmdb_ci_server"), Reply::result(200, renamed));
    /// assert!(desired.differences(&sent).is_empty(), "not known yet");
    /// client(&instance).look_again(&desired, &mut sent).await?;
    /// assert_eq!(desired.differences(&sent).len(), 1, "the next sync mends it");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`DynamicTable::find`](crate::table::DynamicTable::find); then `sent` is as it was.
    pub async fn look_again(&self, desired: &Desired, sent: &mut Sent) -> Result<(), Error> {
        let mut looked = sent.clone();
        for (table, records) in desired.places() {
            let mut names: Vec<&str> =
                records.iter().flat_map(|(_, fields)| fields.iter().map(|(name, _)| name)).collect();
            names.sort_unstable();
            names.dedup();
            let (named, unnamed): (Vec<_>, Vec<_>) = records
                .into_iter()
                .map(|(sys_id, fields)| (sys_id, fields, sent.key_in(table, sys_id)))
                .partition(|(_, _, key)| key.is_some());
            for chunk in named.chunks(KEYS) {
                let mut read = BTreeMap::new();
                let field = Field::<SysId>::new("sys_id");
                let query = Query::new()
                    .and(field.is_one_of(chunk.iter().filter_map(|(_, _, key)| key.as_ref())))
                    .select(names.iter().copied());
                for row in self.dynamic_table(table).find(&query).await? {
                    read.insert(row.sys_id().clone(), row);
                }
                for (sys_id, fields, key) in chunk {
                    let row = key.as_ref().and_then(|key| read.get(key));
                    let held = row.map(|row| {
                        let held = fields.iter().map(|(name, value)| {
                            // A relation's ends are told as they are called here.
                            let same = row.text(name) == sent.end(value);
                            (name, if same { value } else { row.text(name) })
                        });
                        held.collect()
                    });
                    looked.reread(table, sys_id, held);
                }
            }
            let missing = |(sys_id, fields): (&SysId, &Fields)| Difference::Missing {
                table: table.to_owned(),
                sys_id: sys_id.clone(),
                fields: fields.clone(),
            };
            let relations: Vec<_> =
                unnamed.into_iter().map(|(sys_id, fields, _)| missing((sys_id, fields))).collect();
            let ends: Vec<_> = relations.iter().map(|relation| Ends::of(relation, sent)).collect();
            let found = self.relations_between(&ends).await?;
            for (relation, ends) in relations.iter().zip(&ends) {
                if !found.contains_key(ends) {
                    looked.forget(table, relation.sys_id());
                }
            }
        }
        *sent = looked;
        Ok(())
    }

    /// The keys of the relations that have these ends.
    pub(super) async fn relations_between(&self, ends: &[Ends]) -> Result<BTreeMap<Ends, Vec<SysId>>, Error> {
        let parents: Vec<SysId> =
            ends.iter().filter_map(|Ends([parent, ..])| SysId::new(parent).ok()).collect();
        let parents: Vec<SysId> = parents.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found: BTreeMap<Ends, Vec<SysId>> = BTreeMap::new();
        let (parent, child, kind) = (relationship::PARENT, relationship::CHILD, relationship::TYPE);
        let names = [parent.name(), child.name(), kind.name()];
        for chunk in parents.chunks(KEYS) {
            let query = Query::new().and(relationship::PARENT.is_one_of(chunk)).select(names);
            let mut rows = self.dynamic_table(Relationship::TABLE).list(&query)?;
            while let Some(row) = rows.try_next().await? {
                let ends = Ends(names.map(|name| row.text(name).to_owned()));
                found.entry(ends).or_default().push(row.sys_id().clone());
            }
        }
        Ok(found)
    }
}
