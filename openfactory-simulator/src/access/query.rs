//! Rules for asking: `query_match` for equality and emptiness, `query_range` for all else and for sorting.
//!
//! Without such a rule it takes the right to read the field. Who asks about a field without it is refused loudly. Where
//! there are rules for fields, asking about another table's rows takes the right to read that table.

use std::borrow::Cow;

use super::{Access, Operation};
use crate::query::{Purpose, Query, Sight, Test, evaluate, walk};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::schema::FieldType;
use crate::store::{Session, StoreError};

/// What a caller sees while a query is answered: rows that it may read, and of their fields those that it may read too,
/// or that a rule of their own lets it ask about.
impl Sight for Access<'_> {
    fn session(&self) -> &Session<'_> {
        self.session
    }

    fn reaches(&self, row: &Record) -> Result<bool, StoreError> {
        self.row(Operation::Read, row)
    }

    fn tells(&self, row: &Record, field: &str, purpose: Purpose) -> Result<bool, StoreError> {
        let own = match purpose {
            Purpose::Telling => None,
            Purpose::Matching | Purpose::Ranging => self.of_field(purpose.into(), &row.class, field),
        };
        match own {
            Some(rules) => Ok(rules.iter().any(|rule| rule.admits(self.caller))),
            None => self.field(Operation::Read, row, field),
        }
    }

    fn names(&self, row: &Record) -> Result<bool, StoreError> {
        if self.session.switches.references_name_hidden_rows {
            return Ok(true);
        }
        let display = self.session.schema.display_field(&row.class);
        Ok(self.row(Operation::Read, row)?
            && display.map_or(Ok(true), |field| self.field(Operation::Read, row, field))?)
    }
}

impl From<Purpose> for Operation {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Telling => Self::Read,
            Purpose::Matching => Self::QueryMatch,
            Purpose::Ranging => Self::QueryRange,
        }
    }
}

impl Access<'_> {
    /// All rows that match; a query about fields that the caller may not ask about is refused.
    ///
    /// Those that may not be read are among them, as an instance counts them. Where there are rules for asking, only a list
    /// without conditions counts them: by what a condition finds, a value could be guessed letter by letter.
    pub(crate) fn query(&self, table: &str, query: &Query) -> Result<Vec<Record>, Refusal> {
        self.may_ask(table, query)?;
        let rows = evaluate::run(self, table, &self.within_sight(table, query))?;
        let conditions = !(query.blocks.is_empty() && query.also.is_empty());
        if conditions && self.has_field_rules([Operation::QueryMatch, Operation::QueryRange]) {
            return Ok(self.visible(rows)?);
        }
        Ok(rows)
    }

    /// Refuses to tell anything made of the values of fields that the caller may not read.
    pub(crate) fn may_tell<'p>(
        &self,
        table: &str,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<(), Refusal> {
        let known = |path: &&str| walk::field(self.session.schema, table, path).is_some();
        let all = paths.into_iter().filter(known).all(|path| self.path(table, path, Operation::Read));
        if all { Ok(()) } else { Err(hidden()) }
    }

    /// The query, whose words are looked for in the fields alone that the caller may read.
    fn within_sight<'q>(&self, table: &str, query: &'q Query) -> Cow<'q, Query> {
        if !self.restricted() || !has_words(query) {
            return Cow::Borrowed(query);
        }
        let mut query = query.clone();
        self.blind(table, &mut query);
        Cow::Owned(query)
    }

    fn blind(&self, table: &str, query: &mut Query) {
        for test in query.blocks.iter_mut().flatten().chain(&mut query.also).flatten() {
            match test {
                Test::Words(words) => words.unseen = self.unseen(table),
                Test::Related(related) => self.blind(&related.table, &mut related.query),
                Test::Field(_) => {}
            }
        }
    }

    /// The fields that the caller may not read, of rows that a list of this table holds.
    fn unseen(&self, table: &str) -> Vec<String> {
        let schema = self.session.schema;
        let fields = schema
            .family(table)
            .iter()
            .flat_map(|class| schema.fields(class).iter().map(move |field| (class, field)));
        fields
            .filter(|(class, field)| !self.asked(class, &field.name, Operation::Read))
            .map(|(_, field)| field.name.clone())
            .collect()
    }

    fn restricted(&self) -> bool {
        self.has_field_rules([Operation::Read, Operation::QueryMatch, Operation::QueryRange])
    }

    fn may_ask(&self, table: &str, query: &Query) -> Result<(), Refusal> {
        if !self.restricted() || self.asks(table, query) { Ok(()) } else { Err(hidden()) }
    }

    fn asks(&self, table: &str, query: &Query) -> bool {
        let tests = query.blocks.iter().flatten().chain(&query.also).flatten();
        let asked = tests.map(|test| match test {
            Test::Field(condition) => {
                let operation = condition.operator.purpose().into();
                self.path(table, &condition.field, operation)
                    && condition.other().is_none_or(|other| self.path(table, other, operation))
            }
            Test::Related(related) => {
                self.path(table, &related.own, Operation::QueryMatch)
                    && self.reads(&related.table)
                    && self.path(&related.table, &related.field, Operation::QueryMatch)
                    && self.asks(&related.table, &related.query)
            }
            Test::Words(_) => true,
        });
        let sorted = query.order.iter().map(|order| self.path(table, &order.field, Operation::QueryRange));
        asked.chain(sorted).all(|may| may)
    }

    /// Whether every field on the way may be asked about: those on it by value, the last one as the operator wants it;
    /// and whether the tables that it leads to may be read.
    fn path(&self, table: &str, path: &str, last: Operation) -> bool {
        let mut table = table.to_owned();
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            let operation = if steps.peek().is_some() { Operation::QueryMatch } else { last };
            if !self.asked(&table, step, operation) {
                return false;
            }
            match self.session.schema.field(&table, step).map(|field| &field.kind) {
                Some(FieldType::Reference(to)) => to.clone_into(&mut table),
                _ => break,
            }
            if steps.peek().is_some() && !self.reads(&table) {
                return false;
            }
        }
        true
    }

    /// Whether the caller may read rows of the table, or of one that extends it.
    pub(crate) fn reads(&self, table: &str) -> bool {
        self.session.schema.family(table).iter().any(|class| self.table(Operation::Read, class))
    }

    fn asked(&self, table: &str, field: &str, operation: Operation) -> bool {
        let rules =
            self.of_field(operation, table, field).or_else(|| self.of_field(Operation::Read, table, field));
        rules.is_none_or(|rules| rules.iter().any(|rule| rule.admits(self.caller)))
    }
}

fn has_words(query: &Query) -> bool {
    query.blocks.iter().flatten().chain(&query.also).flatten().any(|test| match test {
        Test::Words(_) => true,
        Test::Related(related) => has_words(&related.query),
        Test::Field(_) => false,
    })
}

fn hidden() -> Refusal {
    Refusal::query_rights().detail("Field(s) present in the query do not have permission to be read")
}
