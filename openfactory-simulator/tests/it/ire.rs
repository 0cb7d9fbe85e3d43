//! Identification and Reconciliation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, instance, refusal, result, started};

const PATH: &str = "/api/now/identifyreconcile";

async fn ask(it: &Instance, variant: &str, body: Value) -> Value {
    let path = format!("{PATH}{variant}");
    let separator = if variant.contains('?') { '&' } else { '?' };
    let path = format!("{path}{separator}sysparm_data_source=OpenFactory");
    let answer = it.send("ada", Method::POST, &path, body).await;
    assert_eq!(answer.status(), 200);
    result(answer).await
}

#[expect(clippy::needless_pass_by_value, reason = "reads better")]
fn server(values: Value) -> Value {
    json!({ "className": "cmdb_ci_linux_server", "values": values })
}

fn told(items: &Value) -> Vec<String> {
    let text = |item: &Value| match item["errors"][0]["error"].as_str() {
        Some(error) => error.to_owned(),
        None => item["operation"].as_str().unwrap().to_owned(),
    };
    items["items"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn an_item_is_inserted_once_and_updated_after() {
    let it = instance().await;
    let item = server(json!({ "name": "edge-1", "serial_number": "S1", "os": "OpenFactory" }));
    let made = ask(&it, "", json!({ "items": [item] })).await;
    assert_eq!(told(&made), ["INSERT"]);
    let first = &made["items"][0];
    assert_eq!(first["errorCount"], 0);
    assert_eq!(first["identifierEntrySysId"], "Unknown");
    let attempts: Vec<_> = first["identificationAttempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| (attempt["searchOnTable"].clone(), attempt["attemptResult"].clone()))
        .collect();
    assert_eq!(
        attempts,
        [
            ("cmdb_serial_number", "SKIPPED"),
            ("cmdb_ci_hardware", "NO_MATCH"),
            ("cmdb_ci_hardware", "NO_MATCH"),
            ("cmdb_ci_network_adapter", "SKIPPED")
        ]
        .map(|(table, result)| (json!(table), json!(result)))
    );
    let row = it.get(&format!("/api/now/table/cmdb_ci/{}", first["sysId"].as_str().unwrap())).await;
    assert_eq!(row["discovery_source"], "OpenFactory");
    assert_eq!(row["first_discovered"], row["last_discovered"]);

    let again = ask(&it, "", json!({ "items": [item] })).await;
    assert_eq!(told(&again), ["NO_CHANGE"]);
    assert_eq!(again["items"][0]["sysId"], first["sysId"]);
    // Found by its serial number, it may be renamed.
    let renamed = server(json!({ "name": "edge-one", "serial_number": "S1" }));
    let renamed = ask(&it, "", json!({ "items": [renamed] })).await;
    assert_eq!(told(&renamed), ["UPDATE"]);
    assert_eq!(renamed["items"][0]["identificationAttempts"][1]["attemptResult"], "MATCHED");
    assert_eq!(renamed["items"][0]["identifierEntrySysId"].as_str().unwrap().len(), 32);
    assert_eq!(it.simulator.store().records("cmdb_ci").unwrap().len(), 1);
}

#[tokio::test]
async fn relations_and_references_go_by_index_or_by_name_of_the_sender() {
    let it = instance().await;
    let payload = json!({
        "items": [
            { "className": "cmdb_ci_linux_server", "internal_id": "dev", "values": { "name": "edge-1" },
              "lookup": [{ "className": "cmdb_serial_number",
                           "values": { "serial_number": "S1", "serial_number_type": "chassis" } }],
              "sys_object_source_info": { "source_name": "OpenFactory", "source_native_key": "dev-1" } },
            { "className": "cmdb_ci_service", "internal_id": "svc", "values": { "name": "shop" } },
        ],
        "relations": [
            { "parent": 1, "child": 0, "type": "Depends on::Used by" },
            { "parent_id": "svc", "child_id": "dev", "type": "Runs on::Runs" },
        ],
    });
    let made = ask(&it, "", payload.clone()).await;
    assert_eq!(told(&made), ["INSERT", "INSERT"]);
    assert_eq!(column(&made["relations"], "operation"), ["INSERT", "INSERT"]);
    let numbers = it.get("/api/now/table/cmdb_serial_number").await;
    assert_eq!(numbers[0]["cmdb_ci"]["value"], made["items"][0]["sysId"]);

    // By the chassis number alone, and by the source's own key alone.
    let by_number = json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": { "name": "new-name" },
        "lookup": [{ "className": "cmdb_serial_number",
                     "values": { "serial_number": "S1", "serial_number_type": "chassis" } }] }] });
    let found = ask(&it, "", by_number).await;
    assert_eq!(found["items"][0]["sysId"], made["items"][0]["sysId"]);
    let by_key = json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": { "os": "x" },
        "sys_object_source_info": { "source_name": "OpenFactory", "source_native_key": "dev-1" } }] });
    assert_eq!(ask(&it, "", by_key).await["items"][0]["sysId"], made["items"][0]["sysId"]);
    let again = ask(&it, "", payload.clone()).await;
    assert_eq!(column(&again["relations"], "operation"), ["NO_CHANGE", "NO_CHANGE"]);
    assert_eq!(it.get("/api/now/table/cmdb_serial_number").await.as_array().unwrap().len(), 1);
    let mut refers = payload;
    refers["referenceItems"] =
        json!([{ "referenceField": "duplicate_of", "referenced": 0, "referencedBy": 1 }]);
    assert_eq!(told(&ask(&it, "", refers).await), ["NO_CHANGE", "UPDATE"]);
    let service =
        it.get(&format!("/api/now/table/cmdb_ci/{}", made["items"][1]["sysId"].as_str().unwrap())).await;
    assert_eq!(service["duplicate_of"]["value"], made["items"][0]["sysId"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_item_is_told_in_a_success() {
    let it = instance().await;
    let good = server(json!({ "name": "edge-1" }));
    for (item, error) in [
        (json!({ "values": { "name": "x" } }), "NO_CLASS_NAME_FOR_INDEPENDENT_CI"),
        (json!({ "className": "incident", "values": {} }), "INVALID_INPUT_DATA"),
        (json!({ "className": "cmdb_ci", "values": { "name": "x" } }), "IDENTIFICATION_RULE_MISSING"),
        (server(json!({ "asset_tag": "x" })), "MISSING_MATCHING_ATTRIBUTES"),
        (server(json!({ "sys_id": "0" })), "INVALID_INPUT_DATA"),
        (
            json!({ "className": "cmdb_ci_os_template", "values": { "object_id": "sha256:1" } }),
            "MISSING_DEPENDENCY",
        ),
        (good.clone(), "DUPLICATE_PAYLOAD_RECORDS"),
    ] {
        let answer = ask(&it, "", json!({ "items": [good, item] })).await;
        assert_eq!(told(&answer), ["ABANDONED", error], "{item}");
        assert_eq!(answer["items"][1]["errorCount"], 1);
        assert_eq!(answer["items"][1]["sysId"], "Unknown");
    }
    assert_eq!(it.simulator.store().records("cmdb_ci").unwrap().len(), 0);
    let bad =
        json!({ "items": [good], "relations": [{ "parent": 0, "child": 0, "type": "Knows::Known by" }] });
    assert_eq!(told(&ask(&it, "", bad).await), ["INVALID_INPUT_DATA"]);
    let answer = it.send("ada", Method::POST, PATH, json!({ "items": [good] })).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(told(&result(answer).await), ["INVALID_INPUT_DATA"]);

    it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let twice = ask(&it, "", json!({ "items": [good] })).await;
    assert_eq!(told(&twice), ["MULTIPLE_DUPLICATE_RECORDS"]);
    let refused = it.send("nobody", Method::POST, PATH, json!({ "items": [] })).await;
    assert_eq!(refusal(refused).await.0, 403);
    assert_eq!(it.refused("ada", Method::POST, PATH, json!({ "item": [] })).await.0, 400);
}

#[tokio::test]
async fn options_and_dry_runs() {
    let it = instance().await;
    let items = json!({ "items": [
        server(json!({ "name": "edge-1" })), server(json!({ "name": "EDGE-1", "os": "x" })), server(json!({})),
    ] });
    assert_eq!(told(&ask(&it, "/query", items.clone()).await)[2], "MISSING_MATCHING_ATTRIBUTES");
    let answer = ask(&it, "/enhanced?options=partial_commits:true,deduplicate_payloads:true", items).await;
    assert_eq!(told(&answer), ["INSERT", "MISSING_MATCHING_ATTRIBUTES"]);
    assert_eq!(answer["items"][0]["inputIndices"], json!([0, 1]));
    let one = json!({ "items": [server(json!({ "name": "edge-2" }))] });
    let dry = ask(&it, "/queryEnhanced", one).await;
    assert_eq!((told(&dry), &dry["items"][0]["sysId"]), (vec!["INSERT".to_owned()], &json!("Unknown")));
    assert_eq!(it.simulator.store().records("cmdb_ci").unwrap().len(), 1);
}

#[tokio::test]
async fn a_match_of_another_class_moves_the_item() {
    let it = instance().await;
    let item = |class: &str, settings: Value| json!({ "items": [{ "className": class, "values": { "name": "x" }, "settings": settings }] });
    it.create("cmdb_ci_computer", json!({ "name": "x" })).await;
    let up = ask(&it, "", item("cmdb_ci_linux_server", json!({}))).await;
    assert_eq!(told(&up), ["UPDATE_WITH_UPGRADE"]);
    let kept = ask(&it, "", item("cmdb_ci_server", json!({ "updateWithoutDowngrade": true }))).await;
    assert_eq!(
        (told(&kept), &kept["items"][0]["className"]),
        (vec!["NO_CHANGE".to_owned()], &json!("cmdb_ci_linux_server"))
    );
    assert_eq!(told(&ask(&it, "", item("cmdb_ci_server", json!({}))).await), ["UPDATE_WITH_DOWNGRADE"]);
    let rows = it.get("/api/now/table/cmdb_ci").await;
    assert_eq!(column(&rows, "sys_class_name"), ["cmdb_ci_server"]);
    assert_eq!(told(&ask(&it, "", item("cmdb_ci_os_image", json!({}))).await), ["UPDATE_WITH_SWITCH"]);
}

#[tokio::test]
async fn related_rows_are_written_where_a_rule_allows_them() {
    let it = instance().await;
    let adapter = json!({ "className": "cmdb_ci_network_adapter",
        "values": { "name": "eth0", "ip_address": "10.0.0.1", "mac_address": "00:55:51:21:26:2f" } });
    let item = |related: Value| json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": { "name": "edge-1" }, "related": related }] });
    let key =
        |value: &str| json!({ "className": "cmdb_key_value", "values": { "key": "fleet", "value": value } });
    let made = ask(&it, "", item(json!([adapter, key("north")]))).await;
    assert_eq!(told(&made), ["INSERT"]);
    let first = &made["items"][0];
    assert_eq!(column(&first["relatedItems"], "className"), ["cmdb_ci_network_adapter", "cmdb_key_value"]);
    assert_eq!(first["relatedItems"][1]["inputIndices"], json!([{ "mainIndex": 0, "subIndex": 1 }]));
    let again = ask(&it, "", item(json!([adapter, key("south")]))).await;
    assert_eq!(again["items"][0]["relatedSysIds"], first["relatedSysIds"]);
    let rows = it.get("/api/now/table/cmdb_key_value").await;
    assert_eq!(
        (column(&rows, "value"), &rows[0]["configuration_item"]["value"]),
        (vec!["south".to_owned()], &first["sysId"])
    );

    // An adapter tells which device it is, too, where it is sent to look the device up.
    let found = json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": { "os": "x" }, "lookup": [adapter] }] });
    let found = ask(&it, "", found).await;
    assert_eq!((told(&found), &found["items"][0]["sysId"]), (vec!["UPDATE".to_owned()], &first["sysId"]));
    for (related, error) in [
        (json!([{ "className": "incident", "values": {} }]), "INVALID_INPUT_DATA"),
        (json!([{ "className": "cmdb_key_value", "values": { "value": "x" } }]), "INVALID_INPUT_DATA"),
        (json!([adapter, adapter]), "DUPLICATE_RELATED_PAYLOAD"),
    ] {
        assert_eq!(told(&ask(&it, "", item(related)).await), [error]);
    }
}

#[tokio::test]
async fn reconciliation_rules_say_which_source_writes_what() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_438_400)));
    let it = started(builder().clock(clock.clone())).await;
    let rule = |source: &str, attributes: &str, priority: u32| {
        let class = "cmdb_ci_computer";
        json!({ "applies_to": class, "discovery_source": source, "attributes": attributes, "priority": priority })
    };
    for rule in [rule("ServiceNow", "os", 10), rule("OpenFactory", "os", 20), rule("OpenFactory", "", 5)] {
        let made =
            it.send("admin", Method::POST, "/api/now/table/cmdb_reconciliation_definition", rule).await;
        assert_eq!(made.status(), 201);
    }
    let tell = async |source: &str, os: &str, version: &str| {
        let item = server(json!({ "name": "edge-1", "os": os, "os_version": version }));
        let path = format!("{PATH}?sysparm_data_source={source}");
        let told = result(it.send("ada", Method::POST, &path, json!({ "items": [item] })).await).await;
        let row = it
            .get(&format!(
                "/api/now/table/cmdb_ci_linux_server/{}",
                told["items"][0]["sysId"].as_str().unwrap()
            ))
            .await;
        [&told["items"][0]["operation"], &row["os"], &row["os_version"]]
            .map(|value| value.as_str().unwrap().to_owned())
    };
    assert_eq!(tell("OpenFactory", "a", "1").await, ["INSERT", "a", "1"]);
    // For the one attribute the other source goes first; for all the rest it has no rule.
    assert_eq!(tell("ServiceNow", "b", "2").await, ["UPDATE", "b", "1"]);
    assert_eq!(tell("OpenFactory", "c", "3").await, ["UPDATE", "b", "3"]);
    assert_eq!(tell("OpenFactory", "d", "3").await, ["NO_CHANGE", "b", "3"]);

    // What the first source wrote holds for an hour.
    let stale =
        json!({ "applies_to": "cmdb_ci", "discovery_source": "ServiceNow", "effective_duration": 3600 });
    it.send("admin", Method::POST, "/api/now/table/cmdb_datasource_staleness", stale).await;
    assert_eq!(tell("OpenFactory", "d", "3").await, ["NO_CHANGE", "b", "3"]);
    clock.advance(Duration::from_secs(3_601));
    assert_eq!(tell("OpenFactory", "d", "3").await, ["UPDATE", "d", "3"]);
}

