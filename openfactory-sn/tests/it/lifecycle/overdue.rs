use std::time::Duration;

use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::device::Unattested;
use openfactory_sn::lifecycle::state::StateStore;

use super::samples::instant;
use super::world::{World, types};

const DAY: u64 = 86_400;

#[tokio::test]
async fn silence_raises_one_incident() {
    let mut world = World::with_compliant_device().await;
    assert_eq!(world.let_time_pass_until(300 + DAY - 1).await, vec![]);
    let published = world.let_time_pass_until(300 + DAY).await;
    assert_eq!(types(&published), ["device.unattested"]);
    let EventBody::DeviceUnattested(body) = &published[0].body else { panic!() };
    assert_eq!(body.cause, Unattested::Silent { since: instant(300) });
    assert_eq!(world.device().await.compliance, Compliance::Unknown);
    assert_eq!(world.let_time_pass_until(300 + 10 * DAY).await, vec![]);
    let EventBody::DeviceComplied(complied) = &world.report(300 + 10 * DAY, &[]).await[0].body else {
        panic!()
    };
    assert_eq!(complied.resolves, std::slice::from_ref(&body.incident));
}

#[tokio::test]
async fn a_device_that_never_reported_is_silent_from_its_deployment_on() {
    let mut world = World::with_device().await;
    let published = world.let_time_pass_until(200 + DAY).await;
    assert_eq!(types(&published), ["device.unattested"]);
}

#[tokio::test]
async fn each_report_starts_the_clock_anew() {
    let mut world = World::with_compliant_device().await;
    world.report(300 + DAY - 1, &[]).await;
    assert_eq!(world.let_time_pass_until(300 + DAY).await, vec![]);
    assert_eq!(world.let_time_pass_until(300 + 2 * DAY - 1).await.len(), 1);
}

#[tokio::test]
async fn a_report_that_was_faster_than_the_alarm_makes_it_void() {
    let mut world = World::with_compliant_device().await;
    let due = instant(300 + DAY);
    assert_eq!(world.at(due).store.fire_due(due, 10).await.unwrap(), 1);
    let [alarm] = world.drain().await.try_into().unwrap();
    world.report(300 + DAY, &[]).await;
    assert_eq!(world.apply(&alarm).await, vec![]);
    assert_eq!(world.device().await.compliance, Compliance::Compliant);
}

#[tokio::test]
async fn reports_need_not_be_awaited() {
    let mut world = World::with_device().await;
    world.policy.report_within = None;
    world.report(300, &[]).await;
    assert_eq!(world.store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_remediation_without_proof_raises_an_incident() {
    let mut world = World::with_compliant_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    world.perform(&ordered, 410).await;
    let due = 410 + world.policy.proof_within.as_secs();
    assert_eq!(world.let_time_pass_until(due - 1).await, vec![]);
    // Reports that are no proof do not stop the clock.
    world.report(due - 1, &["etc/shadow"]).await;
    let published = world.let_time_pass_until(due).await;
    let EventBody::DeviceUnattested(body) = &published[0].body else { panic!() };
    assert!(matches!(&body.cause, Unattested::Unproved { since, .. } if *since == instant(410)));
}

#[tokio::test]
async fn a_proof_in_time_stops_the_clock() {
    let mut world = World::with_compliant_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    world.perform(&ordered, 410).await;
    world.report(420, &[]).await;
    let due = world.now + world.policy.proof_within + Duration::from_secs(60);
    assert_eq!(world.at(due).store.fire_due(due, 10).await.unwrap(), 0);
}
