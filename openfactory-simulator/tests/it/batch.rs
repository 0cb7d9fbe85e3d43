//! The Batch API.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_simulator::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, instance, refusal, started};

const PATH: &str = "/api/now/v1/batch";

fn create(id: impl Into<Value>, body: &Value) -> Value {
    json!({
        "id": id.into(), "method": "POST", "url": "/api/now/table/incident",
        "headers": [{ "name": "Content-Type", "value": "application/json" }],
        "body": STANDARD.encode(body.to_string()),
    })
}

async fn batch(it: &Instance, items: Vec<Value>) -> Value {
    let answer =
        it.send("ada", Method::POST, PATH, json!({ "batch_request_id": 7, "rest_requests": items })).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

fn body(item: &Value) -> Value {
    let bytes = STANDARD.decode(item["body"].as_str().unwrap()).unwrap();
    if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
}

#[tokio::test]
async fn items_stand_each_for_itself() {
    let it = instance().await;
    let wished = "ab".repeat(16);
    let answer = batch(
        &it,
        vec![
            create("a", &json!({ "sys_id": wished, "short_description": "x" })),
            create(2, &json!({ "sys_id": wished })),
            json!({ "id": "c", "url": "/api/now/table/nonsense", "method": "GET" }),
            json!({ "id": "d", "url": format!("/api/now/table/incident/{wished}?sysparm_fields=number"),
                    "method": "get", "exclude_response_headers": true }),
            json!({ "id": "e", "url": PATH, "method": "POST" }),
            json!({ "id": "f", "url": "https://elsewhere/x", "method": "GET" }),
            json!({ "id": "g", "url": "/api/now/table/incident", "method": "POST", "body": "%%%" }),
        ],
    )
    .await;
    assert_eq!(answer["batch_request_id"], "7");
    assert_eq!(answer["unserviced_requests"], json!([]));
    let items = answer["serviced_requests"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|item| (item["id"].clone(), item["status_code"].clone())).collect();
    let expected = [("a", 201), ("2", 403), ("c", 400), ("d", 200), ("e", 400), ("f", 400), ("g", 400)];
    assert_eq!(told, expected.map(|(id, status)| (json!(id), json!(status))));
    assert_eq!(items[0]["status_text"], "Created");
    assert!(items[0]["execution_time"].is_number());
    let location = items[0]["headers"].as_array().unwrap().iter().find(|header| header["name"] == "location");
    assert!(location.unwrap()["value"].as_str().unwrap().ends_with(&wished));
    assert!(body(&items[1])["error"]["detail"].as_str().unwrap().contains("Unique Key violation"));
    assert_eq!(body(&items[2])["error"]["message"], "Invalid table nonsense");
    assert_eq!(body(&items[3]), json!({ "result": { "number": "INC0010001" } }));
    assert!(items[3].get("headers").is_none());
    // What failed took nothing of what succeeded with it.
    assert_eq!(it.simulator.store().records("incident").unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_as_a_whole_is_refused_for_its_caller_or_its_form() {
    let it = instance().await;
    let bare = it.client.post(it.url(PATH)).json(&json!({ "rest_requests": [] })).send().await.unwrap();
    assert_eq!(refusal(bare).await.0, 401);
    for body in [json!({}), json!([]), json!({ "rest_requests": [{ "url": "/api/now/table/incident" }] })] {
        assert_eq!(it.refused("ada", Method::POST, PATH, body).await.0, 400);
    }
    let get = it.request("ada", Method::GET, PATH).send().await.unwrap();
    assert_eq!(refusal(get).await.0, 405);
    // Nobody's roles are what they are, in a batch, too.
    let body = json!({ "batch_request_id": "1", "rest_requests": [create("a", &json!({}))] });
    let answer: Value = it.send("nobody", Method::POST, PATH, body).await.json().await.unwrap();
    assert_eq!(answer["serviced_requests"][0]["status_code"], 403);
    // A large query goes where no URL would carry it.
    let long = format!("/api/now/table/incident?sysparm_query=numberIN{}", "x,".repeat(8192));
    let answer = batch(&it, vec![json!({ "id": "1", "url": long, "method": "GET" })]).await;
    assert_eq!(answer["serviced_requests"][0]["status_code"], 200);
}

/// A clock that each look moves on by two seconds.
#[derive(Debug, Default)]
struct Hurried(AtomicU64);

impl Clock for Hurried {
    fn now(&self) -> SystemTime {
        let looks = self.0.fetch_add(1, Ordering::SeqCst);
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + 2 * looks)
    }
}

#[tokio::test]
async fn what_the_quota_does_not_reach_is_named() {
    let it = started(builder().clock(Arc::new(Hurried::default()))).await;
    let items = (0..20).map(|id| create(id.to_string(), &json!({}))).collect();
    let answer = batch(&it, items).await;
    let serviced = answer["serviced_requests"].as_array().unwrap().len();
    let unserviced = answer["unserviced_requests"].as_array().unwrap();
    assert!(serviced > 0 && !unserviced.is_empty(), "{serviced}");
    assert_eq!(serviced + unserviced.len(), 20);
    assert_eq!(unserviced.last().unwrap(), "19");
    assert_eq!(it.simulator.store().records("incident").unwrap().len(), serviced);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_told() {
    let it = instance().await;
    let made = it.create("incident", json!({ "description": "x".repeat(3000) })).await;
    let path = format!("/api/now/table/incident/{}?sysparm_fields=", made["sys_id"].as_str().unwrap());
    let items = || {
        json!({ "rest_requests": [
            { "id": "a", "url": format!("{path}description") },
            { "id": "b", "url": format!("{path}number") },
        ] })
    };
    let call = it.request("ada", Method::POST, PATH).header("x-batchrequest-max-output-size", "1000");
    let answer: Value = call.json(&items()).send().await.unwrap().json().await.unwrap();
    let [large, small] = [0, 1].map(|at: usize| answer["serviced_requests"][at].clone());
    assert_eq!((&large["status_code"], &large["body"]), (&json!(500), &json!("")));
    assert!(
        large["error_message"].as_str().unwrap().ends_with("exceeds the maximum of 1000 bytes"),
        "{large}"
    );
    assert_eq!(body(&small)["result"]["number"], made["number"]);
    // Nobody raises the limit by it, and an administrator lowers that of bodies by a property.
    let call = it.request("ada", Method::POST, PATH).header("x-batchrequest-max-output-size", "999999999");
    let answer: Value = call.json(&items()).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["serviced_requests"][0]["status_code"], 200);
    let property = json!({ "name": "glide.rest.batch.max.inputSize", "value": "1" });
    assert_eq!(it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await.status(), 201);
    let large = create("c", &json!({ "description": "x".repeat(1024 * 1024) }));
    let refused = batch(&it, vec![large]).await["serviced_requests"][0].clone();
    assert_eq!(refused["status_code"], 400);
}

#[tokio::test]
async fn items_are_done_for_whoever_sent_the_batch() {
    let keyed = openfactory_simulator::User::new("keyed", "pw").roles(["itil"]).api_key("KEY1");
    let it = started(builder().user(keyed)).await;
    let item = |headers: Value| json!({ "id": "a", "url": "/api/now/table/incident", "headers": headers });
    let login = json!([{ "name": "Authorization", "value": "Basic YWRtaW46cHc=" }]);
    let key = json!([{ "name": "X-sn-apikey", "value": "KEY1" }]);
    // Whatever an item says of itself.
    let body = json!({ "rest_requests": [item(json!([])), item(login), item(key.clone())] });
    let call = it.client.post(it.url(PATH)).header("x-sn-apikey", "KEY1").json(&body);
    let answer: Value = call.send().await.unwrap().json().await.unwrap();
    let statuses: Vec<_> =
        answer["serviced_requests"].as_array().unwrap().iter().map(|item| &item["status_code"]).collect();
    assert_eq!(statuses, [200, 200, 200], "{answer}");
    let group = json!({ "id": "b", "url": "/api/now/table/sys_user_group", "method": "POST",
        "headers": [{ "name": "Content-Type", "value": "application/json" }, key[0]], "body": STANDARD.encode("{}") });
    let body = json!({ "rest_requests": [group] });
    let answer: Value = it.send("nobody", Method::POST, PATH, body).await.json().await.unwrap();
    assert_eq!(answer["serviced_requests"][0]["status_code"], 403, "{answer}");
}

#[tokio::test]
async fn a_head_in_a_batch_has_no_body() {
    let it = instance().await;
    it.create("incident", json!({})).await;
    let item = json!({ "id": "a", "url": "/api/now/table/incident", "method": "HEAD" });
    let answer = batch(&it, vec![item]).await;
    let told = &answer["serviced_requests"][0];
    assert_eq!((&told["status_code"], &told["body"]), (&json!(200), &json!("")));
    let headers = told["headers"].as_array().unwrap();
    assert!(headers.iter().any(|header| header["name"] == "x-total-count" && header["value"] == "1"));
}
