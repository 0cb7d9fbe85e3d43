//! A report counts only as the fresh answer to a challenge of its device; what does not is refused with its reason,
//! recorded, and changes nothing.

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::key::Ed25519Key;
use openfactory_attest::report::{DeviceReport, Nonce};
use openfactory_examples::device_request;
use openfactory_examples::state::{MAX_OPEN, SqliteStateStore, Unfit};
use openfactory_sn::lifecycle::event::device::DeviceReported;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{DeviceId, EventId};
use serde_json::json;

use crate::world::{Router, World, now};

fn report(device: &str, id: &str, nonce: Option<Nonce>) -> Event {
    let mut report = DeviceReport::new(device, "b-1", now(), Sha256Digest::of(b"manifest"), 7);
    report.nonce = nonce;
    let body = EventBody::DeviceReported(Box::new(DeviceReported::new(report)));
    Event::new(EventId::new(id).unwrap(), format!("/agent/{device}"), now(), body)
}

/// What a device sends along, to show that it is the device.
pub(crate) fn signed(device: &str, request: &str, key: &Ed25519Key) -> Vec<(&'static str, String)> {
    let device = DeviceId::new(device).unwrap();
    vec![("authorization", device_request::sign(&device, request, now(), key).unwrap())]
}

pub(crate) async fn challenge(router: &Router, device: &str) -> Nonce {
    let answer = router.ask("POST", &format!("/v1/devices/{device}/challenge"), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["nonce"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_report_answers_its_challenge_once() {
    let world = World::new().await;
    let router = world.start().await;
    let nonce = challenge(&router, "edge-1").await;
    let good = report("edge-1", "r-1", Some(nonce));
    assert_eq!(router.send(&good, &world.device).await.status, 202);
    let again = router.send(&good, &world.device).await;
    assert_eq!((again.status.as_u16(), &again.body["duplicate"]), (202, &json!(true)), "the same event");

    let other_nonce = challenge(&router, "edge-2").await;
    let unused = challenge(&router, "edge-1").await;
    for (what, event, key, status, code, reason) in [
        ("no nonce", report("edge-1", "r-2", None), &world.device, 403, "nonce-missing", "no challenge"),
        (
            "replayed",
            report("edge-1", "r-3", Some(nonce)),
            &world.device,
            403,
            "nonce-used",
            "another report",
        ),
        (
            "never given",
            report("edge-1", "r-4", Some(Nonce::from_bytes([9; 32]))),
            &world.device,
            403,
            "nonce-unknown",
            "never given",
        ),
        (
            "another device's challenge",
            report("edge-1", "r-5", Some(other_nonce)),
            &world.device,
            403,
            "nonce-other-device",
            "another device",
        ),
        (
            "another device's word",
            report("edge-1", "r-6", Some(unused)),
            &world.other_device,
            403,
            "",
            "edge-1",
        ),
        (
            "a stranger's word",
            report("edge-1", "r-7", Some(unused)),
            &Ed25519Key::from_seed(&[99; 32]),
            401,
            "",
            "",
        ),
        (
            "not a device's key",
            report("edge-1", "r-8", Some(unused)),
            &world.platform,
            403,
            "",
            "may not sign",
        ),
    ] {
        let answer = router.send(&event, key).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
        assert_eq!(answer.body["code"].as_str().unwrap_or_default(), code, "{what}");
        let said = answer.body["error"].as_str().unwrap();
        assert!(said.contains(reason), "{what}: {said}");
        if status == 403 {
            assert!(world.audit_says(reason), "{what} is in the audit log");
        }
    }
    // What was refused used up nothing.
    assert_eq!(router.send(&report("edge-1", "r-9", Some(unused)), &world.device).await.status, 202);
    router.until("queue_ready", 0).await;
    router.stop().await;
    assert_eq!(world.count("incident"), 0);
    world.audited();
}

#[tokio::test]
pub(crate) async fn challenges_outlive_a_restart_and_devices_are_known() {
    let world = World::new().await;
    let router = world.start().await;
    let nonce = challenge(&router, "edge-1").await;
    router.stop().await;
    let router = world.start().await;
    assert_eq!(router.send(&report("edge-1", "r-1", Some(nonce)), &world.device).await.status, 202);
    assert_eq!(router.ask("POST", "/v1/devices/edge-9/challenge", &[]).await.status, 404);
    assert_eq!(router.ask("POST", "/v1/devices/a%2Fb/challenge", &[]).await.status, 400);
    let path = "/v1/devices/edge-1/challenge";
    let asked = router.ask("POST", path, &signed("edge-1", &format!("POST {path}"), &world.device)).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    let stolen =
        router.ask("POST", path, &signed("edge-2", &format!("POST {path}"), &world.other_device)).await;
    assert_eq!(stolen.status, 403, "{}", stolen.body);
    router.stop().await;
    world.audited();
}

#[tokio::test]
pub(crate) async fn challenges_expire_and_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStateStore::open(&folder.path().join("state.sqlite")).unwrap();
    let device = DeviceId::new("edge-1").unwrap();
    let event = |name: &str| EventId::new(name.replace(' ', "-")).unwrap();
    let (given, minute) = (now(), std::time::Duration::from_secs(60));
    let nonce = |number: u8| Nonce::from_bytes([number; 32]);
    let until = given + 5 * minute;
    let give =
        async |number: u8, signed: bool, at| store.challenge(&device, nonce(number), signed, at, until).await;
    let answer = async |number: u8, name: &str, at| {
        store.answer(&device, nonce(number), &event(name), at).await.unwrap()
    };

    give(1, true, given).await.unwrap();
    assert_eq!(answer(1, "late", until).await, Err(Unfit::Expired));
    assert_eq!(answer(1, "in time", until - std::time::Duration::from_millis(1)).await, Ok(()));
    assert_eq!(answer(1, "in time", until + 100 * minute).await, Ok(()), "the same event, long after");
    assert_eq!(answer(1, "another", given).await, Err(Unfit::Used));

    // Anybody may ask; who asks too often pushes out only what anybody asked for.
    give(2, true, given).await.unwrap();
    let many = u8::try_from(MAX_OPEN).unwrap() + 1;
    for number in 0..many {
        let at = given + std::time::Duration::from_millis(number.into());
        give(100 + number, false, at).await.unwrap();
    }
    assert_eq!(answer(100, "oldest", given).await, Err(Unfit::Unknown));
    assert_eq!(answer(101, "next", given).await, Ok(()));
    assert_eq!(answer(2, "its own", given).await, Ok(()));
}
