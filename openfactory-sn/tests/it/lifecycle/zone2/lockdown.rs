//! Guide, "Lockdown State Transitions".

use openfactory_sn::lifecycle::compliance::Compliance;
use openfactory_sn::lifecycle::event::lockdown::LockdownChanged;
use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::{BuildId, EventId};
use openfactory_sn::lifecycle::workflow::Decision;
use openfactory_zone2::{LockdownState, Row};
use serde_json::{Value, json};

use super::super::plans::{outline, planned};
use super::super::samples::{self, device_id, instant};
use super::super::world::{World, types};
use super::{found, overlay, sealed, texts};

pub(super) fn command() -> Value {
    json!({"command": {
        "id": "c-1", "signer": "ada", "operator": "ada@plant.example",
        "justification": "the gateway is replaced", "change_request": "CHG0030001",
    }})
}

#[expect(clippy::needless_pass_by_value, reason = "each call makes its own")]
pub(super) fn transition(
    sequence: u64,
    from: &str,
    to: &str,
    row: &str,
    seal: &str,
    cause: Value,
) -> LockdownChanged {
    let transition = json!({
        "sequence": sequence, "from": from, "to": to, "at": "2026-09-21T14:21:40Z",
        "row": format!("zone2.lockdown.{row}"), "cause": cause, "seal": samples::digest(seal),
    });
    LockdownChanged::new(device_id(), serde_json::from_value(transition).unwrap())
}

pub(super) fn unlock() -> LockdownChanged {
    let mut body = transition(2, "locked", "unlocked", "unlocked", "seal", command());
    body.expires = Some(instant(900));
    body
}

fn told_by(body: LockdownChanged) -> Event {
    let id = format!("lockdown-{}", body.transition.sequence);
    let body = EventBody::LockdownChanged(Box::new(body));
    Event::new(EventId::new(id).unwrap(), "/agent/edge-1", instant(500), body)
}

pub(super) async fn after(world: &mut World, seconds: u64, body: LockdownChanged) -> Vec<Event> {
    world.at(instant(seconds)).apply(&told_by(body)).await
}

fn item(operations: &[Value]) -> Value {
    operations.last().unwrap()["values"].clone()
}

/// "CR updated: migration window opened, snapshot taken", "CR updated: migration complete, new seal written, lockdown
/// restored".
#[tokio::test]
async fn a_migration_is_noted_on_the_rollouts_change_request() {
    let mut world = sealed().await;
    let opened =
        after(&mut world, 500, transition(2, "locked", "migration", "migration-opened", "seal", command()));
    let [opened] = opened.await.try_into().unwrap();
    let operations = planned(&opened);
    assert_eq!(outline(&operations), ["note change/b-1", "update device/edge-1"]);
    let note = texts(&operations, "note")[0].to_owned();
    for text in
        ["locked → migration: migration window opened; the snapshot", "read-write", "audit mode", "c-1"]
    {
        assert!(note.contains(text), "{text}: {note}");
    }
    assert_eq!(item(&operations)["u_lockdown_state"], "migration");
    assert_eq!(item(&operations)["operational_status"], "Unknown");

    let closed = transition(3, "migration", "locked", "migration-closed", "new seal", command());
    let [closed] = after(&mut world, 600, closed).await.try_into().unwrap();
    let operations = planned(&closed);
    assert_eq!(outline(&operations), ["note change/b-1", "update device/edge-1"]);
    let note = texts(&operations, "note")[0].to_owned();
    for text in ["migration complete, new seal written, lockdown restored", "read-only", "deny mode"] {
        assert!(note.contains(text), "{text}: {note}");
    }
    assert_eq!(item(&operations)["u_seal_digest"], json!(samples::digest("new seal")));
    assert_eq!(world.device().await.overlay.unwrap().seal, Some(samples::digest("new seal")));
}

