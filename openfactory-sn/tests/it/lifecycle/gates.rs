use std::time::Duration;

use openfactory_sn::lifecycle::entity::{BuildStage, Entity, EntityKey, GateState};
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::lifecycle::event::build::LinkStatus;
use openfactory_sn::lifecycle::workflow::Decision;

use super::samples;
use super::world::{World, types};

#[tokio::test]
async fn a_requested_build_waits_at_its_gate() {
    let world = World::new();
    assert_eq!(world.apply(&samples::requested()).await, vec![]);
    let gate = world.gate().await;
    assert_eq!(gate.state, GateState::Waiting);
    assert_eq!(gate.build_id, samples::build_id());
    assert_eq!(gate.requested_by, samples::requested().identity());
}

#[tokio::test]
async fn another_request_for_the_same_build_is_refused() {
    let world = World::new();
    world.apply(&samples::requested()).await;
    let mut again = samples::requested();
    again.source = "/other".to_owned();
    assert!(matches!(world.decide(&again).await, Decision::Refused { .. }));
}

#[tokio::test]
async fn a_hint_that_comes_before_the_change_request_is_whole_waits() {
    let mut world = World::new();
    world.apply(&samples::requested()).await;
    world.observe(&samples::change_request(), "approved", "-2");
    let hint = samples::hint("hint-1", 1);
    assert!(matches!(world.decide(&hint).await, Decision::NotYet { .. }));
    world.recorded(&samples::requested()).await;
    assert_eq!(types(&world.apply(&hint).await), ["gate.opened"]);
}

#[tokio::test]
async fn only_an_approved_change_that_has_moved_on_opens_the_gate() {
    let rows = [
        ("not requested", "-5", None),
        ("requested", "-4", None),
        ("requested", "-3", None),
        ("requested", "-2", None),
        ("approved", "-5", None),
        ("approved", "-4", None),
        ("approved", "-3", None),
        ("approved", "-2", Some("gate.opened")),
        ("approved", "-1", Some("gate.opened")),
        ("approved", "0", Some("gate.opened")),
        ("approved", "3", Some("gate.opened")),
        ("approved", "4", Some("gate.refused")),
        ("approved", "7", None),
        ("approved", "", None),
        ("", "", None),
        ("Approved", "-2", None),
        ("rejected", "-5", Some("gate.refused")),
        ("rejected", "-4", Some("gate.refused")),
        ("requested", "4", Some("gate.refused")),
    ];
    for (approval, state, expected) in rows {
        let mut world = World::new();
        world.apply(&samples::requested()).await;
        world.recorded(&samples::requested()).await;
        world.observe(&samples::change_request(), approval, state);
        let published = world.apply(&samples::hint("hint-1", 1)).await;
        assert_eq!(types(&published), expected.into_iter().collect::<Vec<_>>(), "{approval:?} {state:?}");
        let waits = world.gate().await.state == GateState::Waiting;
        assert_eq!(waits, expected.is_none(), "{approval:?} {state:?}");
    }
}

#[tokio::test]
async fn what_was_read_stands_in_the_event_not_what_the_hint_said() {
    let mut world = World::new();
    world.apply(&samples::requested()).await;
    world.recorded(&samples::requested()).await;
    world.observe(&samples::change_request(), "approved", "-2");
    let mut hint = samples::hint("hint-1", 1);
    let EventBody::RecordChanged(body) = &mut hint.body else { panic!() };
    body.number = Some("CHG9999999".to_owned());
    let published = world.apply(&hint).await;
    let EventBody::GateOpened(opened) = &published[0].body else { panic!() };
    assert_eq!(opened.number, "CHG0030001");
    assert_eq!(opened.updated_by, "cab");
    assert_eq!((opened.state, &opened.change_request), (-2, &samples::change_request()));
}

#[tokio::test]
async fn a_gate_is_decided_once() {
    let mut world = World::with_open_gate().await;
    world.observe(&samples::change_request(), "rejected", "-5");
    assert_eq!(world.apply(&samples::hint("hint-2", 60)).await, vec![]);
    assert!(matches!(world.gate().await.state, GateState::Open { .. }));
}

#[tokio::test]
async fn a_change_request_that_can_not_be_read_opens_nothing() {
    let world = World::new();
    world.apply(&samples::requested()).await;
    world.recorded(&samples::requested()).await;
    assert_eq!(world.apply(&samples::hint("hint-1", 1)).await, vec![]);
    assert_eq!(world.gate().await.state, GateState::Waiting);
}

