use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::entity::{Entity, EntityKey, Standing};
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::rollout::Stage;

use super::super::samples;
use super::line::{Line, build, change_of, device, request, requested};

#[tokio::test]
async fn a_rollout_goes_from_canary_to_staged_to_full() {
    let mut line = Line::begun(5).await;
    assert_eq!(line.state("b-1").await, "running canary");
    assert_eq!(line.orders(), ["press-1: deploy build b-1"], "the others are not touched yet");
    assert_eq!(line.standing("b-1", 2).await, Standing::Waiting);

    line.soak(&[1], "b-1", 1000).await;
    assert_eq!(line.state("b-1").await, "running staged");
    let staged = line.of_stage("b-1", Stage::Staged).await;
    assert_eq!(staged.len(), 1, "a tenth of five, at least one");
    line.soak(&staged, "b-1", 2000).await;
    assert_eq!(line.state("b-1").await, "running full");
    let full = line.of_stage("b-1", Stage::Full).await;
    assert_eq!(full.len(), 3);
    line.soak(&full, "b-1", 3000).await;
    assert_eq!(line.state("b-1").await, "completed");
    assert_eq!(
        line.facts(),
        [
            "canary started",
            "canary passed with 1",
            "staged started",
            "staged passed with 1",
            "full started",
            "full passed with 3",
            "completed on 5",
        ]
    );
    for n in 1..=5 {
        let device = line.device(n).await;
        assert_eq!((device.build_id, device.compliance), (build("b-1"), Compliance::Compliant));
        assert_eq!(device.order, None);
    }
    let Some(Entity::Fleet(fleet)) = line.world.entity(EntityKey::Fleet(samples::fleet())).await else {
        panic!()
    };
    assert_eq!(fleet.reached_full, [build("b-1")]);
}

/// Guide, "Canary: Boot + health check + 15min soak": 899 s fail, 900 s pass.
#[tokio::test]
async fn the_soak_is_fifteen_minutes_from_the_first_healthy_report() {
    let mut line = Line::begun(3).await;
    for seconds in [1010, 1500, 1010 + 899] {
        line.report(1, "b-1", seconds, &[]).await;
    }
    assert_eq!(line.standing("b-1", 1).await, Standing::Soaking);
    assert_eq!(line.state("b-1").await, "running canary");
    line.report(1, "b-1", 1010 + 900, &[]).await;
    assert_eq!(line.standing("b-1", 1).await, Standing::Passed);
    assert_eq!(line.state("b-1").await, "running staged");
}

#[tokio::test]
async fn two_reports_are_not_enough_however_far_apart() {
    let mut line = Line::begun(3).await;
    line.report(1, "b-1", 1010, &[]).await;
    line.report(1, "b-1", 9000, &[]).await;
    assert_eq!(line.state("b-1").await, "running canary");
    line.report(1, "b-1", 9001, &[]).await;
    assert_eq!(line.state("b-1").await, "running staged");
}

/// A device whose clock is four minutes ahead, within the tolerance, is four minutes ahead all the time.
#[tokio::test]
async fn a_clock_that_jumps_ahead_does_not_shorten_the_soak() {
    let mut line = Line::begun(3).await;
    line.report(1, "b-1", 1010, &[]).await;
    line.report(1, "b-1", 1100, &[]).await;
    for seconds in [1010 + 660, 1010 + 899] {
        let report = openfactory_attest::report::DeviceReport::new(
            "press-1",
            "b-1",
            samples::instant(seconds + 240),
            samples::digest("manifest"),
            1234,
        );
        line.send_report(report, seconds).await;
    }
    assert_eq!(line.standing("b-1", 1).await, Standing::Soaking);
}

#[tokio::test]
async fn stages_without_devices_are_recorded_as_such() {
    let mut line = Line::begun(1).await;
    line.soak(&[1], "b-1", 1000).await;
    assert_eq!(
        line.facts(),
        [
            "canary started",
            "canary passed with 1",
            "staged passed with 0",
            "full passed with 0",
            "completed on 1"
        ]
    );
}

/// P4 is no drift: "no drift" means no finding of P1 to P3.
#[tokio::test]
async fn a_finding_of_p4_is_healthy() {
    let mut line = Line::begun(3).await;
    for seconds in [1010, 1500, 2000] {
        line.report(1, "b-1", seconds, &["var/log/syslog"]).await;
    }
    assert_eq!(line.state("b-1").await, "running staged");
}

#[tokio::test]
async fn the_demo_may_shorten_the_soak_openly() {
    let mut line = Line::new().await;
    let mut body = request("b-1", 3);
    body.soak_s = Some(2);
    line.send(1000, requested(1000, body)).await;
    for seconds in [1001, 1002, 1003] {
        line.report(1, "b-1", seconds, &[]).await;
    }
    assert_eq!(line.state("b-1").await, "running staged");
    let started = line.told.iter().find_map(|event| match &event.body {
        EventBody::RolloutStageStarted(body) => Some(body.soak_s),
        _ => None,
    });
    assert_eq!(started, Some(2), "ServiceNow is told the real seconds");
}

