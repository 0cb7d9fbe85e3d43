//! Stage 3: a verified build is rolled out, canary first, by orders, and judged by the devices' own reports.
//!
//! A rollout has a lane of its own, which knows the cohorts and how each device stands; what is ordered about a
//! device is decided in the device's lane. A device that is not healthy is rolled back there, at once; the rollout
//! hears of it, halts, and withdraws the others.

mod approval;
mod cohort;
mod device;
mod health;
mod machine;

use std::time::Duration;

pub(super) use self::device::{
    after_proof, assigned, deployed, deployed_too_late, not_deployed, reported, watched, withdrawn,
};
pub(super) use self::health::{Health, judge};

use self::approval::InForce;
use self::machine::{Change, Input};
use super::super::entity::{
    Build, BuildStage, Entity, EntityKey, Fleet, Member, Rollout, RolloutState, Standing,
};
use super::super::event::EventBody;
use super::super::event::rollout::{
    DeviceAssigned, DeviceChecked, DeviceWithdrawn, RolloutCompleted, RolloutFailed, RolloutRequested, Stage,
    StageOverdue, StagePassed, StageStarted,
};
use super::super::id::{BuildId, DeviceId};
use super::super::state::timer::Timer;
use super::super::timestamp;
use super::{Context, Step, Stop, not_yet, refuse};

/// How soon to look again for what is not known yet.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Builds that are remembered to have reached the whole of a fleet.
const MAX_REACHED_FULL: usize = 8;

pub(super) fn requested(context: &Context<'_>, body: &RolloutRequested) -> Result<Step, Stop> {
    let id = &body.build_id;
    if context.view.rollout(id)?.is_some() {
        return refuse(format!("the rollout of build {id} was begun before, by another event"));
    }
    let build = deployable(context, body)?;
    match approval::in_force(context, id, build)? {
        InForce::Yes => {}
        InForce::No(why) => return refuse(format!("build {id} is not rolled out: {why}")),
        InForce::Unknown => {
            let reason = format!("the change request of build {id} can not be read");
            return wait_or_refuse(context, reason);
        }
    }
    let now = timestamp::truncate(context.now);
    let policy = context.policy;
    let mut rollout = Rollout {
        fleet: body.fleet.clone(),
        requested_by: context.event.identity(),
        begun_at: now,
        image: body.image.clone(),
        soak_s: body.soak_s.unwrap_or(policy.rollout_soak.as_secs()),
        reports: policy.rollout_reports,
        stage_within_s: body.stage_within_s.unwrap_or(policy.rollout_stage_within.as_secs()),
        requires_verity: policy.rollout_requires_verity,
        state: RolloutState::Running { stage: Stage::Canary, since: now },
        devices: members(body),
    };
    if rollout.soak_s >= rollout.stage_within_s {
        return refuse(format!(
            "a soak of {} s does not fit into a stage of {} s",
            rollout.soak_s, rollout.stage_within_s
        ));
    }
    let mut step = context.step(format!(
        "the rollout of build {id} to {} device(s) of fleet {} begins",
        rollout.devices.len(),
        rollout.fleet
    ));
    machine::begin(&mut rollout, Stage::Canary, now);
    publish_stage(context, &mut step, id, &rollout, Stage::Canary);
    step.write(EntityKey::Rollout(id.clone()), 0, Entity::Rollout(rollout));
    Ok(step)
}

/// The build, if it is verified and the request is about it. Its verification may be known a little later.
fn deployable<'a>(context: &Context<'a>, body: &RolloutRequested) -> Result<&'a Build, Stop> {
    let id = &body.build_id;
    let Some((_, build)) = context.view.build(id)? else {
        return wait_or_refuse(context, format!("build {id} is not known"));
    };
    match build.stage {
        BuildStage::Verified => {}
        BuildStage::Rejected => return refuse(format!("build {id} is rejected, it is not rolled out")),
        BuildStage::Requested | BuildStage::Completed => {
            return wait_or_refuse(context, format!("build {id} has no valid verification document"));
        }
    }
    for (what, same) in [
        ("for another fleet", build.fleet == body.fleet),
        ("with another root hash", build.root_hash == Some(body.image.root_hash)),
        ("with another verification document", build.document_digest == Some(body.image.document_digest)),
    ] {
        if !same {
            return refuse(format!("build {id} was made {what} than the rollout says"));
        }
    }
    Ok(build)
}

fn wait_or_refuse<T>(context: &Context<'_>, reason: String) -> Result<T, Stop> {
    let waited = context.now.duration_since(context.event.time).unwrap_or_default();
    if waited < context.policy.wait_for_build {
        return not_yet(reason, LOOK_AGAIN);
    }
    refuse(reason)
}