#[tokio::test]
async fn hints_about_other_records_change_nothing() {
    let world = World::new();
    assert_eq!(world.apply(&samples::hint("hint-1", 1)).await, vec![]);
    let mut other = samples::hint("hint-2", 1);
    let EventBody::RecordChanged(body) = &mut other.body else { panic!() };
    body.table = "problem".to_owned();
    assert_eq!(world.apply(&other).await, vec![]);
}

#[tokio::test]
async fn what_was_built_without_approval_does_not_count() {
    let world = World::new();
    assert!(matches!(world.decide(&samples::completed()).await, Decision::Refused { .. }));
    world.apply(&samples::requested()).await;
    let Decision::Refused { reason } = world.decide(&samples::completed()).await else { panic!() };
    assert!(reason.contains("without approval"), "{reason}");
}

#[tokio::test]
async fn a_build_goes_from_requested_to_verified() {
    let world = World::with_open_gate().await;
    assert!(matches!(world.decide(&samples::verified()).await, Decision::Refused { .. }), "not completed");
    world.apply(&samples::completed()).await;
    world.apply(&samples::verified()).await;
    let Some(Entity::Build(build)) = world.entity(EntityKey::Build(samples::build_id())).await else {
        panic!()
    };
    assert_eq!(build.stage, BuildStage::Verified);
    assert_eq!(build.manifest_digest, Some(samples::digest("manifest")));
}

#[tokio::test]
async fn a_broken_chain_rejects_the_build() {
    type Links<'a> = &'a [(&'a str, LinkStatus, &'a str)];
    let rows: [(Links<'_>, BuildStage); 4] = [
        (&[("signature", LinkStatus::Proved, "")], BuildStage::Verified),
        (
            &[("signature", LinkStatus::Proved, ""), ("image", LinkStatus::Broken, "other")],
            BuildStage::Rejected,
        ),
        (&[("signature", LinkStatus::NotChecked, "no key")], BuildStage::Rejected),
        (&[], BuildStage::Rejected),
    ];
    for (links, stage) in rows {
        let world = World::with_open_gate().await;
        world.apply(&samples::completed()).await;
        let body = EventBody::BuildVerified(Box::new(samples::verification(links)));
        world.apply(&samples::event("verified-1", 110, body)).await;
        let Some(Entity::Build(build)) = world.entity(EntityKey::Build(samples::build_id())).await else {
            panic!()
        };
        assert_eq!(build.stage, stage, "{links:?}");
        // A second opinion, by whomever, does not make it good: it is built anew.
        let second = EventBody::BuildVerified(Box::new(samples::verification(rows[0].0)));
        let second = world.decide(&samples::event("verified-2", 120, second)).await;
        assert!(matches!(second, Decision::Refused { .. }), "{second:?}");
    }
}

#[tokio::test]
async fn a_document_about_another_image_is_refused() {
    let world = World::with_open_gate().await;
    world.apply(&samples::completed()).await;
    let mut body = samples::verification(&[("signature", LinkStatus::Proved, "")]);
    body.root_hash = samples::digest("another");
    let event = samples::event("verified-1", 110, EventBody::BuildVerified(Box::new(body)));
    assert!(matches!(world.decide(&event).await, Decision::Refused { .. }));
}

#[tokio::test]
async fn a_deployment_waits_for_the_verification_then_is_refused() {
    let mut world = World::with_open_gate().await;
    world.apply(&samples::completed()).await;
    let deployed = samples::deployed();
    world.at(deployed.time);
    assert!(matches!(world.decide(&deployed).await, Decision::NotYet { .. }));
    world.at(deployed.time + Duration::from_secs(3600));
    assert!(matches!(world.decide(&deployed).await, Decision::Refused { .. }));
    world.apply(&samples::verified()).await;
    assert!(matches!(world.decide(&deployed).await, Decision::Apply(_)));
}

#[tokio::test]
async fn a_deployment_of_another_image_is_refused() {
    let world = World::with_open_gate().await;
    world.apply(&samples::completed()).await;
    world.apply(&samples::verified()).await;
    for change in [0, 1] {
        let mut body = samples::deployment();
        match change {
            0 => body.document_digest = samples::digest("another"),
            _ => body.root_hash = samples::digest("another"),
        }
        let event = samples::event("deployed-1", 200, EventBody::DeviceDeployed(Box::new(body)));
        assert!(matches!(world.decide(&event).await, Decision::Refused { .. }));
    }
}
