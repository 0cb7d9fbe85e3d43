//! Stages 5 and 6, row by row, against what is planned.

use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::id::BuildId;
use openfactory_sn::lifecycle::platform::{Action, ActionOutcome, Performed};
use serde_json::{Value, json};

use super::plans::{group, outline, planned, user};
use super::world::World;

/// From tampering to proof: drifted, ordered, performed, complied, released, and the release performed.
async fn story() -> [Event; 6] {
    let mut world = World::with_compliant_device().await;
    let [drifted, ordered] = world.report(400, &["etc/shadow", "etc/ntp.conf"]).await.try_into().unwrap();
    let performed = world.perform(&ordered, 410).await;
    let [complied, released] = world.report(420, &[]).await.try_into().unwrap();
    let release_performed = world.perform(&released, 430).await;
    [drifted, ordered, performed, complied, released, release_performed]
}

fn incident_of(drifted: &Event) -> String {
    match &drifted.body {
        EventBody::DeviceDrifted(body) => body.incident.to_string(),
        EventBody::DeviceUnattested(body) => body.incident.to_string(),
        other => panic!("{other:?}"),
    }
}

fn order_of(ordered: &Event) -> String {
    match &ordered.body {
        EventBody::OrderGiven(body) => format!("order-change/{}", body.order.id),
        other => panic!("{other:?}"),
    }
}

/// Guide, "Incident Priority Matrix" and "Critical file tampered: P1 incident".
#[tokio::test]
async fn a_tampered_file_is_a_p1_incident_with_its_evidence() {
    let [drifted, ..] = story().await;
    let incident = incident_of(&drifted);
    let operations = planned(&drifted);
    assert_eq!(
        outline(&operations)[..3],
        [
            format!("create {incident}"),
            format!("attach {incident} drift.json"),
            "update device/edge-1".to_owned()
        ]
    );
    let values = &operations[0]["values"];
    let rows = [
        ("impact", json!("1")),
        ("urgency", json!("1")),
        ("short_description", json!("P1: device edge-1 differs from build b-1: ./etc/shadow and 1 more")),
        ("cmdb_ci", json!({"record": {"table": "cmdb_ci_os_image", "correlation": "device/edge-1"}})),
        ("u_build_id", json!("b-1")),
        ("u_device", json!("edge-1")),
        ("caller_id", user("user_name", "openfactory.integration")),
        ("assignment_group", group("Security Operations")),
        // Found at 400 s past 2026-09-21 14:13:20, to be resolved within 4 hours.
        ("due_date", json!("2026-09-21 18:20:00")),
        ("correlation_id", json!(incident)),
    ];
    for (field, value) in rows {
        assert_eq!(values[field], value, "{field}");
    }
    assert_eq!(values.get("priority"), None, "ServiceNow computes it");
    let description = values["description"].as_str().unwrap();
    for text in ["./etc/shadow", "./etc/ntp.conf", "b instead of a", "Respond by 2026-09-21T14:35:00.000Z"] {
        assert!(description.contains(text), "{text}: {description}");
    }
    assert_eq!(operations[2]["values"]["operational_status"], "Drifted");
    let items = &operations[3..];
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item["operation"] == "put" && item["values"]["u_result"] == "fail"));
    assert!(items.iter().all(|item| item["values"]["cmdb_ci"]["record"]["correlation"] == "device/edge-1"));
}

/// Guide: "Configuration drift: P3 incident".
#[tokio::test]
async fn configuration_drift_is_a_p3_incident_of_operations() {
    let mut world = World::with_compliant_device().await;
    let [drifted] = world.report(400, &["etc/ntp.conf"]).await.try_into().unwrap();
    let values = planned(&drifted)[0]["values"].clone();
    assert_eq!((&values["impact"], &values["urgency"]), (&json!("2"), &json!("2")));
    assert_eq!(values["assignment_group"], group("Fleet Operations"));
    assert_eq!(values["due_date"], "2026-09-23 14:20:00");
}

/// Guide: "Attestation timeout: P2 incident".
#[tokio::test]
async fn silence_is_a_p2_incident() {
    let mut world = World::with_compliant_device().await;
    let [silent] = world.let_time_pass_until(300 + 86_400).await.try_into().unwrap();
    let operations = planned(&silent);
    let values = &operations[0]["values"];
    assert_eq!((&values["impact"], &values["urgency"]), (&json!("1"), &json!("2")));
    assert!(values["short_description"].as_str().unwrap().contains("no report since"));
    assert_eq!(operations[1]["values"]["operational_status"], "Unknown");
    assert!(operations[2..].iter().all(|item| item["values"]["u_result"] == "not checked"));
}

/// Guide: "Every rollback is recorded as a formal change", "CR for rollback".
#[tokio::test]
async fn a_rollback_is_an_emergency_change() {
    let [_, ordered, ..] = story().await;
    let change = order_of(&ordered);
    let operations = planned(&ordered);
    assert_eq!(outline(&operations), [format!("create {change}"), format!("move_change {change} Implement")]);
    let values = &operations[0]["values"];
    let rows = [
        ("type", json!("emergency")),
        ("short_description", json!("Emergency: roll back device edge-1 to build b-1")),
        ("parent", json!({"record": {"table": "change_request", "correlation": "change/b-1"}})),
        ("cmdb_ci", json!({"record": {"table": "cmdb_ci_os_image", "correlation": "device/edge-1"}})),
        ("requested_by", user("user_name", "openfactory.integration")),
        ("u_build_id", json!("b-1")),
    ];
    for (field, value) in rows {
        assert_eq!(values[field], value, "{field}");
    }
    assert!(values["justification"].as_str().unwrap().contains("the last known to be good on it"));
    assert!(
        values["implementation_plan"].as_str().unwrap().contains("- quarantine\n- roll back to build b-1")
    );
}

