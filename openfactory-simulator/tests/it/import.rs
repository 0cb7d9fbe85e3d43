//! The Import Set API, and short URLs.

use openfactory_simulator::seed::Seed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, instance, result, started};

/// A staging table of one's own, with its map.
const STAGING: &str = r#"{
    "$schema": { "u_imp_incident": { "extends": "sys_import_set_row", "fields": {
        "u_key": { "type": "string" }, "u_text": { "type": "string" }, "u_group": { "type": "string" },
        "u_state": { "type": "string" } } } },
    "sys_transform_map": [{ "sys_id": "map1", "name": "Monitoring", "source_table": "u_imp_incident",
                            "target_table": "incident" }],
    "sys_transform_entry": [
        { "map": "map1", "source_field": "u_key", "target_field": "correlation_id", "coalesce": true },
        { "map": "map1", "source_field": "u_text", "target_field": "short_description" },
        { "map": "map1", "source_field": "u_state", "target_field": "state" },
        { "map": "map1", "source_field": "u_group", "target_field": "assignment_group" }]
}"#;

async fn import(it: &Instance, body: Value) -> Value {
    let answer = it.send("ada", Method::POST, "/api/now/import/u_imp_incident", body).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_row_is_transformed_within_the_call() {
    let it = started(builder().seed(Seed::from_json(STAGING.as_bytes()).unwrap())).await;
    let body = json!({ "u_key": "k1", "u_text": { "a": 1, "b": [true] }, "u_group": "Network Operations", "x": "y" });
    let told = import(&it, body.clone()).await;
    assert_eq!(
        (&told["import_set"], &told["staging_table"]),
        (&json!("ISET0010001"), &json!("u_imp_incident"))
    );
    let first = &told["result"][0];
    assert_eq!((&first["status"], &first["table"]), (&json!("inserted"), &json!("incident")));
    assert_eq!((&first["transform_map"], &first["display_name"]), (&json!("Monitoring"), &json!("number")));
    assert_eq!(first["display_value"], "INC0010001");
    let link = first["record_link"].as_str().unwrap().strip_prefix(it.simulator.base_url()).unwrap();
    let incident = it.get(&format!("{link}?sysparm_display_value=true")).await;
    assert_eq!(incident["assignment_group"]["display_value"], "Network Operations");
    // What is no text loses its form on the way.
    assert_eq!(incident["short_description"], "{a=1, b=[true]}");

    assert_eq!(import(&it, body).await["result"][0]["status"], "ignored");
    let changed = import(&it, json!({ "u_key": "k1", "u_text": "new" })).await;
    assert_eq!(
        (&changed["result"][0]["status"], &changed["result"][0]["sys_id"]),
        (&json!("updated"), &first["sys_id"])
    );
    // The table's own rules hold: nothing is resolved without a resolution code.
    let refused = import(&it, json!({ "u_key": "k1", "u_state": "6" })).await;
    assert_eq!(refused["result"][0]["status"], "error");
    assert!(refused["result"][0]["error_message"].as_str().unwrap().contains("Resolution code"));
    let staged = it.get("/api/now/table/u_imp_incident?sysparm_query=u_stateISNOTEMPTY").await;
    let path = format!("/api/now/import/u_imp_incident/{}", staged[0]["sys_id"].as_str().unwrap());
    let again: Value = it.request("ada", Method::GET, &path).send().await.unwrap().json().await.unwrap();
    assert_eq!(again, refused);
    assert_eq!(it.simulator.store().records("incident").unwrap().len(), 1);
}

#[tokio::test]
async fn many_rows_are_one_import_set() {
    let it = started(builder().seed(Seed::from_json(STAGING.as_bytes()).unwrap())).await;
    let path = "/api/now/import/u_imp_incident/insertMultiple";
    let body =
        json!({ "records": [{ "u_key": "a" }, { "u_key": "b" }, { "u_key": "a", "u_text": "again" }] });
    let answer = it.send("ada", Method::POST, path, body).await;
    assert_eq!(answer.status(), 201);
    let told: Value = answer.json().await.unwrap();
    let query = format!("sys_import_set={}", told["import_set_id"].as_str().unwrap());
    let rows = it.get(&format!("/api/now/table/u_imp_incident?sysparm_query={query}")).await;
    assert_eq!(column(&rows, "sys_import_state"), ["inserted", "inserted", "updated"]);
    for (user, path, status) in [
        ("ada", "/api/now/import/incident", 400),
        ("ada", "/api/now/import/sys_import_set_row", 400),
        ("nobody", "/api/now/import/u_imp_incident", 403),
    ] {
        assert_eq!(it.refused(user, Method::POST, path, json!({})).await.0, status, "{path}");
    }
    // A fresh instance has one of its own.
    let user = json!({ "user_id": "john.public", "first_name": "John" });
    let told: Value =
        it.send("ada", Method::POST, "/api/now/import/imp_user", user).await.json().await.unwrap();
    assert_eq!(
        (&told["result"][0]["table"], &told["result"][0]["status"]),
        (&json!("sys_user"), &json!("inserted"))
    );
}

#[tokio::test]
async fn a_long_url_has_a_short_form() {
    let it = instance().await;
    it.create("incident", json!({ "correlation_id": "k" })).await;
    let long = format!(
        "api/now/table/incident?sysparm_query=correlation_idIN{}k&sysparm_fields=correlation_id",
        "x,".repeat(20_000)
    );
    let answer = it.send("ada", Method::POST, "/api/now/tinyurl", json!({ "url": long })).await;
    assert_eq!(answer.status(), 200);
    let short = result(answer).await.as_str().unwrap().to_owned();
    assert!(short.starts_with("api/now/table/incident?sysparm_tiny="), "{short}");
    assert_eq!(it.get(&format!("/{short}")).await, json!([{ "correlation_id": "k" }]));
}

#[tokio::test]
async fn a_row_without_its_key_is_no_row_that_is_there() {
    let it = started(builder().seed(Seed::from_json(STAGING.as_bytes()).unwrap())).await;
    for text in ["first", "second"] {
        assert_eq!(import(&it, json!({ "u_text": text })).await["result"][0]["status"], "inserted", "{text}");
    }
    assert_eq!(it.simulator.store().records("incident").unwrap().len(), 2);
    // Unless the map of the field says that empty is a key, too.
    let maps = it.get("/api/now/table/sys_transform_entry?source_field=u_key").await;
    it.patch("admin", "sys_transform_entry", &maps[0], json!({ "coalesce_empty_fields": true })).await;
    assert_eq!(import(&it, json!({ "u_text": "third" })).await["result"][0]["status"], "updated");
    assert_eq!(it.simulator.store().records("incident").unwrap().len(), 2);
}
