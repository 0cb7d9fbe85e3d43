//! What became of a payload: what is done, what is tried again, what is given up.

use std::collections::BTreeMap;

use super::{Difference, Load, OpenItem, Sent, Synced, Work};
use crate::cmdb::{CiOperation, IreErrorCode, Outcome, Reconciled, Refused};
use crate::error::{Error, ErrorKind};
use crate::id::SysId;
use crate::models::relationship::{self, Relationship};
use crate::record::{Fields, Record as _};

impl Work<'_> {
    /// Takes an outcome in; hands back a failure that tends to pass, if something is tried again because of one.
    pub(super) fn taken(
        &mut self,
        load: &Load,
        mut waiting: BTreeMap<SysId, Fields>,
        outcome: &Outcome,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Option<Error> {
        let mut passing = None;
        for (sys_id, item) in load.items.iter().zip(&outcome.items) {
            match item {
                Ok(item) if item.operation == CiOperation::InsertAsPartial => {
                    let reason = "kept aside by the instance until more is known of it";
                    let error = Error::new(ErrorKind::Invalid, self.operation(sys_id), reason);
                    self.fail(sys_id, &error, synced);
                }
                Ok(item) => {
                    let waiting = waiting.remove(sys_id).unwrap_or_default();
                    self.item_taken(sys_id, item, waiting, sent, synced);
                }
                Err(refused) => {
                    let error = self.item_refused(sys_id, refused, synced);
                    passing = error.or(passing);
                }
            }
        }
        for (place, sys_id) in load.relations.iter().enumerate() {
            let error = self.relation_told(sys_id, place, outcome, sent, synced);
            passing = error.or(passing);
        }
        passing
    }

    fn operation(&self, sys_id: &SysId) -> String {
        format!("reconcile {} {sys_id}", self.open.classes.get(sys_id).map_or("", String::as_str))
    }

    fn item_taken(
        &mut self,
        sys_id: &SysId,
        item: &Reconciled,
        waiting: Fields,
        sent: &mut Sent,
        synced: &mut Synced,
    ) {
        let Some((&table, open)) =
            self.desired.get(sys_id).map(|(table, _)| table).zip(self.open.items.remove(sys_id))
        else {
            return; // It was only there for its relations.
        };
        let inserted = matches!(item.operation, CiOperation::Insert | CiOperation::InsertAsIncomplete);
        let mut done = Fields::new();
        let mut emptied = Fields::new();
        for (name, value) in open.fields.iter() {
            if value.is_empty() && !inserted {
                emptied.set(name, "");
            } else if waiting.get(name).is_none() {
                done.set(name, value);
            }
        }
        if inserted && sent.holds(sys_id) {
            sent.forget_relations_of(sys_id); // They went with the item that was there before.
            sent.forget(table, sys_id);
        }
        let (table, sys_id) = (table.to_owned(), sys_id.clone());
        let difference = Difference::Missing { table: table.clone(), sys_id: sys_id.clone(), fields: done };
        sent.remember_as(&difference, item.sys_id.as_ref());
        match item.operation {
            _ if inserted => synced.created += 1,
            CiOperation::NoChange => {}
            // Counted when they are emptied.
            _ if !emptied.is_empty() => {}
            _ => synced.updated += 1,
        }
        if !waiting.is_empty() {
            self.waiting.insert(sys_id.clone(), waiting);
        }
        if !emptied.is_empty() {
            self.emptied.push(Difference::Changed { table, sys_id, fields: emptied });
        }
    }

    fn item_refused(&mut self, sys_id: &SysId, refused: &Refused, synced: &mut Synced) -> Option<Error> {
        let error = refused.to_error(self.operation(sys_id));
        let wrong_key = refused.errors.iter().any(|error| error.code == IreErrorCode::InvalidInput);
        let attempts = self.attempts;
        match (self.open.items.get_mut(sys_id), self.desired.get(sys_id)) {
            (Some(open), _)
                if (refused.is_abandoned() || refused.is_retryable()) && open.tries + 1 < attempts =>
            {
                open.tries += 1;
                return refused.is_retryable().then_some(error);
            }
            // It was only there for its relations, so they say whether they are tried again.
            (None, _) if refused.is_abandoned() || refused.is_retryable() => {
                return refused.is_retryable().then_some(error);
            }
            // It is not there any more, by that key: told whole, it is identified, or made again.
            (open, Some((_, wanted))) if wrong_key && open.as_ref().is_none_or(|open| open.known) => {
                let whole = OpenItem { fields: wanted.fields.clone(), known: false, tries: 0 };
                self.open.items.insert(sys_id.clone(), whole);
                return None;
            }
            _ => {}
        }
        self.fail(sys_id, &error, synced);
        None
    }

    fn relation_told(
        &mut self,
        sys_id: &SysId,
        place: usize,
        outcome: &Outcome,
        sent: &mut Sent,
        synced: &mut Synced,
    ) -> Option<Error> {
        let attempts = self.attempts;
        let relation = self.open.relations.get_mut(sys_id)?;
        if let Some(operation) = outcome.relations.get(place).and_then(Option::as_ref) {
            if *operation == CiOperation::Insert {
                synced.created += 1;
            }
            let fields = Fields::new()
                .with_field(relationship::PARENT, &relation.parent)
                .with_field(relationship::CHILD, &relation.child)
                .with_field(relationship::TYPE, &relation.kind);
            let table = Relationship::TABLE.to_owned();
            let key = outcome.relation_keys.get(place).and_then(Option::as_ref);
            sent.remember_as(&Difference::Missing { table, sys_id: sys_id.clone(), fields }, key);
            self.open.unrelate(sys_id);
            return None;
        }
        let waits =
            [&relation.parent, &relation.child].into_iter().any(|end| self.open.items.contains_key(end));
        if waits {
            return None; // An item is tried again, and this with it.
        }
        let errors = outcome.relation_errors.get(place).cloned().unwrap_or_default();
        let refused = Refused { class: Relationship::TABLE.to_owned(), errors };
        let told = !refused.errors.is_empty();
        let operation = format!("reconcile {} {sys_id}", Relationship::TABLE);
        let error = match told {
            true => refused.to_error(operation),
            false => Error::new(ErrorKind::Decode, operation, "instance does not tell what became of it")
                .with_may_have_happened(true),
        };
        let again = !told || refused.is_abandoned() || refused.is_retryable();
        if again && relation.tries + 1 < attempts {
            relation.tries += 1;
            return refused.is_retryable().then_some(error);
        }
        self.open.unrelate(sys_id);
        synced.failed.push((sys_id.clone(), error));
        None
    }
}
