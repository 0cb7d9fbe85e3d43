//! Services and dm-verity: guide, "Drift Severity Mapping" P2 and "Automated Remediation Actions".

use openfactory_attest::report::{DeviceReport, Expected, ServiceState, Services, VerityProof, VerityState};
use openfactory_sn::lifecycle::event::device::Unattested;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Performed};
use serde_json::json;

use super::plans::{group, outline, planned};
use super::samples::{self, instant};
use super::world::{World, types};

fn with_services(seconds: u64, states: &[(&str, bool, Expected)]) -> DeviceReport {
    let states = states.iter().map(|(name, running, expected)| {
        ServiceState::new(*name, if *running { "active" } else { "failed" }, *running, *expected)
    });
    samples::report(seconds, &[]).with_services(Services::new(states).unwrap())
}

async fn tell(world: &mut World, report: DeviceReport) -> Vec<Event> {
    world.now = report.time;
    world.apply(&samples::reported(report)).await
}

const DOWN: (&str, bool, Expected) = ("ssh.service", false, Expected::Required);
const UP: (&str, bool, Expected) = ("ssh.service", true, Expected::Required);

/// A service that stays down whatever is done.
pub(super) async fn escalated() -> Event {
    let mut world = World::with_compliant_device().await;
    for seconds in [1000, 2000, 3000] {
        let told = tell(&mut world, with_services(seconds, &[DOWN])).await;
        world.perform(told.last().unwrap(), seconds + 1).await;
    }
    let [told] = tell(&mut world, with_services(4000, &[DOWN])).await.try_into().unwrap();
    told
}

fn actions(ordered: &Event) -> &[Action] {
    match &ordered.body {
        EventBody::OrderGiven(body) => &body.order.actions,
        other => panic!("{other:?}"),
    }
}

/// "Required service stopped, unauthorized service started": P2 each, an incident each.
#[tokio::test]
async fn service_state_deviation_is_p2() {
    let mut world = World::with_compliant_device().await;
    let miner = ("miner.service", true, Expected::Unlisted);
    let told = tell(&mut world, with_services(400, &[DOWN, miner])).await;
    assert_eq!(types(&told), ["device.drifted", "device.drifted", "order.given"]);
    for (event, title) in
        told.iter().zip(["required service down: ssh.service", "unauthorized service started: miner.service"])
    {
        let values = planned(event)[0]["values"].clone();
        assert_eq!(values["short_description"], format!("P2: device edge-1: {title}"));
        assert_eq!((&values["impact"], &values["urgency"]), (&json!("1"), &json!("2")));
        assert_eq!(values["assignment_group"], group("Fleet Operations"));
    }
    let told = tell(&mut world, with_services(410, &[UP, miner])).await;
    assert_eq!(types(&told), ["device.cleared"], "the one that runs again is resolved, the other stays");
}

/// "Required service down: restart service, escalate if restart fails: P2 incident".
#[tokio::test]
async fn a_required_service_is_restarted_three_times_and_then_escalated() {
    let mut world = World::with_compliant_device().await;
    let told = tell(&mut world, with_services(400, &[DOWN])).await;
    let restart = [Action::RestartService { name: "ssh.service".to_owned() }];
    assert_eq!(types(&told), ["device.drifted", "order.given"]);
    assert_eq!(actions(&told[1]), restart);
    assert!(planned(&told[1]).is_empty(), "no change request for it");
    // The order is not yet performed: nothing more is ordered, however long that takes.
    assert_eq!(tell(&mut world, with_services(500, &[DOWN])).await, vec![]);
    let performed = world.perform(&told[1], 501).await;
    let EventBody::DeviceDrifted(drifted) = &told[0].body else { panic!() };
    assert_eq!(
        outline(&planned(&performed)),
        [format!("move_incident {} InProgress", drifted.incident), format!("note {}", drifted.incident)]
    );
    // 1, 2 and 4 minutes after each try, at the next report that still has it.
    let second = tell(&mut world, with_services(502, &[DOWN])).await;
    assert_eq!(types(&second), ["order.given"]);
    world.perform(&second[0], 503).await;
    assert_eq!(tell(&mut world, with_services(621, &[DOWN])).await, vec![]);
    let third = tell(&mut world, with_services(622, &[DOWN])).await;
    assert_eq!(types(&third), ["order.given"]);
    let gone = Performed::new(vec![ActionOutcome::failed(restart[0].clone(), "no such unit")]);
    world.end(&third[0], gone, 623).await;
    assert_eq!(tell(&mut world, with_services(861, &[DOWN])).await, vec![]);
    let told = tell(&mut world, with_services(862, &[DOWN])).await;
    assert_eq!(types(&told), ["device.escalated"]);
    let operations = planned(&told[0]);
    assert_eq!(outline(&operations), [format!("note {}", drifted.incident)]);
    assert!(
        operations[0]["text"].as_str().unwrap().starts_with("ESCALATED: Required service(s) ssh.service")
    );
    assert_eq!(tell(&mut world, with_services(2000, &[DOWN])).await, vec![], "told once");
    let EventBody::OrderGiven(last) = &third[0].body else { panic!() };
    let told = tell(&mut world, with_services(2010, &[UP])).await;
    assert_eq!(types(&told), ["device.complied"]);
    assert!(world.order(&last.order.id).await.proved && world.device().await.restarts.is_empty());
}

