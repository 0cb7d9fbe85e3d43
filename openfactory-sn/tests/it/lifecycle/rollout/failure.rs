use std::collections::BTreeSet;

use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::entity::Standing;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::rollout::Stage;

use super::super::samples;
use super::line::{Line, build, device, request, requested};

const DAY: u64 = 86_400;

/// Guide, "Canary: Rollback canary, halt".
#[tokio::test]
async fn a_canary_that_is_tampered_with_is_held_rolled_back_and_the_rollout_halts() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &[]).await;
    line.report(1, "b-2", 100_020, &["etc/shadow"]).await;
    assert_eq!(line.state("b-2").await, "failed canary");
    assert_eq!(
        line.orders(),
        ["press-1: deploy build b-2", "press-1: quarantine, roll back to build b-1"],
        "not to the build that it ran compliant a moment ago"
    );
    assert_eq!(line.standing("b-2", 1).await, Standing::Failed);
    assert_eq!(line.standing("b-2", 2).await, Standing::Waiting, "halted");
    let canary = line.device(1).await;
    assert_eq!((canary.build_id, canary.compliance), (build("b-1"), Compliance::Remediated));

    line.report(1, "b-1", 100_100, &[]).await;
    let canary = line.device(1).await;
    assert_eq!((canary.compliance, canary.quarantined), (Compliance::Compliant, false));
    assert!(canary.incidents.is_empty() && canary.order.is_none());
    assert_eq!(line.state("b-2").await, "failed canary");
    assert_eq!(line.facts(), ["canary started", "canary failed"]);
}

/// Drift of P3 rolls nothing back elsewhere; in a rollout it is failed health.
#[tokio::test]
async fn drift_of_any_priority_from_p1_to_p3_fails_the_stage() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &["etc/ntp.conf"]).await;
    assert_eq!(line.state("b-2").await, "failed canary");
    assert_eq!(line.orders()[1..], ["press-1: roll back to build b-1"], "not held for a P3");
    assert!(line.reason("b-2").await.contains("etc/ntp.conf"));
}

#[tokio::test]
async fn a_report_that_is_refused_fails_the_stage() {
    let mut line = Line::second(5).await;
    let mut report = openfactory_attest::report::DeviceReport::new(
        "press-1",
        "b-2",
        samples::instant(100_010),
        samples::digest("another manifest"),
        1234,
    );
    line.send_report(report.clone(), 100_010).await;
    assert_eq!(line.state("b-2").await, "failed canary");
    assert!(line.reason("b-2").await.contains("refused"));
    assert_eq!(line.orders()[1..], ["press-1: roll back to build b-1"]);
    // After the rollback reports of the new build are an incident, but the rollout is over.
    report.time = samples::instant(100_020);
    line.send_report(report, 100_020).await;
    assert_eq!(line.facts(), ["canary started", "canary failed"]);
}

/// Guide, "Staged: Rollback staged, halt", as read: the canary goes back too.
#[tokio::test]
async fn a_staged_failure_rolls_back_the_canary_too() {
    let mut line = Line::second(5).await;
    line.soak(&[1], "b-2", 100_000).await;
    let [n] = line.of_stage("b-2", Stage::Staged).await.try_into().unwrap();
    line.report(n, "b-2", 102_000, &["etc/ntp.conf"]).await;
    assert_eq!(line.state("b-2").await, "failed staged");
    for n in [1, n] {
        assert_eq!(line.device(n).await.build_id, build("b-1"));
        assert!(line.orders().contains(&format!("press-{n}: roll back to build b-1")), "{:?}", line.orders());
    }
    assert_eq!(line.orders().len(), 4, "{:?}", line.orders());
}

/// Guide, "Full: Rollback to previous image": of every device of the fleet.
#[tokio::test]
async fn a_full_failure_rolls_back_all() {
    let mut line = Line::second(5).await;
    line.soak(&[1], "b-2", 100_000).await;
    let staged = line.of_stage("b-2", Stage::Staged).await;
    line.soak(&staged, "b-2", 102_000).await;
    let full = line.of_stage("b-2", Stage::Full).await;
    line.report(full[0], "b-2", 104_000, &[]).await;
    line.report(full[1], "b-2", 104_001, &["etc/shadow"]).await;
    assert_eq!(line.state("b-2").await, "failed full");
    for n in 1..=5 {
        assert_eq!(line.device(n).await.build_id, build("b-1"), "press-{n}");
        line.report(n, "b-1", 105_000, &[]).await;
        assert_eq!(line.device(n).await.compliance, Compliance::Compliant);
    }
    let Some(EventBody::RolloutFailed(failed)) =
        line.told.iter().map(|event| &event.body).find(|body| matches!(body, EventBody::RolloutFailed(_)))
    else {
        panic!()
    };
    assert_eq!(failed.rolled_back.len(), 5);
}

/// A device that has passed is watched to the end of the rollout.
#[tokio::test]
async fn a_canary_that_drifts_while_others_soak_fails_the_rollout() {
    let mut line = Line::second(5).await;
    line.soak(&[1], "b-2", 100_000).await;
    line.report(1, "b-2", 102_000, &["etc/ntp.conf"]).await;
    assert_eq!(line.state("b-2").await, "failed staged");
}

