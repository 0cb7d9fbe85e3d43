//! Change requests: which state follows which, approval, closure.

use super::Effect;
use crate::access::Caller;
use crate::population::changes;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Session;
use crate::switches::Switches;
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
const TEMPLATE_RULE: (&str, &str) = ("Change Standard: Check Template", "c1f6a2d9083e4b7f95d1e60b7a4c2f38");
const TYPE_RULE: (&str, &str) = ("Change Type: Lock After New", "5e2d8c71f09b4a2db6a34cd81f7720e9");

/// A change request begins in New, whatever was sent; type and model agree.
pub(super) fn on_insert(session: &Session<'_>, new: &mut Record) -> Result<(), Refusal> {
    match changes::type_of(new.value("chg_model")) {
        Some(kind) => new.set("type", kind),
        None => {
            let model = changes::model_of(new.value("type")).unwrap_or_default();
            new.set("chg_model", model);
        }
    }
    new.set("state", NEW);
    new.set("approval", "not requested");
    templated(session, new)
}

/// Refuses a standard change without a template, where one is wanted: it is the template that was approved.
fn templated(session: &Session<'_>, new: &Record) -> Result<(), Refusal> {
    if !session.switches.standard_needs_template || new.value("type") != "standard" {
        return Ok(());
    }
    let version = session.find("std_change_producer_version", new.value("std_change_producer_version"))?;
    let bare = || Refusal::business_rule("change_request", TEMPLATE_RULE.0, TEMPLATE_RULE.1);
    version.map(drop).ok_or_else(bare)
}

/// Keeps type and model together where one of them was changed; where both were, it is the model that says what it is. What
/// is none of either changes nothing.
fn agree(old: &Record, new: &mut Record) {
    if new.value("chg_model") != old.value("chg_model") {
        match changes::type_of(new.value("chg_model")) {
            Some(kind) => return new.set("type", kind),
            None => new.set("chg_model", old.value("chg_model")),
        }
    }
    if new.value("type") != old.value("type") {
        match changes::model_of(new.value("type")) {
            Some(model) => new.set("chg_model", model),
            None => new.set("type", old.value("type")),
        }
    }
}

pub(super) fn on_update(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    new: &mut Record,
    now: &str,
) -> Result<Vec<Effect>, Refusal> {
    let switches = session.switches;
    let mut effects = Vec::new();
    agree(old, new);
    let retyped = new.value("type") != old.value("type");
    if retyped && old.value("state") != NEW {
        return Err(Refusal::business_rule("change_request", TYPE_RULE.0, TYPE_RULE.1));
    }
    if retyped {
        templated(session, new)?;
    }
    let moved =
        decide(switches, writer, old, new, now, &mut effects) || released(switches, old, new, &mut effects);
    if retyped && old.value("approval") == "approved" {
        // What was approved was another kind of change.
        new.set("approval", "not requested");
    }
    if new.value("state") == old.value("state") {
        return Ok(effects);
    }
    let by_hand = !moved && !writer.by_rule;
    if (by_hand && !switches.changes_move_by_rest) || (!moved && !legal(switches, old, new)) {
        return Err(Refusal::business_rule("change_request", STATE_RULE.0, STATE_RULE.1));
    }
    if by_hand {
        complete(switches, new)?;
    }
    enter(switches, writer.caller, new, now, &mut effects);
    if switches.automatic_tasks {
        match new.value("state") {
            IMPLEMENT => effects.push(Effect::AddTasks),
            REVIEW | CANCELED => effects.push(Effect::CancelTasks),
            _ => {}
        }
    }
    Ok(effects)
}

/// An approval or rejection given on the change request itself; whether it moved the change on or back. Whoever may
/// not decide changes nothing by it.
fn decide(
    switches: &Switches,
    writer: &Writer<'_>,
    old: &Record,
    new: &mut Record,
    now: &str,
    effects: &mut Vec<Effect>,
) -> bool {
    if new.value("approval") == old.value("approval") {
        return false;
    }
    if !writer.caller.may_decide() && !writer.by_rule {
        new.set("approval", old.value("approval"));
        return false;
    }
    let (own, next) = match new.value("approval") {
        "approved" => ("approved", beyond_approval(switches, old)),
        "rejected" => ("rejected", NEW),
        // Whether somebody is asked is the instance's to say.
        _ => {
            new.set("approval", old.value("approval"));
            return false;
        }
    };
    new.set("approval_set", now);
    effects.push(Effect::SettleApprovers { own, others: "not_required" });
    // What is on hold stays where it is, approved or not, until it no longer is; a rejection sends it back all the same.
    let held = next != NEW && new.value("on_hold") == "true";
    let waits = waits_for_approval(old, new) && !held;
    if waits {
        new.set("state", next);
    }
    waits
}

/// Where approval leads: that of the peers to the board, the board's through the gate.
fn beyond_approval(switches: &Switches, change: &Record) -> &'static str {
    if by_peers(switches, change) { AUTHORIZE } else { SCHEDULED }
}

/// Whether it is the members of the change's assignment group who are asked, and not the board.
pub(crate) fn by_peers(switches: &Switches, change: &Record) -> bool {
    switches.peers_approve_first && change.value("type") == "normal" && change.value("state") == ASSESS
}

fn waits_for_approval(old: &Record, new: &Record) -> bool {
    [ASSESS, AUTHORIZE].contains(&old.value("state")) && new.value("state") == old.value("state")
}

