//! Sending the differences, in payloads for Identification and Reconciliation.

mod outcome;

use std::collections::BTreeMap;

use super::load::{Load, Open, OpenItem, OpenRelation};
use super::look::KEYS;
use super::plan::{Desired, Difference, Wanted};
use super::run::{Synced, held_back};
use super::sent::Sent;
use super::way::Payloads;
use crate::client::Client;
use crate::cmdb::{Item, Payload};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::configuration_item;
use crate::models::relationship;
use crate::models::relationship_type::{self, RelationshipType};
use crate::query::Query;
use crate::record::{Field, Fields, Record as _};

/// Fewest items of a payload that did not get through in time.
const FEWEST: usize = 2;

/// A synchronisation under way.
struct Work<'a> {
    /// Every desired record: its table, and how it should be.
    desired: BTreeMap<&'a SysId, (&'a str, &'a Wanted)>,
    open: Open,
    /// Items that refer to others which were not there when they were sent: these fields go when all others are.
    waiting: BTreeMap<SysId, Fields>,
    /// Values to be emptied, which identification passes over: by the Table API.
    emptied: Vec<Difference>,
    /// How often an item is tried.
    attempts: u32,
}

pub(super) async fn run(client: &Client, payloads: &Payloads, desired: &Desired, sent: &mut Sent) -> Synced {
    let mut synced = Synced::default();
    let (relations, records): (Vec<_>, Vec<_>) =
        desired.differences(sent).into_iter().partition(Difference::is_relation);
    let (made, other): (Vec<_>, Vec<_>) =
        relations.into_iter().partition(|relation| matches!(relation, Difference::Missing { .. }));
    let mut work = Work {
        desired: desired.records().map(|(table, sys_id, wanted)| (sys_id, (table, wanted))).collect(),
        open: Open::default(),
        waiting: BTreeMap::new(),
        emptied: Vec::new(),
        attempts: client.engine().attempts(),
    };
    work.open_records(records);
    work.open_relations(client, made, &mut synced).await;
    work.deliver(client, payloads, sent, &mut synced).await;
    let emptied = std::mem::take(&mut work.emptied);
    client.send(emptied, sent, &mut synced).await;
    // What identification does not do: relations that others changed, and those that are there no more.
    client.send(other, sent, &mut synced).await;
    synced
}

