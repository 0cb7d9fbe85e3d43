//! The gate: opened by an approved change request that was read, not by a hint.

use std::time::Duration;

use super::super::entity::{Entity, EntityKey, Gate, GateState, RemediationState};
use super::super::event::EventBody;
use super::super::event::gate::{GateOpened, GateRefused};
use super::super::event::record::RecordChanged;
use super::view::Observed;
use super::{Context, Step, Stop, instruction, not_yet};
use crate::models::change_request::{Approval, State};

/// How soon to look again for the receipt of the change request's making.
const WAIT_FOR_RECEIPT: Duration = Duration::from_secs(2);

/// What the change request says about its gate.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Approved,
    Rejected(&'static str),
    Undecided,
}

/// An approval given while the change is still in Assess or Authorize is one of several: it counts once the change
/// has moved on. States that an instance has made up wait.
fn verdict(record: &Observed) -> Verdict {
    let (approval, state) =
        (Approval::from_raw(record.text("approval")), State::from_raw(record.text("state")));
    if state == State::Canceled {
        Verdict::Rejected("the change request is canceled")
    } else if approval == Approval::Rejected {
        Verdict::Rejected("the change request is rejected")
    } else if approval == Approval::Approved && state.is_past_approval() {
        Verdict::Approved
    } else {
        Verdict::Undecided
    }
}

pub(super) fn change_request(context: &Context<'_>, body: &RecordChanged) -> Result<Step, Stop> {
    let Some((version, gate)) = context.view.gate(&body.sys_id)? else {
        return of_instruction(context, body);
    };
    if gate.state != GateState::Waiting {
        return Ok(context.step(format!("the gate of build {} was decided before", gate.build_id)));
    }
    if !context.view.has_receipt(&gate.requested_by)? {
        return not_yet(
            format!("the change request of build {} is not yet recorded with its attachments", gate.build_id),
            WAIT_FOR_RECEIPT,
        );
    }
    let record = context.view.record(&body.table, &body.sys_id)?;
    if record.fields.is_none() {
        let remark =
            format!("the change request of build {} can not be read; its gate stays shut", gate.build_id);
        return Ok(context.step(remark));
    }
    match verdict(record) {
        Verdict::Approved => Ok(open(context, body, version, gate, record)),
        Verdict::Rejected(reason) => Ok(refuse_gate(context, body, version, gate, record, reason)),
        Verdict::Undecided => Ok(context.step(format!(
            "the change request of build {} is undecided (approval {:?}, state {:?})",
            gate.build_id,
            record.text("approval"),
            record.text("state")
        ))),
    }
}

/// The change request of an instruction that waits for its approval.
fn of_instruction(context: &Context<'_>, body: &RecordChanged) -> Result<Step, Stop> {
    let Some((version, known)) = context.view.remediation(&body.sys_id)? else {
        return Ok(context.step("the change request is none of ours"));
    };
    if known.state != RemediationState::Waiting {
        return Ok(context.step("nothing waits for the change request any more"));
    }
    let record = context.view.record(&body.table, &body.sys_id)?;
    let rejected = match verdict(record) {
        Verdict::Approved => None,
        Verdict::Rejected(reason) => Some(reason),
        Verdict::Undecided => {
            return Ok(context.step(format!("the {} of device {} waits", known.instruction, known.device)));
        }
    };
    instruction::decided(context, &body.sys_id, version, known, rejected)
}

fn open(context: &Context<'_>, body: &RecordChanged, version: u64, gate: &Gate, record: &Observed) -> Step {
    let mut step = context.step(format!("the gate of build {} is open", gate.build_id));
    let opened = Gate { state: GateState::Open { since: record.seen_at }, ..gate.clone() };
    step.write(EntityKey::Gate(body.sys_id.clone()), version, Entity::Gate(opened));
    let event = GateOpened {
        build_id: gate.build_id.clone(),
        change_request: body.sys_id.clone(),
        number: record.text("number").to_owned(),
        state: record.text("state").parse().unwrap_or(0),
        updated_by: record.text("sys_updated_by").to_owned(),
        seen_at: record.seen_at,
    };
    step.publish(context.derived("gate", record.seen_at, EventBody::GateOpened(Box::new(event))));
    step
}

fn refuse_gate(
    context: &Context<'_>,
    body: &RecordChanged,
    version: u64,
    gate: &Gate,
    record: &Observed,
    reason: &str,
) -> Step {
    let mut step = context.step(format!("the gate of build {} is refused: {reason}", gate.build_id));
    let refused = Gate {
        state: GateState::Refused { since: record.seen_at, reason: reason.to_owned() },
        ..gate.clone()
    };
    step.write(EntityKey::Gate(body.sys_id.clone()), version, Entity::Gate(refused));
    let event = GateRefused {
        build_id: gate.build_id.clone(),
        change_request: body.sys_id.clone(),
        number: record.text("number").to_owned(),
        reason: reason.to_owned(),
        updated_by: record.text("sys_updated_by").to_owned(),
        seen_at: record.seen_at,
    };
    step.publish(context.derived("gate", record.seen_at, EventBody::GateRefused(Box::new(event))));
    step
}
