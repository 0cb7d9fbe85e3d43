//! What is taken, and what is refused with a reason.

use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::Ed25519Key;
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::cloud_event::{self, CloudEvent};
use openfactory_sn::lifecycle::event::record::RecordChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::EventId;
use serde_json::{Value, json};

use crate::world::{STRUCTURED, World, cloud, now};

#[tokio::test]
async fn an_event_is_taken_once_in_every_mode() {
    let world = World::new().await;
    let router = world.start().await;
    let event = world.request("b-1");
    let first = router.send(&event, &world.platform).await;
    assert_eq!(
        (first.status.as_u16(), &first.body),
        (202, &json!({"id": "b-1.requested", "duplicate": false}))
    );
    let again = router.send(&event, &world.platform).await;
    assert_eq!(
        (again.status.as_u16(), &again.body),
        (202, &json!({"id": "b-1.requested", "duplicate": true}))
    );

    let envelope =
        |event: &Event| Envelope::sign(PAYLOAD_TYPE, &event.to_payload().unwrap(), &world.platform).unwrap();
    let second = world.request("b-2");
    let batch = cloud_event::batch_to_json(&[
        CloudEvent::of(&event, envelope(&event)),
        CloudEvent::of(&second, envelope(&second)),
    ]);
    let batch = router.post("application/cloudevents-batch+json", batch).await;
    assert_eq!(batch.status, 202);
    assert_eq!(batch.body[0]["duplicate"], true);
    assert_eq!(batch.body[1], json!({"id": "b-2.requested", "duplicate": false}));

    let third = world.request("b-3");
    let whole: Value = serde_json::from_slice(&cloud(&third, &world.platform)).unwrap();
    let headers: Vec<(&str, String)> = [
        ("ce-specversion", "specversion"),
        ("ce-id", "id"),
        ("ce-source", "source"),
        ("ce-type", "type"),
        ("ce-time", "time"),
    ]
    .into_iter()
    .map(|(header, name)| (header, whole[name].as_str().unwrap().to_owned()))
    .chain([("content-type", "application/json".to_owned())])
    .collect();
    let binary = router.binary(&headers, whole["data"].to_string().into_bytes()).await;
    assert_eq!((binary.status.as_u16(), &binary.body["duplicate"]), (202, &json!(false)), "{}", binary.body);

    for build in ["b-1", "b-2", "b-3"] {
        world.change_request(build).await;
    }
    router.stop().await;
    assert_eq!(world.count("change_request"), 3);
    world.audited();
}

#[tokio::test]
async fn what_can_not_be_believed_is_refused_with_a_reason() {
    let world = World::new().await;
    let router = world.start().await;
    let event = world.request("b-1");
    let good = cloud(&event, &world.platform);
    let stranger = Ed25519Key::from_seed(&[9; 32]);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&good).unwrap();
        change(&mut value);
        value.to_string().into_bytes()
    };
    let mut other_words = world.request("b-1");
    if let EventBody::BuildRequested(body) = &mut other_words.body {
        "something else".clone_into(&mut body.request_text);
    }
    let hint = RecordChanged::new("change_request", SysId::new(&"a".repeat(32)).unwrap());
    let hint = Event::new(EventId::new("h").unwrap(), "/t", now(), EventBody::RecordChanged(Box::new(hint)));

    for (what, media_type, body, status, reason) in [
        ("no JSON", STRUCTURED, b"{".to_vec(), 400, ""),
        ("no CloudEvent", STRUCTURED, b"{\"id\":1}".to_vec(), 400, ""),
        ("another media type", "text/plain", good.clone(), 415, "application/cloudevents"),
        ("an id that was not signed", STRUCTURED, changed(&|event| event["id"] = json!("x")), 400, "id"),
        ("a type that was not signed", STRUCTURED, changed(&|event| event["type"] = json!("x")), 400, "type"),
        ("an unknown signer", STRUCTURED, cloud(&event, &stranger), 401, ""),
        (
            "a signature of something else",
            STRUCTURED,
            changed(&|event| event["data"]["payload"] = json!("e30=")),
            401,
            "",
        ),
        ("a key of another kind", STRUCTURED, cloud(&event, &world.webhook), 403, "may not sign"),
        ("a device's word on a build", STRUCTURED, cloud(&event, &world.device), 403, "may not sign"),
        ("a hint by the platform", STRUCTURED, cloud(&hint, &world.platform), 403, "may not sign"),
        ("an intent for other words", STRUCTURED, cloud(&other_words, &world.platform), 403, "request text"),
        ("too much", STRUCTURED, vec![b' '; 25 << 20], 413, ""),
    ] {
        let answer = router.post(media_type, body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
        let said = answer.body["error"].as_str().unwrap_or_default();
        assert!(!said.is_empty() && said.contains(reason), "{what}: {said:?}");
    }
    assert_eq!(router.gauge("queue_ready").await + router.gauge("queue_dead").await, 0);
    router.stop().await;
    assert_eq!(world.count("change_request"), 0, "nothing of it reached ServiceNow");
    assert!(world.audited() >= 4, "what a known key was refused is in the audit log");
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict() {
    let world = World::new().await;
    let router = world.start().await;
    let event = world.request("b-1");
    assert_eq!(router.send(&event, &world.platform).await.status, 202);
    let mut other = event.clone();
    other.time = event.time + std::time::Duration::from_secs(1);
    let conflict = router.send(&other, &world.platform).await;
    assert_eq!(conflict.status, 409, "{}", conflict.body);
    router.stop().await;
    world.audited();
    assert!(world.tells_of("event.refused"));
}

#[tokio::test]
async fn an_unknown_type_is_kept_as_a_dead_letter() {
    let world = World::new().await;
    let router = world.start().await;
    let payload = json!({
        "id": "u-1", "source": "/test", "type": "tech.openfactory.future.fact.v9",
        "time": "2026-01-01T00:00:00.000Z", "data": {}
    });
    let payload = payload.to_string().into_bytes();
    let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, &world.platform).unwrap();
    let envelope: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    let event = json!({
        "specversion": "1.0", "id": "u-1", "source": "/test", "type": "tech.openfactory.future.fact.v9",
        "time": "2026-01-01T00:00:00.000Z", "datacontenttype": "application/json", "data": envelope
    });
    let answer = router.post(STRUCTURED, event.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    router.until("queue_dead", 1).await;
    router.stop().await;
    world.audited();
    assert!(world.tells_of("event.received") && world.tells_of("event.dead_lettered"));
}
