//! How a rollout goes on: every state, every input, nothing looked up.

use std::time::{Duration, SystemTime};

use super::super::super::entity::{Member, Rollout, RolloutState, Standing};
use super::super::super::event::rollout::{DeviceHealth, Stage};
use super::super::super::id::DeviceId;

/// Something that happens to a rollout.
#[derive(Debug, Clone, Copy)]
pub(super) enum Input<'a> {
    /// A device was looked at, at an instant; it is healthy if nothing is wrong with it.
    Checked { device: &'a DeviceId, at: SystemTime, faults: &'a [String] },
    /// The stage that began at this instant has not passed in time.
    Overdue { stage: Stage, since: SystemTime },
    /// The stage after this one may begin: the approval is in force.
    GoOn { after: Stage },
    /// The stage after this one may not begin.
    MayNot { after: Stage, why: &'a str },
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing: it is late, doubled, or about something else.
    None(&'static str),
    /// The devices' standing has changed.
    Noted,
    /// Every device of this stage has passed.
    Passed(Stage),
    /// This stage has begun: its devices are to be assigned. It may be empty; then it passes at once.
    Begun(Stage),
    /// The last stage is over.
    Completed,
    /// It has failed in this stage.
    Failed(Stage, String),
}

/// Takes the input: changes the rollout and says what has changed.
pub(super) fn next(rollout: &mut Rollout, input: Input<'_>, now: SystemTime) -> Change {
    let (stage, is_passed, since) = match &rollout.state {
        RolloutState::Running { stage, since } => (*stage, false, *since),
        RolloutState::Passed { stage, since } => (*stage, true, *since),
        RolloutState::Completed { .. } => return Change::None("the rollout is completed"),
        RolloutState::Failed { .. } => return Change::None("the rollout has failed before"),
    };
    match input {
        Input::Checked { device, at, faults } => {
            let (soak, enough) = (Duration::from_secs(rollout.soak_s), rollout.reports);
            let Some(member) = rollout.devices.get_mut(device) else {
                return Change::None("the device takes no part in it");
            };
            if member.standing == Standing::Waiting {
                return Change::None("the device's stage has not begun");
            }
            if !faults.is_empty() {
                member.standing = Standing::Failed;
                member.faults = faults.to_vec();
                return fail(rollout, stage, format!("device {device}: {}", faults.join("; ")), now);
            }
            if member.healthy_until.is_some_and(|until| at <= until) {
                return Change::None("a later check of the device was counted before");
            }
            healthy(member, at, soak, enough);
            let all = rollout.of_stage(stage).all(|(_, member)| member.standing == Standing::Passed);
            if all && !is_passed {
                rollout.state = RolloutState::Passed { stage, since: now };
                return Change::Passed(stage);
            }
            Change::Noted
        }
        Input::Overdue { stage: overdue, since: begun } => {
            if is_passed || overdue != stage || begun != since {
                return Change::None("the stage has passed in time");
            }
            let missing: Vec<String> = rollout
                .of_stage(stage)
                .filter(|(_, member)| member.standing != Standing::Passed)
                .map(|(device, member)| format!("{device} ({})", word(member.standing)))
                .collect();
            let why = format!(
                "not every device has passed within {} s: {}",
                rollout.stage_within_s,
                missing.join(", ")
            );
            fail(rollout, stage, why, now)
        }
        Input::GoOn { after } if is_passed && after == stage => match stage.next() {
            Some(next) => {
                begin(rollout, next, now);
                Change::Begun(next)
            }
            None => {
                rollout.state = RolloutState::Completed { since: now };
                Change::Completed
            }
        },
        Input::MayNot { after, why } if is_passed && after == stage => {
            fail(rollout, stage.next().unwrap_or(stage), why.to_owned(), now)
        }
        Input::GoOn { .. } | Input::MayNot { .. } => Change::None("the stage is not the one that has passed"),
    }
}

/// Begins a stage. One without devices has passed as soon as it has begun.
pub(super) fn begin(rollout: &mut Rollout, stage: Stage, now: SystemTime) {
    let mut is_empty = true;
    for member in rollout.devices.values_mut().filter(|member| member.stage == stage) {
        member.standing = Standing::Assigned;
        is_empty = false;
    }
    rollout.state = match is_empty {
        true => RolloutState::Passed { stage, since: now },
        false => RolloutState::Running { stage, since: now },
    };
}

fn fail(rollout: &mut Rollout, stage: Stage, reason: String, now: SystemTime) -> Change {
    rollout.state = RolloutState::Failed { stage, since: now, reason: reason.clone() };
    Change::Failed(stage, reason)
}

/// Healthy for long enough is: from the first healthy check to this one, and so many of them.
fn healthy(member: &mut Member, at: SystemTime, soak: Duration, enough: u32) {
    let since = *member.healthy_since.get_or_insert(at);
    member.healthy_until = Some(at);
    member.reports = member.reports.saturating_add(1);
    let soaked = at.duration_since(since).unwrap_or_default() >= soak;
    member.standing = if soaked && member.reports >= enough { Standing::Passed } else { Standing::Soaking };
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Waiting => "waiting",
        Standing::Assigned => "assigned",
        Standing::Soaking => "soaking",
        Standing::Passed => "passed",
        Standing::Failed => "failed",
    }
}

/// What is known of the health of a device.
pub(super) fn health(device: &DeviceId, member: &Member) -> DeviceHealth {
    DeviceHealth {
        device: device.clone(),
        stage: member.stage,
        standing: word(member.standing).to_owned(),
        reports: member.reports,
        healthy_since: member.healthy_since,
        healthy_until: member.healthy_until,
        faults: member.faults.clone(),
    }
}

#[cfg(test)]
mod tests;
