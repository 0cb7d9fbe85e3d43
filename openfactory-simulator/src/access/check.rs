//! Whether a caller may do something to a table or a row.

use std::sync::Arc;

use super::rules::Rule;
use super::{Caller, Operation, Rules};
use crate::query::{Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};

/// The platform's tables whose refusal is told; any other is silently empty to whoever may not read it.
const LOUD: [&str; 6] = [
    "sys_db_object",
    "sys_dictionary",
    "sys_security_acl",
    "sys_journal_field",
    "metric_definition",
    "sys_properties",
];

const ATTACHMENT: &str = "sys_attachment";

/// How many attachments may hang on each other.
const MAX_CHAIN: usize = 8;

/// What the rules say to one caller.
pub(crate) struct Access<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) caller: &'a Caller,
    pub(super) rules: Arc<Rules>,
}

impl<'a> Access<'a> {
    pub(crate) fn of(session: &'a Session<'a>, caller: &'a Caller) -> Result<Self, StoreError> {
        Ok(Self { session, caller, rules: session.access_rules()? })
    }

    pub(crate) fn session(&self) -> &'a Session<'a> {
        self.session
    }

    pub(crate) fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Whether the caller may do this to rows of the table, whatever the rules say of single rows.
    pub(crate) fn table(&self, operation: Operation, table: &str) -> bool {
        match self.of_table(operation, table) {
            Some(rules) => rules.iter().any(|rule| rule.admits(self.caller)),
            None => self.caller.is_admin(),
        }
    }

    /// Whether the caller may do this to this row. An attachment is read by whoever may read its record too.
    pub(crate) fn row(&self, operation: Operation, row: &Record) -> Result<bool, StoreError> {
        if !self.by_rules(operation, row)? {
            return Ok(false);
        }
        let held = operation == Operation::Read && row.class == ATTACHMENT && !self.caller.is_admin();
        if held { self.holder(row) } else { Ok(true) }
    }

    /// Whether the caller may read what an attachment hangs on, be it by way of others; those that hang on each other are
    /// closed.
    fn holder(&self, attachment: &Record) -> Result<bool, StoreError> {
        let mut at = attachment.clone();
        for _ in 0..MAX_CHAIN {
            let table = at.value("table_name");
            let Some(record) = self.session.find(table, at.value("table_sys_id"))? else {
                return Ok(self.table(Operation::Read, table));
            };
            let may = self.by_rules(Operation::Read, &record)?;
            if !may || record.class != ATTACHMENT {
                return Ok(may);
            }
            at = record;
        }
        Ok(false)
    }

    fn by_rules(&self, operation: Operation, row: &Record) -> Result<bool, StoreError> {
        match self.of_table(operation, &row.class) {
            Some(rules) => self.any(rules, row),
            None => Ok(self.caller.is_admin()),
        }
    }

    /// Refuses a write of a row.
    pub(crate) fn demand(&self, operation: Operation, row: &Record) -> Result<(), Refusal> {
        if self.row(operation, row)? { Ok(()) } else { Err(denied(operation)) }
    }

    /// Refuses a write to a table.
    pub(crate) fn demand_table(&self, operation: Operation, table: &str) -> Result<(), Refusal> {
        if self.table(operation, table) { Ok(()) } else { Err(denied(operation)) }
    }

    /// Refuses to list one of the tables of which an instance says so.
    pub(crate) fn listable(&self, table: &str) -> Result<(), Refusal> {
        let loud = LOUD.contains(&table) && !self.table(Operation::Read, table);
        if loud { Err(Refusal::query_rights()) } else { Ok(()) }
    }

    /// The row, if it is there and may be read.
    pub(crate) fn readable(&self, row: Option<Record>) -> Result<Option<Record>, StoreError> {
        match row {
            Some(row) if self.row(Operation::Read, &row)? => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// The rows that may be read, of these.
    pub(crate) fn visible(&self, rows: impl IntoIterator<Item = Record>) -> Result<Vec<Record>, StoreError> {
        let mut visible = Vec::new();
        for row in rows {
            if self.row(Operation::Read, &row)? {
                visible.push(row);
            }
        }
        Ok(visible)
    }

    fn of_table(&self, operation: Operation, table: &str) -> Option<&[Rule]> {
        let names = self.session.schema.chain(table).map(|table| table.name.as_str());
        self.rules.first(operation, names.chain(["*"]))
    }

    /// Whether one of the rules lets the caller at this row.
    pub(super) fn any(&self, rules: &[Rule], row: &Record) -> Result<bool, StoreError> {
        for rule in rules {
            if rule.overridden(self.caller) || (rule.admits(self.caller) && self.holds(rule, row)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the condition holds; one that can't be read in full holds for no row.
    fn holds(&self, rule: &Rule, row: &Record) -> Result<bool, StoreError> {
        if rule.condition.is_empty() {
            return Ok(true);
        }
        let parsed = Query::parse(self.session, self.caller, &row.class, &rule.condition)?;
        if !parsed.dropped.is_empty() {
            tracing::warn!(dropped = ?parsed.dropped, "an access rule's condition can't be read");
            return Ok(false);
        }
        evaluate::matches(self.session, &row.class, &parsed.query, row)
    }
}

pub(super) fn denied(operation: Operation) -> Refusal {
    match operation {
        Operation::Create => Refusal::acl("Insert"),
        Operation::Delete => Refusal::acl("Delete"),
        Operation::Write => Refusal::acl("Update"),
        Operation::Read | Operation::QueryMatch | Operation::QueryRange => Refusal::query_rights(),
    }
}
