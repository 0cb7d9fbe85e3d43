//! Which row an item describes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::payload::{Item, Payload, text};
use super::rule::{self, Entry, Rule};
use super::{Fault, Options};
use crate::query::{Condition, Operator, Query, evaluate};
use crate::record::Record;
use crate::store::{Session, StoreError};

/// What is known of an item before anything is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identified {
    pub(super) record: Option<Record>,
    pub(super) attempts: Vec<Attempt>,
    /// The identifier entry that found it.
    pub(super) entry: Option<String>,
    pub(crate) faults: Vec<Fault>,
    /// An earlier item of the payload that describes the same.
    pub(super) same_as: Option<usize>,
    /// Whether each of its look-up rows is kept, in the order in which they were sent.
    pub(super) lookup: Vec<bool>,
    /// How what is related to it is kept, in the order in which it was sent; none where it is passed over.
    pub(super) related: Vec<Option<rule::Related>>,
    /// What was put aside of it before, and counts now.
    pub(super) merged: Vec<String>,
    /// Whether it can only be identified with what it hangs on.
    pub(super) dependent: bool,
}

/// One try to find the row.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    identifier: String,
    result: &'static str,
    attributes: Vec<String>,
    table: String,
}

impl Attempt {
    pub(super) fn told(&self) -> Value {
        json!({
            "identifierName": self.identifier,
            "attemptResult": self.result,
            "attributes": self.attributes,
            "searchOnTable": self.table,
            "hybridEntryCiAttributes": [],
        })
    }
}

/// Identifies every item of a payload.
pub(super) fn all(
    session: &Session<'_>,
    payload: &Payload,
    options: &Options,
) -> Result<Vec<Identified>, StoreError> {
    let rules = rule::load(session)?;
    let known_source = super::is_source(session, &options.source)?;
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Identified> = Vec::with_capacity(payload.items.len());
    for (index, item) in payload.items.iter().enumerate() {
        let (mut identified, own) = one(session, &rules, item)?;
        if !known_source {
            let message = format!("Invalid data source [{}]", options.source);
            identified.faults.insert(0, Fault::new("INVALID_INPUT_DATA", message));
        }
        belongings(session, &rules, item, options, &mut identified);
        if let Some(first) = own.iter().find_map(|key| keys.get(key).copied()) {
            if options.deduplicate {
                identified.same_as = Some(first);
            } else {
                let message = format!("Found duplicate items in the payload (index {first} and {index})");
                identified.faults.push(Fault::new("DUPLICATE_PAYLOAD_RECORDS", message));
            }
        }
        for key in own {
            keys.entry(key).or_insert(index);
        }
        found.push(identified);
    }
    Ok(found)
}

/// Checks what was sent with an item, each once: look-ups of tables that its rule searches, and related rows of tables that
/// it names.
fn belongings(
    session: &Session<'_>,
    rules: &[Rule],
    item: &Item,
    options: &Options,
    identified: &mut Identified,
) {
    let twice = |rows: &[super::payload::Lookup]| {
        rows.iter().enumerate().any(|(at, row)| rows.iter().take(at).any(|before| before == row))
    };
    let doubled = [
        (&item.lookup, "DUPLICATE_LOOKUP_PAYLOAD", "lookup"),
        (&item.related, "DUPLICATE_RELATED_PAYLOAD", "related"),
    ];
    for (rows, error, name) in doubled {
        if !options.deduplicate && twice(rows) {
            identified.faults.push(Fault::new(error, format!("Found duplicate {name} items in the payload")));
        }
    }
    let rule = rule::of(session, rules, &item.class);
    for row in &item.lookup {
        let searched = rule.is_some_and(|rule| rule.entries.iter().any(|entry| entry.table == row.class));
        if !searched && !session.switches.unruled_related_rows_are_passed_over {
            let message = format!("No identifier entry of class [{}] searches [{}]", item.class, row.class);
            identified.faults.push(Fault::new("INVALID_INPUT_DATA", message));
        }
        identified.lookup.push(searched);
    }
    for row in &item.related {
        let known = rule.and_then(|rule| rule.related.iter().find(|related| related.table == row.class));
        if known.is_none() && session.switches.unruled_related_rows_are_passed_over {
            identified.related.push(None);
            continue;
        }
        let known = known
            .filter(|known| known.attributes.iter().all(|attribute| text(&row.values, attribute).is_some()));
        match known {
            Some(known) => identified.related.push(Some(known.clone())),
            None => {
                let message = format!("No related entry allows [{}] for class [{}]", row.class, item.class);
                identified.faults.push(Fault::new("INVALID_INPUT_DATA", message));
            }
        }
    }
}

