//! Who is asked to approve a change request, and what becomes of the answers.

use std::collections::BTreeSet;

use crate::access::Caller;
use crate::entropy;
use crate::population;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::rules::approver::REQUESTED;
use crate::rules::change;
use crate::store::{Narrow, Session, StoreError};
use crate::write::{Writer, audit, input::Input, update};

pub(in crate::write) const TABLE: &str = "sysapproval_approver";

/// Asks who is to approve; peers of whom there are none have no objection, so that the change goes on to the board.
pub(super) fn request(session: &Session<'_>, writer: &Writer<'_>, change: &Record) -> Result<(), Refusal> {
    if !open(session, change)?.is_empty() {
        return Ok(());
    }
    let asked = asked(session, change)?;
    if asked.is_empty() && change::by_peers(session.switches, change) {
        return by_rule(session, writer, &change.sys_id, "approved");
    }
    for approver in asked {
        let mut row = Record::new(TABLE, &entropy::sys_id(session.entropy));
        row.set("sysapproval", change.sys_id.clone());
        row.set("document_id", change.sys_id.clone());
        row.set("source_table", change.class.clone());
        row.set("approver", approver);
        row.set("state", REQUESTED);
        audit::stamp_new(session, &Caller::system(), &mut row);
        session.insert(&row)?;
    }
    Ok(())
}

/// Passes an answer on to the change request: a rejection at once, an approval once nobody is left to ask.
pub(super) fn decide(
    session: &Session<'_>,
    writer: &Writer<'_>,
    answer: &Record,
    decision: &str,
) -> Result<(), Refusal> {
    let Some(change) = waiting(session, answer)? else { return Ok(()) };
    let one_is_enough = decision == "rejected" || session.switches.one_approval_suffices;
    if one_is_enough || open(session, &change)?.is_empty() {
        return by_rule(session, writer, &change.sys_id, decision);
    }
    Ok(())
}

/// What becomes of a change one of whose approvers is no longer asked. If nobody else is, the approvals that were given
/// beside that one's stand for all; where there are none, it is asked anew: a change neither waits for nobody nor passes
/// without an answer.
pub(super) fn withdrawn(session: &Session<'_>, writer: &Writer<'_>, row: &Record) -> Result<(), Refusal> {
    let Some(change) = waiting(session, row)? else { return Ok(()) };
    if !open(session, &change)?.is_empty() {
        return Ok(());
    }
    let asked = asked(session, &change)?;
    let together = row.value("sys_created_on");
    let approved = session.by(TABLE, "sysapproval", &change.sys_id)?.iter().any(|other| {
        other.value("state") == "approved"
            && other.value("sys_created_on") == together
            && asked.contains(other.value("approver"))
    });
    if approved {
        by_rule(session, writer, &change.sys_id, "approved")
    } else {
        request(session, writer, &change)
    }
}

/// The change that a row is about, if it waits for approval.
fn waiting(session: &Session<'_>, row: &Record) -> Result<Option<Record>, StoreError> {
    let change = session.find("change_request", row.value("sysapproval"))?;
    Ok(change.filter(|change| change.value("approval") == "requested"))
}

/// Closes what is still requested: the caller's own row one way, the others another.
pub(super) fn settle(
    session: &Session<'_>,
    caller: &Caller,
    change: &Record,
    own: &str,
    others: &str,
) -> Result<(), StoreError> {
    for mut row in open(session, change)? {
        let state = if row.value("approver") == caller.sys_id { own } else { others };
        row.set("state", state);
        audit::stamp_changed(session, caller, &mut row);
        session.replace(&row)?;
    }
    Ok(())
}

fn by_rule(session: &Session<'_>, writer: &Writer<'_>, change: &str, decision: &str) -> Result<(), Refusal> {
    let Some(change) = session.find("change_request", change)? else { return Ok(()) };
    let writer = Writer { by_rule: true, ..*writer };
    update(session, &writer, &change, &Input::of([("approval", decision)])).map(drop)
}

fn open(session: &Session<'_>, change: &Record) -> Result<Vec<Record>, StoreError> {
    let mut rows = session.by(TABLE, "sysapproval", &change.sys_id)?;
    rows.retain(|row| row.value("state") == REQUESTED);
    Ok(rows)
}

/// Who is to approve a change where it stands.
fn asked(session: &Session<'_>, change: &Record) -> Result<BTreeSet<String>, StoreError> {
    if change::by_peers(session.switches, change) {
        members(session, change.value("assignment_group"))
    } else {
        board(session)
    }
}

/// The members of the change advisory board, or else the change managers, or else the administrators: somebody is always
/// asked. Who has left is not among them.
fn board(session: &Session<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut asked = BTreeSet::new();
    for group in session.by("sys_user_group", "name", population::CAB_GROUP)? {
        asked.append(&mut members(session, &group.sys_id)?);
    }
    for role in ["change_manager", "admin"] {
        if asked.is_empty() {
            asked = holders(session, role)?;
        }
    }
    Ok(asked)
}

/// The active users who have a role.
fn holders(session: &Session<'_>, role: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut holders = BTreeSet::new();
    for user in session.scan("sys_user", &Narrow::All)? {
        if user.value("active") == "true" && Caller::roles_of(session, &user)?.contains(role) {
            holders.insert(user.sys_id);
        }
    }
    Ok(holders)
}

/// The active members of a group: who has left is not waited for.
fn members(session: &Session<'_>, group: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut members = BTreeSet::new();
    if group.is_empty() {
        return Ok(members);
    }
    for membership in session.by("sys_user_grmember", "group", group)? {
        let user = session.find("sys_user", membership.value("user"))?;
        members.extend(user.filter(|user| user.value("active") == "true").map(|user| user.sys_id));
    }
    Ok(members)
}
