//! What ServiceNow hears of a rollout, row by row.

use openfactory_sn::lifecycle::event::{Event, EventBody};
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::{Operation, plan};
use serde_json::{Value, json};

use super::super::plans::{outline, planned};
use super::line::Line;

fn find(line: &Line, wanted: fn(&EventBody) -> bool) -> Event {
    line.told.iter().find(|event| wanted(&event.body)).unwrap().clone()
}

fn attached(event: &Event) -> Value {
    let plan = plan(event, &Mapping::guide());
    let Some(Operation::Attach { file, .. }) = plan.operations.first() else { panic!("{plan:?}") };
    serde_json::from_slice(&file.content).unwrap()
}

/// Guide, Stage 3: "Change Request updated with rollout progress at each stage".
#[tokio::test]
async fn the_change_is_implemented_and_states_the_real_numbers() {
    let line = Line::begun(5).await;
    let started = find(&line, |body| matches!(body, EventBody::RolloutStageStarted(_)));
    let operations = planned(&started);
    assert_eq!(
        outline(&operations),
        ["move_change change/b-1 Implement", "update change/b-1", "note change/b-1"]
    );
    let values = &operations[1]["values"];
    assert!(values["implementation_plan"].as_str().unwrap().contains("5 device(s) of fleet line-7"));
    assert!(values["test_plan"].as_str().unwrap().contains("900 s without a finding of P1 to P3"));
    assert!(
        values["backout_plan"].as_str().unwrap().contains("goes back to the last build known to be good")
    );
    let note = operations[2]["text"].as_str().unwrap();
    for text in ["Stage canary", "1 of 5 device(s): press-1", "for 900 s", "at least 3 reports"] {
        assert!(note.contains(text), "{text}: {note}");
    }
}

/// Guide, Stage 3: "Health check results attached".
#[tokio::test]
async fn each_stage_ends_with_its_health_results() {
    let mut line = Line::begun(5).await;
    line.soak_all("b-1", 1000).await;
    let stages: Vec<&Event> =
        line.told.iter().filter(|event| matches!(event.body, EventBody::RolloutStagePassed(_))).collect();
    for (event, (stage, devices)) in stages.iter().zip([("canary", 1), ("staged", 1), ("full", 3)]) {
        assert_eq!(
            outline(&planned(event)),
            [format!("attach change/b-1 rollout-{stage}-health.json"), "note change/b-1".to_owned()]
        );
        let health = attached(event);
        assert_eq!(
            (&health["stage"], &health["result"], &health["soak_s"]),
            (&json!(stage), &json!("passed"), &json!(900))
        );
        let rows = health["devices"].as_array().unwrap();
        assert_eq!(rows.len(), devices);
        assert!(rows.iter().all(|row| row["standing"] == "passed" && row["reports"] == 3));
    }
    assert_eq!(attached(stages[0])["devices"][0]["healthy_since"], "2026-09-21T14:30:01.000Z");
    assert_eq!(attached(stages[0])["devices"][0]["healthy_until"], "2026-09-21T14:45:01.000Z");
}

/// Guide, Stage 3: "CR auto-closes on successful full deployment".
#[tokio::test]
async fn the_change_is_closed_after_the_full_deployment() {
    let mut line = Line::begun(5).await;
    line.soak_all("b-1", 1000).await;
    let operations = planned(&find(&line, |body| matches!(body, EventBody::RolloutCompleted(_))));
    assert_eq!(outline(&operations), ["note change/b-1", "move_change change/b-1 Closed"]);
    assert_eq!(operations[1]["values"]["close_code"], "successful");
    assert!(operations[1]["values"]["close_notes"].as_str().unwrap().contains("all 5 device(s)"));
}

#[tokio::test]
async fn an_empty_stage_is_noted_as_such() {
    let mut line = Line::begun(1).await;
    line.soak(&[1], "b-1", 1000).await;
    let event = line
        .told
        .iter()
        .find(|event| matches!(&event.body, EventBody::RolloutStagePassed(body) if body.health.is_empty()));
    let operations = planned(event.unwrap());
    assert_eq!(outline(&operations), ["note change/b-1"]);
    assert!(operations[0]["text"].as_str().unwrap().contains("is empty"));
}