impl Work<'_> {
    fn open_records(&mut self, records: Vec<Difference>) {
        for (sys_id, (table, _)) in &self.desired {
            self.open.classes.insert((*sys_id).clone(), (*table).to_owned());
        }
        for difference in records {
            match difference {
                Difference::Changed { ref fields, .. }
                    if fields.iter().all(|(_, value)| value.is_empty()) =>
                {
                    self.emptied.push(difference);
                }
                Difference::Missing { sys_id, fields, .. } => {
                    self.open.items.insert(sys_id, OpenItem { fields, known: false, tries: 0 });
                }
                Difference::Changed { sys_id, fields, .. } => {
                    self.open.items.insert(sys_id, OpenItem { fields, known: true, tries: 0 });
                }
                // Records are left alone when they are no longer desired.
                Difference::Gone { .. } => {}
            }
        }
    }

    /// Relations, with the names of their types and the classes of what else they end at.
    async fn open_relations(&mut self, client: &Client, relations: Vec<Difference>, synced: &mut Synced) {
        let ends: Vec<_> =
            relations.iter().filter_map(|relation| Some((relation.sys_id(), Ends::of(relation)?))).collect();
        let kinds = ends.iter().map(|(_, ends)| &ends.kind);
        let (name, class) = (relationship_type::NAME, configuration_item::CLASS);
        let kinds = named(client, RelationshipType::TABLE, name.name(), kinds).await;
        let items = ends.iter().flat_map(|(_, ends)| [&ends.parent, &ends.child]);
        let foreign = items.filter(|item| !self.desired.contains_key(item));
        let classes =
            named(client, configuration_item::ConfigurationItem::TABLE, class.name(), foreign).await;
        let (kinds, classes) = match (kinds, classes) {
            (Ok(kinds), Ok(classes)) => (kinds, classes),
            (Err(error), _) | (_, Err(error)) => {
                let all = ends.iter().map(|(sys_id, _)| ((*sys_id).clone(), error.clone()));
                return synced.failed.extend(all);
            }
        };
        self.open.classes.extend(classes);
        for (sys_id, Ends { parent, child, kind }) in ends {
            let absent = [&parent, &child].into_iter().find(|end| !self.open.classes.contains_key(end));
            let reason = match (kinds.get(&kind), absent) {
                (Some(name), None) => {
                    let relation = OpenRelation { parent, child, kind, name: name.clone(), tries: 0 };
                    self.open.relate(sys_id.clone(), relation);
                    continue;
                }
                (_, Some(end)) => format!("there is no configuration item {end}"),
                (None, None) => format!("there is no relation type {kind}"),
            };
            let operation = format!("create {} {sys_id}", relationship::Relationship::TABLE);
            synced.failed.push((sys_id.clone(), Error::new(ErrorKind::NotFound, operation, reason)));
        }
    }

    async fn deliver(&mut self, client: &Client, payloads: &Payloads, sent: &mut Sent, synced: &mut Synced) {
        let (mut most, mut rounds) = (payloads.most(), 0);
        loop {
            let load = self.open.next(most);
            if load.items.is_empty() {
                if self.waiting.is_empty() {
                    // Nothing is open; if something were, it would not be passed over in silence.
                    let unsent =
                        Error::new(ErrorKind::Local, "reconcile a fleet", "was left without a payload");
                    return synced.failed.extend(self.open.give_up_all(&load, &unsent));
                }
                self.open_waiting(sent, synced);
                continue;
            }
            let (payload, waiting) = self.payload(&load, payloads.source(), sent);
            let answer = client.cmdb().reconcile(&payload).await;
            let failure = match answer {
                Ok(outcome) => self.taken(&load, waiting, &outcome, sent, synced),
                Err(error) if error.kind() == ErrorKind::Timeout && load.items.len() > FEWEST => {
                    most = (load.items.len() / 2).max(FEWEST);
                    None
                }
                Err(error) if is_of_all(error.kind()) => {
                    synced.failed.extend(self.open.give_up_all(&load, &error));
                    let waiting = std::mem::take(&mut self.waiting).into_keys();
                    synced.failed.extend(waiting.map(|sys_id| (sys_id, error.clone())));
                    return;
                }
                Err(error) => {
                    self.refused(&load, &error, synced);
                    None
                }
            };
            if let Some(failure) = failure {
                rounds += 1;
                client.engine().rest(&failure, rounds).await;
            }
        }
    }

    /// Items whose references had to wait: everything else is there now, or is not going to be.
    fn open_waiting(&mut self, sent: &Sent, synced: &mut Synced) {
        for (sys_id, fields) in std::mem::take(&mut self.waiting) {
            let absent = fields.iter().find_map(|(_, value)| self.awaited(value, sent));
            match absent {
                Some(absent) => {
                    let reason =
                        format!("not all sent, since the item {absent} that it refers to could not be made");
                    let error = Error::new(ErrorKind::Invalid, format!("update {sys_id}"), reason);
                    synced.failed.push((sys_id, error));
                }
                None => {
                    self.open.items.insert(sys_id, OpenItem { fields, known: true, tries: 0 });
                }
            }
        }
    }

    /// The desired item that a value refers to, if it is not there yet.
    fn awaited(&self, value: &str, sent: &Sent) -> Option<SysId> {
        let sys_id = (value.len() == super::sent::DERIVED).then(|| SysId::new(value).ok()).flatten()?;
        (self.desired.contains_key(&sys_id) && !sent.holds(&sys_id)).then_some(sys_id)
    }

    /// The payload, and what of its items has to wait for others.
    fn payload(&self, load: &Load, source: &str, sent: &Sent) -> (Payload, BTreeMap<SysId, Fields>) {
        let mut waiting: BTreeMap<SysId, Fields> = BTreeMap::new();
        let mut payload = Payload::new(source).in_parts();
        let mut places = BTreeMap::new();
        for sys_id in &load.items {
            let class = self.open.classes.get(sys_id).map_or("", String::as_str);
            let open = self.open.items.get(sys_id);
            let mut values = Fields::new();
            for (name, value) in open.into_iter().flat_map(|open| open.fields.iter()) {
                match self.awaited(value, sent) {
                    Some(_) => waiting.entry(sys_id.clone()).or_default().set(name, value),
                    None if value.is_empty() => {}
                    None => values.set(name, sent.end(value)),
                }
            }
            if open.is_none_or(|open| open.known) {
                values.set("sys_id", sent.end(sys_id.as_str()));
            }
            let mut item = Item::new(class, values).keep_class();
            if let (Some(_), Some((_, wanted))) = (open, self.desired.get(sys_id)) {
                item = item.native_key(wanted.key.as_str());
            }
            places.insert(sys_id, payload.item(item));
        }
        for relation in load.relations.iter().filter_map(|sys_id| self.open.relations.get(sys_id)) {
            if let (Some(parent), Some(child)) = (places.get(&relation.parent), places.get(&relation.child)) {
                payload.relate(*parent, relation.name.as_str(), *child);
            }
        }
        (payload, waiting)
    }

    /// A payload was refused as a whole, for something about it.
    fn refused(&mut self, load: &Load, error: &Error, synced: &mut Synced) {
        for sys_id in &load.items {
            if self.open.items.contains_key(sys_id) {
                self.fail(sys_id, error, synced);
            }
        }
        for sys_id in load.relations.iter() {
            if self.open.relations.contains_key(sys_id) {
                self.open.unrelate(sys_id);
                synced.failed.push((sys_id.clone(), error.clone()));
            }
        }
    }

    /// An item is given up, and with it what waits for it.
    fn fail(&mut self, sys_id: &SysId, error: &Error, synced: &mut Synced) {
        if self.open.items.contains_key(sys_id) {
            synced.failed.push((sys_id.clone(), error.clone()));
        }
        for relation in self.open.give_up(sys_id) {
            let held = held_back(&relation, sys_id.as_str(), error);
            synced.failed.push((relation, held));
        }
    }
}

