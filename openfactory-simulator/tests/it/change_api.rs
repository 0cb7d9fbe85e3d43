//! The Change Management API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, instance, refusal, result};

const BASE: &str = "/api/sn_chg_rest/v1/change";

async fn ask(it: &Instance, user: &str, method: Method, path: &str, body: Value) -> Value {
    let answer = it.send(user, method, &format!("{BASE}{path}"), body).await;
    let status = answer.status();
    assert_eq!(status, 200, "{path}: {}", answer.text().await.unwrap_or_default());
    result(answer).await
}

fn value<'a>(record: &'a Value, field: &str) -> &'a Value {
    &record[field]["value"]
}

#[tokio::test]
async fn records_are_objects_of_typed_values() {
    let it = instance().await;
    let body = json!({ "short_description": "x", "bogus": 1, "sys_created_by": "eve", "start_date": "2026-03-01 00:00:00" });
    let made = ask(&it, "ada", Method::POST, "/normal", body).await;
    assert_eq!(made["state"], json!({ "display_value": "New", "value": -5.0 }));
    assert_eq!(made["active"], json!({ "display_value": "true", "value": true }));
    assert_eq!(made["end_date"], json!({ "display_value": "", "value": "", "display_value_internal": "" }));
    assert_eq!(value(&made, "start_date"), "2026-03-01 00:00:00");
    assert_eq!(value(&made, "chg_model"), "007c4001c343101035ae3f52c1d3aeb2");
    let mut ignored = made["__meta"]["ignoredFields"].as_array().unwrap().clone();
    ignored.sort_by_key(ToString::to_string);
    assert_eq!(ignored, ["bogus", "sys_created_by"]);
    let sys_id = value(&made, "sys_id").as_str().unwrap().to_owned();

    let patched = ask(&it, "ada", Method::PATCH, &format!("/normal/{sys_id}"), json!({ "risk": 2 })).await;
    assert_eq!(patched["risk"], json!({ "display_value": "High", "value": 2.0 }));
    let emergency = ask(&it, "ada", Method::POST, "?type=emergency", json!({})).await;
    assert_eq!(value(&emergency, "type"), "emergency");
    let standard = json!({ "chg_model": "e55d0bfec343101035ae3f52c1d3ae49" });
    assert_eq!(value(&ask(&it, "ada", Method::POST, "", standard).await, "type"), "standard");

    let list = it.get(&format!("{BASE}/normal?textSearch=X")).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    let all = it.get(&format!("{BASE}?sysparm_query=active=true&order_by=type&sysparm_limit=2")).await;
    let kinds: Vec<_> = all.as_array().unwrap().iter().map(|row| value(row, "type").clone()).collect();
    assert_eq!(kinds, ["emergency", "normal"]);
    for (method, path, status) in [
        (Method::GET, format!("/emergency/{sys_id}"), 404),
        (Method::PUT, format!("/{sys_id}"), 405),
        (Method::DELETE, format!("/{sys_id}"), 403),
        (Method::POST, "?type=reckless".to_owned(), 400),
        (Method::GET, format!("/{sys_id}/nonsense"), 400),
    ] {
        let refused = it.send("ada", method, &format!("{BASE}{path}"), json!({})).await;
        assert_eq!(refusal(refused).await.0, status, "{path}");
    }
    let gone = it.request("admin", Method::DELETE, &format!("{BASE}/{sys_id}")).send().await.unwrap();
    assert_eq!(gone.status(), 204);
}

