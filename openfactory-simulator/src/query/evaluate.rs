//! Whether a row matches, and in which order rows come.

use std::cmp::Ordering;

use super::{Block, Purpose, Query, Sight, Test, condition, related, walk};
use crate::entropy;
use crate::fold::folded;
use crate::record::Record;
use crate::schema::{Field, FieldType};
use crate::store::StoreError;

/// The rows of `table` that match, in the query's order.
pub(crate) fn run(sight: &dyn Sight, table: &str, query: &Query) -> Result<Vec<Record>, StoreError> {
    if query.nothing {
        return Ok(Vec::new());
    }
    let session = sight.session();
    let narrow = super::narrow::narrow(session, table, query);
    let mut rows = Vec::new();
    for row in session.scan(table, &narrow)? {
        if matches(sight, table, query, &row)? {
            rows.push(row);
        }
    }
    sort(sight, table, query, rows)
}

/// Whether a row of `table` matches.
pub(crate) fn matches(
    sight: &dyn Sight,
    table: &str,
    query: &Query,
    row: &Record,
) -> Result<bool, StoreError> {
    if query.nothing || !all(sight, table, &query.also, row)? {
        return Ok(false);
    }
    for block in &query.blocks {
        if all(sight, table, block, row)? {
            return Ok(true);
        }
    }
    Ok(query.blocks.is_empty())
}

fn all(sight: &dyn Sight, table: &str, block: &Block, row: &Record) -> Result<bool, StoreError> {
    for any_of in block {
        let mut any = false;
        for test in any_of {
            if holds(sight, table, test, row)? {
                any = true;
                break;
            }
        }
        if !any {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(sight: &dyn Sight, table: &str, test: &Test, row: &Record) -> Result<bool, StoreError> {
    match test {
        Test::Field(condition) => condition::holds(sight, table, condition, row),
        Test::Related(related) => related::holds(sight, related, row),
        Test::Words(words) => {
            let session = sight.session();
            let texts = session.schema.fields(table).iter();
            let texts =
                texts.filter(|field| field.kind == FieldType::String && !words.unseen.contains(&field.name));
            let texts: Vec<_> = texts.map(|field| folded(row.value(&field.name))).collect();
            for word in &words.all {
                session.step()?;
                if !texts.iter().any(|text| text.contains(word.as_str())) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// How two values of a field stand to each other: numbers as numbers, text whatever the case of its letters.
pub(crate) fn compare(field: &Field, left: &str, right: &str) -> Ordering {
    match field.kind {
        FieldType::Integer | FieldType::Decimal => compare_numbers(left, right),
        FieldType::String
        | FieldType::Boolean
        | FieldType::Reference(_)
        | FieldType::DateTime
        | FieldType::Date
        | FieldType::Duration
        | FieldType::List(_)
        | FieldType::Journal
        | FieldType::Password => folded(left).cmp(&folded(right)),
    }
}

/// Numbers as numbers, behind what is empty and before what is no number: an order of all texts, as sorting wants it.
fn compare_numbers(left: &str, right: &str) -> Ordering {
    let key = |text: &str| {
        let number = text.parse::<f64>().ok();
        (!text.is_empty(), number.is_none(), number)
    };
    let ((left_filled, left_text, left_number), (right_filled, right_text, right_number)) =
        (key(left), key(right));
    let numbers = match (left_number, right_number) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.cmp(right),
    };
    left_filled.cmp(&right_filled).then(left_text.cmp(&right_text)).then(numbers)
}

fn sort(
    sight: &dyn Sight,
    table: &str,
    query: &Query,
    mut rows: Vec<Record>,
) -> Result<Vec<Record>, StoreError> {
    let session = sight.session();
    let order: Vec<_> = query
        .order
        .iter()
        .filter_map(|order| walk::field(session.schema, table, &order.field).map(|field| (order, field)))
        .collect();
    if order.is_empty() {
        if session.switches.lists_without_order_are_shuffled {
            entropy::shuffle(session.entropy, &mut rows);
        }
        return Ok(rows);
    }
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let mut keys = Vec::with_capacity(order.len());
        for (order, field) in &order {
            let value = walk::value(sight, &row, &order.field, Purpose::Ranging)?;
            keys.push(match field.kind {
                FieldType::Reference(_) => walk::display(sight, field, &value)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_is_none_have_one_order() {
        let texts = ["", "-1", "9", "10", "100", "1e", "1x", "7a"];
        let ranks = texts.iter().enumerate();
        for ((left_rank, left), (right_rank, right)) in
            ranks.clone().flat_map(|left| ranks.clone().map(move |right| (left, right)))
        {
            assert_eq!(compare_numbers(left, right), left_rank.cmp(&right_rank), "{left:?} {right:?}");
        }
    }
}