/// Whether every other payload would come to the same.
fn is_of_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Connect
            | ErrorKind::Forbidden
            | ErrorKind::Local
            | ErrorKind::Throttled
            | ErrorKind::Timeout
            | ErrorKind::Unauthenticated
            | ErrorKind::Unavailable
    )
}

/// What a relation is made of.
struct Ends {
    parent: SysId,
    child: SysId,
    kind: SysId,
}

impl Ends {
    fn of(relation: &Difference) -> Option<Self> {
        let Difference::Missing { fields, .. } = relation else { return None };
        let key = |name: &str| SysId::new(fields.get(name)?).ok();
        Some(Self {
            parent: key(relationship::PARENT.name())?,
            child: key(relationship::CHILD.name())?,
            kind: key(relationship::TYPE.name())?,
        })
    }
}

/// What records say in one field, by their keys.
async fn named<'k>(
    client: &Client,
    table: &str,
    field: &str,
    keys: impl Iterator<Item = &'k SysId>,
) -> Result<BTreeMap<SysId, String>, Error> {
    let keys: std::collections::BTreeSet<&SysId> = keys.collect();
    let keys: Vec<&SysId> = keys.into_iter().collect();
    let mut named = BTreeMap::new();
    for chunk in keys.chunks(KEYS) {
        let query =
            Query::new().and(Field::<SysId>::new("sys_id").is_one_of(chunk.iter().copied())).select([field]);
        for row in client.dynamic_table(table).find(&query).await? {
            named.insert(row.sys_id().clone(), row.text(field).to_owned());
        }
    }
    Ok(named)
}
