//! What follows from a write: journal entries, approver rows, decisions, deletions.

mod approval;
mod tasks;

use super::input::Input;
use super::{Writer, audit, children};
use crate::access::Caller;
use crate::entropy;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::Effect;
use crate::store::{Session, StoreError};
pub(super) use approval::TABLE as APPROVER;

/// Appends the entries for journal fields.
pub(super) fn journal(
    session: &Session<'_>,
    caller: &Caller,
    record: &Record,
    input: &Input,
) -> Result<(), StoreError> {
    for (element, text) in input.journal(session.schema, &record.class) {
        let mut entry = Record::new("sys_journal_field", &entropy::sys_id(session.entropy));
        entry.set("name", record.class.clone());
        entry.set("element", element);
        entry.set("element_id", record.sys_id.clone());
        entry.set("value", text);
        audit::stamp_new(session, caller, &mut entry);
        session.insert(&entry)?;
    }
    Ok(())
}

/// Does what a rule asked for after the row was stored.
pub(super) fn perform(
    session: &Session<'_>,
    writer: &Writer<'_>,
    record: &Record,
    effect: Effect,
) -> Result<(), Refusal> {
    match effect {
        Effect::RequestApproval => approval::request(session, writer, record),
        Effect::SettleApprovers { own, others } => {
            Ok(approval::settle(session, writer.caller, record, own, others)?)
        }
        Effect::AddTasks => tasks::add(session, writer, record),
        Effect::CancelTasks => tasks::cancel(session, writer, record),
        Effect::Review => tasks::review(session, writer, record),
        Effect::ReviewIfDone => tasks::review_if_done(session, writer, record),
        Effect::ResolveChildren => children::resolve(session, writer, record),
        Effect::Decide { decision } => approval::decide(session, writer, record, decision),
        Effect::Withdraw => approval::withdrawn(session, writer, record),
    }
}

/// Removes the rows that belong to a row.
pub(super) fn cascade(session: &Session<'_>, record: &Record) -> Result<(), StoreError> {
    let mut owned = session.by("sys_journal_field", "element_id", &record.sys_id)?;
    owned.extend(session.by("sys_attachment", "table_sys_id", &record.sys_id)?.into_iter().filter(
        |attachment| {
            session.schema.root(attachment.value("table_name")) == session.schema.root(&record.class)
        },
    ));
    if record.class == "sys_attachment" {
        owned.extend(session.by("sys_attachment_attribute", "sys_attachment", &record.sys_id)?);
    }
    if session.schema.is_a(&record.class, "task") {
        owned.extend(session.by("sysapproval_approver", "sysapproval", &record.sys_id)?);
        for table in ["task_ci", "task_cmdb_ci_service", "task_service_offering"] {
            owned.extend(session.by(table, "task", &record.sys_id)?);
        }
    }
    if session.schema.is_a(&record.class, "change_request") {
        owned.extend(session.by("change_task", "change_request", &record.sys_id)?);
        owned.extend(session.by("conflict", "change", &record.sys_id)?);
    }
    if session.schema.is_a(&record.class, "cmdb_ci") {
        owned.extend(session.by("cmdb_rel_ci", "parent", &record.sys_id)?);
        owned.extend(session.by("cmdb_rel_ci", "child", &record.sys_id)?);
    }
    for row in owned {
        cascade(session, &row)?;
        session.remove(&row)?;
    }
    Ok(())
}
