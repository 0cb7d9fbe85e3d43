//! What the incidents below an incident get from it.

use super::input::Input;
use super::{Writer, effects, update};
use crate::access::Caller;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::incident::{CANCELED, CLOSED, RESOLVED};
use crate::store::{Session, StoreError};

/// States in which an incident is done with.
const DONE: [&str; 3] = [RESOLVED, CLOSED, CANCELED];

/// Resolves them as their parent was resolved.
pub(super) fn resolve(session: &Session<'_>, writer: &Writer<'_>, parent: &Record) -> Result<(), Refusal> {
    for child in open(session, parent)? {
        let (code, notes) = (parent.value("close_code"), parent.value("close_notes"));
        let input = Input::of([("state", RESOLVED), ("close_code", code), ("close_notes", notes)]);
        update(session, writer, &child, &input)?;
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
    for child in open(session, parent)? {
        effects::journal(session, caller, &child, &Input::of([("work_notes", text)]))?;
    }
    Ok(())
}

fn open(session: &Session<'_>, parent: &Record) -> Result<Vec<Record>, StoreError> {
    let mut children = session.by("incident", "parent_incident", &parent.sys_id)?;
    children.retain(|child| !DONE.contains(&child.value("state")) && child.sys_id != parent.sys_id);
    Ok(children)
}
