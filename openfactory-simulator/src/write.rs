//! What a write does: the caller's values are taken, rules run, the row and what follows from it are stored.

mod audit;
mod children;
mod effects;
pub(crate) mod input;
pub(crate) mod value;

use std::collections::BTreeSet;

use crate::access::Caller;
use crate::entropy;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::approver::REQUESTED;
use crate::rules::{self, Effect};
use crate::store::{Session, StoreError};
use crate::webhook::manner::Payload;
use input::Input;

/// Who writes, and whom it concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) caller: &'a Caller,
    /// Users whose own writes are not told to the webhook.
    pub(crate) integration_users: &'a BTreeSet<String>,
    /// How a webhook is told, if there is one.
    pub(crate) webhook: Option<Payload>,
    /// Whether a rule of the instance writes in the caller's name, and not the caller.
    pub(crate) by_rule: bool,
}

/// Makes a row.
pub(crate) fn create(
    session: &Session<'_>,
    writer: &Writer<'_>,
    table: &str,
    input: &Input,
) -> Result<Record, Refusal> {
    // Its letters stay as they were sent; it is found however they are written.
    let wished = input.sys_id();
    let sys_id = wished.map_or_else(|| entropy::sys_id(session.entropy), str::to_ascii_lowercase);
    if session.taken(table, &sys_id)? {
        return Err(Refusal::duplicate_key(&sys_id));
    }
    let input = &*input.taken(session, table)?;
    let mut record = with_defaults(session, table, &sys_id);
    if let Some(wished) = wished {
        record.set("sys_id", wished);
    }
    input.apply(session.schema, &mut record);
    rules::before_insert(session, writer, &mut record, input)?;
    if session.switches.relations_are_unique && rules::relation::is_there(session, &record)? {
        return Err(rules::relation::doubled());
    }
    number(session, &mut record)?;
    audit::stamp_new(session, writer.caller, &mut record);
    session.insert(&record)?;
    children::count(session, None, Some(&record))?;
    effects::journal(session, writer.caller, &record, input)?;
    Ok(record)
}

/// Makes a row as a seed gives it: no rule runs, `sys_` fields are taken.
pub(crate) fn plant(
    session: &Session<'_>,
    table: &str,
    sys_id: &str,
    input: &Input,
) -> Result<(), StoreError> {
    let mut record = with_defaults(session, table, sys_id);
    input.apply(session.schema, &mut record);
    number(session, &mut record)?;
    let system = Caller::system();
    audit::stamp_new(session, &system, &mut record);
    session.insert(&record)?;
    effects::journal(session, &system, &record, input)?;
    Ok(())
}

/// Changes a row; values that are already so leave it as it is.
pub(crate) fn update(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    input: &Input,
) -> Result<Record, Refusal> {
    let input = &*input.taken(session, &old.class)?;
    let mut new = old.clone();
    input.apply(session.schema, &mut new);
    let effects = rules::before_update(session, writer, old, &mut new, input)?;
    let nothing_new = new == *old && !input.has_journal(session.schema, &old.class);
    if nothing_new && !session.switches.empty_updates_count {
        return Ok(new);
    }
    if !input.is_stamped() {
        audit::stamp_changed(session, writer.caller, &mut new);
    }
    session.replace(&new)?;
    children::count(session, Some(old), Some(&new))?;
    effects::journal(session, writer.caller, &new, input)?;
    children::notes(session, writer.caller, &new, input)?;
    // What follows may change this very row again, and tells of that in its turn.
    rules::notify::queue(session, writer, old, &new)?;
    if effects.is_empty() {
        return Ok(new);
    }
    for effect in effects {
        effects::perform(session, writer, &new, effect)?;
    }
    Ok(session.find(&new.class, &new.sys_id)?.unwrap_or(new))
}

/// Removes a row and what hangs on it.
pub(crate) fn delete(session: &Session<'_>, writer: &Writer<'_>, record: &Record) -> Result<(), Refusal> {
    effects::cascade(session, record)?;
    children::count(session, Some(record), None)?;
    session.remove(record)?;
    if record.class == effects::APPROVER && record.value("state") == REQUESTED {
        effects::perform(session, writer, record, Effect::Withdraw)?;
    }
    Ok(())
}

fn with_defaults(session: &Session<'_>, table: &str, sys_id: &str) -> Record {
    let mut record = Record::new(table, sys_id);
    for field in session.schema.fields(table) {
        if !field.default.is_empty() {
            record.set(&field.name, field.default.clone());
        }
    }
    record
}

fn number(session: &Session<'_>, record: &mut Record) -> Result<(), StoreError> {
    let Some(prefix) = session.schema.number_prefix(&record.class) else { return Ok(()) };
    if record.value("number").is_empty() {
        let next = session.next_number(prefix)?;
        record.set("number", next);
    } else {
        session.number_used(prefix, record.value("number"))?;
    }
    Ok(())
}
