//! Change requests: which state follows which, approval, closure.

use super::{Effect, Switches, mandatory};
use crate::access::Caller;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::write::Writer;

const NEW: &str = "-5";
const ASSESS: &str = "-4";
const AUTHORIZE: &str = "-3";
const SCHEDULED: &str = "-2";
const IMPLEMENT: &str = "-1";
const REVIEW: &str = "0";
const CLOSED: &str = "3";
const CANCELED: &str = "4";

const STATE_RULE: (&str, &str) = ("Change Model: Check State Transition", "b7c9f0a34d1e4c9f8a55d2f6e013a7c4");
const TYPE_RULE: (&str, &str) = ("Change Type: Lock After New", "5e2d8c71f09b4a2db6a34cd81f7720e9");

const CLOSE_FIELDS: [(&str, &str); 2] = [("close_code", "Close code"), ("close_notes", "Close notes")];

/// A change request begins in New, whatever was sent.
pub(super) fn on_insert(new: &mut Record) {
    new.set("state", NEW);
    new.set("approval", "not requested");
}

pub(super) fn on_update(
    writer: &Writer<'_>,
    old: &Record,
    new: &mut Record,
    now: &str,
) -> Result<Vec<Effect>, Refusal> {
    let mut effects = Vec::new();
    if old.value("state") != NEW && new.value("type") != old.value("type") {
        return Err(Refusal::business_rule("change_request", TYPE_RULE.0, TYPE_RULE.1));
    }
    let moved = decide(writer, old, new, now, &mut effects);
    if new.value("state") == old.value("state") {
        return Ok(effects);
    }
    if !moved && !legal(writer.switches, old, new) {
        return Err(Refusal::business_rule("change_request", STATE_RULE.0, STATE_RULE.1));
    }
    enter(writer.caller, new, now, &mut effects)?;
    Ok(effects)
}

/// An approval or rejection given on the change request itself; whether it moved the change on or back. Whoever may
/// not decide changes nothing by it.
fn decide(writer: &Writer<'_>, old: &Record, new: &mut Record, now: &str, effects: &mut Vec<Effect>) -> bool {
    if new.value("approval") == old.value("approval") {
        return false;
    }
    if !writer.caller.may_decide() && !writer.answering {
        new.set("approval", old.value("approval"));
        return false;
    }
    let (own, next) = match new.value("approval") {
        "approved" => ("approved", SCHEDULED),
        "rejected" => ("rejected", NEW),
        _ => return false,
    };
    new.set("approval_set", now);
    effects.push(Effect::SettleApprovers { own, others: "not_required" });
    let waits = [ASSESS, AUTHORIZE].contains(&old.value("state")) && new.value("state") == old.value("state");
    if waits {
        new.set("state", next);
    }
    waits
}

fn legal(switches: &Switches, old: &Record, new: &Record) -> bool {
    if old.value("on_hold") == "true" && new.value("on_hold") == "true" {
        return false;
    }
    let (from, to) = (old.value("state"), new.value("state"));
    if to == CANCELED {
        return [NEW, ASSESS, AUTHORIZE, SCHEDULED, IMPLEMENT].contains(&from);
    }
    let approved = new.value("approval") == "approved";
    match (new.value("type"), from, to) {
        ("normal", NEW, ASSESS)
        | ("normal", ASSESS, AUTHORIZE | NEW)
        | ("standard", NEW, SCHEDULED)
        | ("emergency", NEW, AUTHORIZE)
        | ("emergency", AUTHORIZE, NEW)
        | (_, SCHEDULED, IMPLEMENT)
        | (_, IMPLEMENT, REVIEW)
        | (_, REVIEW, CLOSED) => true,
        ("normal", AUTHORIZE, SCHEDULED) => approved,
        ("emergency", AUTHORIZE, SCHEDULED) => approved || !switches.emergency_needs_approval,
        _ => false,
    }
}

/// What entering a state brings with it.
fn enter(caller: &Caller, new: &mut Record, now: &str, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
    match new.value("state") {
        ASSESS | AUTHORIZE if new.value("approval") == "approved" => new.set("state", SCHEDULED),
        ASSESS | AUTHORIZE => {
            new.set("approval", "requested");
            effects.push(Effect::RequestApproval);
        }
        NEW if new.value("approval") == "requested" => {
            new.set("approval", "not requested");
            effects.push(Effect::SettleApprovers { own: "cancelled", others: "cancelled" });
        }
        SCHEDULED if new.value("type") == "standard" => {
            new.set("approval", "approved");
            new.set("approval_set", now);
        }
        IMPLEMENT if new.value("work_start").is_empty() => new.set("work_start", now),
        REVIEW if new.value("work_end").is_empty() => new.set("work_end", now),
        CLOSED | CANCELED => {
            if new.value("state") == CLOSED {
                mandatory(new, &CLOSE_FIELDS)?;
            }
            new.set("active", "false");
            new.set("closed_at", now);
            new.set("closed_by", caller.sys_id.clone());
            effects.push(Effect::SettleApprovers { own: "cancelled", others: "cancelled" });
        }
        _ => {}
    }
    Ok(())
}