#[tokio::test]
async fn what_is_doubled_late_or_about_another_changes_nothing() {
    let mut line = Line::begun(3).await;
    line.report(1, "b-1", 1010, &[]).await;
    let checked = line.told.iter().rfind(|event| matches!(event.body, EventBody::RolloutDeviceChecked(_)));
    let checked = checked.unwrap().clone();
    let before = line.rollout("b-1").await;
    // The same again by another way, an older one, one of a device that waits, one of a stranger.
    for (n, (seconds, name)) in [(1010, 1), (1005, 1), (1020, 2), (1020, 9)].into_iter().enumerate() {
        let mut event = checked.clone();
        event.id = openfactory_sn::lifecycle::id::EventId::new(format!("again-{n}")).unwrap();
        let EventBody::RolloutDeviceChecked(body) = &mut event.body else { panic!() };
        body.at = samples::instant(seconds);
        body.device = device(name);
        line.send(1030, event).await;
        assert_eq!(line.rollout("b-1").await, before);
    }
    line.report(1, "b-1", 1500, &[]).await;
    line.report(1, "b-1", 2000, &[]).await;
    assert_eq!(line.state("b-1").await, "running staged");
    // The clock of the stage that has passed is stopped; one that fired before that is void.
    let passed = line.rollout("b-1").await;
    let overdue =
        serde_json::json!({"build_id": "b-1", "stage": "canary", "since": "2026-09-21T14:30:00.000Z"});
    let body = EventBody::RolloutStageOverdue(Box::new(serde_json::from_value(overdue).unwrap()));
    line.send(2001, samples::event("overdue", 2001, body)).await;
    assert_eq!(line.rollout("b-1").await, passed);
}

#[tokio::test]
async fn reports_that_are_ahead_of_the_order_are_ignored() {
    let mut line = Line::second(3).await;
    assert_eq!(line.device(1).await.build_id, build("b-2"));
    // The staged device: its order is under way when a report of the new build comes.
    line.orders_wait = true;
    line.soak(&[1], "b-2", 100_000).await;
    let [n] = line.of_stage("b-2", Stage::Staged).await.try_into().unwrap();
    let told = line.told.len();
    line.report(n, "b-2", 101_000, &[]).await;
    assert_eq!(line.told.len(), told, "neither compliant nor an incident");
    assert_eq!(line.device(n).await.build_id, build("b-1"));
    line.perform_waiting(101_010).await;
    let known = line.device(n).await;
    assert_eq!((known.build_id, known.supersedes), (build("b-2"), Some(build("b-1"))));
    assert!(known.incidents.is_empty() && known.order.is_none());
    line.soak(&[n], "b-2", 102_000).await;
    assert_eq!(line.state("b-2").await, "running full");
}

#[tokio::test]
async fn a_device_that_has_to_prove_itself_is_deployed_after_it() {
    let mut line = Line::begun(3).await;
    line.soak_all("b-1", 1000).await;
    // Tampered with on the old build: held and rolled back, not yet proved when the rollout comes.
    line.report(1, "b-1", 80_000, &["etc/shadow"]).await;
    line.verify("b-2").await;
    line.told.clear();
    line.send(100_000, requested(100_000, request("b-2", 3))).await;
    assert_eq!(line.orders(), [""; 0]);
    line.report(1, "b-1", 100_010, &[]).await;
    assert_eq!(
        line.orders(),
        ["press-1: release from quarantine"],
        "proved, but still held when it reported"
    );
    line.report(1, "b-1", 100_020, &[]).await;
    assert_eq!(line.orders()[1..], ["press-1: deploy build b-2"]);
    line.soak(&[1], "b-2", 100_020).await;
    assert_eq!(line.state("b-2").await, "running staged");
}

#[tokio::test]
async fn a_device_that_runs_the_build_already_is_only_watched() {
    let mut line = Line::new().await;
    let mut body = samples::deployment();
    body.device = device(1);
    let event = samples::event("deployed-1", 200, EventBody::DeviceDeployed(Box::new(body)));
    line.send(200, event).await;
    line.send(1000, requested(1000, request("b-1", 3))).await;
    assert_eq!(line.orders(), [""; 0]);
    line.soak(&[1], "b-1", 1000).await;
    assert_eq!(line.state("b-1").await, "running staged");
}

/// The approval is asked for again before each stage, of the record itself.
#[tokio::test]
async fn a_stage_needs_the_approval_still_in_force() {
    let mut line = Line::begun(3).await;
    line.world.observe(&change_of("b-1"), "approved", "-1");
    line.soak(&[1], "b-1", 1000).await;
    assert_eq!(line.state("b-1").await, "running staged");
    line.world.observe(&change_of("b-1"), "rejected", "-5");
    let staged = line.of_stage("b-1", Stage::Staged).await;
    line.soak(&staged, "b-1", 2000).await;
    assert_eq!(line.state("b-1").await, "failed full");
    assert!(
        line.reason("b-1").await.contains("the approval is not in force"),
        "{}",
        line.reason("b-1").await
    );
    assert_eq!(line.facts().last().unwrap(), "full failed");
}