#[tokio::test]
async fn what_is_incomplete_is_put_aside_and_completed_by_its_source() {
    let it = instance().await;
    let rows = |table: &str| it.simulator.store().records(table).unwrap();
    // Without a source that is known, the payload as a whole.
    let payload = json!({ "items": [server(json!({ "name": "edge-1" }))] });
    assert_eq!(it.send("ada", Method::POST, PATH, payload.clone()).await.status(), 200);
    let kept: Value = serde_json::from_str(rows("cmdb_ire_incomplete_payloads")[0].value("payload")).unwrap();
    assert_eq!(kept, payload);

    let item = |values: Value, recency: &str| {
        json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": values, "sys_object_source_info": {
            "source_name": "OpenFactory", "source_native_key": "dev-1", "source_recency_timestamp": recency } }] })
    };
    let first = item(json!({ "os": "old", "ram": "8" }), "2026-01-01 10:00:00");
    let aside = ask(&it, "/enhanced", first.clone()).await;
    assert_eq!(told(&aside), ["MISSING_MATCHING_ATTRIBUTES"]);
    assert_eq!(aside["items"][0]["operation"], "INSERT_AS_PARTIAL");
    let nameless = ask(&it, "/enhanced", json!({ "items": [server(json!({ "os": "x" }))] })).await;
    assert_eq!(nameless["items"][0]["operation"], "INSERT_AS_INCOMPLETE");
    assert_eq!((rows("cmdb_ire_partial_payloads").len(), rows("cmdb_ire_incomplete_payloads").len()), (1, 2));
    // Asked only, or with the option off, nothing is put aside.
    ask(&it, "/queryEnhanced", first.clone()).await;
    ask(&it, "/enhanced?options=partial_payloads:false", first).await;
    assert_eq!(rows("cmdb_ire_partial_payloads").len(), 1);

    let whole = item(json!({ "name": "edge-1", "os": "new" }), "2026-01-01 11:00:00");
    let made = ask(&it, "/enhanced", whole).await;
    assert_eq!(
        (told(&made), made["items"][0]["mergedPayloadIds"].as_array().unwrap().len()),
        (vec!["INSERT".to_owned()], 1)
    );
    let row = &rows("cmdb_ci")[0];
    assert_eq!((row.value("name"), row.value("os"), row.value("ram")), ("edge-1", "new", "8"));
    assert_eq!(rows("cmdb_ire_partial_payloads").len(), 0);
    let path = format!("{PATH}/enhanced?options=partial");
    let (status, _, detail) = it.refused("ada", Method::POST, &path, json!({ "items": [] })).await;
    assert_eq!((status, detail.as_str()), (500, "Chunk [partial] is not a valid entry"));
}
