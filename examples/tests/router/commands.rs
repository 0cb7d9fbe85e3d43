//! Commands wait for their device; who has no right to one is refused with the reason, and nothing changes.

use std::time::Duration;

use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Ed25519Key;
use openfactory_attest::trust::TrustStore;
use openfactory_sn::lifecycle::event::command::{CommandHandled, CommandIssued, CommandOutcome};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{CommandId, DeviceId, EventId};
use openfactory_zone2::command::{Action, Authority, Command, Target};
use serde_json::Value;

use crate::attestation::signed;
use crate::world::{Answer, Router, TOKEN, World, now};

const PATH: &str = "/v1/devices/edge-1/commands";

fn unlock(id: &str, device: &str, key: &Ed25519Key) -> Envelope {
    let authority = Authority::new("ada@example.com", "the gateway is replaced", "CHG0030001");
    let target = Target::Device(device.to_owned());
    let expires = now() + Duration::from_secs(600);
    Command::new(id, Action::Unlock, target, authority, now(), expires).unwrap().sign(key).unwrap()
}

fn issued(id: &str, device: &str, command: Envelope) -> Event {
    let body = CommandIssued::new(DeviceId::new(device).unwrap(), command);
    Event::new(EventId::new(id).unwrap(), "/operator", now(), EventBody::CommandIssued(Box::new(body)))
}

async fn pending(world: &World, router: &Router, wait: u64) -> Answer {
    let headers = signed("edge-1", &format!("GET {PATH}"), &world.device);
    router.ask("GET", &format!("{PATH}?wait={wait}"), &headers).await
}

fn commands(answer: &Answer) -> &Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["commands"].as_array().unwrap()
}

#[tokio::test]
async fn a_command_waits_until_its_device_has_handled_it() {
    let world = World::new().await;
    let router = world.start().await;
    assert!(commands(&pending(&world, &router, 0).await).is_empty());
    let command = unlock("c-1", "edge-1", &world.operator);
    // The device asks before there is anything, and is told as soon as there is.
    let event = issued("i-1", "edge-1", command.clone());
    let (waited, sent) = tokio::join!(pending(&world, &router, 30), router.send(&event, &world.operator));
    assert_eq!(sent.status, 202, "{}", sent.body);
    let handed: Envelope = serde_json::from_value(commands(&waited)[0].clone()).unwrap();
    assert_eq!(handed, command);
    router.stop().await;

    let router = world.start().await;
    assert_eq!(commands(&pending(&world, &router, 0).await).len(), 1, "also after a restart");
    let done = CommandOutcome::Done { detail: "opened".to_owned() };
    let handled = CommandHandled::new(DeviceId::new("edge-1").unwrap(), CommandId::new("c-1").unwrap(), done);
    let body = EventBody::CommandHandled(Box::new(handled));
    let handled = Event::new(EventId::new("h-1").unwrap(), "/agent/edge-1", now(), body);
    assert_eq!(router.send(&handled, &world.other_device).await.status, 403, "another device's word");
    assert_eq!(router.send(&handled, &world.device).await.status, 202);
    for _ in 0..200 {
        if commands(&pending(&world, &router, 0).await).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(commands(&pending(&world, &router, 0).await).is_empty());
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn a_command_without_the_right_is_refused_and_recorded() {
    let world = World::new().await;
    let router = world.start().await;
    for (what, event, key, reason) in [
        (
            "signed by the build platform",
            issued("i-1", "edge-1", unlock("c-1", "edge-1", &world.platform)),
            &world.operator,
            "wrong-key",
        ),
        (
            "signed by a service",
            issued("i-2", "edge-1", unlock("c-2", "edge-1", &world.webhook)),
            &world.operator,
            "wrong-key",
        ),
        (
            "signed by nobody known",
            issued("i-3", "edge-1", unlock("c-3", "edge-1", &Ed25519Key::from_seed(&[77; 32]))),
            &world.operator,
            "unsigned",
        ),
        (
            "for another device",
            issued("i-4", "edge-1", unlock("c-4", "edge-2", &world.operator)),
            &world.operator,
            "not for edge-1",
        ),
        (
            "sent by the build platform",
            issued("i-5", "edge-1", unlock("c-5", "edge-1", &world.operator)),
            &world.platform,
            "may not sign",
        ),
        (
            "sent by a device",
            issued("i-6", "edge-1", unlock("c-6", "edge-1", &world.operator)),
            &world.device,
            "may not sign",
        ),
    ] {
        let answer = router.send(&event, key).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.body);
        let said = answer.body["error"].as_str().unwrap();
        assert!(said.contains(reason), "{what}: {said}");
        assert!(world.audit_says(reason), "{what} is in the audit log");
    }
    assert!(commands(&pending(&world, &router, 0).await).is_empty());
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn only_the_device_itself_is_handed_its_commands() {
    let world = World::new().await;
    let router = world.start().await;
    let request = format!("GET {PATH}");
    for (what, headers, status) in [
        ("nobody", Vec::new(), 401),
        ("a stranger", signed("edge-1", &request, &Ed25519Key::from_seed(&[99; 32])), 401),
        ("the platform", signed("edge-1", &request, &world.platform), 401),
        ("another device", signed("edge-2", &request, &world.other_device), 403),
        ("another device in its name", signed("edge-1", &request, &world.other_device), 403),
        ("another request", signed("edge-1", "POST /v1/devices/edge-1/challenge", &world.device), 403),
    ] {
        let answer = router.ask("GET", PATH, &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
    }
    router.stop().await;
}

#[tokio::test]
async fn an_operator_wants_a_report_and_the_router_asks_for_it() {
    let world = World::new().await;
    let router = world.start().await;
    let path = "/v1/devices/edge-1/attest";
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    assert_eq!(router.ask("POST", path, &[]).await.status, 401);
    assert_eq!(router.ask("POST", path, &bearer("a guess")).await.status, 401);
    assert!(commands(&pending(&world, &router, 0).await).is_empty());
    let wanted = router.ask("POST", path, &bearer(TOKEN)).await;
    assert_eq!(wanted.status, 202, "{}", wanted.body);

    let asked = pending(&world, &router, 5).await;
    let envelope: Envelope = serde_json::from_value(commands(&asked)[0].clone()).unwrap();
    let trust = TrustStore::parse(&std::fs::read(world.path("trust.json")).unwrap()).unwrap();
    let command = Command::open(&envelope, &trust).unwrap();
    assert_eq!(command.signer().name, "router");
    let Action::Attest { nonce } = command.get().action() else { panic!("{command:?}") };
    let again = pending(&world, &router, 0).await;
    assert_eq!(commands(&again).len(), 1, "one command, however often the device asks");

    let mut report = openfactory_attest::report::DeviceReport::new(
        "edge-1",
        "b-1",
        now(),
        openfactory_attest::digest::Sha256Digest::of(b"manifest"),
        7,
    );
    report.nonce = Some(nonce.parse().unwrap());
    let body = openfactory_sn::lifecycle::event::device::DeviceReported::new(report);
    let body = EventBody::DeviceReported(Box::new(body));
    let report = Event::new(EventId::new("r-1").unwrap(), "/agent/edge-1", now(), body);
    assert_eq!(router.send(&report, &world.device).await.status, 202);
    router.stop().await;
    assert!(world.tells_of("report.wanted"));
    world.audited();
}
