//! Sending the differences, in batches.

use std::collections::BTreeMap;

use super::plan::{Desired, Difference, Sent};
use crate::batch::{Batch, BatchLimits, Done};
use crate::client::Client;
use crate::error::Error;
use crate::id::SysId;
use crate::models::relationship::Relationship;
use crate::query::Query;
use crate::record::{Field, Fields, Record as _, Row};

/// Calls in one request.
const CALLS: usize = 200;
/// Keys asked for at once: what a URL holds.
const KEYS: usize = 150;

/// What a synchronisation came to.
///
/// ```
/// use openfactory_sn::sync::Synced;
///
/// /// A line for the log, and whether to try again soon.
/// fn told(synced: &Synced) -> (String, bool) {
///     let Synced { created, updated, removed, failed, .. } = synced;
///     (format!("{created} made, {updated} changed, {removed} removed"), failed.iter().any(|(_, e)| e.is_retryable()))
/// }
///
/// assert_eq!(told(&Synced::default()), ("0 made, 0 changed, 0 removed".to_owned(), false));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Synced {
    /// Records that were made.
    pub created: usize,
    /// Records whose values were changed.
    pub updated: usize,
    /// Relations that were taken away.
    pub removed: usize,
    /// What did not succeed, with its key. The next synchronisation tries it again.
    pub failed: Vec<(SysId, Error)>,
}

impl Client {
    /// Sends what differs between `desired` and `sent`, and remembers in `sent` what was taken. Records come before the
    /// relations that need them; a relation of a record that could not be made waits for the next synchronisation.
    ///
    /// A record that is there already although it was not remembered is not made again; its values are compared, and those
    /// that differ are sent.
    ///
    /// ```
    /// use openfactory_sn::sync::{Desired, Sent, Synced};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{CorrelationId, Fields};
    /// # use base64::Engine as _;
    /// # use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut desired = Desired::new();
    /// let fields = Fields::new().with("name", "edge-0001");
    /// let key = desired.record("cmdb_ci_server", &CorrelationId::new("device/1")?, fields);
    ///
    /// let made = json!({"result": {"sys_id": key, "name": "edge-0001"}}).to_string();
    /// let base64 = base64::engine::general_purpose::STANDARD;
    /// let answer = json!({"serviced_requests": [{"id": "0", "status_code": 201, "body": base64.encode(made)}],
    ///     "unserviced_requests": []});
    /// let instance = ScriptedTransport::new().on(Expected::post("/api/now/v1/batch"), Reply::json(200, &answer));
    ///
    /// let (sn, mut sent) = (client(&instance), Sent::new());
    /// let synced: Synced = sn.sync(&desired, &mut sent).await;
    /// assert_eq!((synced.created, synced.updated, synced.failed.len()), (1, 0, 0));
    /// assert_eq!(sn.sync(&desired, &mut sent).await.created, 0);
    /// instance.assert_done(); // the second time made no call
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sync(&self, desired: &Desired, sent: &mut Sent) -> Synced {
        let mut synced = Synced::default();
        let (relations, records): (Vec<_>, Vec<_>) =
            desired.differences(sent).into_iter().partition(Difference::is_relation);
        self.send_all(records, sent, &mut synced).await;
        let failed = synced.failed.iter().filter(|(key, _)| !sent.holds(key));
        let absent: BTreeMap<String, Error> =
            failed.map(|(key, error)| (key.to_string(), error.clone())).collect();
        let mut ready = Vec::with_capacity(relations.len());
        for relation in relations {
            let wanting = relation.ends().find_map(|end| absent.get_key_value(end));
            match wanting {
                Some((end, error)) => {
                    let held = held_back(relation.sys_id(), end, error);
                    synced.failed.push((relation.sys_id().clone(), held));
                }
                None => ready.push(relation),
            }
        }
        self.send_all(ready, sent, &mut synced).await;
        synced
    }