#[tokio::test]
async fn next_states_and_the_callers_own_approval() {
    let it = instance().await;
    let made = ask(&it, "ada", Method::POST, "/normal", json!({})).await;
    let path = format!("/{}", value(&made, "sys_id").as_str().unwrap());
    let next = it.get(&format!("{BASE}{path}/nextstates")).await;
    assert_eq!(next["available_states"], json!(["-5", "-4", "4"]));
    assert_eq!(next["state_label"]["-4"], "Assess");
    let first = &next["state_transitions"][0][0];
    assert_eq!((&first["to_state"], &first["transition_available"]), (&json!("-4"), &json!(true)));
    assert_eq!(first["display_value"], "Normal change: New to Assess");
    assert_eq!(first["conditions"][0]["condition"]["name"], "Not On hold");

    for state in [-4, -3] {
        ask(&it, "ada", Method::PATCH, &path, json!({ "state": state })).await;
    }
    let next = it.get(&format!("{BASE}{path}/nextstates")).await;
    assert_eq!(next["available_states"], json!(["-3", "4"]));
    assert_eq!(next["state_transitions"][0][0]["automatic_transition"], true);
    let approve = json!({ "state": "approved" });
    let approvals = format!("{BASE}{path}/approvals");
    // Nobody answers for another, a refusal says why, and an answer is one of two.
    assert_eq!(it.refused("admin", Method::PATCH, &approvals, approve.clone()).await.0, 400);
    assert_eq!(
        it.refused("change.manager", Method::PATCH, &approvals, json!({ "state": "rejected" })).await.0,
        400
    );
    assert_eq!(
        it.refused("change.manager", Method::PATCH, &approvals, json!({ "state": "maybe" })).await.0,
        400
    );
    let approved =
        ask(&it, "change.manager", Method::PATCH, &format!("{path}/approvals"), approve.clone()).await;
    assert_eq!((value(&approved, "approval"), value(&approved, "state")), (&json!("approved"), &json!(-2.0)));
    assert_eq!(it.refused("change.manager", Method::PATCH, &approvals, approve).await.0, 400);
    let (status, _, detail) =
        it.refused("ada", Method::PATCH, &format!("{BASE}{path}"), json!({ "state": 0 })).await;
    assert_eq!(status, 403);
    assert!(detail.contains("Change Model: Check State Transition"), "{detail}");
}

#[tokio::test]
async fn tasks_hang_on_a_change() {
    let it = instance().await;
    let made = ask(&it, "ada", Method::POST, "", json!({})).await;
    let path = format!("/{}", value(&made, "sys_id").as_str().unwrap());
    let task =
        ask(&it, "ada", Method::POST, &format!("{path}/task"), json!({ "change_task_type": "testing" }))
            .await;
    assert_eq!(value(&task, "change_request"), value(&made, "sys_id"));
    let one = format!("{path}/task/{}", value(&task, "sys_id").as_str().unwrap());
    let patched = ask(&it, "ada", Method::PATCH, &one, json!({ "state": 2 })).await;
    assert_eq!(patched["state"]["display_value"], "In Progress");
    assert_eq!(it.get(&format!("{BASE}{path}/task")).await.as_array().unwrap().len(), 1);

    let untyped = it.request("ada", Method::GET, &format!("{BASE}{path}/ci")).send().await.unwrap();
    assert_eq!(refusal(untyped).await.0, 400);
}

#[tokio::test]
async fn a_standard_change_is_made_from_its_template() {
    let it = instance().await;
    let templates = it.get(&format!("{BASE}/standard/template?sysparm_query=nameLIKEBGP")).await;
    let template = value(&templates[0], "sys_id").as_str().unwrap();
    let one = it.get(&format!("{BASE}/standard/template/{template}")).await;
    assert_eq!(value(&one, "category"), "Network");
    let body = json!({ "short_description": "mine", "description": "why" });
    let made = ask(&it, "ada", Method::POST, &format!("/standard/{template}"), body).await;
    assert_eq!(value(&made, "short_description"), "Clear BGP sessions on a Cisco router");
    assert_eq!((value(&made, "description"), value(&made, "type")), (&json!("why"), &json!("standard")));
    assert_eq!(made["__meta"]["ignoredFields"], json!(["short_description"]));
    assert_eq!(value(&made, "std_change_producer_version"), value(&one, "current_version"));
    let unknown =
        it.send("ada", Method::POST, &format!("{BASE}/standard/{}", "0".repeat(32)), json!({})).await;
    assert_eq!(refusal(unknown).await.0, 404);
    let models = it.get(&format!("{BASE}/model")).await;
    assert_eq!(models.as_array().unwrap().len(), 3);
}
