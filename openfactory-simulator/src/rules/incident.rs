//! Incidents: priority from impact and urgency, resolution, closure.

use super::{Effect, mirrored};
use crate::instant;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Session;
use crate::switches::Switches;
use crate::write::Writer;
use crate::write::input::Input;

const IN_PROGRESS: &str = "2";
const ON_HOLD: &str = "3";
pub(crate) const RESOLVED: &str = "6";
pub(crate) const CLOSED: &str = "7";
pub(crate) const CANCELED: &str = "8";

/// The reason of being on hold that the caller's comment takes away.
const AWAITING_CALLER: &str = "1";

pub(super) fn on_insert(
    session: &Session<'_>,
    new: &mut Record,
    input: &Input,
    caller: &str,
) -> Result<(), Refusal> {
    let now = instant::glide(session.now);
    let state = new.value("state").to_owned();
    new.set("incident_state", state);
    if !keeps_priority(session.switches, input) {
        prioritise(new);
    }
    ask_caller(session, None, new, input)?;
    close(None, new, caller, &now);
    Ok(())
}

pub(super) fn on_update(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    new: &mut Record,
    input: &Input,
) -> Result<Vec<Effect>, Refusal> {
    let (caller, now) = (writer.caller.sys_id.as_str(), instant::glide(session.now));
    let commented = comments(session, new, input);
    let mut state = mirrored(old, new, "incident_state").to_owned();
    let waits = state == ON_HOLD && new.value("hold_reason") == AWAITING_CALLER;
    if commented && waits && new.value("caller_id") == caller {
        IN_PROGRESS.clone_into(&mut state);
        new.set("hold_reason", "");
    }
    new.set("state", state.clone());
    new.set("incident_state", state.clone());
    if !keeps_priority(session.switches, input) {
        prioritise(new);
    }
    ask_caller(session, Some(old), new, input)?;
    let closes = state == CLOSED && old.value("state") != CLOSED;
    let may = writer.by_rule || writer.caller.is_admin() || writer.caller.holds("itil_admin");
    if closes && session.switches.closing_needs_itil_admin && !may {
        return Err(Refusal::acl("Update"));
    }
    close(Some(old), new, caller, &now);
    let resolves = state == RESOLVED && old.value("state") != RESOLVED;
    Ok(if resolves { vec![Effect::ResolveChildren] } else { Vec::new() })
}

/// Whether a write says something to the caller.
fn comments(session: &Session<'_>, new: &Record, input: &Input) -> bool {
    input.journal(session.schema, &new.class).any(|(name, _)| name == "comments")
}

/// Refuses to wait for a caller who is asked nothing.
fn ask_caller(
    session: &Session<'_>,
    old: Option<&Record>,
    new: &Record,
    input: &Input,
) -> Result<(), Refusal> {
    let waits =
        |record: &Record| record.value("state") == ON_HOLD && record.value("hold_reason") == AWAITING_CALLER;
    let begins = waits(new) && !old.is_some_and(waits);
    if begins && session.switches.awaiting_caller_needs_comment && !comments(session, new, input) {
        return Err(Refusal::data_policy(&["Additional comments"]));
    }
    Ok(())
}

/// Whether a priority stays as it was sent, without what it is worked out from.
fn keeps_priority(switches: &Switches, input: &Input) -> bool {
    let sent = |wanted: &str| input.names().any(|name| name == wanted);
    switches.priority_alone_stays && sent("priority") && !sent("impact") && !sent("urgency")
}

/// The priority matrix: a priority that was sent is overwritten.
pub(super) fn prioritise(record: &mut Record) {
    let level = |field: &str| record.value(field).parse::<u8>().ok().filter(|level| (1..=3).contains(level));
    let priority = level("impact").unwrap_or(3) + level("urgency").unwrap_or(3) - 1;
    record.set("priority", priority.to_string());
}

fn close(old: Option<&Record>, new: &mut Record, caller: &str, now: &str) {
    let before = old.map_or("", |old| old.value("state"));
    let state = new.value("state").to_owned();
    let ended = |state: &str| state == RESOLVED || state == CLOSED;
    if state == before {
        return;
    }
    if state == RESOLVED {
        new.set("resolved_at", now);
        new.set("resolved_by", caller);
    }
    if state == CLOSED {
        new.set("closed_at", now);
        new.set("closed_by", caller);
        if new.value("resolved_at").is_empty() {
            new.set("resolved_at", now);
            new.set("resolved_by", caller);
        }
    }
    if ended(before) && !ended(&state) && state != CANCELED {
        let count = new.value("reopen_count").parse::<u32>().unwrap_or(0);
        new.set("reopen_count", (count + 1).to_string());
        new.set("reopened_by", caller);
        new.set("reopened_time", now);
        for field in ["resolved_at", "resolved_by", "closed_at", "closed_by"] {
            new.set(field, "");
        }
    }
    new.set("active", (state != CLOSED && state != CANCELED).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_priority_matrix() {
        for (impact, urgency, priority) in [
            ("1", "1", "1"),
            ("1", "2", "2"),
            ("1", "3", "3"),
            ("2", "1", "2"),
            ("2", "2", "3"),
            ("2", "3", "4"),
            ("3", "1", "3"),
            ("3", "2", "4"),
            ("3", "3", "5"),
            ("", "9", "5"),
        ] {
            let mut record = Record::new("incident", "0");
            record.set("impact", impact);
            record.set("urgency", urgency);
            record.set("priority", "1");
            prioritise(&mut record);
            assert_eq!(record.value("priority"), priority, "{impact} x {urgency}");
        }
    }
}