    async fn send_all(&self, differences: Vec<Difference>, sent: &mut Sent, synced: &mut Synced) {
        let found = self.send(differences, sent, synced).await;
        // What was found has perhaps other values.
        self.send(found, sent, synced).await;
    }

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
            let known = looked.0.entry(table.to_owned()).or_default();
            for (sys_id, _) in &records {
                known.remove(*sys_id);
            }
            let mut names: Vec<&str> =
                records.iter().flat_map(|(_, fields)| fields.iter().map(|(name, _)| name)).collect();
            names.sort_unstable();
            names.dedup();
            for keys in records.chunks(KEYS) {
                let key = Field::<SysId>::new("sys_id");
                let query = Query::new()
                    .and(key.is_one_of(keys.iter().map(|(sys_id, _)| *sys_id)))
                    .select(names.iter().copied());
                for row in self.dynamic_table(table).find(&query).await? {
                    let held = keys.iter().find(|(sys_id, _)| *sys_id == row.sys_id());
                    if let Some((sys_id, fields)) = held {
                        let fields = fields.iter().map(|(name, _)| (name, row.text(name))).collect();
                        known.insert((*sys_id).clone(), fields);
                    }
                }
            }
        }
        *sent = looked;
        Ok(())
    }

    /// Sends differences; hands back those of records that were there already.
    async fn send(
        &self,
        differences: Vec<Difference>,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Vec<Difference> {
        if differences.is_empty() {
            return Vec::new();
        }
        let mut batch = Batch::new();
        for difference in &differences {
            match difference {
                Difference::Missing { table, sys_id, fields } => batch.ensure(table, sys_id, fields),
                Difference::Changed { table, sys_id, fields } => batch.update(table, sys_id, fields),
                Difference::Gone { table, sys_id } => batch.delete(table, sys_id),
            }
        }
        let limits = BatchLimits { calls: CALLS, ..BatchLimits::default() };
        let outcomes = self.batches().limits(limits).run(batch).await;
        let mut found = Vec::new();
        for (difference, outcome) in differences.into_iter().zip(outcomes) {
            match (outcome, &difference) {
                (Ok(done), Difference::Missing { table, sys_id, fields }) if !done.created => {
                    let held = held(&done, fields);
                    let changed: Fields =
                        fields.iter().filter(|(name, value)| held.get(name) != Some(value)).collect();
                    let at = (table.clone(), sys_id.clone());
                    sent.remember(&Difference::Missing {
                        table: at.0.clone(),
                        sys_id: at.1.clone(),
                        fields: held,
                    });
                    if !changed.is_empty() {
                        found.push(Difference::Changed { table: at.0, sys_id: at.1, fields: changed });
                    }
                }
                (Ok(_), _) => {
                    match &difference {
                        Difference::Missing { .. } => synced.created += 1,
                        Difference::Changed { .. } => synced.updated += 1,
                        Difference::Gone { .. } => synced.removed += 1,
                    }
                    sent.remember(&difference);
                }
                (Err(error), Difference::Gone { .. }) if error.kind() == crate::ErrorKind::NotFound => {
                    sent.remember(&difference);
                }
                (Err(error), _) => synced.failed.push((difference.sys_id().clone(), error)),
            }
        }
        found
    }
}

/// Why a relation was not sent: one of its items was not made, and may not be there.
fn held_back(relation: &SysId, item: &str, error: &Error) -> Error {
    let reason = format!("not sent, since its item {item} could not be made");
    Error::new(error.kind(), format!("create {} {relation}", Relationship::TABLE), reason)
        .with_transient(error.is_retryable())
        .with_source(error.clone())
}

/// What a record that was found holds of these fields.
fn held(done: &Done, fields: &Fields) -> Fields {
    let text = |name: &str| done.row.as_ref().map_or("", |row: &Row| row.text(name)).to_owned();
    fields.iter().map(|(name, _)| (name, text(name))).collect()
}
