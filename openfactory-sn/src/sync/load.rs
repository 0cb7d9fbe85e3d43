//! Which items and relations go into the next payload: pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::id::SysId;
use crate::record::Fields;

/// Most bytes of items in a payload, about: an instance takes 10 MB.
const BYTES: usize = 4 * 1024 * 1024;
/// What an item takes beside its values.
const ITEM: usize = 300;
/// Most relations of a payload, whatever its items.
const RELATIONS: usize = 5_000;

/// An item that has to travel.
#[derive(Debug, Clone)]
pub(super) struct OpenItem {
    /// What travels of it.
    pub(super) fields: Fields,
    /// Whether it is there, and told by the instance's key; otherwise it is told whole, to be identified.
    pub(super) known: bool,
    /// How often it was sent.
    pub(super) tries: u32,
}

/// A relation that has to travel.
#[derive(Debug, Clone)]
pub(super) struct OpenRelation {
    pub(super) parent: SysId,
    pub(super) child: SysId,
    /// Its type, by key.
    pub(super) kind: SysId,
    /// Its type's name.
    pub(super) name: String,
    /// How often it was sent.
    pub(super) tries: u32,
}

impl OpenRelation {
    fn other(&self, end: &SysId) -> &SysId {
        if self.parent == *end { &self.child } else { &self.parent }
    }
}

/// All that has to travel still.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) items: BTreeMap<SysId, OpenItem>,
    pub(super) relations: BTreeMap<SysId, OpenRelation>,
    /// The open relations of each item.
    of: BTreeMap<SysId, BTreeSet<SysId>>,
    /// The class of each item, and of whatever else a relation ends at.
    pub(super) classes: BTreeMap<SysId, String>,
}

/// What goes into one payload, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) items: Vec<SysId>,
    pub(super) relations: Vec<SysId>,
}

impl Open {
    pub(super) fn relate(&mut self, sys_id: SysId, relation: OpenRelation) {
        for end in [&relation.parent, &relation.child] {
            self.of.entry(end.clone()).or_default().insert(sys_id.clone());
        }
        self.relations.insert(sys_id, relation);
    }

    /// A relation that is done with.
    pub(super) fn unrelate(&mut self, sys_id: &SysId) {
        let Some(relation) = self.relations.remove(sys_id) else { return };
        for end in [&relation.parent, &relation.child] {
            if let Some(of) = self.of.get_mut(end) {
                of.remove(sys_id);
            }
        }
    }

    /// Takes out an item that is given up, and the relations that wait for it, which are handed back.
    pub(super) fn give_up(&mut self, item: &SysId) -> Vec<SysId> {
        self.items.remove(item);
        let relations: Vec<_> = self.of.get(item).into_iter().flatten().cloned().collect();
        relations.iter().for_each(|relation| self.unrelate(relation));
        relations
    }

    /// Everything is given up, with what became of the call that everything else would come to as well.
    pub(super) fn give_up_all(&mut self, load: &Load, error: &Error) -> Vec<(SysId, Error)> {
        let sent: BTreeSet<_> = load.items.iter().chain(&load.relations).collect();
        let told = |sys_id: &SysId| {
            let error = error.clone();
            if sent.contains(sys_id) { error } else { error.with_may_have_happened(false) }
        };
        let all: Vec<_> =
            self.items.keys().chain(self.relations.keys()).map(|id| (id.clone(), told(id))).collect();
        *self = Self::default();
        all
    }

    /// The next payload, of at most so many items; empty if nothing is open.
    pub(super) fn next(&self, most: usize) -> Load {
        let mut load = Loading::default();
        for item in self.items.keys() {
            if load.holds(item) {
                continue;
            }
            let group = self.group(item, &load);
            if !self.take(&mut load, group, most) {
                return load.load;
            }
        }
        for relation in self.relations.iter().filter(|(_, relation)| self.is_between_known(relation)) {
            let (sys_id, relation) = relation;
            if load.relations.contains(sys_id) {
                continue;
            }
            // Once, if it is of an item with itself.
            let ends = BTreeSet::from([&relation.parent, &relation.child]);
            let ends: Vec<_> = ends.into_iter().filter(|end| !load.holds(end)).cloned().collect();
            if !self.take(&mut load, ends, most) {
                break;
            }
        }
        load.load
    }

    fn is_between_known(&self, relation: &OpenRelation) -> bool {
        ![&relation.parent, &relation.child].into_iter().any(|end| self.items.contains_key(end))
    }

    /// An item with what has to come with it: for each that is not there yet, one relation of each sort that it has. A class
    /// may depend on another, and an instance identifies such an item by what it hangs on.
    fn group(&self, item: &SysId, load: &Loading) -> Vec<SysId> {
        let mut group = Vec::new();
        let mut next = vec![item.clone()];
        let mut seen = BTreeSet::new();
        while let Some(item) = next.pop() {
            if load.holds(&item) || !seen.insert(item.clone()) {
                continue;
            }
            group.push(item.clone());
            if self.items.get(&item).is_none_or(|item| item.known) {
                continue;
            }
            let mut sorts: BTreeMap<_, Option<&SysId>> = BTreeMap::new();
            for relation in self.of.get(&item).into_iter().flatten().filter_map(|id| self.relations.get(id)) {
                let other = relation.other(&item);
                let sort = (&relation.name, relation.parent == item, self.classes.get(other));
                let here = load.holds(other) || seen.contains(other);
                let wanted = sorts.entry(sort).or_insert(Some(other));
                if here {
                    *wanted = None;
                }
            }
            next.extend(sorts.into_values().flatten().cloned());
        }
        group
    }

    /// Puts items into a payload, with the relations that have both ends there; `false` if there is no room.
    fn take(&self, load: &mut Loading, mut group: Vec<SysId>, most: usize) -> bool {
        let bytes: usize = group.iter().map(|item| self.weight(item)).sum();
        let (many, much) = (load.load.items.len() + group.len() > most, load.bytes + bytes > BYTES);
        if (many || much) && !load.load.items.is_empty() {
            return false;
        }
        // Too much by itself: as much of it as fits, or the first alone.
        group.truncate(if much { 1 } else { most });
        load.bytes += bytes;
        for item in &group {
            load.load.items.push(item.clone());
            load.items.insert(item.clone());
        }
        for item in &group {
            for sys_id in self.of.get(item).into_iter().flatten() {
                let Some(relation) = self.relations.get(sys_id) else { continue };
                let whole = load.holds(&relation.parent) && load.holds(&relation.child);
                if whole && load.load.relations.len() < RELATIONS && load.relations.insert(sys_id.clone()) {
                    load.load.relations.push(sys_id.clone());
                }
            }
        }
        true
    }

    fn weight(&self, item: &SysId) -> usize {
        let fields = self.items.get(item).map(|item| &item.fields);
        let values = fields.into_iter().flat_map(Fields::iter).map(|(name, value)| name.len() + value.len());
        ITEM + values.sum::<usize>()
    }
}

/// A payload that is being filled.
#[derive(Debug, Default)]
struct Loading {
    load: Load,
    items: BTreeSet<SysId>,
    relations: BTreeSet<SysId>,
    bytes: usize,
}

impl Loading {
    fn holds(&self, item: &SysId) -> bool {
        self.items.contains(item)
    }
}

#[cfg(test)]
mod tests;
