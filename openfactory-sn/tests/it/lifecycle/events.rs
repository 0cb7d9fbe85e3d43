use openfactory_attest::key::KeyKind;
use openfactory_sn::lifecycle::event::codec::EventError;
use openfactory_sn::lifecycle::event::command::CommandOutcome;
use openfactory_sn::lifecycle::event::{Event, EventBody, SenderError};
use serde_json::{Value, json};

use super::rollout::line::{Line, request, requested};
use super::world::World;
use super::{compromise, instructions, samples};

fn incoming() -> Vec<Event> {
    vec![
        samples::requested(),
        samples::completed(),
        samples::verified(),
        samples::deployed(),
        samples::reported(samples::report(300, &["etc/shadow"])),
        samples::command_issued(),
        samples::command_handled(CommandOutcome::Refused {
            code: "expired".to_owned(),
            reason: "it expired at noon".to_owned(),
        }),
        samples::unlocked(),
        samples::hint("hint-1", 1),
        compromise::compromised(KeyKind::BuildPlatformSigning),
        compromise::resigned("document, again"),
        compromise::reviewed(),
    ]
}

/// One of each type.
async fn all() -> Vec<Event> {
    let mut events = incoming();
    let mut world = World::new();
    world.apply(&samples::requested()).await;
    world.recorded(&samples::requested()).await;
    world.observe(&samples::change_request(), "rejected", "-5");
    events.extend(world.apply(&samples::hint("hint-1", 1)).await);
    let mut world = World::new();
    world.apply(&samples::requested()).await;
    world.recorded(&samples::requested()).await;
    world.observe(&samples::change_request(), "approved", "-2");
    events.extend(world.apply(&samples::hint("hint-1", 1)).await);
    let mut world = World::with_compliant_device().await;
    let drifted = world.report(400, &["etc/shadow"]).await;
    let performed = world.perform(&drifted[1], 410).await;
    events.extend(drifted);
    events.push(performed);
    events.extend(world.report(420, &[]).await);
    // A rollout that is completed, one that fails, and the clock of a stage.
    let mut line = Line::second(3).await;
    let told = std::mem::take(&mut line.told);
    line.report(1, "b-2", 100_010, &[]).await;
    line.soak(&[1], "b-2", 100_010).await;
    line.let_time_pass_until(100_000 + 3 * 86_400).await;
    events.push(requested(1000, request("b-1", 3)));
    events.extend(told.into_iter().chain(line.told));
    let mut finished = Line::begun(1).await;
    finished.soak(&[1], "b-1", 1000).await;
    events.extend(finished.told);
    let due = samples::instant(420 + 86_400);
    openfactory_sn::lifecycle::state::StateStore::fire_due(&world.at(due).store, due, 10).await.unwrap();
    let overdue = world.drain().await;
    for event in overdue {
        events.extend(world.apply(&event).await);
        events.push(event);
    }
    events.extend(compromise::derived().await);
    let mut world = World::with_compliant_device().await;
    world.report(400, &["etc/logrotate.d/rsyslog"]).await;
    world.report(410, &["etc/ntp.conf"]).await;
    for at in [400 + 4 * 3600, 86_400] {
        let at = samples::instant(at);
        openfactory_sn::lifecycle::state::StateStore::fire_due(&world.at(at).store, at, 10).await.unwrap();
        for event in world.drain().await {
            events.extend(world.apply(&event).await);
            events.push(event);
        }
    }
    let (mut world, incident) = instructions::investigated().await;
    instructions::instruct(&mut world, &incident, "rollback", "ada", "2026-09-21 14:20:00");
    events.extend(world.apply(&instructions::hint("h-1", &incident)).await);
    instructions::write(&mut world, &incident, &[("assigned_to", "u-1")]);
    events.extend(world.apply(&instructions::hint("h-2", &incident)).await);
    instructions::write(&mut world, &incident, &[("state", "7")]);
    events.extend(world.apply(&instructions::hint("h-3", &incident)).await);
    events.extend(overlay().await);
    events
}

/// An incident that is over though others remain, a service that stays down, and a lockdown that is recorded.
async fn overlay() -> Vec<Event> {
    let mut world = World::with_compliant_device().await;
    world.report(400, &["etc/ntp.conf"]).await;
    world.report(410, &["etc/ntp.conf", "etc/resolv.conf"]).await;
    let mut events = world.report(420, &["etc/resolv.conf"]).await;
    events.extend(world.at(samples::instant(500)).apply(&samples::unlocked()).await);
    events.push(super::services::escalated().await);
    events
}

