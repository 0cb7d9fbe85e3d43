//! The CMDB Instance API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, id, instance, refusal, result};

const CLASS: &str = "/api/now/cmdb/instance/cmdb_ci_linux_server";

async fn post(it: &Instance, path: &str, body: Value) -> Value {
    let answer = it.send("ada", Method::POST, path, body).await;
    // Not 201, unlike the Table API.
    assert_eq!(answer.status(), 200);
    result(answer).await
}

#[tokio::test]
async fn items_come_with_their_relations() {
    let it = instance().await;
    let service = it.create("cmdb_ci_service", json!({ "name": "shop" })).await;
    let group = it.get("/api/now/table/sys_user_group?name=Fleet%20Operations").await;
    let kind = it.get("/api/now/table/cmdb_rel_type?name=Depends%20on::Used%20by").await;
    let made = post(
        &it,
        CLASS,
        json!({
            "attributes": { "name": "web-1", "ram": 2048, "support_group": id(&group[0]) },
            "source": "ServiceNow",
            "inbound_relations": [{ "target": id(&service), "type": id(&kind[0]) }],
        }),
    )
    .await;
    let attributes = &made["attributes"];
    assert_eq!((&attributes["ram"], &attributes["discovery_source"]), (&json!("2048"), &json!("ServiceNow")));
    assert_eq!(attributes["owned_by"], "");
    assert_eq!(attributes["support_group"]["display_value"], "Fleet Operations");
    assert_eq!(made["outbound_relations"], json!([]));
    let relation = &made["inbound_relations"][0];
    assert_eq!(relation["type"]["display_value"], "Depends on::Used by");
    assert_eq!(relation["target"]["display_value"], "shop");
    let link = it.url(&format!("/api/now/cmdb/instance/cmdb_ci/{}", id(&service)));
    assert_eq!(relation["target"]["link"], link);

    let sys_id = attributes["sys_id"].as_str().unwrap();
    let one = format!("{CLASS}/{sys_id}");
    let list = it.get(&format!("{CLASS}?sysparm_query=nameSTARTSWITHweb")).await;
    assert_eq!(list, json!([{ "sys_id": sys_id, "name": "web-1" }]));

    // The same name again is the same item.
    let body = json!({ "attributes": { "name": "WEB-1", "os": "Linux" }, "source": "Discovery" });
    assert_eq!(post(&it, CLASS, body).await["attributes"]["sys_id"], sys_id);
    let body = json!({ "attributes": { "os_version": "7" }, "source": "ServiceNow" });
    let patched = it.send("ada", Method::PATCH, &one, body).await;
    assert_eq!(patched.status(), 200);
    let patched = result(patched).await;
    assert_eq!(
        (&patched["attributes"]["os"], &patched["attributes"]["os_version"]),
        (&json!("Linux"), &json!("7"))
    );

    let body = json!({ "outbound_relations": [{ "target": id(&service), "type": id(&kind[0]) }], "source": "ServiceNow" });
    let both = post(&it, &format!("{one}/relation"), body.clone()).await;
    assert_eq!(both["outbound_relations"].as_array().unwrap().len(), 1);
    // Relations that are there are not made again.
    assert_eq!(
        post(&it, &format!("{one}/relation"), body).await["outbound_relations"],
        both["outbound_relations"]
    );
    let gone = format!("{one}/relation/{}", id(&both["outbound_relations"][0]));
    assert_eq!(it.request("ada", Method::DELETE, &gone).send().await.unwrap().status(), 200);
    assert_eq!(it.get(&one).await["outbound_relations"], json!([]));
}

#[tokio::test]
async fn what_has_no_source_no_class_or_no_rule_is_refused() {
    let it = instance().await;
    let body = |source: &str| json!({ "attributes": { "name": "x" }, "source": source });
    assert_eq!(it.refused("ada", Method::POST, CLASS, body("Gossip")).await.0, 400);
    assert_eq!(it.refused("ada", Method::POST, CLASS, json!({ "attributes": {} })).await.0, 400);
    let root = "/api/now/cmdb/instance/cmdb_ci";
    let (status, _, detail) = it.refused("ada", Method::POST, root, body("ServiceNow")).await;
    assert_eq!(status, 400);
    assert!(detail.starts_with("IDENTIFICATION_RULE_MISSING"), "{detail}");
    let (status, message, _) =
        it.refused("ada", Method::POST, "/api/now/cmdb/instance/incident", body("ServiceNow")).await;
    assert_eq!((status, message.as_str()), (400, "Invalid table incident"));
    assert_eq!(it.refused("nobody", Method::POST, CLASS, body("ServiceNow")).await.0, 403);
    let missing =
        it.request("ada", Method::GET, &format!("{CLASS}/{}", "0".repeat(32))).send().await.unwrap();
    assert_eq!(refusal(missing).await.0, 404);
    let unrelated = json!({
        "attributes": { "name": "y" }, "source": "ServiceNow",
        "outbound_relations": [{ "target": "0", "type": "1" }],
    });
    assert_eq!(it.refused("ada", Method::POST, CLASS, unrelated).await.0, 400);
    // It was refused as a whole: the item was not made either.
    assert_eq!(it.get(CLASS).await, json!([]));
}

#[tokio::test]
async fn an_item_is_retired_in_both_of_its_fields() {
    let it = instance().await;
    for (sent, told) in [
        (json!({ "operational_status": "6" }), ("6", "7")),
        (json!({ "install_status": "7" }), ("6", "7")),
        (json!({ "operational_status": "2" }), ("2", "1")),
    ] {
        let item = it.create("cmdb_ci_linux_server", json!({ "name": "x" })).await;
        let item = it.patch("ada", "cmdb_ci", &item, sent.clone()).await;
        assert_eq!((&item["operational_status"], &item["install_status"]), (&json!(told.0), &json!(told.1)));
        let made = it.create("cmdb_ci_linux_server", sent).await;
        assert_eq!(made["install_status"], told.1);
    }
}
