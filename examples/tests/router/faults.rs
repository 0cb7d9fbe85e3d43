//! ServiceNow misbehaves in every way there is: in the end each record exists, once.

use openfactory_simulator::faults::{Fault, FaultKind};

use crate::world::World;

#[tokio::test]
async fn each_fault_once_and_still_one_record() {
    let world = World::new().await;
    let router = world.start().await;
    for (number, kind) in [
        FaultKind::Unavailable,
        FaultKind::Drop,
        FaultKind::DropAfterCommit,
        FaultKind::ErrorAfterCommit,
        FaultKind::Throttle,
        FaultKind::Truncate,
        FaultKind::Html,
    ]
    .into_iter()
    .enumerate()
    {
        world.simulator.inject(Fault::new(kind).on_path("/api/now/").on_method("POST").times(1));
        let build = format!("b-{number}");
        assert_eq!(router.send(&world.request(&build), &world.platform).await.status, 202);
        world.change_request(&build).await;
        world.simulator.clear_faults();
        assert_eq!(world.count("change_request"), number + 1, "after {kind:?}");
    }
    router.until("queue_ready", 0).await;
    let (changes, files) = (world.count("change_request"), world.count("sys_attachment"));
    assert_eq!((changes, files), (7, 14), "a recipe and an intent on each change request");
    assert_eq!(router.gauge("queue_dead").await, 0);
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn while_servicenow_can_not_be_reached_events_are_kept() {
    let world = World::new().await;
    let router = world.start_for("https://127.0.0.1:9").await;
    assert_eq!(router.get("/readyz").await.status, 200);
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202);
    router.until("queue_delayed", 1).await;
    router.stop().await;
    assert_eq!(world.count("change_request"), 0);

    let router = world.start().await;
    world.change_request("b-1").await;
    router.stop().await;
    assert_eq!(world.count("change_request"), 1);
    world.audited();
}

/// A probe that fails must not stand in the way of the next.
#[tokio::test]
async fn an_outage_that_outlasts_several_probes_ends_with_the_first_that_comes_through() {
    let world = World::new().await;
    let router = world.start().await;
    world.simulator.inject(Fault::new(FaultKind::Unavailable).on_path("/").times(8));
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202);
    world.change_request("b-1").await;
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn a_wrong_secret_loses_nothing() {
    let world = World::new().await;
    world.set_secret("a wrong secret");
    let router = world.start().await;
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202);
    router.until("queue_delayed", 1).await;
    assert_eq!(router.gauge("queue_dead").await, 0, "an outage of the credentials costs no attempt");
    router.stop().await;

    world.set_secret(crate::world::SECRET);
    let router = world.start().await;
    world.change_request("b-1").await;
    router.stop().await;
    world.audited();
}
