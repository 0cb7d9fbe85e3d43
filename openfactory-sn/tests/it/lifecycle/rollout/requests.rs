use openfactory_sn::lifecycle::event::build::LinkStatus;
use openfactory_sn::lifecycle::event::codec::EventError;
use openfactory_sn::lifecycle::event::rollout::{MAX_DEVICES, MAX_SECONDS, RolloutRequested};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{EventId, FleetId};
use openfactory_sn::lifecycle::workflow::Decision;

use super::super::samples::{self, instant};
use super::super::world::World;
use super::line::{Line, change_of, device, life_of, request, requested};

async fn refused(line: &Line, event: &Event) -> String {
    match line.world.decide(event).await {
        Decision::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_verified_build_is_rolled_out() {
    let world = World::with_open_gate().await;
    let event = requested(120, request("b-1", 3));
    let mut world = world;
    for before in [samples::completed()] {
        world.at(instant(121));
        assert!(matches!(world.decide(&event).await, Decision::NotYet { .. }));
        world.apply(&before).await;
    }
    assert!(matches!(world.decide(&event).await, Decision::NotYet { .. }), "completed is not verified");
    world.at(instant(120 + 3600));
    assert!(matches!(world.decide(&event).await, Decision::Refused { .. }));
    let rejected = samples::verification(&[("image", LinkStatus::Broken, "other")]);
    world.apply(&samples::event("verified-1", 110, EventBody::BuildVerified(Box::new(rejected)))).await;
    world.at(instant(121));
    let Decision::Refused { reason } = world.decide(&event).await else { panic!() };
    assert!(reason.contains("rejected"), "{reason}");
}

#[tokio::test]
async fn the_request_must_be_about_the_build_as_it_was_verified() {
    type Change = fn(&mut RolloutRequested);
    let rows: [(Change, &str); 3] = [
        (|body| body.fleet = FleetId::new("line-8").unwrap(), "for another fleet"),
        (|body| body.image.root_hash = samples::digest("other"), "with another root hash"),
        (|body| body.image.document_digest = samples::digest("other"), "with another verification document"),
    ];
    let mut line = Line::new().await;
    line.world.now = instant(1000);
    for (change, why) in rows {
        let mut body = request("b-1", 3);
        change(&mut body);
        let reason = refused(&line, &requested(1000, body)).await;
        assert!(reason.contains(why), "{reason}");
    }
}

#[tokio::test]
async fn the_approval_must_be_in_force() {
    let mut line = Line::new().await;
    line.world.now = instant(1000);
    let event = requested(1000, request("b-1", 3));
    for (approval, state) in
        [("rejected", "-2"), ("requested", "-3"), ("approved", "0"), ("approved", "3"), ("approved", "4")]
    {
        line.world.observe(&change_of("b-1"), approval, state);
        let reason = refused(&line, &event).await;
        assert!(reason.contains("the approval is not in force"), "{reason}");
    }
    line.world.forget(&change_of("b-1"));
    assert!(matches!(line.world.decide(&event).await, Decision::NotYet { .. }), "not read is not refused");
    line.world.now = instant(1000 + 3600);
    assert!(refused(&line, &event).await.contains("can not be read"));
}

#[tokio::test]
async fn a_build_whose_gate_never_opened_is_not_rolled_out() {
    let mut world = World::new();
    let [asked, ..] = life_of("b-1");
    world.apply(&asked).await;
    world.at(instant(1000 + 3600));
    let decision = world.decide(&requested(1000, request("b-1", 3))).await;
    assert!(matches!(decision, Decision::Refused { .. }), "{decision:?}");
}

#[tokio::test]
async fn a_build_is_rolled_out_once() {
    let line = Line::begun(3).await;
    let mut again = requested(1100, request("b-1", 3));
    again.id = EventId::new("another").unwrap();
    assert!(refused(&line, &again).await.contains("was begun before"));
}

#[tokio::test]
async fn a_soak_must_fit_into_its_stage() {
    let mut line = Line::new().await;
    line.world.now = instant(1000);
    let mut body = request("b-1", 3);
    (body.soak_s, body.stage_within_s) = (Some(600), Some(600));
    assert!(refused(&line, &requested(1000, body)).await.contains("does not fit"));
}

#[test]
fn a_request_that_makes_no_sense_is_no_event() {
    type Change = fn(&mut RolloutRequested);
    let rows: [(Change, &str); 6] = [
        (|body| body.devices.clear(), "1 to 1000 devices"),
        (|body| *body = request("b-1", MAX_DEVICES + 1), "this one has 1001"),
        (|body| body.devices.push(body.devices[0].clone()), "named twice"),
        (|body| body.canary = Some(device(9)), "none of its devices"),
        (|body| body.soak_s = Some(0), "soak_s is 1 to"),
        (|body| body.stage_within_s = Some(MAX_SECONDS + 1), "stage_within_s is 1 to"),
    ];
    for (change, why) in rows {
        let mut body = request("b-1", 3);
        change(&mut body);
        match Event::parse(&requested(1000, body).to_payload().unwrap()) {
            Err(EventError::Contradiction { reason, .. }) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{why}: {other:?}"),
        }
    }
}
