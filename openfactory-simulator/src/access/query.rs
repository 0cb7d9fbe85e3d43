//! Rules for asking: `query_match` for equality and emptiness, `query_range` for all else and for sorting.
//!
//! Without such a rule it takes the right to read the field. Who asks about a field without it is refused loudly.

use super::{Access, Operation};
use crate::query::{Operator, Query, Test, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::schema::FieldType;

impl Access<'_> {
    /// All rows that match, those among them that may not be read too; a query about fields that the caller may not
    /// ask about is refused.
    pub(crate) fn query(&self, table: &str, query: &Query) -> Result<Vec<Record>, Refusal> {
        self.may_ask(table, query)?;
        Ok(evaluate::run(self.session, table, query)?)
    }

    fn may_ask(&self, table: &str, query: &Query) -> Result<(), Refusal> {
        let restricted = [Operation::Read, Operation::QueryMatch, Operation::QueryRange]
            .into_iter()
            .any(|operation| self.rules.about_fields(operation));
        if !restricted || self.asks(table, query) {
            return Ok(());
        }
        Err(Refusal::query_rights().detail("Field(s) present in the query do not have permission to be read"))
    }

    fn asks(&self, table: &str, query: &Query) -> bool {
        let tests = query.blocks.iter().flatten().chain(&query.also).flatten();
        let asked = tests.map(|test| match test {
            Test::Field(condition) => {
                let other = match condition.operator {
                    Operator::SameAs | Operator::NotSameAs => Some(Operation::QueryMatch),
                    Operator::LessThanField
                    | Operator::AtMostField
                    | Operator::GreaterThanField
                    | Operator::AtLeastField => Some(Operation::QueryRange),
                    _ => None,
                };
                self.path(table, &condition.field, kind(condition.operator))
                    && other.is_none_or(|operation| self.path(table, &condition.value, operation))
            }
            Test::Related(related) => {
                self.path(&related.table, &related.field, Operation::QueryMatch)
                    && self.asks(&related.table, &related.query)
            }
            Test::Words(_) => true,
        });
        let sorted = query.order.iter().map(|order| self.path(table, &order.field, Operation::QueryRange));
        asked.chain(sorted).all(|may| may)
    }

    /// Whether every field on the way may be asked about: those on it by value, the last one as the operator wants it.
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
        }
        true
    }

    fn asked(&self, table: &str, field: &str, operation: Operation) -> bool {
        let rules =
            self.of_field(operation, table, field).or_else(|| self.of_field(Operation::Read, table, field));
        rules.is_none_or(|rules| rules.iter().any(|rule| rule.admits(self.caller)))
    }
}

fn kind(operator: Operator) -> Operation {
    match operator {
        Operator::Is
        | Operator::IsNot
        | Operator::IsOrShows
        | Operator::In
        | Operator::NotIn
        | Operator::SameAs
        | Operator::NotSameAs
        | Operator::Empty
        | Operator::NotEmpty
        | Operator::Anything => Operation::QueryMatch,
        _ => Operation::QueryRange,
    }
}
