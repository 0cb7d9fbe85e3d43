//! Stage 6, "Bidirectional Sync": what becomes of a person's instruction stands on the incident that it was written on.

use super::Desk;
use super::operation::{Operation, Values};
use crate::lifecycle::entity::{Instruction, Remediation, RemediationState};
use crate::lifecycle::event::incident::IncidentClosed;
use crate::lifecycle::event::remediation::RemediationChanged;
use crate::lifecycle::timestamp;
use crate::models::change_request::State;
use crate::models::incident;

pub(super) fn changed(desk: &Desk<'_>, body: &RemediationChanged) -> Vec<Operation> {
    let remediation = &body.remediation;
    let Remediation { order, state, .. } = remediation;
    let change = desk.order_change(order);
    let mut operations = Vec::new();
    match state {
        RemediationState::Waiting => {
            if let Some(proposed) = &body.proposed {
                let values = desk.emergency_values(proposed, &change);
                operations.push(Operation::Create { record: change.clone(), values });
                let to = State::Authorize;
                operations.push(Operation::MoveChange { record: change, to, values: Values::new() });
            }
        }
        RemediationState::Dropped { reason } if remediation.waits => {
            let values = Values::new().text("close_notes", reason);
            operations.push(Operation::MoveChange { record: change, to: State::Canceled, values });
        }
        RemediationState::Ordered => {
            let record = desk.incident(&remediation.incident);
            let to = incident::State::InProgress;
            operations.push(Operation::MoveIncident { record, to, values: Values::new() });
        }
        _ => {}
    }
    if let Some(old) = &body.supersedes {
        let notes = format!("Not proved; order {order} takes its place, as {} instructed.", remediation.by);
        let code = &desk.mapping.change.closed_unsuccessful;
        let values = Values::new().text("close_code", code).text("close_notes", notes);
        operations.push(Operation::MoveChange { record: desk.order_change(old), to: State::Closed, values });
    }
    let record = desk.incident(&remediation.incident);
    operations.push(desk.note(record, "instruction", text(desk, remediation)));
    operations
}

/// A person has closed the incident: what is known of the device now stands on its configuration item.
pub(super) fn closed(desk: &Desk<'_>, body: &IncidentClosed) -> Operation {
    let (record, values) = (desk.device_item(&body.device), desk.compliance_values(body.compliance));
    Operation::Update { record, values }
}

fn text(desk: &Desk<'_>, remediation: &Remediation) -> String {
    let Remediation { device, instruction, by, order, state, .. } = remediation;
    let change = desk.order_change(order);
    let change = change.correlation.as_str();
    let how = match state {
        RemediationState::Waiting => format!("waits for the approval of change request {change}."),
        RemediationState::Queued => {
            "waits: another order on the device is under way. It is begun if that one does not help."
                .to_owned()
        }
        RemediationState::Ordered if *instruction == Instruction::Quarantine => {
            format!(
                "is taken: the platform is to perform order {order}. It lasts until the incident is closed."
            )
        }
        RemediationState::Ordered => format!(
            "is taken: the platform is to perform order {order}, change request {change}. Whether it has helped is \
             what the device's next report says."
        ),
        RemediationState::Performed => format!("is performed, order {order}."),
        RemediationState::Done => "is done.".to_owned(),
        RemediationState::Failed { reason } => {
            format!("HAS FAILED: {reason}. It is not tried again; a person has to look.")
        }
        RemediationState::Dropped { reason } => format!("is not done: {reason}."),
    };
    let at = timestamp::format(desk.event.time);
    format!("Instruction {instruction:?} for device {device} by {by}: it {how} ({at})")
}
