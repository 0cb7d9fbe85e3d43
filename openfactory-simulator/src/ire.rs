//! Identification and Reconciliation: from descriptions of configuration items to rows, without making any twice.
//!
//! Every item is identified before anything is written. If one of them has an error, nothing is written at all, unless
//! the caller allows partial commits; the items that suffer by it are told `ABANDONED`.

mod aside;
mod commit;
mod identify;
mod payload;
mod reconcile;
mod relate;
mod rule;

use serde_json::{Value, json};

pub(crate) use payload::Payload;

use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::Writer;
use identify::Identified;

/// How a payload is to be taken.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// A value of the choice list of `discovery_source`.
    pub(crate) source: String,
    /// Whether rows are written at all.
    pub(crate) commit: bool,
    /// Whether items with errors are put aside, and completed by what their source tells later.
    pub(crate) aside: bool,
    /// Whether items without errors are written although others have some.
    pub(crate) partial: bool,
    /// Whether two items that describe the same thing are taken as one.
    pub(crate) deduplicate: bool,
}

/// What is wrong with an item.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) error: &'static str,
    pub(crate) message: String,
}

impl Fault {
    fn new(error: &'static str, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}

/// What became of an item.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) class: String,
    pub(crate) operation: Option<&'static str>,
    pub(crate) record: Option<Record>,
    pub(crate) identified: Identified,
    pub(crate) inputs: Vec<usize>,
    /// Look-up rows and related rows, in the order in which they were sent: table and, where it was written, `sys_id`.
    pub(crate) beside: Vec<(String, Option<String>)>,
}

/// What became of a payload.
#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) items: Vec<Outcome>,
    pub(crate) relations: Vec<Value>,
}

/// Identifies and, if wanted, writes.
pub(crate) fn run(
    session: &Session<'_>,
    writer: &Writer<'_>,
    payload: &Payload,
    options: &Options,
) -> Result<Outcomes, Refusal> {
    let mut whole = None;
    let mut merged = Vec::new();
    if options.aside {
        let mut completed = payload.clone();
        for item in &mut completed.items {
            merged.push(aside::complete(session, item)?);
        }
        whole = Some(completed);
    }
    let payload = whole.as_ref().unwrap_or(payload);
    let mut found = identify::all(session, payload, options)?;
    for (item, merged) in found.iter_mut().zip(merged) {
        item.merged = merged;
    }
    let known = is_source(session, &options.source)?;
    if !known && options.commit {
        aside::whole(session, writer, payload, &options.source)?;
    }
    let rules = reconcile::Rules::load(session)?;
    let relations = relate::resolve(session, payload, &mut found)?;
    let bad = found.iter().any(|item| !item.faults.is_empty());
    if bad && !options.partial {
        for item in found.iter_mut().filter(|item| item.faults.is_empty()) {
            item.faults
                .push(Fault::new("ABANDONED", "Abandoned because another item of the payload has errors"));
        }
    }
    let mut items: Vec<Outcome> = Vec::new();
    let mut place = Vec::new();
    for (index, identified) in found.into_iter().enumerate() {
        if let Some(first) = identified.same_as.and_then(|first| place.get(first).copied()) {
            let merged: Option<&mut Outcome> = items.get_mut(first);
            if let Some(outcome) = merged {
                outcome.inputs.push(index);
            }
            place.push(first);
            continue;
        }
        place.push(items.len());
        let item = payload.item(index);
        let mut outcome = commit::item(session, writer, item, index, identified, options, &rules)?;
        if options.aside && options.commit && known {
            aside::taken_up(session, writer, &outcome.identified.merged)?;
            if let Some(item) = item.filter(|_| !outcome.identified.faults.is_empty()) {
                let aside = aside::item(session, writer, item, &outcome.identified, &options.source)?;
                outcome.operation = Some(aside);
            }
        }
        items.push(outcome);
    }
    commit::references(session, writer, payload, &place, &mut items, options)?;
    let relations = relate::write(session, writer, &relations, &place, &items, options)?;
    Ok(Outcomes { items, relations })
}

/// The row that relates two items in this way.
pub(crate) fn related(
    session: &Session<'_>,
    parent: &str,
    child: &str,
    kind: &str,
) -> Result<Option<Record>, StoreError> {
    relate::existing(session, parent, child, kind)
}

/// Whether this is a choice of `discovery_source`.
pub(crate) fn is_source(session: &Session<'_>, source: &str) -> Result<bool, StoreError> {
    let known = session.schema.field("cmdb_ci", "discovery_source");
    if known.is_some_and(|field| field.choice_label(source).is_some()) {
        return Ok(true);
    }
    let choices = session.by("sys_choice", "name", "cmdb_ci")?;
    Ok(choices.iter().any(|row| row.value("element") == "discovery_source" && row.value("value") == source))
}

impl Outcomes {
    /// As the API tells it.
    pub(crate) fn told(&self, context: &str) -> Value {
        json!({
            "items": self.items.iter().map(Outcome::told).collect::<Vec<_>>(),
            "additionalCommittedItems": [],
            "relations": self.relations,
            "additionalCommittedRelations": [],
            "logContextId": context,
        })
    }
}

impl Outcome {
    fn told(&self) -> Value {
        let faults = &self.identified.faults;
        let attempts: Vec<Value> = self.identified.attempts.iter().map(identify::Attempt::told).collect();
        let errors: Vec<Value> =
            faults.iter().map(|fault| json!({ "error": fault.error, "message": fault.message })).collect();
        let ids: Vec<_> = self.beside.iter().map(|(_, id)| id).collect();
        let main = self.inputs.first().copied().unwrap_or_default();
        let beside: Vec<Value> = self
            .beside
            .iter()
            .enumerate()
            .map(|(sub, (table, id))| {
                json!({
                    "className": table,
                    "sysId": id,
                    "inputIndices": [{ "mainIndex": main, "subIndex": sub }],
                    "markers": [],
                    "mergedPayloadIds": [],
                })
            })
            .collect();
        let mut told = json!({
            "className": self.class,
            "sysId": self.record.as_ref().map_or("Unknown", |record| record.sys_id.as_str()),
            "identifierEntrySysId": self.identified.entry.as_deref().unwrap_or("Unknown"),
            "identificationAttempts": attempts,
            "relatedSysIds": ids,
            "relatedItems": beside,
            "markers": [],
            "inputIndices": self.inputs,
            "mergedPayloadIds": self.identified.merged,
            "errorCount": errors.len(),
            "errors": errors,
            "warnings": [],
            "info": [],
        });
        if let (Some(operation), Value::Object(members)) = (self.operation, &mut told) {
            members.insert("operation".to_owned(), json!(operation));
        }
        told
    }
}
