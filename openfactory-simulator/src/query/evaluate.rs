//! Whether a row matches, and in which order rows come.

use std::cmp::Ordering;

use super::{Condition, Operator, Query, walk};
use crate::record::Record;
use crate::schema::{Field, FieldType};
use crate::store::{Session, StoreError};

/// The rows of `table` that match, in the query's order.
pub(crate) fn run(session: &Session<'_>, table: &str, query: &Query) -> Result<Vec<Record>, StoreError> {
    let narrow = super::narrow::narrow(session.schema, table, query);
    let mut rows = Vec::new();
    for row in session.scan(table, &narrow)? {
        if matches(session, table, query, &row)? {
            rows.push(row);
        }
    }
    sort(session, table, query, rows)
}

fn matches(session: &Session<'_>, table: &str, query: &Query, row: &Record) -> Result<bool, StoreError> {
    if query.blocks.is_empty() {
        return Ok(true);
    }
    for block in &query.blocks {
        let mut all = true;
        for any_of in block {
            let mut any = false;
            for condition in any_of {
                if holds(session, table, condition, row)? {
                    any = true;
                    break;
                }
            }
            if !any {
                all = false;
                break;
            }
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(
    session: &Session<'_>,
    table: &str,
    condition: &Condition,
    row: &Record,
) -> Result<bool, StoreError> {
    let Some(field) = walk::field(session.schema, table, &condition.field) else { return Ok(true) };
    let value = walk::value(session, row, &condition.field)?;
    let wanted = condition.value.as_str();
    let shown = || match field.kind {
        FieldType::Reference(_) => walk::display(session, field, &value),
        _ => Ok(value.clone()),
    };
    Ok(match condition.operator {
        Operator::Is => equal(field, &value, wanted),
        Operator::IsNot => !equal(field, &value, wanted),
        Operator::IsOrShows => {
            equal(field, &value, wanted)
                || (!value.is_empty() && walk::display(session, field, &value)?.eq_ignore_ascii_case(wanted))
        }
        Operator::In => wanted.split(',').any(|wanted| equal(field, &value, wanted)),
        Operator::NotIn => !wanted.split(',').any(|wanted| equal(field, &value, wanted)),
        Operator::Contains => folded(&shown()?).contains(&folded(wanted)),
        Operator::ContainsNot => !folded(&shown()?).contains(&folded(wanted)),
        Operator::StartsWith => folded(&shown()?).starts_with(&folded(wanted)),
        Operator::EndsWith => folded(&shown()?).ends_with(&folded(wanted)),
        Operator::Empty => value.is_empty(),
        Operator::NotEmpty => !value.is_empty(),
        Operator::Anything => true,
        Operator::Less => !value.is_empty() && compare(field, &value, wanted).is_lt(),
        Operator::LessOrEqual => !value.is_empty() && compare(field, &value, wanted).is_le(),
        Operator::Greater => !value.is_empty() && compare(field, &value, wanted).is_gt(),
        Operator::GreaterOrEqual => !value.is_empty() && compare(field, &value, wanted).is_ge(),
        Operator::Between => wanted.split_once('@').is_some_and(|(low, high)| {
            !value.is_empty() && compare(field, &value, low).is_ge() && compare(field, &value, high).is_le()
        }),
        Operator::InstanceOf => session.schema.is_a(&value, wanted),
    })
}

/// Text is equal whatever the case of its letters, as the database's collation has it.
fn equal(field: &Field, value: &str, wanted: &str) -> bool {
    if field.kind == FieldType::Boolean {
        return (value == "true") == (wanted == "true" || wanted == "1");
    }
    value.eq_ignore_ascii_case(wanted)
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// How two values of a field stand to each other: numbers as numbers, text whatever the case of its letters.
pub(crate) fn compare(field: &Field, left: &str, right: &str) -> Ordering {
    match field.kind {
        FieldType::Integer | FieldType::Decimal => match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) => left.total_cmp(&right),
            _ => left.cmp(right),
        },
        FieldType::String
        | FieldType::Boolean
        | FieldType::Reference(_)
        | FieldType::DateTime
        | FieldType::Date
        | FieldType::List(_)
        | FieldType::Journal => folded(left).cmp(&folded(right)),
    }
}

fn sort(
    session: &Session<'_>,
    table: &str,
    query: &Query,
    rows: Vec<Record>,
) -> Result<Vec<Record>, StoreError> {
    let order: Vec<_> = query
        .order
        .iter()
        .filter_map(|order| walk::field(session.schema, table, &order.field).map(|field| (order, field)))
        .collect();
    if order.is_empty() {
        return Ok(rows);
    }
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let mut keys = Vec::with_capacity(order.len());
        for (order, field) in &order {
            let value = walk::value(session, &row, &order.field)?;
            keys.push(match field.kind {
                FieldType::Reference(_) => walk::display(session, field, &value)?,
                _ => value,
            });
        }
        keyed.push((keys, row));
    }
    keyed.sort_by(|(left, _), (right, _)| {
        order
            .iter()
            .zip(left.iter().zip(right))
            .map(|((order, field), (left, right))| {
                let ordering = compare(field, left, right);
                if order.descending { ordering.reverse() } else { ordering }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}