/// One item, and the keys by which a second description of it would be known.
fn one(session: &Session<'_>, rules: &[Rule], item: &Item) -> Result<(Identified, Vec<String>), StoreError> {
    let mut known = Identified::default();
    let fail = |mut known: Identified, error, message: String| {
        known.faults.push(Fault::new(error, message));
        Ok((known, Vec::new()))
    };
    if item.class.is_empty() {
        return fail(known, "NO_CLASS_NAME_FOR_INDEPENDENT_CI", "No class name for the item".to_owned());
    }
    if !session.schema.is_a(&item.class, "cmdb_ci") {
        return fail(known, "INVALID_INPUT_DATA", format!("Invalid class [{}]", item.class));
    }
    if let Some(sys_id) = text(&item.values, "sys_id") {
        known.record = session.find("cmdb_ci", &sys_id.to_ascii_lowercase())?;
        return match known.record {
            Some(_) => Ok((known, vec![format!("sys_id\0{sys_id}")])),
            None => fail(known, "INVALID_INPUT_DATA", format!("No CI with sys_id [{sys_id}]")),
        };
    }
    if let Some(record) = by_source_key(session, item, &mut known)? {
        let key = format!("sys_id\0{}", record.sys_id);
        known.record = Some(record);
        return Ok((known, vec![key]));
    }
    let Some(rule) = rule::of(session, rules, &item.class) else {
        let message = format!("Identification rule is missing for class [{}]", item.class);
        return fail(known, "IDENTIFICATION_RULE_MISSING", message);
    };
    known.dependent = !rule.independent;
    let mut keys = Vec::new();
    for entry in &rule.entries {
        let Some(key) = attempt(session, rule, entry, item, &mut known)? else { continue };
        keys.push(key);
        if known.record.is_some() || !known.faults.is_empty() {
            break;
        }
    }
    if keys.is_empty() && known.faults.is_empty() {
        let names: Vec<_> = rule.entries.iter().map(|entry| entry.attributes.join("+")).collect();
        let message = format!(
            "In payload missing minimum set of input values for criterion (matching) attributes from identify \
             rule for table [{}]. One of these is wanted: {}",
            item.class,
            names.join(", ")
        );
        return fail(known, "MISSING_MATCHING_ATTRIBUTES", message);
    }
    if let Some(record) = &known.record {
        keys.push(format!("sys_id\0{}", record.sys_id));
    }
    // What hangs on something is told apart by that, too, which only the relations say.
    let keys = if known.dependent { Vec::new() } else { keys };
    Ok((known, keys))
}

/// Tries one entry; the key that it looked for, none if the item lacks an attribute of it.
fn attempt(
    session: &Session<'_>,
    rule: &Rule,
    entry: &Entry,
    item: &Item,
    known: &mut Identified,
) -> Result<Option<String>, StoreError> {
    let lookup = !session.schema.is_a(&item.class, &entry.table);
    let values = if lookup {
        item.lookup.iter().find(|lookup| lookup.class == entry.table).map(|lookup| &lookup.values)
    } else {
        Some(&item.values)
    };
    let mut query = Query::default();
    let mut key = entry.table.clone();
    let mut whole = values.is_some();
    for name in &entry.attributes {
        match values.and_then(|values| text(values, name)) {
            Some(value) => {
                let condition = Condition {
                    field: name.clone(),
                    operator: Operator::Is,
                    value: value.clone().into_owned(),
                };
                query = query.and(condition);
                key.push_str(&format!("\0{name}\0{}", value.to_lowercase()));
            }
            None => whole = false,
        }
    }
    let mut told = |result| {
        known.attempts.push(Attempt {
            identifier: rule.name.clone(),
            result,
            attributes: entry.attributes.clone(),
            table: entry.table.clone(),
        });
    };
    if !whole {
        told("SKIPPED");
        return Ok(None);
    }
    let mut found: BTreeMap<String, Record> = BTreeMap::new();
    for row in evaluate::run(session, &entry.table, &query)? {
        let row = if lookup { session.find("cmdb_ci", row.value("cmdb_ci"))? } else { Some(row) };
        if let Some(row) = row.filter(|row| row.value("duplicate_of").is_empty()) {
            found.insert(row.sys_id.clone(), row);
        }
    }
    if found.len() > 1 {
        told("MULTI_MATCH");
        let ids: Vec<_> = found.into_keys().collect();
        let message = format!("Found duplicate records in table [{}]: {}", entry.table, ids.join(", "));
        known.faults.push(Fault::new("MULTIPLE_DUPLICATE_RECORDS", message));
        return Ok(Some(key));
    }
    match found.into_values().next() {
        None => told("NO_MATCH"),
        Some(record) => {
            told("MATCHED");
            known.record = Some(record);
            known.entry = Some(entry.sys_id.clone());
        }
    }
    Ok(Some(key))
}

/// The row that the source named by its own key before.
fn by_source_key(
    session: &Session<'_>,
    item: &Item,
    known: &mut Identified,
) -> Result<Option<Record>, StoreError> {
    let Some(info) = &item.sys_object_source_info else { return Ok(None) };
    let mut found = None;
    for row in session.by("sys_object_source", "id", &info.source_native_key)? {
        if row.value("name") == info.source_name && row.value("id") == info.source_native_key {
            found = session.find("cmdb_ci", row.value("target_sys_id"))?;
        }
    }
    known.attempts.push(Attempt {
        identifier: "Source Native Key".to_owned(),
        result: if found.is_some() { "MATCHED" } else { "NO_MATCH" },
        attributes: vec!["source_name".to_owned(), "source_native_key".to_owned()],
        table: "sys_object_source".to_owned(),
    });
    Ok(found)
}
