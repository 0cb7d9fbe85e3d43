//! Incidents: priority from impact and urgency, resolution, closure.

use super::mandatory;
use crate::record::Record;
use crate::refusal::Refusal;

const RESOLVED: &str = "6";
const CLOSED: &str = "7";
const CANCELED: &str = "8";

const CLOSE_FIELDS: [(&str, &str); 2] = [("close_code", "Resolution code"), ("close_notes", "Close notes")];

pub(super) fn on_insert(new: &mut Record, caller: &str, now: &str) -> Result<(), Refusal> {
    let state = new.value("state").to_owned();
    new.set("incident_state", state);
    prioritise(new);
    close(None, new, caller, now)
}

pub(super) fn on_update(old: &Record, new: &mut Record, caller: &str, now: &str) -> Result<(), Refusal> {
    // The two state fields mirror each other, whichever was written.
    let mirrored = if new.value("state") == old.value("state") { "incident_state" } else { "state" };
    let state = new.value(mirrored).to_owned();
    new.set("state", state.clone());
    new.set("incident_state", state);
    prioritise(new);
    close(Some(old), new, caller, now)
}

/// The priority matrix: a priority that was sent is overwritten.
fn prioritise(record: &mut Record) {
    let level = |field: &str| record.value(field).parse::<u8>().ok().filter(|level| (1..=3).contains(level));
    let priority = level("impact").unwrap_or(3) + level("urgency").unwrap_or(3) - 1;
    record.set("priority", priority.to_string());
}

fn close(old: Option<&Record>, new: &mut Record, caller: &str, now: &str) -> Result<(), Refusal> {
    let before = old.map_or("", |old| old.value("state"));
    let state = new.value("state").to_owned();
    let ended = |state: &str| state == RESOLVED || state == CLOSED;
    if ended(&state) {
        mandatory(new, &CLOSE_FIELDS)?;
    }
    if state == before {
        return Ok(());
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
    Ok(())
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