/// Guide, Stage 3: "CR flagged for review on rollback"; as read, it stays open there.
#[tokio::test]
async fn the_change_goes_to_review_on_failure_with_the_health_results() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &["etc/shadow"]).await;
    let failed = find(&line, |body| matches!(body, EventBody::RolloutFailed(_)));
    let operations = planned(&failed);
    assert_eq!(
        outline(&operations),
        ["attach change/b-2 rollout-canary-health.json", "note change/b-2", "move_change change/b-2 Review"]
    );
    let health = attached(&failed);
    assert_eq!(health["result"], "failed");
    assert_eq!(health["devices"][0]["standing"], "failed");
    assert!(health["devices"][0]["faults"][0].as_str().unwrap().contains("the worst of P1"));
    let note = operations[1]["text"].as_str().unwrap();
    for text in ["HAS FAILED", "press-1", "A person has to review"] {
        assert!(note.contains(text), "{text}: {note}");
    }
}

/// Every rollback is an emergency change of its own, its parent the rollout's, closed by the device's proof.
#[tokio::test]
async fn every_rollback_is_an_emergency_change_under_the_rollouts() {
    let mut line = Line::second(5).await;
    line.report(1, "b-2", 100_010, &["etc/shadow"]).await;
    let order = |event: &&Event| matches!(&event.body, EventBody::OrderGiven(body) if body.order.rolls_back_to().is_some());
    let ordered = line.told.iter().find(order).unwrap().clone();
    let EventBody::OrderGiven(body) = &ordered.body else { panic!() };
    let change = format!("order-change/{}", body.order.id);
    let operations = planned(&ordered);
    assert_eq!(outline(&operations), [format!("create {change}"), format!("move_change {change} Implement")]);
    let values = &operations[0]["values"];
    assert_eq!(values["type"], "emergency");
    assert_eq!(values["parent"]["record"]["correlation"], "change/b-2");
    assert_eq!(values["short_description"], "Emergency: roll back device press-1 to build b-1");
    assert!(values["risk_impact_analysis"].as_str().unwrap().contains("The rollout of build b-2 has failed"));

    let performed = line.told.iter().find(
        |event| matches!(&event.body, EventBody::OrderPerformed(done) if done.order.id == body.order.id),
    );
    let outline_of = outline(&planned(performed.unwrap()));
    assert!(outline_of.contains(&"note change/b-2".to_owned()), "{outline_of:?}");

    line.told.clear();
    line.report(1, "b-1", 100_100, &[]).await;
    let complied = find(&line, |body| matches!(body, EventBody::DeviceComplied(_)));
    let outline = outline(&planned(&complied));
    assert!(outline.contains(&format!("move_change {change} Closed")), "{outline:?}");
    for step in ["relate build/b-1 device/press-1", "unrelate build/b-2 device/press-1"] {
        assert!(outline.contains(&step.to_owned()), "{outline:?}");
    }
}

#[tokio::test]
async fn a_deployed_device_becomes_a_configuration_item_with_what_the_request_says() {
    let line = Line::begun(5).await;
    let operations = planned(&find(&line, |body| matches!(body, EventBody::DeviceDeployed(_))));
    let values = &operations[2]["values"];
    let rows = [
        ("asset_tag", json!("press-1")),
        ("serial_number", json!("SN-1")),
        ("os_version", json!("13.1-b-1")),
        ("u_fleet", json!("line-7")),
        ("u_build_id", json!("b-1")),
    ];
    for (field, value) in rows {
        assert_eq!(values[field], value, "{field}");
    }
    let deploy = find(&line, |body| matches!(body, EventBody::OrderGiven(_)));
    assert!(planned(&deploy).is_empty(), "the rollout's change request is the change");
}