/// What was due while a change was on hold happens when it no longer is; whether that moved it on.
fn released(switches: &Switches, old: &Record, new: &mut Record, effects: &mut Vec<Effect>) -> bool {
    if old.value("on_hold") != "true" || new.value("on_hold") == "true" {
        return false;
    }
    if old.value("state") == IMPLEMENT && new.value("state") == IMPLEMENT {
        effects.push(Effect::ReviewIfDone);
    }
    let approved = new.value("approval") == "approved" && waits_for_approval(old, new);
    if approved {
        new.set("state", beyond_approval(switches, old));
    }
    approved
}

/// States in which a task is done.
const TASK_DONE: [&str; 2] = ["3", "4"];

/// A task that is done is no longer active; with the last one, its change goes on to Review.
pub(super) fn on_task_update(switches: &Switches, old: &Record, new: &mut Record, now: &str) -> Vec<Effect> {
    if new.value("state") == old.value("state") || !TASK_DONE.contains(&new.value("state")) {
        return Vec::new();
    }
    new.set("active", "false");
    new.set("closed_at", now);
    if switches.automatic_tasks { vec![Effect::Review] } else { Vec::new() }
}

/// A way on from the state in which a change stands.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) to: &'static str,
    /// Whether its conditions hold.
    pub(crate) available: bool,
    /// Whether the instance takes it by itself once it can.
    pub(crate) automatic: bool,
    /// The conditions, by name.
    pub(crate) conditions: Vec<(&'static str, bool)>,
}

/// The steps that the change's model knows from where it stands.
pub(crate) fn steps(switches: &Switches, change: &Record) -> Vec<Step> {
    let (kind, from) = (change.value("type"), change.value("state"));
    let approved = change.value("approval") == "approved";
    let held = change.value("on_hold") == "true";
    next(kind, from)
        .iter()
        .map(|&to| {
            let mut conditions = vec![("Not On hold", !held)];
            let peers = to == AUTHORIZE && by_peers(switches, change);
            let board = from == AUTHORIZE && to == SCHEDULED;
            if peers || board && (kind == "normal" || switches.emergency_needs_approval) {
                conditions.push(("Approved", approved));
            }
            let available = conditions.iter().all(|(_, passed)| *passed);
            Step { to, available, automatic: peers || board, conditions }
        })
        .collect()
}

/// Which states follow a state in the model of a type of change.
fn next(kind: &str, from: &str) -> &'static [&'static str] {
    match (kind, from) {
        ("normal", NEW) => &[ASSESS, CANCELED],
        ("normal", ASSESS) => &[AUTHORIZE, NEW, CANCELED],
        ("standard", NEW) => &[SCHEDULED, CANCELED],
        ("emergency", NEW) => &[AUTHORIZE, CANCELED],
        ("emergency", AUTHORIZE) => &[SCHEDULED, NEW, CANCELED],
        (_, AUTHORIZE) => &[SCHEDULED, CANCELED],
        (_, SCHEDULED) => &[IMPLEMENT, CANCELED],
        (_, IMPLEMENT) => &[REVIEW, CANCELED],
        (_, REVIEW) => &[CLOSED],
        (_, NEW | ASSESS) => &[CANCELED],
        _ => &[],
    }
}

/// Whether the model lets the change go where it is sent; the write itself may take it off hold.
fn legal(switches: &Switches, old: &Record, new: &Record) -> bool {
    let mut at = new.clone();
    at.set("state", old.value("state"));
    steps(switches, &at).iter().any(|step| step.available && step.to == new.value("state"))
}

/// Refuses a change that lacks what the state wants into which it is moved.
fn complete(switches: &Switches, new: &Record) -> Result<(), Refusal> {
    let wanted: &[(&str, &str)] = match new.value("state") {
        ASSESS if switches.assess_needs_group => &[("assignment_group", "Assignment group")],
        SCHEDULED if switches.scheduled_needs_dates => {
            &[("start_date", "Planned start date"), ("end_date", "Planned end date")]
        }
        _ => &[],
    };
    let missing = wanted.iter().filter(|(name, _)| new.value(name).is_empty());
    let missing: Vec<_> = missing.map(|(_, label)| *label).collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::data_policy(&missing)) }
}

/// What entering a state brings with it.
fn enter(switches: &Switches, caller: &Caller, new: &mut Record, now: &str, effects: &mut Vec<Effect>) {
    let in_stages = switches.peers_approve_first && new.value("type") == "normal";
    match new.value("state") {
        ASSESS | AUTHORIZE if new.value("approval") == "approved" && !in_stages => {
            new.set("state", SCHEDULED)
        }
        ASSESS | AUTHORIZE => {
            new.set("approval", "requested");
            effects.push(Effect::RequestApproval);
        }
        // What was asked, or approved, is to be asked anew; a rejection stands until then.
        NEW => {
            if new.value("approval") != "rejected" {
                new.set("approval", "not requested");
            }
            effects.push(Effect::SettleApprovers { own: "cancelled", others: "cancelled" });
        }
        SCHEDULED if new.value("type") == "standard" => {
            new.set("approval", "approved");
            new.set("approval_set", now);
        }
        IMPLEMENT if new.value("work_start").is_empty() => new.set("work_start", now),
        REVIEW if new.value("work_end").is_empty() => new.set("work_end", now),
        CLOSED | CANCELED => {
            new.set("active", "false");
            new.set("closed_at", now);
            new.set("closed_by", caller.sys_id.clone());
            effects.push(Effect::SettleApprovers { own: "cancelled", others: "cancelled" });
        }
        _ => {}
    }
}
