//! How many rows of another table refer to a row: related-list conditions and joins.

use super::evaluate;
use super::{Condition, Operator, Purpose, Query, Related, Sight, term, walk};
use crate::access::Caller;
use crate::record::Record;
use crate::store::{Session, StoreError};

/// What stands behind `RLQUERY`: `table.field,>=1` and, as `,m2m`, what changes nothing here.
pub(super) fn list(session: &Session<'_>, text: &str, query: Query) -> Option<Related> {
    let mut parts = text.split(',');
    let (table, field) = parts.next()?.split_once('.')?;
    session.schema.field(table, field)?;
    let wanted = parts.next().unwrap_or(">=1");
    let digits = wanted.trim_start_matches(['<', '>', '=', '!']);
    let operator = match wanted.strip_suffix(digits)? {
        "=" => Operator::Is,
        "!=" => Operator::IsNot,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    };
    let count = digits.parse().ok()?;
    Some(Related {
        table: table.to_owned(),
        field: field.to_owned(),
        own: "sys_id".to_owned(),
        operator,
        count,
        query,
    })
}

/// `parent.f=child.g!condition`, of which `JOIN` was cut off.
pub(super) fn join(
    session: &Session<'_>,
    caller: &Caller,
    table: &str,
    text: &str,
) -> Result<Option<Related>, StoreError> {
    let (fields, condition) = text.split_once('!').unwrap_or((text, ""));
    let Some((own, other)) = fields.split_once('=') else { return Ok(None) };
    let (Some((own_table, own)), Some((other_table, other))) = (own.split_once('.'), other.split_once('.'))
    else {
        return Ok(None);
    };
    if !session.schema.is_a(table, own_table)
        || walk::field(session.schema, table, own).is_none()
        || session.schema.field(other_table, other).is_none()
    {
        return Ok(None);
    }
    let condition = if condition.is_empty() {
        None
    } else {
        match term::term(session, caller, other_table, condition)? {
            None => return Ok(None),
            read => read,
        }
    };
    let query = condition.map_or_else(Query::default, |condition| Query::default().and(condition));
    Ok(Some(Related {
        table: other_table.to_owned(),
        field: other.to_owned(),
        own: own.to_owned(),
        operator: Operator::GreaterOrEqual,
        count: 1,
        query,
    }))
}

/// Whether as many rows refer to `row`, of those in sight, as are wanted.
pub(super) fn holds(sight: &dyn Sight, related: &Related, row: &Record) -> Result<bool, StoreError> {
    let own = walk::value(sight, row, &related.own, Purpose::Matching)?;
    let found = if own.is_empty() {
        0
    } else {
        let refers = Condition { field: related.field.clone(), operator: Operator::Is, value: own };
        let mut seen = 0;
        for row in evaluate::run(sight, &related.table, &related.query.clone().and(refers))? {
            seen += usize::from(sight.reaches(&row)?);
        }
        seen
    };
    Ok(match related.operator {
        Operator::Is => found == related.count,
        Operator::IsNot => found != related.count,
        Operator::Less => found < related.count,
        Operator::LessOrEqual => found <= related.count,
        Operator::Greater => found > related.count,
        _ => found >= related.count,
    })
}
