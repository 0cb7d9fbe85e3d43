//! Every state with every input: nothing panics, ends stay ends, and what changes is what may change.

use openfactory_attest::digest::Sha256Digest;

use super::super::super::super::event::rollout::ImageFacts;
use super::super::super::super::id::{EventId, FleetId};
use super::*;

const NOW: Duration = Duration::from_secs(10_000);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

fn device(stage: Stage) -> DeviceId {
    DeviceId::new(stage.as_str()).unwrap()
}

/// One device in each stage; those of the stages up to `stage` stand as told.
fn rollout(state: RolloutState, stage: Stage, standing: Standing) -> Rollout {
    let digest = Sha256Digest::of(b"");
    let member = |of: Stage| Member {
        stage: of,
        serial: String::new(),
        standing: match of {
            of if of < stage => Standing::Passed,
            of if of == stage => standing,
            _ => Standing::Waiting,
        },
        reports: 2,
        healthy_since: Some(at(100)),
        healthy_until: Some(at(500)),
        faults: Vec::new(),
    };
    Rollout {
        fleet: FleetId::new("line-7").unwrap(),
        requested_by: EventId::new("e-1").unwrap(),
        begun_at: at(0),
        image: ImageFacts::new(digest, digest, digest),
        soak_s: 900,
        reports: 3,
        stage_within_s: 86_400,
        requires_verity: true,
        state,
        devices: Stage::ALL.into_iter().map(|stage| (device(stage), member(stage))).collect(),
    }
}

/// Every state, with the stage that it speaks of.
fn states() -> Vec<(Option<Stage>, Rollout)> {
    let mut all =
        vec![(None, rollout(RolloutState::Completed { since: at(1) }, Stage::Full, Standing::Passed))];
    for stage in Stage::ALL {
        let since = at(50);
        let running = RolloutState::Running { stage, since };
        all.push((Some(stage), rollout(running.clone(), stage, Standing::Assigned)));
        all.push((Some(stage), rollout(running, stage, Standing::Soaking)));
        all.push((Some(stage), rollout(RolloutState::Passed { stage, since }, stage, Standing::Passed)));
        let reason = "before".to_owned();
        all.push((None, rollout(RolloutState::Failed { stage, since, reason }, stage, Standing::Failed)));
    }
    all
}

#[test]
fn every_state_meets_every_input() {
    let faults = ["it drifted".to_owned()];
    let stranger = DeviceId::new("stranger").unwrap();
    let devices: Vec<DeviceId> = Stage::ALL.into_iter().map(device).chain([stranger]).collect();
    let mut inputs = Vec::new();
    for device in &devices {
        for seconds in [400, 500, 501, 999, 1000, 2000] {
            for faults in [&[][..], &faults[..]] {
                inputs.push(Input::Checked { device, at: at(seconds), faults });
            }
        }
    }
    for stage in Stage::ALL {
        inputs.push(Input::GoOn { after: stage });
        inputs.push(Input::MayNot { after: stage, why: "not approved" });
        for since in [49, 50] {
            inputs.push(Input::Overdue { stage, since: at(since) });
        }
    }
    for (stage, before) in states() {
        for input in &inputs {
            let mut after = before.clone();
            let change = next(&mut after, *input, now());
            assert_eq!(change, expected(stage, &before, *input), "{:?} {input:?}", before.state);
            check(&before, &after, &change, &format!("{:?} {input:?}", before.state));
            // The same again comes to the same end or to nothing.
            let mut again = after.clone();
            let repeated = next(&mut again, *input, now());
            let once = matches!(change, Change::Begun(_)) || matches!(repeated, Change::None(_));
            let same_device_failed_again =
                matches!((&change, &repeated), (Change::Failed(..), Change::None(_)));
            assert!(
                once || same_device_failed_again,
                "{:?} {input:?}: {change:?}, then {repeated:?}",
                before.state
            );
        }
    }
}

