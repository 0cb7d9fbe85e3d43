use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::event::device::ProvedOrder;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Order, Performed};

use super::samples::{self, instant};
use super::world::{World, types};

fn order(event: &Event) -> &Order {
    match &event.body {
        EventBody::OrderGiven(body) => &body.order,
        other => panic!("{other:?}"),
    }
}

fn complied(event: &Event) -> &openfactory_sn::lifecycle::event::device::DeviceComplied {
    match &event.body {
        EventBody::DeviceComplied(body) => body,
        other => panic!("{other:?}"),
    }
}

/// Tampered at 400, and ordered.
async fn tampered() -> (World, Event, Event) {
    let mut world = World::with_compliant_device().await;
    let [drifted, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    (world, drifted, ordered)
}

#[tokio::test]
async fn tampering_is_answered_by_quarantine_and_rollback() {
    let (world, drifted, ordered) = tampered().await;
    let order = order(&ordered);
    assert_eq!(order.actions, [Action::Quarantine, Action::RollBack { to_build: samples::build_id() }]);
    let EventBody::DeviceDrifted(drifted) = &drifted.body else { panic!() };
    assert_eq!(order.incidents, [drifted.incident.as_str()]);
    assert_eq!(ordered.body.key(), format!("order:{}", order.id), "nothing delays the act");
    assert_eq!(world.device().await.order, Some(order.id.clone()));
    assert_eq!(world.order(&order.id).await.performed, None);
}

#[tokio::test]
async fn without_a_known_good_build_the_device_is_held_only() {
    let mut world = World::with_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    assert_eq!(order(&ordered).actions, [Action::Quarantine]);
    assert!(order(&ordered).reason.contains("no build is known"));
    world.perform(&ordered, 410).await;
    assert_eq!(world.device().await.compliance, Compliance::Quarantined);
}

#[tokio::test]
async fn the_whole_way_from_tampering_to_proof() {
    let (mut world, drifted, ordered) = tampered().await;
    let EventBody::DeviceDrifted(drifted) = &drifted.body else { panic!() };
    world.perform(&ordered, 410).await;
    let device = world.device().await;
    assert_eq!(device.compliance, Compliance::Remediated, "the platform's word is no proof");
    assert!(device.quarantined);

    let published = world.report(420, &[]).await;
    assert_eq!(types(&published), ["device.complied", "order.given"]);
    let proof = complied(&published[0]);
    assert_eq!(proof.resolves, std::slice::from_ref(&drifted.incident));
    let id = order(&ordered).id.clone();
    assert_eq!(proof.proves, Some(proved(&ordered, true)));
    assert!(proof.record_compliance);
    assert!(world.order(&id).await.proved);

    let release = order(&published[1]);
    assert_eq!(release.actions, [Action::Release]);
    assert_eq!(release.incidents, [drifted.incident.as_str()]);
    assert!(world.device().await.quarantined, "held until it is released");
    world.perform(&published[1], 430).await;
    let device = world.device().await;
    assert!(!device.quarantined);
    assert_eq!((device.compliance, device.order), (Compliance::Compliant, None));
}

fn proved(ordered: &Event, complete: bool) -> ProvedOrder {
    // The fields are public but the struct may grow: read one from its JSON.
    let json = serde_json::json!({"order": order(ordered).id, "complete": complete, "change_request": true});
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn there_is_never_a_second_remediation_while_one_is_under_way() {
    let (mut world, _, ordered) = tampered().await;
    let published = world.report(405, &["etc/shadow", "etc/passwd"]).await;
    assert_eq!(types(&published), ["device.drifted"], "a new cause is an incident, but no order");
    assert_eq!(world.device().await.order, Some(order(&ordered).id.clone()));
    assert_eq!(world.report(406, &["etc/shadow"]).await, vec![]);
}

#[tokio::test]
async fn a_passing_report_while_an_order_is_under_way_proves_nothing() {
    let (mut world, ..) = tampered().await;
    assert_eq!(world.report(405, &[]).await, vec![]);
    assert_eq!(world.device().await.compliance, Compliance::Drifted);
}

#[tokio::test]
async fn a_report_from_before_the_rollback_does_not_count_after_it() {
    let (mut world, _, ordered) = tampered().await;
    world.perform(&ordered, 410).await;
    let late = samples::reported(samples::report(409, &["etc/shadow"]));
    world.at(instant(411));
    assert_eq!(world.apply(&late).await, vec![]);
    assert_eq!(world.device().await.compliance, Compliance::Remediated);
}

#[tokio::test]
async fn a_failed_rollback_is_not_tried_in_a_loop() {
    let (mut world, _, ordered) = tampered().await;
    let outcomes = vec![
        ActionOutcome::done(Action::Quarantine, "held"),
        ActionOutcome::failed(order(&ordered).actions[1].clone(), "the stored image is not the signed one"),
    ];
    world.end(&ordered, Performed::new(outcomes), 410).await;
    assert_eq!(world.device().await.compliance, Compliance::Quarantined);
    assert_eq!(world.report(420, &["etc/shadow"]).await, vec![]);
    assert_eq!(world.device().await.compliance, Compliance::Quarantined);
    let published = world.report(430, &[]).await;
    assert_eq!(complied(&published[0]).proves, Some(proved(&ordered, false)), "someone mended it by hand");
}

#[tokio::test]
async fn a_rollback_to_an_older_build_changes_what_the_device_should_run() {
    let (mut world, _, ordered) = tampered().await;
    let EventBody::OrderGiven(body) = &ordered.body else { panic!() };
    let older = openfactory_sn::lifecycle::id::BuildId::new("b-0").unwrap();
    let done = ActionOutcome::done(Action::RollBack { to_build: older.clone() }, "");
    let mut told = world.end(&ordered, Performed::new(vec![done]), 410).await;
    let device = world.device().await;
    assert_eq!(device.build_id, older);
    assert_eq!(device.supersedes, Some(samples::build_id()));
    let EventBody::OrderPerformed(performed) = &mut told.body else { panic!() };
    assert_eq!(performed.order, body.order);
}
