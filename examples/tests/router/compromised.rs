//! Who says that a key is compromised must name a key that is trusted, as what it is, and a place in this log.

use openfactory_attest::key::{KeyId, KeyKind, Signer as _};
use openfactory_attest::trust::revocation::Window;
use openfactory_sn::lifecycle::event::key::{CompromisedKey, KeyCompromised};
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::EventId;

use crate::world::{ORIGIN, World, now};

fn compromised(id: &str, key: KeyId, kind: KeyKind, name: &str, from: u64) -> Event {
    let key = CompromisedKey::new(key, kind, name, Window::from(ORIGIN, from));
    let body = KeyCompromised::new(key, now(), "ada@example.com", "found on a file server");
    Event::new(EventId::new(id).unwrap(), "/operator", now(), EventBody::KeyCompromised(Box::new(body)))
}

#[tokio::test]
async fn another_key_another_kind_and_a_window_that_has_not_come_are_refused() {
    let world = World::new().await;
    let router = world.start().await;
    let (platform, operator) = (*world.platform.key_id(), *world.operator.key_id());
    let build = KeyKind::BuildPlatformSigning;
    for (id, event, reason) in [
        ("c-1", compromised("c-1", operator, build, "ada", 0), "is the operator key"),
        ("c-2", compromised("c-2", platform, build, "another", 0), "\"platform\""),
        ("c-3", compromised("c-3", "11".repeat(32).parse().unwrap(), build, "x", 0), "not in the trust file"),
        ("c-4", compromised("c-4", platform, build, "platform", 1_000_000), "the log has"),
    ] {
        let answer = router.send(&event, &world.operator).await;
        assert_eq!(answer.status, 400, "{id}: {}", answer.body);
        let said = answer.body["error"].as_str().unwrap();
        assert!(said.contains(reason), "{id}: {said}");
    }
    let good = compromised("c-5", platform, build, "platform", 0);
    assert_eq!(router.send(&good, &world.operator).await.status, 202);
    router.stop().await;
    world.audited();
}
