//! Problems: which state follows which, resolution, closure.

use super::incident::prioritise;
use super::mirrored;
use crate::record::Record;
use crate::refusal::Refusal;

const NEW: &str = "101";
const ASSESS: &str = "102";
const ANALYSIS: &str = "103";
const FIX: &str = "104";
const RESOLVED: &str = "106";
const CLOSED: &str = "107";

const STATE_RULE: (&str, &str) =
    ("Problem State Model: Check State Transition", "c01fa7a2b3d34b30a2f6d9e1b1b45a1d");

/// A problem begins in New, whatever was sent.
pub(super) fn on_insert(new: &mut Record) {
    new.set("state", NEW);
    new.set("problem_state", NEW);
    prioritise(new);
}

pub(super) fn on_update(old: &Record, new: &mut Record, caller: &str, now: &str) -> Result<(), Refusal> {
    let state = mirrored(old, new, "problem_state").to_owned();
    new.set("state", state.clone());
    new.set("problem_state", state.clone());
    prioritise(new);
    if state == old.value("state") {
        return Ok(());
    }
    if !legal(old.value("state"), &state, new.value("resolution_code")) {
        return Err(Refusal::business_rule("problem", STATE_RULE.0, STATE_RULE.1));
    }
    match state.as_str() {
        RESOLVED => {
            new.set("resolved_at", now);
            new.set("resolved_by", caller);
        }
        CLOSED => {
            new.set("closed_at", now);
            new.set("closed_by", caller);
        }
        ANALYSIS if [RESOLVED, CLOSED].contains(&old.value("state")) => {
            let count = new.value("reopen_count").parse::<u32>().unwrap_or(0);
            new.set("reopen_count", (count + 1).to_string());
            for field in ["resolution_code", "resolved_at", "resolved_by", "closed_at", "closed_by"] {
                new.set(field, "");
            }
        }
        _ => {}
    }
    new.set("active", (state != CLOSED).to_string());
    Ok(())
}

/// Whether the model lets a problem go from state to state; some ways are only for a resolution.
fn legal(from: &str, to: &str, resolution: &str) -> bool {
    match (from, to) {
        (NEW, ASSESS) | (ASSESS, ANALYSIS) | (ANALYSIS, FIX) | (FIX, RESOLVED) | (RESOLVED, CLOSED) => true,
        // It is looked at again.
        (RESOLVED | CLOSED | FIX, ANALYSIS) => true,
        (ANALYSIS, RESOLVED) => resolution == "risk_accepted",
        (NEW | ASSESS | ANALYSIS | FIX, CLOSED) => ["canceled", "duplicate"].contains(&resolution),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_through_the_model() {
        let states = [NEW, ASSESS, ANALYSIS, FIX, RESOLVED, CLOSED];
        let ways = |resolution: &str| {
            let mut ways = Vec::new();
            for from in states {
                let to = states.into_iter().filter(|to| legal(from, to, resolution));
                ways.push(to.collect::<Vec<_>>());
            }
            ways
        };
        let plain =
            [&[ASSESS][..], &[ANALYSIS], &[FIX], &[ANALYSIS, RESOLVED], &[ANALYSIS, CLOSED], &[ANALYSIS]];
        assert_eq!(ways("fix_applied"), plain);
        assert_eq!(ways("risk_accepted")[2], [FIX, RESOLVED]);
        assert_eq!(ways("canceled")[0], [ASSESS, CLOSED]);
        assert_eq!(ways("duplicate")[3], [ANALYSIS, RESOLVED, CLOSED]);
    }
}
