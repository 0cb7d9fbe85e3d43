//! Approve and reject: what waits for an answer, and the answer.

use axum::http::StatusCode;
use axum::response::Response;

use super::link::{self, Link};
use super::login::form_value;
use super::{Visit, respond};
use crate::access::Operation;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::write::{self, input::Input};

const TABLE: &str = "sysapproval_approver";

/// An approval that was asked for.
pub(super) struct Approval {
    /// The approver row.
    pub(super) record: Link,
    pub(super) approver: String,
    pub(super) state: String,
    /// Where the answer goes, if this visitor may give it.
    pub(super) action: Option<String>,
}

/// The approvals of a record, the latest first; of an approver row, itself.
pub(super) fn of(visit: &Visit<'_>, record: &Record) -> Result<Vec<Approval>, StoreError> {
    let session = visit.session;
    let rows = if record.class == TABLE {
        vec![record.clone()]
    } else if session.schema.is_a(&record.class, "task") {
        session.by(TABLE, "sysapproval", &record.sys_id)?
    } else {
        Vec::new()
    };
    visit.access()?.visible(rows)?.iter().rev().map(|row| one(visit, row)).collect()
}

fn one(visit: &Visit<'_>, row: &Record) -> Result<Approval, StoreError> {
    let access = visit.access()?;
    let shown = |name: &str| match visit.session.schema.field(TABLE, name) {
        Some(field) => crate::query::walk::display(&access, field, row.value(name)),
        None => Ok(String::new()),
    };
    let waits = row.value("state") == "requested";
    let approver = shown("approver")?;
    Ok(Approval {
        record: Link::to_record(TABLE, &row.sys_id, &approver),
        state: shown("state")?,
        action: (waits && may_answer(visit, row)?).then(|| link::approval(&row.sys_id)),
        approver,
    })
}

/// As the Table API and the approver's rule have it.
fn may_answer(visit: &Visit<'_>, row: &Record) -> Result<bool, StoreError> {
    let caller = &visit.visitor.caller;
    let asked = row.value("approver") == caller.sys_id || caller.may_decide();
    Ok(asked && visit.access()?.row(Operation::Write, row)?)
}

/// `POST /page/approval/{sys_id}`: writes the answer into the approver row, as the Table API would.
pub(super) fn answer(visit: &Visit<'_>, sys_id: &str) -> Result<Response, Refusal> {
    let session = visit.session;
    let row = visit.access()?.readable(session.find(TABLE, sys_id)?)?;
    let row = row.ok_or_else(Refusal::no_record)?;
    let decision = form_value(visit.call, "decision").unwrap_or_default();
    if !["approved", "rejected"].contains(&decision.as_str()) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Approve or reject").detail(decision));
    }
    visit.access()?.demand(Operation::Write, &row)?;
    if row.value("state") != "requested" {
        return Err(Refusal::new(StatusCode::CONFLICT, "This was answered before")
            .detail("Nothing was changed. Open the record again to see how it stands."));
    }
    let comments = form_value(visit.call, "comments").unwrap_or_default();
    let input = Input::of([("state", decision.as_str()), ("comments", comments.trim())]);
    write::update(session, &visit.app.writer(&visit.visitor.caller), &row, &input)?;
    let about = match row.value("source_table") {
        "" => link::record(TABLE, sys_id),
        table => link::record(table, row.value("sysapproval")),
    };
    Ok(respond::see_other(&about))
}
