//! Rules for single fields, and their silence: what may not be read is left out, what may not be written is dropped.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::Rule;
use super::{Access, Operation, check};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::schema::FieldType;
use crate::store::StoreError;
use crate::write::input::Input;

impl Access<'_> {
    /// Takes the members out of a shown row that the caller may not read.
    pub(crate) fn hide(&self, row: &Record, shown: &mut Value) -> Result<(), StoreError> {
        let Value::Object(members) = shown else { return Ok(()) };
        let own = self.about_fields(Operation::Read, &row.class);
        let mut hidden = Vec::new();
        for path in members.keys() {
            let concerned = own || path.contains('.');
            if concerned && !self.shows(row, path)? {
                hidden.push(path.clone());
            }
        }
        for path in hidden {
            members.remove(&path);
        }
        Ok(())
    }

    /// Whether the caller may read what is at the end of a path that begins at this row: each field on it, and each row.
    pub(crate) fn shows(&self, row: &Record, path: &str) -> Result<bool, StoreError> {
        let mut at = row.clone();
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            if !self.field(Operation::Read, &at, step)? {
                return Ok(false);
            }
            if steps.peek().is_none() {
                break;
            }
            let field = self.session.schema.field(&at.class, step);
            let Some(FieldType::Reference(to)) = field.map(|field| &field.kind) else { break };
            match self.session.find(to, at.value(step))? {
                Some(next) if !self.row(Operation::Read, &next)? => return Ok(false),
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(true)
    }

    /// Drops the values that the caller may not write, or refuses them.
    pub(crate) fn admit(&self, operation: Operation, row: &Record, input: &mut Input) -> Result<(), Refusal> {
        if !self.about_fields(operation, &row.class) {
            return Ok(());
        }
        let mut denied = BTreeSet::new();
        for name in input.names() {
            if !self.field(operation, row, name)? {
                denied.insert(name.to_owned());
            }
        }
        if !denied.is_empty() && self.session.switches.forbidden_fields_refuse {
            return Err(check::denied(operation));
        }
        input.without(&denied);
        Ok(())
    }

    /// Whether there are rules of one of these operations for fields of any table.
    pub(crate) fn has_field_rules<const N: usize>(&self, operations: [Operation; N]) -> bool {
        operations.into_iter().any(|operation| self.rules.about_fields(operation))
    }

    /// Whether there are rules of this operation for fields of the table.
    fn about_fields(&self, operation: Operation, table: &str) -> bool {
        let chain = self.session.schema.chain(table).map(|table| table.name.as_str());
        self.rules.about_fields_of(operation, chain)
    }

    /// Whether the rules for fields let the caller do this; the row itself has rules of its own.
    pub(super) fn field(&self, operation: Operation, row: &Record, name: &str) -> Result<bool, StoreError> {
        match self.of_field(operation, &row.class, name) {
            Some(rules) => self.any(rules, row),
            None => Ok(true),
        }
    }

    /// The rules for a field: those that name it go before those for all fields of a table.
    pub(super) fn of_field(&self, operation: Operation, table: &str, field: &str) -> Option<&[Rule]> {
        if !self.about_fields(operation, table) {
            return None;
        }
        let tables: Vec<&str> =
            self.session.schema.chain(table).map(|table| table.name.as_str()).chain(["*"]).collect();
        let own = tables.iter().map(|table| format!("{table}.{field}"));
        let all = tables.iter().map(|table| format!("{table}.*"));
        let names: Vec<String> = own.chain(all).collect();
        self.rules.first(operation, names.iter().map(String::as_str))
    }
}