#[tokio::test]
async fn every_type_reads_back_and_is_named_once() {
    let events = all().await;
    for type_name in EventBody::TYPE_NAMES {
        let event = events.iter().find(|event| event.body.type_name() == type_name);
        let event = event.unwrap_or_else(|| panic!("no sample of {type_name}"));
        let payload = event.to_payload().unwrap();
        assert_eq!(Event::parse(&payload).unwrap(), *event, "{type_name}");
        let json: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(json["type"], type_name);
        let mut members: Vec<&String> = json.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["data", "id", "source", "time", "type"]);
    }
}

/// `serde_json` keeps the order of members in some builds and sorts them in others: the payload is the same in both.
#[test]
fn the_payload_has_the_same_bytes_in_every_build() {
    let payload = String::from_utf8(samples::hint("hint-1", 1).to_payload().unwrap()).unwrap();
    let sys_id = samples::change_request();
    assert!(
        payload
            .ends_with(&format!(r#""data":{{"sys_id":"{}","table":"change_request"}}}}"#, sys_id.as_str())),
        "{payload}"
    );
}

/// The wire form of version 1 is frozen: whoever changes it makes a version 2.
#[test]
fn the_payload_is_as_it_is_written_down() {
    let json: Value = serde_json::from_slice(&samples::hint("hint-1", 1).to_payload().unwrap()).unwrap();
    assert_eq!(
        json,
        json!({
            "id": "hint-1",
            "source": "/platform",
            "type": "tech.openfactory.servicenow.record_changed.v1",
            "time": "2026-09-21T14:13:21.000Z",
            "data": {"table": "change_request", "sys_id": samples::change_request().as_str()},
        })
    );
    let json: Value = serde_json::from_slice(&samples::completed().to_payload().unwrap()).unwrap();
    assert_eq!(
        json["data"],
        json!({
            "build_id": "b-1",
            "image": {"name": "b-1.squashfs", "size": 4096, "sha256": samples::digest("image").to_string()},
            "root_hash": samples::digest("root").to_string(),
            "build_log": samples::digest("log").to_string(),
            "duration_s": 42,
        })
    );
}

#[tokio::test]
async fn only_who_may_say_it_is_believed() {
    use KeyKind::{
        BuildPlatformSigning, DeviceAttestation, Integration, Operator, ReleaseSigning, RootSigning,
    };
    for event in all().await {
        let name = event.body.type_name();
        let good: &[KeyKind] = match &event.body {
            EventBody::BuildRequested(_)
            | EventBody::BuildCompleted(_)
            | EventBody::BuildVerified(_)
            | EventBody::ArtifactResigned(_) => &[BuildPlatformSigning],
            EventBody::KeyCompromised(_) | EventBody::CompromiseReviewed(_) => &[Operator, RootSigning],
            EventBody::DeviceDeployed(_) | EventBody::RolloutRequested(_) => {
                &[BuildPlatformSigning, ReleaseSigning]
            }
            EventBody::DeviceReported(_) | EventBody::CommandHandled(_) | EventBody::LockdownChanged(_) => {
                &[DeviceAttestation]
            }
            EventBody::CommandIssued(_) => &[Operator],
            EventBody::RecordChanged(_) => &[Integration],
            _ => &[],
        };
        for kind in KeyKind::ALL {
            let verdict = event.check_sender(kind, "edge-1");
            assert_eq!(verdict.is_ok(), good.contains(&kind), "{name} {kind:?}");
            if good.is_empty() {
                assert!(matches!(verdict, Err(SenderError::Derived { .. })), "{name}");
            }
        }
    }
}

#[test]
fn a_device_speaks_for_itself_only() {
    let handled = samples::command_handled(CommandOutcome::Done { detail: String::new() });
    for event in [samples::reported(samples::report(300, &[])), handled, samples::unlocked()] {
        assert!(event.check_sender(KeyKind::DeviceAttestation, "edge-1").is_ok());
        let error = event.check_sender(KeyKind::DeviceAttestation, "edge-2").unwrap_err();
        assert!(matches!(error, SenderError::OtherDevice { .. }));
    }
}

#[test]
fn what_a_device_says_of_a_command_is_bounded() {
    let good = CommandOutcome::Failed { reason: "x".repeat(4096) };
    let payload = samples::command_handled(good).to_payload().unwrap();
    assert!(Event::parse(&payload).is_ok());
    let refused = |code: &str, reason: &str| CommandOutcome::Refused {
        code: code.to_owned(),
        reason: reason.to_owned(),
    };
    for bad in [
        CommandOutcome::Done { detail: "x".repeat(4097) },
        CommandOutcome::Failed { reason: "x".repeat(4097) },
        refused("expired", &"x".repeat(4097)),
        refused("", "x"),
        refused("Not One", "x"),
        refused(&"x".repeat(65), "x"),
    ] {
        let payload = samples::command_handled(bad).to_payload().unwrap();
        assert!(matches!(Event::parse(&payload).unwrap_err(), EventError::Contradiction { .. }));
    }
}

/// What nobody reported is not written: a report without an overlay stays as version 1 had it.
#[test]
fn a_report_stands_at_the_top_of_its_event() {
    let payload = samples::reported(samples::report(300, &[])).to_payload().unwrap();
    let json: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        json["data"],
        json!({
            "device": "edge-1", "build_id": "b-1", "time": "2026-09-21T14:18:20Z",
            "manifest_digest": samples::digest("manifest").to_string(), "checked_entries": 1234, "findings": [],
        })
    );
}

#[test]
fn an_unknown_type_is_told_with_what_a_dead_letter_needs() {
    let payload = json!({
        "id": "e-1", "source": "/later", "type": "tech.openfactory.build.signed.v2",
        "time": "2026-09-21T14:13:21.000Z", "data": {"anything": [1, 2]},
    });
    match Event::parse(payload.to_string().as_bytes()).unwrap_err() {
        EventError::UnknownType { type_name, id, source_uri } => {
            assert_eq!(
                (type_name.as_str(), id.as_str(), source_uri.as_str()),
                ("tech.openfactory.build.signed.v2", "e-1", "/later")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_members_are_ignored() {
    let mut json: Value = serde_json::from_slice(&samples::completed().to_payload().unwrap()).unwrap();
    json["data"]["later"] = json!({"x": 1});
    json["later"] = json!(1.5);
    assert_eq!(Event::parse(json.to_string().as_bytes()).unwrap(), samples::completed());
}

#[test]
fn what_is_wrong_is_told() {
    let good: Value = serde_json::from_slice(&samples::requested().to_payload().unwrap()).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        Event::parse(json.to_string().as_bytes()).unwrap_err()
    };
    assert!(matches!(with("/id", json!("a b")), EventError::Json { .. }));
    assert!(matches!(with("/source", json!("")), EventError::Source { .. }));
    assert!(matches!(with("/source", json!("a b")), EventError::Source { .. }));
    assert!(matches!(with("/time", json!("now")), EventError::Time { .. }));
    assert!(matches!(with("/data/build_id", json!("a/b")), EventError::Data { .. }));
    assert!(matches!(with("/data/recipe", json!({"name": "x"})), EventError::Data { .. }));
    assert!(matches!(with("/data/intent", json!({})), EventError::Data { .. }));
    assert!(matches!(with("/data/requester", json!(" ")), EventError::Contradiction { .. }));
    assert!(matches!(
        with("/data/request_text", json!("x".repeat(40_000))),
        EventError::Contradiction { .. }
    ));
    assert!(matches!(Event::parse(b"{}").unwrap_err(), EventError::Json { .. }));
    assert!(matches!(Event::parse(b"\xff").unwrap_err(), EventError::Json { .. }));
    assert!(matches!(Event::parse(&vec![b' '; 17 << 20]).unwrap_err(), EventError::TooLarge { .. }));
    let twice = samples::requested().to_payload().unwrap();
    let twice = String::from_utf8(twice).unwrap().replacen("{\"id\":", "{\"id\":\"other\",\"id\":", 1);
    assert!(
        matches!(Event::parse(twice.as_bytes()).unwrap_err(), EventError::Json { .. }),
        "duplicate names"
    );
}

#[test]
fn a_verification_must_name_its_document() {
    let mut json: Value = serde_json::from_slice(&samples::verified().to_payload().unwrap()).unwrap();
    json["data"]["document_digest"] = json!(samples::digest("another").to_string());
    assert!(matches!(
        Event::parse(json.to_string().as_bytes()).unwrap_err(),
        EventError::Contradiction { .. }
    ));
    let mut json: Value = serde_json::from_slice(&samples::verified().to_payload().unwrap()).unwrap();
    json["data"]["evidence"][0]["name"] = json!("../../etc/passwd");
    assert!(matches!(
        Event::parse(json.to_string().as_bytes()).unwrap_err(),
        EventError::Contradiction { .. }
    ));
}

/// `docs/events.md` lists each type once, with the lane that the code gives it.
#[tokio::test]
async fn the_page_lists_every_type() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/events.md")).unwrap();
    for event in all().await {
        let name = event.body.type_name();
        let rows: Vec<&str> =
            page.lines().filter(|line| line.starts_with(&format!("| `{name}` |"))).collect();
        let [row] = rows[..] else { panic!("{name}: {rows:?}") };
        for kind in event.body.signers() {
            assert!(row.contains(&kind.to_string()), "{name}: {kind}");
        }
        let lane = event.body.key().split_once(':').unwrap().0.replace("change_request", "<table>");
        assert!(row.contains(&format!("| `{lane}:")), "{name}: {lane}");
    }
}
