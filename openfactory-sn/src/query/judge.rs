//! Whether a row can be an answer to a query: the guard against conditions that the instance dropped.

use super::clause::Clause;
use super::condition::Operand;
use super::{Condition, Operator, Query};
use crate::record::Row;

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
    /// [selects](Query::select) its fields. Texts are compared as ServiceNow's
    /// databases do: without regard to ASCII case and to spaces at the end.
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
        let mut first = None;
        for block in &self.blocks {
            let asked_for = !self.select.is_empty();
            let fails = |condition: &Condition| judge(condition, row, asked_for) == Verdict::Fails;
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

/// `asked_for` says that the fields were selected by name, so that a dot-walked one should be there.
fn judge(condition: &Condition, row: &Row, asked_for: bool) -> Verdict {
    if !row.has(&condition.field) {
        let told = asked_for || !condition.field.contains('.');
        return if told { Verdict::Fails } else { Verdict::Unknown };
    }
    let values = match &condition.operand {
        Operand::Values(values) => values,
        Operand::Made(_) | Operand::Apart { .. } => return Verdict::Unknown,
    };
    let found = row.text(&condition.field);
    let equals_any = || values.iter().any(|value| equal(value, found));
    let holds = match condition.operator {
        Operator::Equal | Operator::OneOf => equals_any(),
        Operator::NotEqual | Operator::NotOneOf => !equals_any(),
        Operator::IsEmpty => found.is_empty(),
        // What only the database compares or orders; and a journal field reads as empty whatever it holds.
        _ => return Verdict::Unknown,
    };
    if holds { Verdict::Holds } else { Verdict::Fails }
}

fn equal(asked: &str, found: &str) -> bool {
    asked.trim_end().eq_ignore_ascii_case(found.trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::Field;

    fn row() -> Row {
        Row::try_from(json!({"sys_id": "a", "state": "-2", "number": "chg1", "empty": "",
            "group": {"value": "g", "link": "x/g"}}))
        .unwrap()
    }

    #[test]
    fn a_dropped_condition_is_noticed() {
        let field = |name: &str| Field::<String>::named(name);
        assert_eq!(Query::new().and(field("bogus").is("1")).contradicts(&row()), Some("bogus"));
        assert_eq!(Query::new().and(field("state").is("-1")).contradicts(&row()), Some("state"));
        assert_eq!(Query::new().and(field("empty").is_empty()).contradicts(&row()), None);
        assert_eq!(Query::new().and(field("state").is_none_of(["-2"])).contradicts(&row()), Some("state"));
    }

    #[test]
    fn answers_are_left_alone() {
        let field = |name: &str| Field::<String>::named(name);
        let query = Query::new()
            .and(field("state").is_one_of(["-1", "-2"]))
            .and(field("number").is("CHG1 "))
            .and(field("group").is("g"))
            .and(field("group.name").is("anything"))
            .and(field("number").contains("h"));
        assert_eq!(query.contradicts(&row()), None);
        let either = Query::new().any_of([field("bogus").is("1"), field("state").is("-2")]);
        assert_eq!(either.contradicts(&row()), None);
        let alternative = Query::new().and(field("bogus").is("1")).or_else().and(field("state").is("-2"));
        assert_eq!(alternative.contradicts(&row()), None);
        assert_eq!(Query::new().contradicts(&row()), None);
    }

    #[test]
    fn a_walked_field_that_was_asked_for_is_looked_at() {
        let walked = Query::new().and(Field::<String>::named("group.name").is("Network"));
        assert_eq!(walked.contradicts(&row()), None);
        let selecting = walked.select(["number"]);
        assert_eq!(selecting.contradicts(&row()), Some("group.name"));
        let sent = Row::try_from(json!({"sys_id": "a", "group.name": "network"})).unwrap();
        assert_eq!(selecting.contradicts(&sent), None);
    }
}
