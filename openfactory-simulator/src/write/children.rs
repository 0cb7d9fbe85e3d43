//! What the incidents below an incident get from it.

use std::collections::HashSet;

use super::input::Input;
use super::{Writer, effects, update};
use crate::access::Caller;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::incident::{CANCELED, CLOSED, RESOLVED};
use crate::store::{Session, StoreError};

/// States in which an incident is done with.
const DONE: [&str; 3] = [RESOLVED, CLOSED, CANCELED];

/// Resolves them, and those further down, as their parent was resolved.
///
/// From the bottom up: each has none open below it by then, so that a long line of parents is no deep recursion.
pub(super) fn resolve(session: &Session<'_>, writer: &Writer<'_>, parent: &Record) -> Result<(), Refusal> {
    let (code, notes) = (parent.value("close_code"), parent.value("close_notes"));
    let input = Input::of([("state", RESOLVED), ("close_code", code), ("close_notes", notes)]);
    for below in descendants(session, parent)?.iter().rev() {
        // By a circle of parents it may have been resolved already.
        let now =
            session.find("incident", below)?.filter(|incident| !DONE.contains(&incident.value("state")));
        if let Some(incident) = now {
            update(session, writer, &incident, &input)?;
        }
    }
    Ok(())
}

/// The keys of the open incidents below an incident, those that are nearer first.
fn descendants(session: &Session<'_>, parent: &Record) -> Result<Vec<String>, StoreError> {
    let mut seen = HashSet::from([parent.sys_id.clone()]);
    let mut found: Vec<String> = Vec::new();
    let mut next = open(session, &parent.sys_id)?;
    let mut at = 0;
    loop {
        for child in next {
            if seen.insert(child.sys_id.clone()) {
                found.push(child.sys_id);
            }
        }
        let Some(below) = found.get(at) else { return Ok(found) };
        next = open(session, below)?;
        at += 1;
    }
}

/// Keeps each parent's count of those directly below it, as one of them is made, moved or removed.
pub(super) fn count(
    session: &Session<'_>,
    old: Option<&Record>,
    new: Option<&Record>,
) -> Result<(), StoreError> {
    let parent = |row: Option<&Record>| row.map_or("", |row| row.value("parent_incident")).to_owned();
    let (before, after) = (parent(old), parent(new));
    let Some(row) = old.or(new).filter(|row| before != after && session.schema.is_a(&row.class, "incident"))
    else {
        return Ok(());
    };
    for (parent, step) in [(before, -1), (after, 1)] {
        let found = if parent == row.sys_id { None } else { session.find("incident", &parent)? };
        if let Some(mut parent) = found {
            let counted = parent.value("child_incidents").parse::<i64>().unwrap_or(0).saturating_add(step);
            parent.set("child_incidents", counted.max(0).to_string());
            session.replace(&parent)?;
        }
    }
    Ok(())
}

/// Copies work notes to them, though not to those further down.
pub(super) fn notes(
    session: &Session<'_>,
    caller: &Caller,
    parent: &Record,
    input: &Input,
) -> Result<(), StoreError> {
    if !session.schema.is_a(&parent.class, "incident") {
        return Ok(());
    }
    let Some((_, text)) =
        input.journal(session.schema, &parent.class).find(|(name, _)| *name == "work_notes")
    else {
        return Ok(());
    };
    for child in open(session, &parent.sys_id)? {
        effects::journal(session, caller, &child, &Input::of([("work_notes", text)]))?;
    }
    Ok(())
}

fn open(session: &Session<'_>, parent: &str) -> Result<Vec<Record>, StoreError> {
    let mut children = session.by("incident", "parent_incident", parent)?;
    children.retain(|child| !DONE.contains(&child.value("state")) && child.sys_id != parent);
    Ok(children)
}
