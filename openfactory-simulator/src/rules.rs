//! Business rules and data policies of the process tables.

pub(crate) mod approver;
pub(crate) mod change;
pub(crate) mod dictionary;
pub(crate) mod incident;
mod instruction;
mod item;
pub(crate) mod notify;
mod policy;
mod problem;
pub(crate) mod relation;
mod script;
mod span;
mod user;

pub(crate) use policy::Policy;
pub(crate) use script::Script;

use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::Session;
use crate::write::Writer;
use crate::write::input::Input;

/// What a rule wants done once the row is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask the approvers of a change request.
    RequestApproval,
    /// Close the approver rows that are still open: the caller's own one way, the others another.
    SettleApprovers { own: &'static str, others: &'static str },
    /// Give a change that enters Implement its two tasks.
    AddTasks,
    /// Cancel the tasks of a change that are still open.
    CancelTasks,
    /// Move the change of a closed task to Review if no task is open.
    Review,
    /// Resolve the incidents of which this one is the parent.
    ResolveChildren,
    /// A change goes on to Review if it has tasks and none of them is open.
    ReviewIfDone,
    /// Pass an approver's decision on to the change request.
    Decide { decision: &'static str },
    /// See who is left to answer, now that an approver is no longer asked.
    Withdraw,
}

/// What is filled in or refused before a row is made.
pub(crate) fn before_insert(
    session: &Session<'_>,
    writer: &Writer<'_>,
    new: &mut Record,
    input: &Input,
) -> Result<(), Refusal> {
    let now = crate::instant::glide(session.now);
    if session.schema.is_a(&new.class, "task") {
        for (field, value) in [("opened_at", now.as_str()), ("opened_by", &writer.caller.sys_id)] {
            if new.value(field).is_empty() {
                new.set(field, value);
            }
        }
    }
    if session.schema.is_a(&new.class, "incident") {
        incident::on_insert(session, new, input, &writer.caller.sys_id)?;
        instruction::stamp(session, writer, None, new);
    } else if session.schema.is_a(&new.class, "change_request") {
        change::on_insert(session, new)?;
    } else if session.schema.is_a(&new.class, "problem") {
        problem::on_insert(new);
    } else if session.schema.is_a(&new.class, "cmdb_ci") {
        item::retire(None, new);
    } else if new.class == "sys_user" {
        user::name(None, new);
    }
    script::check(session, script::Action::Insert, new)?;
    if session.switches.mandatory_fields_are_enforced {
        dictionary::check_mandatory(session.schema, new)?;
    }
    policy::check(session, new)
}

/// What is filled in, refused or ordered before a changed row is stored.
pub(crate) fn before_update(
    session: &Session<'_>,
    writer: &Writer<'_>,
    old: &Record,
    new: &mut Record,
    input: &Input,
) -> Result<Vec<Effect>, Refusal> {
    let now = crate::instant::glide(session.now);
    let caller = &writer.caller.sys_id;
    let effects = if session.schema.is_a(&new.class, "incident") {
        instruction::stamp(session, writer, Some(old), new);
        incident::on_update(session, writer, old, new, input)?
    } else if session.schema.is_a(&new.class, "change_request") {
        change::on_update(session, writer, old, new, &now)?
    } else if session.schema.is_a(&new.class, "problem") {
        problem::on_update(old, new, caller, &now)?;
        Vec::new()
    } else if session.schema.is_a(&new.class, "change_task") {
        change::on_task_update(session.switches, old, new, &now)
    } else if session.schema.is_a(&new.class, "sysapproval_approver") {
        approver::on_update(writer.caller, old, new, input.has_journal(session.schema, &new.class))?
    } else if session.schema.is_a(&new.class, "cmdb_ci") {
        item::retire(Some(old), new);
        Vec::new()
    } else if new.class == "sys_user" {
        user::name(Some(old), new);
        Vec::new()
    } else {
        Vec::new()
    };
    if session.schema.is_a(&new.class, "task") {
        span::measure(session.schema, old, new);
    }
    script::check(session, script::Action::Update, new)?;
    policy::check(session, new)?;
    Ok(effects)
}

/// The state that a task with two state fields is to have in both: they mirror each other, whichever was written.
fn mirrored<'r>(old: &Record, new: &'r Record, twin: &str) -> &'r str {
    new.value(if new.value("state") == old.value("state") { twin } else { "state" })
}
