//! Relations between the items of a payload.

use serde_json::{Value, json};

use super::identify::Identified;
use super::payload::Payload;
use super::{Fault, Options, Outcome};
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::{Session, StoreError};
use crate::write::{self, Writer, input::Input};

/// A relation whose ends and type are known.
#[derive(Debug)]
pub(super) struct Link {
    /// Its place in the payload.
    index: usize,
    parent: usize,
    child: usize,
    kind: Record,
}

/// Finds ends and types; tells the items what is wrong with their relations, and those that hang on something whether
/// they do.
pub(super) fn resolve(
    session: &Session<'_>,
    payload: &Payload,
    found: &mut [Identified],
) -> Result<Vec<Link>, StoreError> {
    let mut links = Vec::new();
    for (index, relation) in payload.relations.iter().enumerate() {
        let parent = payload.index(relation.parent, relation.parent_id.as_deref());
        let child = payload.index(relation.child, relation.child_id.as_deref());
        let kind = session.by("cmdb_rel_type", "name", &relation.kind)?.into_iter().next();
        let message = match (parent, child, &kind) {
            (Some(_), Some(_), Some(_)) => None,
            (Some(_), Some(_), None) => Some(format!("Invalid relationship type [{}]", relation.kind)),
            _ => Some(format!("Relation {index} names no item of the payload")),
        };
        if let Some(message) = message {
            for end in [parent.or(child).unwrap_or(0)] {
                if let Some(item) = found.get_mut(end) {
                    item.faults.push(Fault::new("INVALID_INPUT_DATA", message.clone()));
                }
            }
            continue;
        }
        if let (Some(parent), Some(child), Some(kind)) = (parent, child, kind) {
            links.push(Link { index, parent, child, kind });
        }
    }
    depend(session, &links, found)?;
    Ok(links)
}

/// What is identified by what it hangs on: it has to hang on something, and a row that hangs elsewhere is another.
fn depend(session: &Session<'_>, links: &[Link], found: &mut [Identified]) -> Result<(), StoreError> {
    for index in 0..found.len() {
        if !found.get(index).is_some_and(|item| item.dependent && item.faults.is_empty()) {
            continue;
        }
        let link = links.iter().find(|link| link.parent == index || link.child == index);
        let other = link.map(|link| if link.parent == index { link.child } else { link.parent });
        let host = other.and_then(|other| found.get(other)).and_then(|host| host.record.clone());
        let own = found.get(index).and_then(|item| item.record.clone());
        let hangs_here = match (&own, &host, link) {
            (Some(own), Some(host), Some(link)) => {
                let (parent, child) = if link.parent == index { (own, host) } else { (host, own) };
                existing(session, &parent.sys_id, &child.sys_id, &link.kind.sys_id)?.is_some()
            }
            _ => false,
        };
        let Some(item) = found.get_mut(index) else { continue };
        if link.is_none() {
            let message = "The item hangs on another, and no relation of the payload names it";
            item.faults.push(Fault::new("MISSING_DEPENDENCY", message));
        } else if !hangs_here {
            item.record = None;
            item.entry = None;
        }
    }
    Ok(())
}

/// The row that relates these two in this way.
pub(crate) fn existing(
    session: &Session<'_>,
    parent: &str,
    child: &str,
    kind: &str,
) -> Result<Option<Record>, StoreError> {
    let rows = session.by("cmdb_rel_ci", "parent", parent)?;
    Ok(rows.into_iter().find(|row| row.value("child") == child && row.value("type") == kind))
}

/// Writes the relations whose ends were written; tells what became of each.
pub(super) fn write(
    session: &Session<'_>,
    writer: &Writer<'_>,
    links: &[Link],
    place: &[usize],
    items: &[Outcome],
    options: &Options,
) -> Result<Vec<Value>, Refusal> {
    let mut told = Vec::new();
    for link in links {
        let end = |index: usize| {
            let outcome = place.get(index).and_then(|place| items.get(*place));
            outcome.filter(|outcome| outcome.identified.faults.is_empty())
        };
        let (Some(parent), Some(child)) = (end(link.parent), end(link.child)) else {
            let error = json!({ "error": "ABANDONED", "message": "One of its items has errors" });
            told.push(json!({
                "className": "cmdb_rel_ci",
                "inputIndices": [link.index],
                "errorCount": 1,
                "errors": [error],
            }));
            continue;
        };
        let row = match (&parent.record, &child.record) {
            (Some(parent), Some(child)) => {
                existing(session, &parent.sys_id, &child.sys_id, &link.kind.sys_id)?
            }
            _ => None,
        };
        let operation = match (row, &parent.record, &child.record) {
            (Some(_), ..) => "NO_CHANGE",
            (None, Some(parent), Some(child)) if options.commit => {
                let ends =
                    [("parent", &parent.sys_id), ("child", &child.sys_id), ("type", &link.kind.sys_id)];
                let input = Input::of(ends.map(|(name, value)| (name, value.as_str())));
                write::create(session, writer, "cmdb_rel_ci", &input)?;
                "INSERT"
            }
            _ => "INSERT",
        };
        // A relation's key is not told.
        told.push(json!({
            "className": "cmdb_rel_ci",
            "operation": operation,
            "inputIndices": [link.index],
            "mergedPayloadIds": [],
            "markers": [],
            "errorCount": 0,
        }));
    }
    Ok(told)
}
