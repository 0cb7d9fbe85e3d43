//! `sysparm_order_by`: in which order groups come: `COUNT^DESC`, `AVG^priority`, `state`.

use std::cmp::Ordering;

use super::{Function, Group};
use crate::query::{Sight, evaluate, walk};
use crate::schema::Field;
use crate::store::StoreError;

/// One key of every group.
struct Keys {
    values: Vec<String>,
    /// The field whose type compares them; numbers without one.
    field: Option<Field>,
    descending: bool,
}

/// Sorts groups; terms that can't be read are left out.
pub(super) fn sort(
    sight: &dyn Sight,
    table: &str,
    text: Option<&str>,
    by: &[(String, &Field)],
    groups: &mut Vec<Group>,
) -> Result<(), StoreError> {
    let mut terms = Vec::new();
    for term in text.unwrap_or_default().split(',') {
        if let Some(keys) = keys(sight, table, term.trim(), by, groups)? {
            terms.push(keys);
        }
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by(|&left, &right| {
        let compared = terms.iter().map(|keys| compare(keys, left, right));
        compared.into_iter().find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
    let mut taken: Vec<Option<Group>> = groups.drain(..).map(Some).collect();
    groups.extend(order.into_iter().filter_map(|index| taken.get_mut(index).and_then(Option::take)));
    Ok(())
}

/// The fields that the terms name.
pub(super) fn paths(text: Option<&str>) -> impl Iterator<Item = &str> {
    let terms = text.unwrap_or_default().split(',').map(|term| direction(term.trim()).0);
    terms.map(|term| term.split_once('^').map_or(term, |(_, path)| path))
}

/// A term without its direction, and whether that is downwards.
fn direction(term: &str) -> (&str, bool) {
    match term.strip_suffix("^DESC").or_else(|| term.strip_suffix("^desc")) {
        Some(rest) => (rest, true),
        None => (term, false),
    }
}

fn keys(
    sight: &dyn Sight,
    table: &str,
    term: &str,
    by: &[(String, &Field)],
    groups: &[Group],
) -> Result<Option<Keys>, StoreError> {
    let (term, descending) = direction(term);
    if term.eq_ignore_ascii_case("count") {
        let values = groups.iter().map(|group| group.rows.len().to_string()).collect();
        return Ok(Some(Keys { values, field: None, descending }));
    }
    if let Some((index, (_, field))) = by.iter().enumerate().find(|(_, (path, _))| path == term) {
        let values = groups.iter().map(|group| group.key.get(index).cloned().unwrap_or_default()).collect();
        return Ok(Some(Keys { values, field: Some((*field).clone()), descending }));
    }
    let Some((function, path)) = term.split_once('^') else { return Ok(None) };
    let (Some(function), Some(field)) =
        (Function::named(function), walk::field(sight.session().schema, table, path))
    else {
        return Ok(None);
    };
    let values = groups
        .iter()
        .map(|group| function.of(sight, path, field, &group.rows))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Keys { values, field: Some(field.clone()), descending }))
}

fn compare(keys: &Keys, left: usize, right: usize) -> Ordering {
    let value = |index: usize| keys.values.get(index).map_or("", String::as_str);
    let ordering = match &keys.field {
        Some(field) => evaluate::compare(field, value(left), value(right)),
        None => value(left).parse::<usize>().ok().cmp(&value(right).parse::<usize>().ok()),
    };
    if keys.descending { ordering.reverse() } else { ordering }
}
