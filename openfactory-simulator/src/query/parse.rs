//! From the text of an encoded query to its conditions.
//!
//! A term that can't be read, or whose field the table has not got, is dropped, which widens the result: that is
//! what an instance does, and a client has to be able to find it out here.

use super::{Block, Condition, Operator, Order, Query};
use crate::query::walk;
use crate::schema::Schema;

/// Operators by spelling; of two that begin alike the longer stands first.
const OPERATORS: [(&str, Operator); 26] = [
    ("NOT LIKE", Operator::ContainsNot),
    ("NOT IN", Operator::NotIn),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("NOTEMPTY", Operator::NotEmpty),
    ("ISEMPTY", Operator::Empty),
    ("EMPTYSTRING", Operator::Empty),
    ("EMPTY", Operator::Empty),
    ("ANYTHING", Operator::Anything),
    ("INSTANCEOF", Operator::InstanceOf),
    ("BETWEEN", Operator::Between),
    ("CONTAINS", Operator::Contains),
    ("NOTLIKE", Operator::ContainsNot),
    ("NOTIN", Operator::NotIn),
    ("LIKE", Operator::Contains),
    ("IN", Operator::In),
    ("!=", Operator::IsNot),
    ("!*", Operator::ContainsNot),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Is),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("*", Operator::Contains),
    ("%", Operator::EndsWith),
];

/// What became of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) query: Query,
    /// Terms that were dropped.
    pub(crate) dropped: Vec<String>,
}

impl Query {
    /// Reads an encoded query against a table.
    pub(crate) fn parse(schema: &Schema, table: &str, text: &str) -> Parsed {
        let mut query = Self::default();
        let mut dropped = Vec::new();
        let mut block = Block::new();
        for piece in split(text) {
            if let Some(field) = piece.strip_prefix("ORDERBYDESC") {
                push_order(schema, table, field, true, &mut query, &mut dropped);
            } else if let Some(field) = piece.strip_prefix("ORDERBY") {
                push_order(schema, table, field, false, &mut query, &mut dropped);
            } else if piece.is_empty() || piece == "EQ" || piece.starts_with("GROUPBY") {
                // An end marker, or grouping, which lists over the API don't do.
            } else {
                let (piece, new_block) = match piece.strip_prefix("NQ") {
                    Some(rest) => (rest, true),
                    None => (piece.as_str(), false),
                };
                let (piece, alternative) = match piece.strip_prefix("OR") {
                    Some(rest) => (rest, true),
                    None => (piece, false),
                };
                if new_block && !block.is_empty() {
                    query.blocks.push(std::mem::take(&mut block));
                }
                match term(schema, table, piece) {
                    None => dropped.push(piece.to_owned()),
                    Some(condition) => match block.last_mut() {
                        Some(any_of) if alternative => any_of.push(condition),
                        _ => block.push(vec![condition]),
                    },
                }
            }
        }
        if !block.is_empty() {
            query.blocks.push(block);
        }
        Parsed { query, dropped }
    }
}

fn push_order(
    schema: &Schema,
    table: &str,
    field: &str,
    descending: bool,
    query: &mut Query,
    dropped: &mut Vec<String>,
) {
    if walk::field(schema, table, field).is_some() {
        query.order.push(Order { field: field.to_owned(), descending });
    } else {
        dropped.push(field.to_owned());
    }
}

/// Splits at carets; a doubled caret is one caret of a value.
fn split(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '^' {
            piece.push(char);
        } else if chars.peek() == Some(&'^') {
            chars.next();
            piece.push('^');
        } else {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    pieces
}

fn term(schema: &Schema, table: &str, text: &str) -> Option<Condition> {
    let end =
        text.find(|char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || "_.".contains(char)));
    let (field, rest) = text.split_at(end?);
    walk::field(schema, table, field)?;
    let (spelling, operator) = OPERATORS.into_iter().find(|(spelling, _)| rest.starts_with(spelling))?;
    let value = rest.strip_prefix(spelling)?;
    if operator == Operator::Between && !value.contains('@') {
        return None;
    }
    Some(Condition { field: field.to_owned(), operator, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn parse(text: &str) -> Parsed {
        Query::parse(&Schema::of(Profile::Guide), "incident", text)
    }

    fn is(field: &str, value: &str) -> Condition {
        Condition { field: field.to_owned(), operator: Operator::Is, value: value.to_owned() }
    }

    #[test]
    fn or_binds_to_its_neighbour_and_nq_starts_anew() {
        let parsed = parse("state=1^ORstate=2^active=true^NQpriority=1^ORDERBYDESCnumber^ORDERBYsys_id^EQ");
        assert_eq!(
            parsed.query.blocks,
            vec![
                vec![vec![is("state", "1"), is("state", "2")], vec![is("active", "true")]],
                vec![vec![is("priority", "1")]],
            ]
        );
        let order: Vec<_> =
            parsed.query.order.iter().map(|order| (order.field.as_str(), order.descending)).collect();
        assert_eq!(order, [("number", true), ("sys_id", false)]);
        assert!(parsed.dropped.is_empty());
    }

    #[test]
    fn reads_every_operator() {
        for (text, operator, value) in [
            ("state=1", Operator::Is, "1"),
            ("state!=1", Operator::IsNot, "1"),
            ("state==1", Operator::Is, "=1"),
            ("stateIN1,2", Operator::In, "1,2"),
            ("stateNOT IN1,2", Operator::NotIn, "1,2"),
            ("numberLIKE7", Operator::Contains, "7"),
            ("numberNOT LIKE7", Operator::ContainsNot, "7"),
            ("numberSTARTSWITHINC", Operator::StartsWith, "INC"),
            ("numberENDSWITH7", Operator::EndsWith, "7"),
            ("assigned_toISEMPTY", Operator::Empty, ""),
            ("assigned_toISNOTEMPTY", Operator::NotEmpty, ""),
            ("sys_updated_on>=2026-01-01 00:00:00", Operator::GreaterOrEqual, "2026-01-01 00:00:00"),
            ("priority<3", Operator::Less, "3"),
            ("priorityBETWEEN1@2", Operator::Between, "1@2"),
            ("caller_id.email=a@b.c", Operator::Is, "a@b.c"),
            ("sys_class_nameINSTANCEOFtask", Operator::InstanceOf, "task"),
        ] {
            let parsed = parse(text);
            let condition = &parsed.query.blocks[0][0][0];
            assert_eq!((condition.operator, condition.value.as_str()), (operator, value), "{text}");
        }
    }

    #[test]
    fn drops_what_it_cannot_read() {
        for text in
            ["bogus=1", "caller_id.bogus=1", "^^^", "state", "priorityBETWEEN1", "short_description.x=1"]
        {
            let parsed = parse(text);
            assert!(parsed.query.blocks.is_empty(), "{text}: {parsed:?}");
        }
        assert_eq!(parse("bogus=1^state=2").query.blocks, vec![vec![vec![is("state", "2")]]]);
        assert_eq!(
            parse("short_description=a^^b").query.blocks,
            vec![vec![vec![is("short_description", "a^b")]]]
        );
    }
}