/// What should come of it, said another way than the machine says it.
fn expected(stage: Option<Stage>, before: &Rollout, input: Input<'_>) -> Change {
    let Some(stage) = stage else {
        return match before.state {
            RolloutState::Completed { .. } => Change::None("the rollout is completed"),
            _ => Change::None("the rollout has failed before"),
        };
    };
    let is_passed = matches!(before.state, RolloutState::Passed { .. });
    match input {
        Input::Checked { device: id, at: time, faults } => {
            let Some(of) = Stage::ALL.into_iter().find(|stage| device(*stage) == *id) else {
                return Change::None("the device takes no part in it");
            };
            if of > stage {
                Change::None("the device's stage has not begun")
            } else if !faults.is_empty() {
                Change::Failed(stage, format!("device {id}: it drifted"))
            } else if time <= at(500) {
                Change::None("a later check of the device was counted before")
            } else if of == stage && !is_passed && time >= at(1000) {
                // Its third report, 900 s after its first.
                Change::Passed(stage)
            } else {
                Change::Noted
            }
        }
        Input::Overdue { stage: overdue, since } if overdue == stage && since == at(50) && !is_passed => {
            let standing = if before.devices[&device(stage)].standing == Standing::Soaking {
                "soaking"
            } else {
                "assigned"
            };
            Change::Failed(stage, format!("not every device has passed within 86400 s: {stage} ({standing})"))
        }
        Input::Overdue { .. } => Change::None("the stage has passed in time"),
        Input::GoOn { after } if after == stage && is_passed => match stage {
            Stage::Canary => Change::Begun(Stage::Staged),
            Stage::Staged => Change::Begun(Stage::Full),
            Stage::Full => Change::Completed,
        },
        Input::MayNot { after, why } if after == stage && is_passed => {
            let failed = if stage == Stage::Canary { Stage::Staged } else { Stage::Full };
            Change::Failed(failed, why.to_owned())
        }
        Input::GoOn { .. } | Input::MayNot { .. } => Change::None("the stage is not the one that has passed"),
    }
}

fn check(before: &Rollout, after: &Rollout, change: &Change, what: &str) {
    match change {
        Change::None(_) => assert_eq!(before, after, "{what}"),
        Change::Noted => assert_eq!(before.state, after.state, "{what}"),
        Change::Passed(stage) => {
            assert_eq!(after.state, RolloutState::Passed { stage: *stage, since: now() }, "{what}");
        }
        Change::Begun(stage) => {
            assert_eq!(after.state, RolloutState::Running { stage: *stage, since: now() }, "{what}");
            assert_eq!(after.devices[&device(*stage)].standing, Standing::Assigned, "{what}");
        }
        Change::Completed => assert_eq!(after.state, RolloutState::Completed { since: now() }, "{what}"),
        Change::Failed(stage, reason) => {
            let (stage, since, reason) = (*stage, now(), reason.clone());
            assert_eq!(after.state, RolloutState::Failed { stage, since, reason }, "{what}");
        }
    }
    let waiting = |rollout: &Rollout| {
        rollout.devices.values().filter(|member| member.standing == Standing::Waiting).count()
    };
    assert!(waiting(after) <= waiting(before), "{what}: a device that was assigned waits again");
}

#[test]
fn a_stage_without_devices_has_passed_when_it_begins() {
    let since = at(1);
    let mut only =
        rollout(RolloutState::Passed { stage: Stage::Canary, since }, Stage::Canary, Standing::Passed);
    only.devices.retain(|_, member| member.stage == Stage::Canary);
    for (after, begun) in [(Stage::Canary, Stage::Staged), (Stage::Staged, Stage::Full)] {
        assert_eq!(next(&mut only, Input::GoOn { after }, now()), Change::Begun(begun));
        assert_eq!(only.state, RolloutState::Passed { stage: begun, since: now() });
    }
    assert_eq!(next(&mut only, Input::GoOn { after: Stage::Full }, now()), Change::Completed);
}
