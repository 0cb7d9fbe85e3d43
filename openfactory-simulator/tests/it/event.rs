//! The door of Event Management.

use openfactory_simulator::profile::Profile;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, instance, started};

const PATH: &str = "/api/global/em/jsonv2";

async fn send(it: &Instance, user: &str, body: Value) -> (u16, Value) {
    let answer = it.send(user, Method::POST, PATH, body).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn events_of_one_key_are_one_alert() {
    let it = instance().await;
    let event = |severity: &str| {
        json!({ "source": "OpenFactory", "node": "edge-1", "message_key": "drift/edge-1", "severity": severity,
                "time_of_event": "2026-01-31 10:00:00", "resolution_state": "New", "state": "Error",
                "additional_info": "{\"path\":\"/etc\"}", "u_own": "dropped" })
    };
    let (status, told) = send(&it, "admin", json!({ "records": [event("2"), event("1")] })).await;
    assert_eq!(
        (status, told),
        (200, json!({ "result": { "Default Bulk Endpoint": "2 events were inserted" } }))
    );
    let events = it.get("/api/now/table/em_event").await;
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!(events[0]["additional_info"], "{\"path\":\"/etc\"}");
    assert_eq!((&events[0]["state"], &events[0]["sys_created_by"]), (&json!("Processed"), &json!("admin")));
    assert_eq!(events[0]["time_of_event"], "2026-01-31 10:00:00");
    assert!(events[0].get("u_own").is_none());
    let alert = |state: &'static str, severity: &'static str, count: &'static str| {
        let it = &it;
        async move {
            let alerts = it.get("/api/now/table/em_alert").await;
            assert_eq!(alerts.as_array().unwrap().len(), 1);
            let told = ["state", "severity", "event_count"]
                .map(|field| alerts[0][field].as_str().unwrap().to_owned());
            assert_eq!(told, [state, severity, count]);
        }
    };
    alert("Open", "1", "2").await;
    send(&it, "admin", json!({ "records": [event("0")] })).await;
    alert("Closed", "0", "3").await;
    send(&it, "admin", json!({ "records": [event("3")] })).await;
    alert("Reopen", "3", "4").await;
    // Without a key of its own, an event is known by what it is about.
    let keyless = |resource: &str| json!({ "source": "OpenFactory", "node": "edge-2", "resource": resource, "severity": "4" });
    send(&it, "admin", json!({ "records": [keyless("a"), keyless("b"), keyless("a")] })).await;
    assert_eq!(it.get("/api/now/table/em_alert").await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn who_may_send_events_and_where() {
    let it = instance().await;
    let empty = || json!({ "records": [] });
    assert_eq!(send(&it, "ada", empty()).await.0, 403, "it has not got the role");
    assert_eq!(send(&it, "admin", json!({ "events": [] })).await.0, 400);
    let (status, told) = send(&it, "admin", empty()).await;
    assert_eq!((status, &told["result"]["Default Bulk Endpoint"]), (200, &json!("0 events were inserted")));
    let answer = it.request("admin", Method::GET, PATH).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 405);
    let stock = started(builder().profile(Profile::Stock)).await;
    let (status, told) = send(&stock, "admin", empty()).await;
    assert_eq!(
        (status, &told["error"]["message"]),
        (400, &json!("Requested URI does not represent any resource"))
    );
}
