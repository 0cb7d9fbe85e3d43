//! Stage 3: the change request through its rollout (guide, "Rollout Stages").

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::json;

use super::Desk;
use super::cmdb::date_time;
use super::operation::{File, Operation, Values};
use crate::lifecycle::event::rollout::{
    DeviceHealth, RolloutCompleted, RolloutFailed, Stage, StagePassed, StageStarted,
};
use crate::lifecycle::id::{BuildId, DeviceId};
use crate::lifecycle::timestamp;
use crate::models::change_request::State;

/// Devices that a note names at most; their number is told in full, and the attachment has all.
const MAX_TOLD: usize = 50;
/// What a failure of the stage leads to, in the words of the change request.
const BACKOUT: &str = "By itself, at the first device that is not healthy or the first stage that is overdue: the \
    rollout halts, and every device that was deployed goes back to the last build known to be good on it, each by \
    an emergency change request of its own; where there is none, it is quarantined. This change request then goes \
    to Review.";

pub(super) fn stage_started(desk: &Desk<'_>, body: &StageStarted) -> Vec<Operation> {
    let record = desk.build_change(&body.build_id);
    let text = format!(
        "Stage {stage} of the rollout of build {build} to fleet {fleet} begins with {count} of {of} device(s): \
         {devices}.\n\
         Each must prove by its own signed reports that it is healthy for {soak} s from its first healthy report, \
         by at least {reports} reports.\n\
         The stage fails if it has not passed by {due}.",
        stage = body.stage,
        build = body.build_id,
        fleet = body.fleet,
        count = body.devices.len(),
        of = body.of,
        devices = list(&body.devices),
        soak = body.soak_s,
        reports = body.reports,
        due = timestamp::format(body.due),
    );
    let mut operations = Vec::new();
    if body.stage == Stage::Canary {
        operations.push(Operation::MoveChange {
            record: record.clone(),
            to: State::Implement,
            values: Values::new(),
        });
        let test_plan = format!(
            "Every device: {} s without a finding of P1 to P3, from its first healthy report, by at least {} of its \
             own signed reports, each of build {}.",
            body.soak_s, body.reports, body.build_id
        );
        let values = Values::new()
            .text("implementation_plan", implementation(body))
            .text("test_plan", test_plan)
            .text("backout_plan", BACKOUT);
        operations.push(Operation::Update { record: record.clone(), values });
    }
    operations.push(desk.note(record, "stage started", text));
    operations
}

fn implementation(body: &StageStarted) -> String {
    format!(
        "Build {} is rolled out to the {} device(s) of fleet {}: canary (1 device), staged (10 % of the fleet, at \
         least 1), full (the rest). A stage begins when the one before it has passed and this change request is \
         still approved.",
        body.build_id, body.of, body.fleet
    )
}

pub(super) fn stage_passed(desk: &Desk<'_>, body: &StagePassed) -> Vec<Operation> {
    let record = desk.build_change(&body.build_id);
    if body.health.is_empty() {
        let text = format!(
            "Stage {} of the rollout of build {} is empty: fleet {} has no device left for it.",
            body.stage, body.build_id, body.fleet
        );
        return vec![desk.note(record, "stage passed", text)];
    }
    let text = format!(
        "Stage {} of the rollout of build {} has passed; the health results are attached.{}",
        body.stage,
        body.build_id,
        told(&body.health)
    );
    let file = health(desk, &body.build_id, body.stage, "passed", body.soak_s, &body.health);
    vec![Operation::Attach { record: record.clone(), file }, desk.note(record, "stage passed", text)]
}

pub(super) fn failed(desk: &Desk<'_>, body: &RolloutFailed) -> Vec<Operation> {
    let record = desk.build_change(&body.build_id);
    let back = match body.rolled_back.is_empty() {
        true => "Nothing was deployed.".to_owned(),
        false => format!("What was deployed goes back: {}.", list(&body.rolled_back)),
    };
    let text = format!(
        "Stage {} of the rollout of build {} HAS FAILED and the rollout has halted: {}.\n{back} The health results \
         are attached.{}\nA person has to review this change request and close it.",
        body.stage,
        body.build_id,
        body.reason,
        told(&body.health)
    );
    let file = health(desk, &body.build_id, body.stage, "failed", body.soak_s, &body.health);
    vec![
        Operation::Attach { record: record.clone(), file },
        desk.note(record.clone(), "failed", text),
        Operation::MoveChange { record, to: State::Review, values: Values::new() },
    ]
}

pub(super) fn completed(desk: &Desk<'_>, body: &RolloutCompleted) -> Vec<Operation> {
    let record = desk.build_change(&body.build_id);
    let notes = format!(
        "Build {} runs on all {} device(s) of fleet {}, each of which has proved it by its own signed reports. The \
         rollout began at {} and ended at {}.",
        body.build_id,
        body.devices,
        body.fleet,
        timestamp::format(body.begun_at),
        timestamp::format(desk.event.time),
    );
    let values =
        Values::new().text("close_code", &desk.mapping.change.closed_successful).text("close_notes", &notes);
    vec![
        desk.note(record.clone(), "completed", notes),
        Operation::MoveChange { record, to: State::Closed, values },
    ]
}

/// `rollout-<stage>-health.json`.
fn health(
    desk: &Desk<'_>,
    build: &BuildId,
    stage: Stage,
    result: &str,
    soak_s: u64,
    devices: &[DeviceHealth],
) -> File {
    let document = json!({
        "build_id": build,
        "stage": stage,
        "result": result,
        "at": timestamp::format(desk.event.time),
        "soak_s": soak_s,
        "devices": devices,
    });
    File::new(
        format!("rollout-{stage}-health.json"),
        "application/json",
        format!("{document:#}\n").into_bytes(),
    )
}

/// One line for each of the first devices.
fn told(devices: &[DeviceHealth]) -> String {
    let instant = |time: Option<SystemTime>| time.map_or_else(|| "never".to_owned(), date_time);
    let mut text = String::new();
    for health in devices.iter().take(MAX_TOLD) {
        // Writing to a String does not fail.
        let _ = write!(text, "\n- {} ({}): {}", health.device, health.stage, health.standing);
        let _ = match health.healthy_since {
            Some(since) => write!(
                text,
                ", {} healthy report(s) from {} to {}",
                health.reports,
                date_time(since),
                instant(health.healthy_until)
            ),
            None => write!(text, ", no healthy report"),
        };
        for fault in &health.faults {
            let _ = write!(text, "; {fault}");
        }
    }
    let more = devices.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        let _ = write!(text, "\n- and {more} more");
    }
    text
}

fn list(devices: &[DeviceId]) -> String {
    let told = devices.iter().take(MAX_TOLD).map(DeviceId::as_str).collect::<Vec<_>>().join(", ");
    match devices.len().saturating_sub(MAX_TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
