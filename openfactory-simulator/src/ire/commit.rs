//! Writing an identified item.

use std::collections::BTreeMap;

use super::identify::Identified;
use super::payload::{Item, Payload, texts};
use super::reconcile::Rules;
use super::{Options, Outcome};
use crate::instant;
use crate::query::{Condition, Operator, Query, evaluate};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Session;
use crate::write::{self, Writer, input::Input};

/// Makes or changes the row of an item, unless it has errors or nothing is to be written.
pub(super) fn item(
    session: &Session<'_>,
    writer: &Writer<'_>,
    item: Option<&Item>,
    index: usize,
    identified: Identified,
    options: &Options,
    rules: &Rules,
) -> Result<Outcome, Refusal> {
    let class = item.map_or("", |item| item.class.as_str()).to_owned();
    let beside = item.map_or_else(Vec::new, |item| {
        item.lookup.iter().chain(&item.related).map(|row| (row.class.clone(), None)).collect()
    });
    let mut outcome =
        Outcome { class, operation: None, record: None, identified, inputs: vec![index], beside };
    let Some(item) = item.filter(|_| outcome.identified.faults.is_empty()) else { return Ok(outcome) };
    match outcome.identified.record.clone() {
        None => {
            outcome.operation = Some("INSERT");
            if options.commit {
                let record = insert(session, writer, item, options)?;
                rules.note(session, writer, &options.source, &record, &texts(&item.values))?;
                outcome.beside = hang_on(session, writer, item, &outcome.identified, &record)?;
                outcome.record = Some(record);
            }
        }
        Some(old) => {
            let (operation, class) = reclassified(session, item, &old);
            let mut input = texts(&item.values);
            input.remove("sys_id");
            rules.admit(session, &options.source, &old, &mut input)?;
            let mut target = old.clone();
            class.clone_into(&mut target.class);
            let mut wished = target.clone();
            Input::values(input.clone()).apply(session.schema, &mut wished);
            let changed = wished != target || class != old.class;
            outcome.operation = Some(if changed { operation } else { "NO_CHANGE" });
            class.clone_into(&mut outcome.class);
            outcome.record = Some(old.clone());
            if options.commit {
                let admitted = input.clone();
                if changed {
                    input.insert("discovery_source".to_owned(), options.source.clone());
                }
                if class != old.class {
                    target.set("sys_class_name", class);
                    session.replace(&target)?;
                }
                let mut record = write::update(session, writer, &target, &Input::values(input))?;
                // That it was seen again is no change of it.
                record.set("last_discovered", instant::glide(session.now));
                session.replace(&record)?;
                rules.note(session, writer, &options.source, &record, &admitted)?;
                outcome.beside = hang_on(session, writer, item, &outcome.identified, &record)?;
                outcome.record = Some(record);
            }
        }
    }
    Ok(outcome)
}

fn insert(
    session: &Session<'_>,
    writer: &Writer<'_>,
    item: &Item,
    options: &Options,
) -> Result<Record, Refusal> {
    let now = instant::glide(session.now);
    let mut input = texts(&item.values);
    input.insert("discovery_source".to_owned(), options.source.clone());
    input.insert("first_discovered".to_owned(), now.clone());
    input.insert("last_discovered".to_owned(), now);
    write::create(session, writer, &item.class, &Input::values(input))
}

/// What a match of another class means: the operation, and the class that the row has afterwards.
fn reclassified<'a>(session: &Session<'_>, item: &'a Item, old: &'a Record) -> (&'static str, &'a str) {
    let (new, class) = (item.class.as_str(), old.class.as_str());
    if new == class {
        ("UPDATE", class)
    } else if session.schema.is_a(new, class) {
        ("UPDATE_WITH_UPGRADE", new)
    } else if session.schema.is_a(class, new) {
        if item.settings.without_downgrade { ("UPDATE", class) } else { ("UPDATE_WITH_DOWNGRADE", new) }
    } else if item.settings.without_switch {
        ("UPDATE", class)
    } else {
        ("UPDATE_WITH_SWITCH", new)
    }
}

/// The rows beside the item's own: look-up rows, related rows, and the key of the source. Gives the former.
fn hang_on(
    session: &Session<'_>,
    writer: &Writer<'_>,
    item: &Item,
    identified: &Identified,
    record: &Record,
) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let mut beside = Vec::new();
    for (lookup, searched) in item.lookup.iter().zip(&identified.lookup) {
        let mut written = None;
        if *searched && session.schema.field(&lookup.class, "cmdb_ci").is_some() {
            let mut values = texts(&lookup.values);
            values.insert("cmdb_ci".to_owned(), record.sys_id.clone());
            written = Some(once(session, writer, &lookup.class, values.clone(), values)?.sys_id);
        }
        beside.push((lookup.class.clone(), written));
    }
    for (row, rule) in item.related.iter().zip(&identified.related) {
        let Some(rule) = rule else {
            beside.push((row.class.clone(), None));
            continue;
        };
        let mut values = texts(&row.values);
        values.insert(rule.field.clone(), record.sys_id.clone());
        let mut keys = values.clone();
        keys.retain(|name, _| *name == rule.field || rule.attributes.contains(name));
        beside.push((row.class.clone(), Some(once(session, writer, &row.class, keys, values)?.sys_id)));
    }
    if let Some(info) = &item.sys_object_source_info {
        let keys = [("name", &info.source_name), ("id", &info.source_native_key)];
        let keys: BTreeMap<_, _> =
            keys.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let mut values = keys.clone();
        for (name, value) in [
            ("target_table", &record.class),
            ("target_sys_id", &record.sys_id),
            ("source_feed", &info.source_feed),
            ("source_recency_timestamp", &info.source_recency_timestamp),
            ("last_scan", &instant::glide(session.now)),
        ] {
            values.insert(name.to_owned(), value.clone());
        }
        once(session, writer, "sys_object_source", keys, values)?;
    }
    Ok(beside)
}

/// Makes a row, or changes the one that has these keys.
fn once(
    session: &Session<'_>,
    writer: &Writer<'_>,
    table: &str,
    keys: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
) -> Result<Record, Refusal> {
    let query = keys.into_iter().fold(Query::default(), |query, (field, value)| {
        query.and(Condition { field, operator: Operator::Is, value })
    });
    match evaluate::run(session, table, &query)?.into_iter().next() {
        Some(row) => write::update(session, writer, &row, &Input::values(values)),
        None => write::create(session, writer, table, &Input::values(values)),
    }
}

/// Lets fields of items refer to other items of the payload.
pub(super) fn references(
    session: &Session<'_>,
    writer: &Writer<'_>,
    payload: &Payload,
    place: &[usize],
    items: &mut [Outcome],
    options: &Options,
) -> Result<(), Refusal> {
    for reference in &payload.references {
        let at = |index: usize| place.get(index).copied();
        let (Some(from), Some(to)) = (at(reference.by), at(reference.referenced)) else {
            return Err(Refusal::unreadable("referenceItems names no item of the payload"));
        };
        let target = items.get(to).and_then(|item| item.record.as_ref()).map(|record| record.sys_id.clone());
        let Some(outcome) = items.get_mut(from).filter(|_| options.commit) else { continue };
        if let (Some(record), Some(target)) = (&outcome.record, target) {
            let input = Input::of([(reference.field.as_str(), target.as_str())]);
            let updated = write::update(session, writer, record, &input)?;
            if updated != *record && outcome.operation == Some("NO_CHANGE") {
                outcome.operation = Some("UPDATE");
            }
            outcome.record = Some(updated);
        }
    }
    Ok(())
}
