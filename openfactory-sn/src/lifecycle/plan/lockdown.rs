//! A device's overlay was opened or closed (guide, "Lockdown State Transitions", row by row).

use openfactory_zone2::lockdown::{Cause, TransitionRecord};
use openfactory_zone2::{LockdownState, Row};

use super::Desk;
use super::operation::{Operation, RecordKey, Values};
use super::text::clip;
use crate::id::CorrelationId;
use crate::lifecycle::event::lockdown::{LockdownRecorded, TransitionRecordedAs};
use crate::lifecycle::timestamp;
use crate::models::change_request::State;

pub(super) fn recorded(desk: &Desk<'_>, body: &LockdownRecorded) -> Vec<Operation> {
    let record = |correlation: &CorrelationId| {
        RecordKey::new(&desk.mapping.tables.change_request, correlation.clone())
    };
    let mut operations = match &body.recorded {
        TransitionRecordedAs::Note { build_id } => {
            vec![desk.note(desk.build_change(build_id), "lockdown", text(body))]
        }
        TransitionRecordedAs::Opened { change_request } => {
            let record = record(change_request);
            let values = emergency_values(desk, body, &record);
            vec![
                Operation::Create { record: record.clone(), values },
                Operation::MoveChange { record, to: State::Implement, values: Values::new() },
            ]
        }
        TransitionRecordedAs::Closed { change_request } => {
            let code = &desk.mapping.change.closed_successful;
            let values = Values::new().text("close_code", code).text("close_notes", text(body));
            vec![Operation::MoveChange { record: record(change_request), to: State::Closed, values }]
        }
        TransitionRecordedAs::Review { change_request } => {
            let record = record(change_request);
            vec![
                desk.note(record.clone(), "lockdown", text(body)),
                Operation::MoveChange { record, to: State::Review, values: Values::new() },
            ]
        }
    };
    operations.push(item(desk, body));
    operations
}

/// What the device's item says of its lockdown, and of its compliance while the overlay is open.
fn item(desk: &Desk<'_>, body: &LockdownRecorded) -> Operation {
    let item = &desk.mapping.item;
    let transition = &body.transition;
    let overlay = match (transition.to, body.differences) {
        (LockdownState::Locked, 0) => "as sealed",
        (LockdownState::Locked, _) => "violated",
        (LockdownState::Migration | LockdownState::Unlocked, _) => "open",
    };
    let seal = transition.seal.map_or_else(String::new, |seal| seal.to_string());
    let values = desk
        .compliance_values(body.compliance)
        .column(item.overlay_column.as_ref(), overlay)
        .column(item.lockdown_column.as_ref(), transition.to.as_str())
        .column(item.seal_digest_column.as_ref(), seal);
    Operation::Update { record: desk.device_item(&body.device), values }
}

fn text(body: &LockdownRecorded) -> String {
    let TransitionRecord { sequence, from, to, at, row, .. } = &body.transition;
    let what = match (row, &body.transition.cause) {
        (Row::MigrationOpened, _) => {
            "migration window opened; the snapshot to which a failed migration goes back is the device's to take"
        }
        (Row::MigrationClosed, Cause::Command { .. }) => {
            "migration complete, new seal written, lockdown restored"
        }
        (Row::MigrationClosed, Cause::MigrationFailed) => {
            "migration FAILED, Zone 2 is as it was before it, lockdown restored under the old seal"
        }
        (Row::Relocked, Cause::Command { .. }) => {
            "re-provisioning complete, sealed anew with the combined SBOM if it has one, lockdown restored"
        }
        (Row::MigrationClosed | Row::Relocked, _) => {
            "the window has ended without a signed lock: lockdown restored under the old seal, a person has to review"
        }
        _ => row.headline(),
    };
    let mut lines = vec![
        format!("Device {}, {from} → {to}: {what}.", body.device),
        format!("Transition {sequence} of the device, at {}.", timestamp::format(*at)),
        format!("Zone 2 is {}, monitoring is in {} mode.", access(*to), monitoring(*to)),
    ];
    lines.extend(authority(&body.transition.cause));
    if let Some(expires) = body.expires {
        lines.push(format!("The window closes by itself at {}.", timestamp::format(expires)));
    }
    if let Some(seal) = &body.transition.seal {
        lines.push(format!("Seal in force: {seal}"));
    }
    if body.differences > 0 {
        let incidents: Vec<&str> = body.incidents.iter().map(CorrelationId::as_str).collect();
        lines.push(format!(
            "{} DIFFERENCE(S) FROM THE SEAL; incidents: {}",
            body.differences,
            if incidents.is_empty() { "opened before".to_owned() } else { incidents.join(", ") }
        ));
    }
    lines.join("\n")
}

const fn access(state: LockdownState) -> &'static str {
    match state {
        LockdownState::Locked => "read-only",
        LockdownState::Migration | LockdownState::Unlocked => "read-write",
    }
}

const fn monitoring(state: LockdownState) -> &'static str {
    match state {
        LockdownState::Locked => "deny",
        LockdownState::Migration | LockdownState::Unlocked => "audit",
    }
}

/// Who ordered it, why, by which command and under which change request.
fn authority(cause: &Cause) -> Vec<String> {
    match cause {
        Cause::Command { id, signer, operator, justification, change_request } => vec![
            format!("Fleet command {id}, signed by key {signer}; operator: {operator}"),
            format!("Justification: {justification}"),
            format!("Change request named by the command: {change_request}"),
        ],
        Cause::Expired => vec!["Cause: the command that opened the window has expired.".to_owned()],
        Cause::MigrationFailed => vec!["Cause: the migration failed.".to_owned()],
        _ => Vec::new(),
    }
}

/// "Emergency CR: unlock authorized by fleet command, justification required, operator logged".
fn emergency_values(desk: &Desk<'_>, body: &LockdownRecorded, record: &RecordKey) -> Values {
    let (mapping, change) = (desk.mapping, &desk.mapping.change);
    let title = format!("Emergency: overlay of device {} unlocked by fleet command", body.device);
    let justification = match &body.transition.cause {
        Cause::Command { justification, .. } => justification.as_str(),
        _ => "",
    };
    desk.identified(record)
        .text("type", &change.emergency_type)
        .text("short_description", clip(&title, change.short_description_limit))
        .text("description", text(body))
        .text("category", &change.category)
        .text("risk", &change.risk.absent)
        .text(
            "risk_impact_analysis",
            "While it is unlocked, the device's overlay is not held against its seal.",
        )
        .text("justification", justification)
        .text(
            "implementation_plan",
            "Re-provision the device, then lock it by a signed command: that seals it anew.",
        )
        .text("backout_plan", "The window closes by itself; the overlay is then held against the old seal.")
        .text("test_plan", "The device's next report must match its build and its seal.")
        .record("parent", desk.build_change(&body.build_id))
        .record("cmdb_ci", desk.device_item(&body.device))
        .lookup("requested_by", &mapping.tables.user, "user_name", &mapping.incident.caller)
        .lookup("assignment_group", &mapping.tables.group, "name", &mapping.groups.change)
        .column(change.build_column.as_ref(), body.build_id.as_str())
        .column(change.fleet_column.as_ref(), body.fleet.as_str())
}