#[tokio::test]
async fn a_report_from_before_the_restart_does_not_count_after_it() {
    let mut world = World::with_compliant_device().await;
    let told = tell(&mut world, with_services(400, &[DOWN])).await;
    world.perform(&told[1], 500).await;
    world.at(instant(510));
    assert_eq!(world.apply(&samples::reported(with_services(499, &[DOWN]))).await, vec![]);
}

/// "dm-verity failure: quarantine device, rebuild from recipe: P1 incident + CR for rebuild".
#[tokio::test]
async fn a_dm_verity_failure_is_quarantined_and_rebuilt() {
    let (root_hash, by) = (samples::digest("root"), VerityProof::Kernel);
    let broken = VerityState::Broken { root_hash, by, reason: "corruption".to_owned() };
    let other = VerityState::Proved { root_hash: samples::digest("another"), by };
    for (state, why) in [(broken, "corruption"), (other, "the signed one")] {
        let mut world = World::with_compliant_device().await;
        let told = tell(&mut world, samples::report(400, &[]).with_verity(state)).await;
        assert_eq!(types(&told), ["device.drifted", "order.given"]);
        let values = planned(&told[0])[0]["values"].clone();
        assert_eq!(values["short_description"], "P1: device edge-1: dm-verity failure, build b-1");
        assert_eq!(values["assignment_group"], group("Security Operations"));
        assert!(values["description"].as_str().unwrap().contains(why), "{values}");
        let rebuild = Action::Rebuild { build: samples::build_id() };
        assert_eq!(actions(&told[1]), [Action::Quarantine, rebuild.clone()]);
        let EventBody::OrderGiven(given) = &told[1].body else { panic!() };
        let change = format!("order-change/{}", given.order.id);
        let operations = planned(&told[1]);
        assert_eq!(
            outline(&operations),
            [format!("create {change}"), format!("move_change {change} Implement")]
        );
        assert_eq!(
            operations[0]["values"]["short_description"],
            "Emergency: rebuild build b-1 for device edge-1"
        );
        let ended = Performed::new(vec![
            ActionOutcome::done(Action::Quarantine, ""),
            ActionOutcome::failed(rebuild, "this platform has no image builder"),
        ]);
        let performed = world.end(&told[1], ended, 410).await;
        assert_eq!(planned(&performed).last().unwrap()["values"]["operational_status"], "Quarantined");
        // Someone has built it anew: its own report proves it, ends the hold and closes the change request.
        let told =
            tell(&mut world, samples::report(500, &[]).with_verity(VerityState::Proved { root_hash, by }))
                .await;
        assert_eq!(types(&told), ["device.complied", "order.given"]);
        assert!(outline(&planned(&told[0])).contains(&format!("move_change {change} Closed")));
    }
}

/// What was told once is missed: a report without it is no proof, and ends nothing.
#[tokio::test]
async fn a_report_that_leaves_out_services_or_dm_verity_ends_nothing() {
    let proved = || VerityState::Proved { root_hash: samples::digest("root"), by: VerityProof::Kernel };
    let whole = |seconds, state| with_services(seconds, &[state]).with_verity(proved());
    let mut world = World::with_compliant_device().await;
    assert_eq!(types(&tell(&mut world, whole(400, DOWN)).await), ["device.drifted", "order.given"]);
    let [told] = tell(&mut world, samples::report(410, &[])).await.try_into().unwrap();
    let EventBody::DeviceUnattested(body) = &told.body else { panic!("{told:?}") };
    let Unattested::Unchecked { what } = &body.cause else { panic!("{body:?}") };
    assert_eq!(what.len(), 2, "{what:?}");
    assert!(what[0].starts_with("dm-verity:") && what[1].starts_with("services:"), "{what:?}");
    assert_eq!(world.device().await.incidents.len(), 2, "the service's incident stays open");
    assert_eq!(tell(&mut world, samples::report(420, &[])).await, vec![], "one incident about that");
    let told = tell(&mut world, whole(430, UP)).await;
    assert_eq!(types(&told), ["device.complied"]);
    assert!(world.device().await.incidents.is_empty());
}