#[tokio::test]
async fn a_stage_that_does_not_pass_in_time_fails() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &[]).await;
    line.let_time_pass_until(100_000 + DAY - 1).await;
    assert_eq!(line.state("b-2").await, "running canary", "an unreached device keeps the stage open");
    line.let_time_pass_until(100_000 + DAY).await;
    assert_eq!(line.state("b-2").await, "failed canary");
    assert!(line.reason("b-2").await.contains("within 86400 s: press-1 (soaking)"));
    assert_eq!(line.device(1).await.build_id, build("b-1"));
}

#[tokio::test]
async fn without_an_earlier_good_build_the_device_is_held_and_stays_held() {
    let mut line = Line::begun(3).await;
    line.report(1, "b-1", 1010, &["etc/ntp.conf"]).await;
    assert_eq!(line.state("b-1").await, "failed canary");
    assert_eq!(line.orders()[1..], ["press-1: quarantine"]);
    // That it is as it was built does not make what was built good.
    line.report(1, "b-1", 1020, &[]).await;
    assert!(line.device(1).await.quarantined);
    assert_eq!(line.orders().len(), 2, "not released");
}

#[tokio::test]
async fn a_build_that_can_not_be_deployed_fails_the_stage() {
    let mut line = Line::begun(5).await;
    line.stuck = BTreeSet::from([device(2), device(3), device(4), device(5)]);
    line.soak(&[1], "b-1", 1000).await;
    assert_eq!(line.state("b-1").await, "failed staged");
    assert!(line.reason("b-1").await.contains("the stored image is gone"));
    let held: Vec<String> = line.orders().into_iter().filter(|order| order.contains("quarantine")).collect();
    assert_eq!(held, ["press-1: quarantine"], "the canary has nothing to go back to");
    let failed = line.told.iter().find_map(|event| match &event.body {
        EventBody::RolloutFailed(body) => Some(body),
        _ => None,
    });
    assert_eq!(failed.unwrap().rolled_back, [device(1)], "the other one never ran it");
}

#[tokio::test]
async fn what_can_not_be_rolled_back_is_held() {
    let mut line = Line::second(5).await;
    line.stuck.insert(device(1));
    line.report(1, "b-2", 100_010, &["etc/ntp.conf"]).await;
    assert_eq!(line.orders()[1..], ["press-1: roll back to build b-1", "press-1: quarantine"]);
    assert!(line.device(1).await.quarantined);
}

#[tokio::test]
async fn a_deployment_that_comes_after_the_failure_goes_back_at_once() {
    let mut line = Line::second(20).await;
    line.orders_wait = true;
    line.soak(&[1], "b-2", 100_000).await;
    let staged = line.of_stage("b-2", Stage::Staged).await;
    assert_eq!(staged.len(), 2);
    line.report(1, "b-2", 102_000, &["etc/shadow"]).await;
    assert_eq!(line.state("b-2").await, "failed staged");
    line.perform_waiting(102_010).await;
    for n in staged {
        let known = line.device(n).await;
        assert_eq!((known.build_id, known.rollout), (build("b-1"), None), "press-{n}");
        line.report(n, "b-1", 103_000, &[]).await;
        assert_eq!(line.device(n).await.compliance, Compliance::Compliant);
    }
}

#[tokio::test]
async fn a_device_takes_part_in_one_rollout_at_a_time() {
    let mut line = Line::begun(3).await;
    line.verify("b-2").await;
    line.send(90_001, requested(90_001, request("b-2", 3))).await;
    assert_eq!(line.state("b-2").await, "failed canary");
    assert!(line.reason("b-2").await.contains("takes part in the rollout of build b-1"));
    assert_eq!(line.state("b-1").await, "running canary");
    assert_eq!(line.device(1).await.build_id, build("b-1"));
}

#[tokio::test]
async fn a_build_whose_rollout_has_failed_is_never_rolled_back_to() {
    let mut line = Line::second(3).await;
    line.report(1, "b-2", 100_010, &[]).await;
    line.report(1, "b-2", 100_020, &["etc/ntp.conf"]).await;
    line.report(1, "b-1", 100_100, &[]).await;
    line.told.clear();
    line.report(1, "b-1", 100_200, &["etc/shadow"]).await;
    assert_eq!(line.orders(), ["press-1: quarantine, roll back to build b-1"]);
}

/// The way back keeps nothing apart, and is not proved yet: a P1 does not wait for that.
#[tokio::test]
async fn a_device_that_is_tampered_with_on_its_way_back_is_held() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &["etc/ntp.conf"]).await;
    assert_eq!(line.orders()[1..], ["press-1: roll back to build b-1"]);
    let way_back = line.device(1).await.order;
    line.report(1, "b-1", 100_100, &["etc/shadow"]).await;
    assert_eq!(line.orders()[2..], ["press-1: quarantine"]);
    let held = line.device(1).await;
    assert!(held.quarantined);
    assert_eq!((held.compliance, &held.order), (Compliance::Quarantined, &way_back), "the way back goes on");
    line.report(1, "b-1", 100_110, &["etc/shadow", "etc/passwd"]).await;
    assert_eq!(line.orders().len(), 3, "held once");
    line.report(1, "b-1", 100_200, &[]).await;
    let proved = line.device(1).await;
    assert_eq!((proved.compliance, proved.quarantined), (Compliance::Compliant, false));
    assert!(proved.incidents.is_empty() && proved.order.is_none());
}
