//! What follows from a write: journal entries, approver rows, decisions, deletions.

mod tasks;

use std::collections::BTreeSet;

use super::input::Input;
use super::{Writer, audit, children, update};
use crate::access::Caller;
use crate::entropy;
use crate::population;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::Effect;
use crate::store::{Narrow, Session, StoreError};

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
        Effect::RequestApproval => Ok(request_approval(session, record)?),
        Effect::SettleApprovers { own, others } => {
            Ok(settle_approvers(session, writer.caller, record, own, others)?)
        }
        Effect::AddTasks => tasks::add(session, writer, record),
        Effect::CancelTasks => tasks::cancel(session, writer, record),
        Effect::Review => tasks::review(session, writer, record),
        Effect::ReviewIfDone => tasks::review_if_done(session, writer, record),
        Effect::ResolveChildren => children::resolve(session, writer, record),
        Effect::Decide { decision } => {
            let Some(change) = session.find("change_request", record.value("sysapproval"))? else {
                return Ok(());
            };
            let writer = Writer { by_rule: true, ..*writer };
            update(session, &writer, &change, &Input::of([("approval", decision)])).map(drop)
        }
    }
}

/// Asks the members of the change advisory board, or else the change managers.
fn request_approval(session: &Session<'_>, change: &Record) -> Result<(), StoreError> {
    let rows = session.by("sysapproval_approver", "sysapproval", &change.sys_id)?;
    if rows.iter().any(|row| row.value("state") == "requested") {
        return Ok(());
    }
    for approver in approvers(session)? {
        let mut row = Record::new("sysapproval_approver", &entropy::sys_id(session.entropy));
        row.set("sysapproval", change.sys_id.clone());
        row.set("document_id", change.sys_id.clone());
        row.set("source_table", change.class.clone());
        row.set("approver", approver);
        row.set("state", "requested");
        audit::stamp_new(session, &Caller::system(), &mut row);
        session.insert(&row)?;
    }
    Ok(())
}

fn approvers(session: &Session<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut members = BTreeSet::new();
    for group in session.by("sys_user_group", "name", population::CAB_GROUP)? {
        for membership in session.by("sys_user_grmember", "group", &group.sys_id)? {
            members.insert(membership.value("user").to_owned());
        }
    }
    if members.is_empty() {
        for user in session.scan("sys_user", &Narrow::All)? {
            if Caller::roles_of(session, &user)?.contains("change_manager") {
                members.insert(user.sys_id);
            }
        }
    }
    Ok(members)
}

/// Closes what is still requested: the caller's own row one way, the others another.
fn settle_approvers(
    session: &Session<'_>,
    caller: &Caller,
    change: &Record,
    own: &str,
    others: &str,
) -> Result<(), StoreError> {
    for mut row in session.by("sysapproval_approver", "sysapproval", &change.sys_id)? {
        if row.value("state") != "requested" {
            continue;
        }
        let state = if row.value("approver") == caller.sys_id { own } else { others };
        row.set("state", state);
        audit::stamp_changed(session, caller, &mut row);
        session.replace(&row)?;
    }
    Ok(())
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
        session.remove(&row)?;
    }
    Ok(())
}