fn members(body: &RolloutRequested) -> std::collections::BTreeMap<DeviceId, Member> {
    let stages = cohort::stages(body);
    let member = |one: &super::super::event::rollout::RolloutDevice| Member {
        stage: stages.get(&one.device).copied().unwrap_or(Stage::Full),
        serial: one.serial.clone(),
        standing: Standing::Waiting,
        reports: 0,
        healthy_since: None,
        healthy_until: None,
        faults: Vec::new(),
    };
    body.devices.iter().map(|one| (one.device.clone(), member(one))).collect()
}

/// What the lane of the device that fails has done already.
#[derive(Clone, Copy)]
enum Done<'a> {
    Nothing,
    GoesBack(&'a DeviceId),
    NotDeployed(&'a DeviceId),
}

pub(super) fn checked(context: &Context<'_>, body: &DeviceChecked) -> Result<Step, Stop> {
    let input = Input::Checked { device: &body.device, at: body.at, faults: &body.faults };
    let done = match (&body.order, body.not_deployed) {
        (_, true) => Done::NotDeployed(&body.device),
        (Some(_), false) => Done::GoesBack(&body.device),
        (None, false) => Done::Nothing,
    };
    take(context, &body.build_id, input, done, format!("device {} is healthy", body.device))
}

pub(super) fn overdue(context: &Context<'_>, body: &StageOverdue) -> Result<Step, Stop> {
    let input = Input::Overdue { stage: body.stage, since: body.since };
    take(context, &body.build_id, input, Done::Nothing, String::new())
}

/// A stage has passed: the next one begins if the approval is still in force, which is asked of the record itself.
pub(super) fn passed(context: &Context<'_>, body: &StagePassed) -> Result<Step, Stop> {
    let (id, stage) = (&body.build_id, body.stage);
    let Some((_, rollout)) = context.view.rollout(id)? else {
        return refuse(format!("build {id} has no rollout"));
    };
    let is_next = matches!(&rollout.state, RolloutState::Passed { stage: passed, .. } if *passed == stage);
    if !is_next || stage.next().is_none() {
        return take(context, id, Input::GoOn { after: stage }, Done::Nothing, String::new());
    }
    let Some((_, build)) = context.view.build(id)? else {
        return refuse(format!("build {id} is not known"));
    };
    let verdict = match build.stage {
        BuildStage::Verified => approval::in_force(context, id, build)?,
        _ => InForce::No(format!("build {id} has no valid verification document any more")),
    };
    match verdict {
        InForce::Yes => take(context, id, Input::GoOn { after: stage }, Done::Nothing, String::new()),
        InForce::No(why) => {
            take(context, id, Input::MayNot { after: stage, why: &why }, Done::Nothing, String::new())
        }
        InForce::Unknown => {
            let why = format!("the change request of build {id} can not be read");
            let waited = context.now.duration_since(context.event.time).unwrap_or_default();
            if waited.as_secs() < rollout.stage_within_s {
                return not_yet(why, LOOK_AGAIN);
            }
            take(context, id, Input::MayNot { after: stage, why: &why }, Done::Nothing, String::new())
        }
    }
}

/// Takes an input, and publishes what follows.
fn take(
    context: &Context<'_>,
    id: &BuildId,
    input: Input<'_>,
    done: Done<'_>,
    noted: String,
) -> Result<Step, Stop> {
    let Some((version, known)) = context.view.rollout(id)? else {
        return Ok(context.step(format!("build {id} has no rollout")));
    };
    let mut rollout = known.clone();
    let now = timestamp::truncate(context.now);
    let change = machine::next(&mut rollout, input, now);
    let mut step = context.step(String::new());
    step.remark = match change {
        Change::None(why) => {
            step.remark = format!("the rollout of build {id} stays as it is: {why}");
            return Ok(step);
        }
        Change::Noted => noted,
        Change::Passed(stage) => {
            pass(context, &mut step, id, &rollout, stage);
            format!("stage {stage} of the rollout of build {id} has passed")
        }
        Change::Begun(stage) => {
            publish_stage(context, &mut step, id, &rollout, stage);
            format!("stage {stage} of the rollout of build {id} begins")
        }
        Change::Completed => {
            complete(context, &mut step, id, &rollout)?;
            format!("the rollout of build {id} is completed")
        }
        Change::Failed(stage, reason) => {
            let remark = format!("stage {stage} of the rollout of build {id} has failed: {reason}");
            fail(context, &mut step, (id, &rollout), stage, &reason, done);
            remark
        }
    };
    step.write(EntityKey::Rollout(id.clone()), version, Entity::Rollout(rollout));
    Ok(step)
}

/// The stage that has just begun: its devices are assigned, its clock is set. An empty one has passed.
fn publish_stage(context: &Context<'_>, step: &mut Step, id: &BuildId, rollout: &Rollout, stage: Stage) {
    let RolloutState::Running { since, .. } = rollout.state else {
        pass(context, step, id, rollout, stage);
        return;
    };
    let devices: Vec<DeviceId> = rollout.of_stage(stage).map(|(device, _)| device.clone()).collect();
    let due = since + Duration::from_secs(rollout.stage_within_s);
    let started = StageStarted {
        build_id: id.clone(),
        fleet: rollout.fleet.clone(),
        stage,
        devices: devices.clone(),
        of: rollout.devices.len(),
        soak_s: rollout.soak_s,
        reports: rollout.reports,
        requires_verity: rollout.requires_verity,
        due,
    };
    step.publish(context.derived("started", since, EventBody::RolloutStageStarted(Box::new(started))));
    for device in devices {
        let label = format!("assigned {device}");
        let (fleet, build_id) = (rollout.fleet.clone(), id.clone());
        let body = DeviceAssigned { device, fleet, build_id, stage };
        step.publish(context.derived(&label, since, EventBody::RolloutDeviceAssigned(Box::new(body))));
    }
    let overdue = StageOverdue { build_id: id.clone(), stage, since };
    step.set_timer(Timer::new(timer_name(id), due, EventBody::RolloutStageOverdue(Box::new(overdue))));
}

fn pass(context: &Context<'_>, step: &mut Step, id: &BuildId, rollout: &Rollout, stage: Stage) {
    step.cancel_timer(timer_name(id));
    let body = StagePassed {
        build_id: id.clone(),
        fleet: rollout.fleet.clone(),
        stage,
        soak_s: rollout.soak_s,
        health: rollout.of_stage(stage).map(|(device, member)| machine::health(device, member)).collect(),
    };
    step.publish(context.derived("passed", context.now, EventBody::RolloutStagePassed(Box::new(body))));
}

fn complete(context: &Context<'_>, step: &mut Step, id: &BuildId, rollout: &Rollout) -> Result<(), Stop> {
    let (version, mut fleet) = match context.view.fleet(&rollout.fleet)? {
        None => (0, Fleet::default()),
        Some((version, fleet)) => (version, fleet.clone()),
    };
    fleet.reached_full.retain(|build| build != id);
    fleet.reached_full.push(id.clone());
    let surplus = fleet.reached_full.len().saturating_sub(MAX_REACHED_FULL);
    fleet.reached_full.drain(..surplus);
    step.write(EntityKey::Fleet(rollout.fleet.clone()), version, Entity::Fleet(fleet));
    let body = RolloutCompleted {
        build_id: id.clone(),
        fleet: rollout.fleet.clone(),
        devices: rollout.devices.len(),
        begun_at: rollout.begun_at,
    };
    step.publish(context.derived("completed", context.now, EventBody::RolloutCompleted(Box::new(body))));
    Ok(())
}

/// Everything that was assigned goes back, in all stages so far.
fn fail(
    context: &Context<'_>,
    step: &mut Step,
    (id, rollout): (&BuildId, &Rollout),
    stage: Stage,
    reason: &str,
    done: Done<'_>,
) {
    step.cancel_timer(timer_name(id));
    let (handled, blank) = match done {
        Done::Nothing => (None, None),
        Done::GoesBack(device) => (Some(device), None),
        Done::NotDeployed(device) => (Some(device), Some(device)),
    };
    let begun = || rollout.devices.iter().filter(|(_, member)| member.standing != Standing::Waiting);
    let failed = RolloutFailed {
        build_id: id.clone(),
        fleet: rollout.fleet.clone(),
        stage,
        reason: reason.to_owned(),
        soak_s: rollout.soak_s,
        rolled_back: begun()
            .filter(|(device, _)| blank != Some(*device))
            .map(|(device, _)| device.clone())
            .collect(),
        health: begun().map(|(device, member)| machine::health(device, member)).collect(),
    };
    step.publish(context.derived("failed", context.now, EventBody::RolloutFailed(Box::new(failed))));
    for (device, _) in begun().filter(|(device, _)| handled != Some(*device)) {
        let body = DeviceWithdrawn {
            device: device.clone(),
            build_id: id.clone(),
            reason: format!("stage {stage} of the rollout of build {id} has failed: {reason}"),
        };
        let label = format!("withdrawn {device}");
        step.publish(context.derived(&label, context.now, EventBody::RolloutDeviceWithdrawn(Box::new(body))));
    }
}

/// One stage at a time has a clock.
fn timer_name(build: &BuildId) -> String {
    format!("rollout:{build}")
}