/// "Emergency CR: unlock authorized by fleet command, justification required, operator logged".
#[tokio::test]
async fn an_unlock_is_an_emergency_change() {
    let mut world = sealed().await;
    let [recorded] = after(&mut world, 500, unlock()).await.try_into().unwrap();
    let operations = planned(&recorded);
    assert_eq!(
        outline(&operations),
        ["create unlock/edge-1/2", "move_change unlock/edge-1/2 Implement", "update device/edge-1"]
    );
    let values = &operations[0]["values"];
    let rows = [
        ("type", json!("emergency")),
        ("short_description", json!("Emergency: overlay of device edge-1 unlocked by fleet command")),
        ("justification", json!("the gateway is replaced")),
        ("parent", json!({"record": {"table": "change_request", "correlation": "change/b-1"}})),
        ("cmdb_ci", json!({"record": {"table": "cmdb_ci_os_image", "correlation": "device/edge-1"}})),
        ("u_build_id", json!("b-1")),
    ];
    for (field, value) in rows {
        assert_eq!(values[field], value, "{field}");
    }
    let description = values["description"].as_str().unwrap();
    for text in
        ["c-1", "ada@plant.example", "key ada", "CHG0030001", "closes by itself at 2026-09-21T14:28:20.000Z"]
    {
        assert!(description.contains(text), "{text}: {description}");
    }
    assert_eq!(item(&operations)["u_lockdown_state"], "unlocked");
    assert_eq!(item(&operations)["u_overlay_state"], "open");
    assert_eq!(world.device().await.compliance, Compliance::Unknown, "nothing is held against the seal now");
}

/// "CR closed: re-provisioning complete, new combined SBOM sealed, lockdown restored".
#[tokio::test]
async fn a_signed_lock_closes_the_emergency_change() {
    let mut world = sealed().await;
    after(&mut world, 500, unlock()).await;
    let lock = transition(3, "unlocked", "locked", "relocked", "new seal", command());
    let [recorded] = after(&mut world, 600, lock).await.try_into().unwrap();
    let operations = planned(&recorded);
    assert_eq!(outline(&operations), ["move_change unlock/edge-1/2 Closed", "update device/edge-1"]);
    assert_eq!(operations[0]["values"]["close_code"], "successful");
    let notes = operations[0]["values"]["close_notes"].as_str().unwrap();
    assert!(notes.contains(
        "re-provisioning complete, sealed anew with the combined SBOM if it has one, lockdown restored"
    ));
    assert!(notes.contains(&samples::digest("new seal").to_string()));
    assert_eq!(item(&operations)["u_seal_digest"], json!(samples::digest("new seal")));
    let device = world.device().await;
    assert_eq!(device.compliance, Compliance::Unknown, "compliant only by its own passing report");
    let known = device.overlay.unwrap();
    assert_eq!((known.lockdown, known.unlock, known.recorded), (LockdownState::Locked, None, 3));
}

/// The end of a window locks against the old seal: what differs is a P1, and the change request goes to review.
#[tokio::test]
async fn a_window_that_expires_goes_to_review_and_differences_are_p1() {
    let mut world = sealed().await;
    after(&mut world, 500, unlock()).await;
    let mut lock = transition(3, "unlocked", "locked", "relocked", "seal", json!("expired"));
    lock.findings = vec![found(Row::HashMismatch, "/etc/plant/x")];
    let told = after(&mut world, 900, lock).await;
    assert_eq!(types(&told), ["device.drifted", "order.given", "device.lockdown_recorded"]);
    let operations = planned(&told[2]);
    assert_eq!(
        outline(&operations),
        ["note unlock/edge-1/2", "move_change unlock/edge-1/2 Review", "update device/edge-1"]
    );
    let note = texts(&operations, "note")[0];
    let EventBody::DeviceDrifted(drifted) = &told[0].body else { panic!() };
    for text in ["1 DIFFERENCE(S) FROM THE SEAL", drifted.incident.as_str(), "under the old seal"] {
        assert!(note.contains(text), "{text}: {note}");
    }
    assert_eq!(item(&operations)["u_overlay_state"], "violated");
    assert_eq!(planned(&told[0])[0]["values"]["impact"], "1");
    // The device's next report has the same difference: the incident is open already.
    world.perform(&told[1], 905).await;
    assert_eq!(
        world.tells(910, overlay(vec![found(Row::HashMismatch, "/etc/plant/x")], vec![])).await,
        vec![]
    );
}