#[tokio::test]
async fn the_act_is_told_on_incident_and_change_and_the_device_is_remediated() {
    let [drifted, ordered, performed, ..] = story().await;
    let (incident, change) = (incident_of(&drifted), order_of(&ordered));
    let operations = planned(&performed);
    assert_eq!(
        outline(&operations),
        [
            format!("move_incident {incident} InProgress"),
            format!("note {incident}"),
            format!("note {change}"),
            "update device/edge-1".to_owned(),
        ]
    );
    assert_eq!(operations[0]["values"]["rfc"]["record"]["correlation"], change);
    assert_ne!(operations[1]["marker"], operations[2]["marker"]);
    assert!(operations[1]["text"].as_str().unwrap().contains("- roll back to build b-1: done, ok"));
    assert_eq!(operations[3]["values"]["operational_status"], "Remediated");
}

#[tokio::test]
async fn a_hold_without_rollback_shows_in_the_cmdb() {
    let mut world = World::with_compliant_device().await;
    let [_, ordered] = world.report(400, &["etc/shadow"]).await.try_into().unwrap();
    let roll_back = Action::RollBack { to_build: BuildId::new("b-1").unwrap() };
    let outcomes =
        vec![ActionOutcome::done(Action::Quarantine, ""), ActionOutcome::failed(roll_back, "gone")];
    let told = world.end(&ordered, Performed::new(outcomes), 410).await;
    let operations = planned(&told);
    assert_eq!(operations.last().unwrap()["values"]["operational_status"], "Quarantined");
    assert!(operations[1]["text"].as_str().unwrap().contains("IN PART"));
}

#[tokio::test]
async fn proof_resolves_the_incident_and_closes_the_change() {
    let [drifted, ordered, _, complied, ..] = story().await;
    let (incident, change) = (incident_of(&drifted), order_of(&ordered));
    let operations = planned(&complied);
    let outline = outline(&operations);
    assert_eq!(outline[0], "update device/edge-1");
    assert_eq!(
        outline[4..],
        [format!("move_change {change} Closed"), format!("move_incident {incident} Resolved")]
    );
    let item = &operations[0]["values"];
    assert_eq!(item["operational_status"], "Compliant");
    assert_eq!(item["last_discovered"], "2026-09-21 14:20:20");
    assert_eq!(item["u_last_attestation"], "2026-09-21 14:20:20");
    assert_eq!(item["u_compliance_flags"], "", "cleared");
    assert!(operations[1..4].iter().all(|item| item["values"]["u_result"] == "pass"));
    assert_eq!(operations[4]["values"]["close_code"], "successful");
    assert_eq!(operations[5]["values"]["close_code"], "Resolved by change");
    for operation in &operations[4..] {
        assert!(operation["values"]["close_notes"].as_str().unwrap().contains("1234 entries"));
    }
}

#[tokio::test]
async fn drift_that_ends_by_itself_is_resolved_otherwise() {
    let mut world = World::with_compliant_device().await;
    let [drifted] = world.report(400, &["etc/ntp.conf"]).await.try_into().unwrap();
    let [complied] = world.report(420, &[]).await.try_into().unwrap();
    let operations = planned(&complied);
    let last = operations.last().unwrap();
    assert_eq!(
        outline(std::slice::from_ref(last)),
        [format!("move_incident {} Resolved", incident_of(&drifted))]
    );
    assert_eq!(last["values"]["close_code"], "Solution provided");
}

#[tokio::test]
async fn the_end_of_a_hold_is_noted_and_reopens_nothing() {
    let [drifted, .., released, release_performed] = story().await;
    assert!(planned(&released).is_empty(), "no change request for it");
    let operations = planned(&release_performed);
    assert_eq!(outline(&operations), [format!("note {}", incident_of(&drifted))]);
}

#[tokio::test]
async fn a_report_between_the_heartbeats_touches_the_device_only() {
    let mut world = World::with_compliant_device().await;
    let [complied] = world.report(400, &[]).await.try_into().unwrap();
    let operations = planned(&complied);
    assert_eq!(outline(&operations), ["update device/edge-1"]);
    assert_eq!(operations[0]["values"].get("u_compliance_flags"), None::<&Value>);
}

#[tokio::test]
async fn the_old_relation_goes_when_the_new_build_is_proved() {
    let mut world = World::with_compliant_device().await;
    let [mut complied] = world.report(400, &[]).await.try_into().unwrap();
    let EventBody::DeviceComplied(body) = &mut complied.body else { panic!() };
    body.supersedes = Some(BuildId::new("b-0").unwrap());
    assert_eq!(
        outline(&planned(&complied))[1..],
        ["relate build/b-1 device/edge-1", "unrelate build/b-0 device/edge-1"]
    );
}
