//! Whether a condition on a field holds for a row.

use super::evaluate::compare;
use super::{Condition, Operator, Purpose, Sight, moment, walk};
use crate::fold::{folded, same};
use crate::record::Record;
use crate::schema::{Field, FieldType, Schema};
use crate::store::StoreError;

/// How many rows up a hierarchy is followed.
const MAX_DEPTH: usize = 50;

pub(super) fn holds(
    sight: &dyn Sight,
    table: &str,
    condition: &Condition,
    row: &Record,
) -> Result<bool, StoreError> {
    let session = sight.session();
    let Some(field) = walk::field(session.schema, table, &condition.field) else { return Ok(true) };
    let purpose = condition.operator.purpose();
    let value = walk::value(sight, row, &condition.field, purpose)?;
    let wanted = condition.value.as_str();
    let shown = || match field.kind {
        FieldType::Reference(_) => walk::display(sight, field, &value),
        _ => Ok(value.clone()),
    };
    let other = || walk::value(sight, row, wanted, purpose);
    let filled = !value.is_empty();
    Ok(match condition.operator {
        Operator::Is => equal(field, &value, wanted),
        Operator::IsNot => !equal(field, &value, wanted),
        Operator::IsOrShows => {
            equal(field, &value, wanted) || (filled && same(&walk::display(sight, field, &value)?, wanted))
        }
        Operator::In => wanted.split(',').any(|wanted| equal(field, &value, wanted.trim())),
        Operator::NotIn => !wanted.split(',').any(|wanted| equal(field, &value, wanted.trim())),
        Operator::Contains => folded(&shown()?).contains(&*folded(wanted)),
        Operator::ContainsNot => !folded(&shown()?).contains(&*folded(wanted)),
        Operator::StartsWith => folded(&shown()?).starts_with(&*folded(wanted)),
        Operator::EndsWith => folded(&shown()?).ends_with(&*folded(wanted)),
        Operator::Empty => !filled,
        Operator::NotEmpty => filled,
        Operator::Anything => true,
        Operator::Less => filled && compare(field, &value, wanted).is_lt(),
        Operator::LessOrEqual => filled && compare(field, &value, wanted).is_le(),
        Operator::Greater => filled && compare(field, &value, wanted).is_gt(),
        Operator::GreaterOrEqual => filled && compare(field, &value, wanted).is_ge(),
        Operator::Between => {
            wanted.split_once('@').is_some_and(|(low, high)| filled && within(field, &value, low, high))
        }
        Operator::InstanceOf => session.schema.is_a(&value, wanted),
        Operator::SameAs => equal(field, &value, &other()?),
        Operator::NotSameAs => !equal(field, &value, &other()?),
        Operator::LessThanField => both(&value, &other()?) && compare(field, &value, &other()?).is_lt(),
        Operator::AtMostField => both(&value, &other()?) && compare(field, &value, &other()?).is_le(),
        Operator::GreaterThanField => both(&value, &other()?) && compare(field, &value, &other()?).is_gt(),
        Operator::AtLeastField => both(&value, &other()?) && compare(field, &value, &other()?).is_ge(),
        Operator::On => filled && on(field, &value, wanted),
        Operator::NotOn => !(filled && on(field, &value, wanted)),
        Operator::RelativeAfter
        | Operator::RelativeAtLeast
        | Operator::RelativeBefore
        | Operator::RelativeAtMost
        | Operator::RelativeOn => {
            let at = moment::relative(wanted, session.now);
            filled && at.is_some_and(|at| relative(condition.operator, field, &value, &at))
        }
        Operator::DatePart => moment::part(wanted).is_some_and(|part| part.holds(&value)),
        Operator::MoreThan | Operator::LessThan => match moment::apart(wanted) {
            Some(apart) => {
                let other = walk::value(sight, row, apart.field, purpose)?;
                apart.holds(&value, &other, condition.operator == Operator::MoreThan)
            }
            None => false,
        },
        Operator::InHierarchy => {
            let mut under = false;
            for top in wanted.split(',') {
                session.step()?;
                under = under || below(sight, field, &value, top)?;
            }
            under
        }
    })
}

/// Text is equal whatever the case of its letters, as the database's collation has it.
fn equal(field: &Field, value: &str, wanted: &str) -> bool {
    if field.kind == FieldType::Boolean {
        return (value == "true") == (wanted == "true" || wanted == "1");
    }
    same(value, wanted)
}

fn both(value: &str, other: &str) -> bool {
    !value.is_empty() && !other.is_empty()
}

fn within(field: &Field, value: &str, low: &str, high: &str) -> bool {
    compare(field, value, low).is_ge() && compare(field, value, high).is_le()
}

/// `label@from@to`.
fn on(field: &Field, value: &str, span: &str) -> bool {
    let mut parts = span.split('@').skip(1);
    match (parts.next(), parts.next()) {
        (Some(from), Some(to)) => within(field, value, from, to),
        _ => false,
    }
}

fn relative(operator: Operator, field: &Field, value: &str, at: &str) -> bool {
    let ordering = compare(field, value, at);
    match operator {
        Operator::RelativeAfter => ordering.is_gt(),
        Operator::RelativeAtLeast => ordering.is_ge(),
        Operator::RelativeBefore => ordering.is_lt(),
        Operator::RelativeAtMost => ordering.is_le(),
        // Of the same day.
        _ => value.get(..10) == at.get(..10),
    }
}

/// Whether the row referred to is the wanted one or stands below it.
fn below(sight: &dyn Sight, field: &Field, value: &str, wanted: &str) -> Result<bool, StoreError> {
    let session = sight.session();
    let FieldType::Reference(to) = &field.kind else { return Ok(value == wanted) };
    let Some(up) = upwards(session.schema, to) else { return Ok(value == wanted) };
    let mut at = value.to_owned();
    for _ in 0..MAX_DEPTH {
        if at == wanted {
            return Ok(true);
        }
        let Some(row) = session.find(to, &at)? else { return Ok(false) };
        if !sight.reaches(&row)? || !sight.tells(&row, up, Purpose::Matching)? {
            return Ok(false);
        }
        row.value(up).clone_into(&mut at);
    }
    Ok(false)
}

/// The field by which rows of a table stand in a hierarchy of their own.
fn upwards<'a>(schema: &Schema, table: &str) -> Option<&'a str> {
    ["manager", "parent"].into_iter().find(|name| {
        let kind = schema.field(table, name).map(|field| &field.kind);
        matches!(kind, Some(FieldType::Reference(to)) if to == table)
    })
}