#[tokio::test]
async fn a_window_that_expires_unused_goes_to_review_too() {
    let mut world = sealed().await;
    after(&mut world, 500, unlock()).await;
    let lock = transition(3, "unlocked", "locked", "relocked", "seal", json!("expired"));
    let [recorded] = after(&mut world, 900, lock).await.try_into().unwrap();
    assert_eq!(outline(&planned(&recorded))[1], "move_change unlock/edge-1/2 Review");
}

#[tokio::test]
async fn a_failed_migration_is_noted_as_that() {
    let mut world = sealed().await;
    after(&mut world, 500, transition(2, "locked", "migration", "migration-opened", "seal", command())).await;
    let closed = transition(3, "migration", "locked", "migration-closed", "seal", json!("migration-failed"));
    let [recorded] = after(&mut world, 600, closed).await.try_into().unwrap();
    let operations = planned(&recorded);
    assert!(texts(&operations, "note")[0].contains("migration FAILED"));
}

/// A device is born Unlocked: its first lock closes nothing, and is noted on its build's change request.
#[tokio::test]
async fn the_first_lock_is_noted() {
    let mut world = World::with_device().await;
    let lock = transition(1, "unlocked", "locked", "relocked", "seal", command());
    let [recorded] = after(&mut world, 250, lock).await.try_into().unwrap();
    assert_eq!(outline(&planned(&recorded)), ["note change/b-1", "update device/edge-1"]);
}

#[tokio::test]
async fn a_transition_is_recorded_once_and_only_if_there_is_such_a_one() {
    let mut world = sealed().await;
    assert_eq!(after(&mut world, 500, unlock()).await.len(), 1);
    let mut again = told_by(unlock());
    again.id = EventId::new("lockdown-2-again").unwrap();
    assert_eq!(world.apply(&again).await, vec![]);
    for (from, to, cause) in [
        ("unlocked", "migration", command()),
        ("locked", "locked", command()),
        ("locked", "unlocked", json!("expired")),
        ("unlocked", "locked", json!("migration-failed")),
    ] {
        let event = told_by(transition(3, from, to, "relocked", "seal", cause));
        assert!(matches!(world.decide(&event).await, Decision::Refused { .. }), "{from} {to}");
    }
}

/// After a signed lock the new seal is the right one, by the event or by the report's own history.
#[tokio::test]
async fn a_seal_that_changed_by_a_transition_is_the_right_one() {
    let mut world = sealed().await;
    after(&mut world, 500, unlock()).await;
    after(&mut world, 600, transition(3, "unlocked", "locked", "relocked", "new seal", command())).await;
    let renewed = super::in_state("locked", "new seal").with_results(12, 6, vec![], vec![]);
    assert_eq!(types(&world.tells(610, renewed).await), ["device.complied"]);
    assert_eq!(types(&world.tells(620, overlay(vec![], vec![])).await), ["device.drifted", "order.given"]);
}

#[tokio::test]
async fn a_device_in_a_rollout_tells_that_rollouts_change_request() {
    let mut world = sealed().await;
    let [mut recorded] =
        after(&mut world, 500, transition(2, "locked", "migration", "migration-opened", "seal", command()))
            .await
            .try_into()
            .unwrap();
    let EventBody::LockdownRecorded(body) = &mut recorded.body else { panic!() };
    let build_id = BuildId::new("b-2").unwrap();
    body.recorded = openfactory_sn::lifecycle::event::lockdown::TransitionRecordedAs::Note { build_id };
    assert_eq!(outline(&planned(&recorded))[0], "note change/b-2");
}
