//! Whether a row can be an answer to a query: the guard against conditions that the instance dropped.
//!
//! A false alarm makes a query useless for good, so what is only perhaps not as asked is let pass. What a dropped condition
//! looks like is plain: none of the rows has the field.

mod likeness;

use super::clause::Clause;
use super::condition::Operand;
use super::{Condition, Operator, Query};
use crate::record::{JOURNAL, Row};
use likeness::{Likeness, is_masked};

/// What a row says about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    /// The row doesn't tell: the condition is dot-walked, or compares what only the database orders.
    Unknown,
}

impl Query {
    /// The field by which this row cannot be an answer to this query, if there is one.
    ///
    /// Looks at equality, membership and emptiness of fields of the row itself, and of dot-walked ones if the query
    /// [selects](Query::select) its fields; a field that the row does not have is one that the condition was not held
    /// against. What databases take for equal is: another case, spaces around, `1` and `true`, `5` and `5.00`, a date and a
    /// time of that day. Journal fields, which read as empty, and masked ones tell nothing. The row is to hold raw values: a
    /// reference is compared by its key, a choice by its value, as the instance does.
    ///
    /// ```
    /// use openfactory_sn::models::incident::{STATE, State};
    /// use openfactory_sn::{Query, Row};
    ///
    /// // An instance that does not know a field of a query drops the condition, and answers with other records as well.
    /// let query = Query::new().and(STATE.is(State::New));
    /// let found: Row = serde_json::from_str(r#"{"sys_id": "a1", "state": "1"}"#)?;
    /// let stray: Row = serde_json::from_str(r#"{"sys_id": "a2", "state": "7"}"#)?;
    /// assert_eq!(query.contradicts(&found), None);
    /// assert_eq!(query.contradicts(&stray), Some("state"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn contradicts(&self, row: &Row) -> Option<&str> {
        self.contradicts_among(row, &|_| false)
    }

    /// The same for a row among others. `shows` says that another of them has a field: then this one's is hidden, as by an
    /// access control on the record, and its absence tells nothing.
    pub(crate) fn contradicts_among(&self, row: &Row, shows: &dyn Fn(&str) -> bool) -> Option<&str> {
        let mut first = None;
        for block in &self.blocks {
            let asked_for = !self.select.is_empty();
            let fails = |condition: &Condition| judge(condition, row, asked_for, shows) == Verdict::Fails;
            let failing = block
                .iter()
                .map(Clause::conditions)
                .find(|group| !group.is_empty() && group.iter().all(fails));
            match failing.and_then(|group| group.first()) {
                Some(condition) => {
                    first.get_or_insert(condition.field());
                }
                None => return None,
            }
        }
        first
    }
}

/// `asked_for` says that the fields were selected by name, so that a dot-walked one should be there; `shows`, that the
/// instance has shown a field elsewhere.
fn judge(condition: &Condition, row: &Row, asked_for: bool, shows: &dyn Fn(&str) -> bool) -> Verdict {
    let field = condition.field();
    if !row.has(field) {
        let told = asked_for || !field.contains('.');
        return match told && !leads_nowhere(condition, row) && !shows(field) {
            true => Verdict::Fails,
            false => Verdict::Unknown,
        };
    }
    let values = match &condition.operand {
        Operand::Values(values) => values,
        Operand::Made(_) | Operand::Apart { .. } => return Verdict::Unknown,
    };
    let found = row.text(field);
    let is_journal = field.rsplit('.').next().is_some_and(|name| JOURNAL.contains(&name));
    if is_journal || is_masked(found) {
        return Verdict::Unknown;
    }
    let nearest = values.iter().map(|asked| Likeness::of(asked, found)).max().unwrap_or(Likeness::Different);
    match (condition.operator, nearest) {
        (Operator::Equal | Operator::OneOf, Likeness::Same) => Verdict::Holds,
        (Operator::Equal | Operator::OneOf, Likeness::Different) => Verdict::Fails,
        (Operator::NotEqual | Operator::NotOneOf, Likeness::Same) => Verdict::Fails,
        (Operator::NotEqual | Operator::NotOneOf, Likeness::Different) => Verdict::Holds,
        (Operator::IsEmpty, _) if found.is_empty() => Verdict::Holds,
        // A boolean without a value counts as false, and may be shown so.
        (Operator::IsEmpty, _) if found != "false" => Verdict::Fails,
        // What only the database compares or orders.
        _ => Verdict::Unknown,
    }
}

/// Whether a dot-walked field is not there because the reference that it begins with is empty.
fn leads_nowhere(condition: &Condition, row: &Row) -> bool {
    match condition.field().split_once('.') {
        None => false,
        Some((reference, _)) => {
            condition.operator == Operator::IsEmpty || row.has(reference) && row.text(reference).is_empty()
        }
    }
}

#[cfg(test)]
mod tests;
