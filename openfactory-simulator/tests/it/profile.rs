//! What an instance as it is delivered has not got.

use openfactory_simulator::{OAuthClient, Profile};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, path_of, started};

async fn stock() -> Instance {
    started(builder().profile(Profile::Stock).client(OAuthClient::new("id", "secret"))).await
}

#[tokio::test]
async fn the_guides_tables_fields_and_choices_are_unknown_to_a_stock_instance() {
    let it = stock().await;
    for table in ["cmdb_ci_os_image", "sn_grc_item"] {
        let refused = it.refused("ada", Method::POST, &format!("/api/now/table/{table}"), json!({})).await;
        assert_eq!((refused.0, refused.1), (400, format!("Invalid table {table}")));
    }
    let made = it.create("change_request", json!({ "u_build_id": "b" })).await;
    assert!(made.get("u_build_id").is_none());
    let choices = it.get("/api/now/table/sys_choice?name=change_request&value=Operating%20System").await;
    assert_eq!(choices, json!([]));
    let path = path_of("change_request", &made);
    assert_eq!(it.refused("ada", Method::POST, &path, json!({ "work_notes": "x" })).await.0, 405);
    let form = [("grant_type", "client_credentials"), ("client_id", "id"), ("client_secret", "secret")];
    let answer = it.client.post(it.url("/oauth_token.do")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    // An emergency change waits for its approval.
    let emergency = it.create("change_request", json!({ "type": "emergency" })).await;
    it.patch("ada", "change_request", &emergency, json!({ "state": -3 })).await;
    assert_eq!(it.refused_patch("ada", "change_request", &emergency, json!({ "state": -2 })).await.0, 403);
}

async fn tasks(it: &Instance, change: &Value) -> Vec<Value> {
    it.get(&format!("/api/now/table/change_task?change_request={}", id(change)))
        .await
        .as_array()
        .unwrap()
        .clone()
}

async fn implementing(it: &Instance) -> Value {
    let change = it.create("change_request", json!({ "type": "standard" })).await;
    for state in [-2, -1] {
        it.patch("ada", "change_request", &change, json!({ "state": state })).await;
    }
    change
}

#[tokio::test]
async fn a_change_gets_two_tasks_and_goes_on_when_they_are_done() {
    let it = stock().await;
    let change = implementing(&it).await;
    let made = tasks(&it, &change).await;
    let texts: Vec<_> = made.iter().map(|task| task["short_description"].clone()).collect();
    assert_eq!(texts, ["Implement", "Post implementation testing"]);
    for (task, state) in made.iter().zip(["-1", "0"]) {
        it.patch("ada", "change_task", task, json!({ "state": 3 })).await;
        assert_eq!(it.get(&path_of("change_request", &change)).await["state"], state);
    }
    // Who goes on before them cancels them.
    let change = implementing(&it).await;
    it.patch("ada", "change_request", &change, json!({ "state": 0 })).await;
    let left: Vec<_> = tasks(&it, &change).await.iter().map(|task| task["state"].clone()).collect();
    assert_eq!(left, ["4", "4"]);
    let none = started(builder().profile(Profile::Stock).automatic_tasks(false)).await;
    assert!(tasks(&none, &implementing(&none).await).await.is_empty());
}
