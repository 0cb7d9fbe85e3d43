//! Sending the differences, in batches.

use std::collections::{BTreeMap, BTreeSet};

use super::look::Ends;
use super::plan::{Desired, Difference};
use super::sent::Sent;
use super::way::Way;
use crate::batch::{Batch, BatchLimits, Done};
use crate::client::Client;
use crate::error::Error;
use crate::id::SysId;
use crate::models::relationship::Relationship;
use crate::record::{Fields, NotTaken, Record as _, Row};
use crate::table::is_absent;

/// Calls in one request.
const CALLS: usize = 200;

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
    /// Fields of records that the instance took without holding them as they were sent: columns that it has not got, or
    /// that this user may not write, or that it decides itself. They count as sent, since sending them again would not help.
    /// Told where records travel in batches; identification does not answer with records.
    pub not_taken: Vec<(SysId, Vec<NotTaken>)>,
    /// Records that were not there before, by our own keys.
    made: BTreeSet<SysId>,
}

impl Client {
    /// Sends what differs between `desired` and `sent`, and remembers in `sent` what was taken. Records come before the
    /// relations that need them; a relation of a record that could not be made waits for the next synchronisation.
    ///
    /// A record that is there already although it was not remembered is not made again; its values are compared, and those
    /// that differ are sent. Nor is a relation that somebody else made, under whatever key.
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
        let ready = self.without_known(ready, sent, &mut synced).await;
        self.send_all(ready, sent, &mut synced).await;
        synced
    }

    /// Relations without those that are there already by another key: an instance would take them a second time.
    async fn without_known(
        &self,
        relations: Vec<Difference>,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Vec<Difference> {
        // What was made just now has no relations.
        let fresh = |relation: &Difference| {
            relation.ends().filter_map(|end| SysId::new(end).ok()).any(|end| synced.made.contains(&end))
        };
        let (sought, mut rest): (Vec<_>, Vec<_>) = relations
            .into_iter()
            .partition(|relation| matches!(relation, Difference::Missing { .. }) && !fresh(relation));
        let ends: Vec<Ends> = sought.iter().map(|relation| Ends::of(relation, sent)).collect();
        match self.relations_between(&ends).await {
            Ok(found) => {
                for (relation, ends) in sought.into_iter().zip(ends) {
                    match found.get(&ends).and_then(|keys| keys.first()) {
                        Some(key) => sent.remember_as(&relation, Some(key)),
                        None => rest.push(relation),
                    }
                }
            }
            Err(error) => {
                let keys = sought.iter().map(|relation| relation.sys_id().clone());
                synced.failed.extend(keys.map(|sys_id| (sys_id, error.clone())));
            }
        }
        rest
    }

    /// As [`Client::sync`], by a way of the caller's choice.
    ///
    /// By [`Way::Payloads`] the instance's own rules say which items these are, and it gives them its keys: [`Sent::key_of`]
    /// tells them. An item that is there already, whoever made it, is found and changed. What the instance refuses of a
    /// payload is in [`Synced::failed`], each item with its own error, and keeps nothing else from being taken; relations
    /// wait for items that were refused. Values that its reconciliation rules keep from this source count as sent.
    ///
    /// ```
    /// use openfactory_sn::cmdb::{IreErrorCode, Refused};
    /// use openfactory_sn::sync::{Desired, Payloads, Sent, Way};
    /// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
    /// use openfactory_sn::{CorrelationId, Fields};
    /// # use serde_json::json;
    /// # use std::error::Error as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut desired = Desired::new();
    /// let mut item = |class: &str, name: &str| -> Result<_, openfactory_sn::IdError> {
    ///     Ok(desired.record(class, &CorrelationId::new(name)?, Fields::new().with("name", name)))
    /// };
    /// let (device, image) = (item("cmdb_ci_server", "edge-0001")?, item("u_image", "kiosk")?);
    ///
    /// // The status is 200, and one of the two items was not taken.
    /// let answer = json!({"items": [
    ///     {"className": "u_image", "sysId": "Unknown", "errorCount": 1, "errors": [
    ///         {"error": "IDENTIFICATION_RULE_MISSING", "message": "no rule for u_image"}]},
    ///     {"className": "cmdb_ci_server", "sysId": "d1", "operation": "INSERT"},
    /// ], "relations": []});
    /// let instance = ScriptedTransport::new().on(
    ///     Expected::post("/api/now/identifyreconcile/enhanced").query("sysparm_data_source", "OpenFactory"),
    ///     Reply::result(200, answer),
    /// );
    /// let (sn, mut sent) = (client(&instance), Sent::new());
    /// let way = Way::Payloads(Payloads::new("OpenFactory"));
    /// let synced = sn.sync_by(&way, &desired, &mut sent).await;
    /// assert_eq!((synced.created, &synced.failed[0].0), (1, &image));
    /// let refused = synced.failed[0].1.source().and_then(|source| source.downcast_ref::<Refused>());
    /// assert_eq!(refused.map(|item| &item.errors[0].code), Some(&IreErrorCode::IdentificationRuleMissing));
    /// assert!(synced.failed[0].1.advice().contains("identification rule"));
    /// assert!(sent.key_of(&device).is_some() && sent.key_of(&image).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sync_by(&self, way: &Way, desired: &Desired, sent: &mut Sent) -> Synced {
        match way {
            Way::Batches => self.sync(desired, sent).await,
            Way::Payloads(payloads) => super::reconcile::run(self, payloads, desired, sent).await,
        }
    }

    async fn send_all(&self, differences: Vec<Difference>, sent: &mut Sent, synced: &mut Synced) {
        let found = self.send(differences, sent, synced).await;
        // What was found has perhaps other values.
        self.send(found, sent, synced).await;
    }

    /// Sends differences in batches; hands back those of records that were there already.
    pub(super) async fn send(
        &self,
        differences: Vec<Difference>,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Vec<Difference> {
        let pairs = self.on_wire(differences, sent, synced).await;
        if pairs.is_empty() {
            return Vec::new();
        }
        let mut batch = Batch::new();
        for (_, travels) in &pairs {
            match travels {
                Difference::Missing { table, sys_id, fields } => batch.ensure(table, sys_id, fields),
                Difference::Changed { table, sys_id, fields } => batch.update(table, sys_id, fields),
                Difference::Gone { table, sys_id } => batch.delete(table, sys_id),
            }
        }
        let limits = BatchLimits { calls: CALLS, ..BatchLimits::default() };
        let outcomes = self.batches().limits(limits).run(batch).await;
        let mut found = Vec::new();
        for ((difference, travels), outcome) in pairs.into_iter().zip(outcomes) {
            match (outcome, &difference, &travels) {
                (Ok(done), Difference::Missing { table, sys_id, fields }, travels) if !done.created => {
                    let held = held(&done, fields, travels);
                    let changed: Fields =
                        fields.iter().filter(|(name, value)| held.get(name) != Some(value)).collect();
                    let (table, sys_id) = (table.clone(), sys_id.clone());
                    sent.remember(&Difference::Missing {
                        table: table.clone(),
                        sys_id: sys_id.clone(),
                        fields: held,
                    });
                    if !changed.is_empty() {
                        found.push(Difference::Changed { table, sys_id, fields: changed });
                    }
                }
                (Ok(done), _, travels) => {
                    if let (
                        Some(row),
                        Difference::Missing { fields, .. } | Difference::Changed { fields, .. },
                    ) = (&done.row, travels)
                    {
                        let not_taken = fields.not_taken(row);
                        if !not_taken.is_empty() {
                            synced.not_taken.push((difference.sys_id().clone(), not_taken));
                        }
                    }
                    match &difference {
                        Difference::Missing { sys_id, .. } => {
                            synced.created += 1;
                            synced.made.insert(sys_id.clone());
                        }
                        Difference::Changed { .. } => synced.updated += 1,
                        Difference::Gone { .. } => synced.removed += 1,
                    }
                    sent.remember(&difference);
                }
                (Err(error), Difference::Gone { .. }, _) if is_absent(&error) => {
                    sent.remember(&difference);
                }
                (Err(error), Difference::Changed { table, sys_id, .. }, _) if is_absent(&error) => {
                    // Somebody deleted it, and its relations with it: next time they are made.
                    sent.forget_relations_of(sys_id);
                    sent.forget(table, sys_id);
                    synced.failed.push((sys_id.clone(), error));
                }
                (Err(error), _, _) => synced.failed.push((difference.sys_id().clone(), error)),
            }
        }
        found
    }

    /// Differences beside what travels of them: the same, by the keys that the instance knows.
    async fn on_wire(
        &self,
        differences: Vec<Difference>,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Vec<(Difference, Difference)> {
        let mut pairs = Vec::with_capacity(differences.len());
        let mut unnamed = Vec::new();
        for difference in differences {
            let (table, sys_id) = (difference.table().to_owned(), difference.sys_id());
            let travels = match (&difference, sent.key_in(&table, sys_id)) {
                (Difference::Missing { fields, .. }, _) => {
                    let fields = by_keys(fields, sent);
                    Difference::Missing { table, sys_id: sys_id.clone(), fields }
                }
                (Difference::Changed { fields, .. }, Some(sys_id)) => {
                    let fields = by_keys(fields, sent);
                    Difference::Changed { table, sys_id, fields }
                }
                (Difference::Gone { .. }, Some(sys_id)) => Difference::Gone { table, sys_id },
                (_, None) => {
                    unnamed.push(difference);
                    continue;
                }
            };
            pairs.push((difference, travels));
        }
        if unnamed.is_empty() {
            return pairs;
        }
        // A relation that the instance made without telling its key is known by its ends.
        let ends: Vec<Ends> = unnamed.iter().map(|difference| Ends::of(difference, sent)).collect();
        match self.relations_between(&ends).await {
            Ok(found) => {
                for (difference, ends) in unnamed.into_iter().zip(ends) {
                    let table = difference.table().to_owned();
                    let mut keys = found.get(&ends).into_iter().flatten().cloned();
                    match keys.next() {
                        Some(sys_id) => {
                            pairs.push((difference, Difference::Gone { table: table.clone(), sys_id }));
                        }
                        None => sent.remember(&difference),
                    }
                    let doubles = keys.map(|sys_id| Difference::Gone { table: table.clone(), sys_id });
                    pairs.extend(doubles.map(|double| (double.clone(), double)));
                }
            }
            Err(error) => {
                let keys = unnamed.into_iter().map(|difference| difference.sys_id().clone());
                synced.failed.extend(keys.map(|sys_id| (sys_id, error.clone())));
            }
        }
        pairs
    }
}

/// Why a relation was not sent: one of its items was not made, and may not be there.
pub(super) fn held_back(relation: &SysId, item: &str, error: &Error) -> Error {
    let reason = format!("not sent, since its item {item} could not be made");
    Error::new(error.kind(), format!("create {} {relation}", Relationship::TABLE), reason)
        .with_transient(error.is_retryable())
        .with_source(error.clone())
}

/// Fields, with what is known here by another key as the instance calls it: a relation's ends, references.
fn by_keys(fields: &Fields, sent: &Sent) -> Fields {
    fields.iter().map(|(name, value)| (name, sent.end(value))).collect()
}

/// What a record that was found holds of these fields; what it holds as it travelled is told as it is called here.
fn held(done: &Done, fields: &Fields, travels: &Difference) -> Fields {
    let text = |name: &str| done.row.as_ref().map_or("", |row: &Row| row.text(name));
    let (Difference::Missing { fields: sought, .. } | Difference::Changed { fields: sought, .. }) = travels
    else {
        return Fields::new();
    };
    let each = fields.iter().map(|(name, value)| {
        let held = text(name);
        (name, if sought.get(name) == Some(held) { value } else { held })
    });
    each.collect()
}
