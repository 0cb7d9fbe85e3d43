//! The business rule that calls the webhook, received by a plain server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use openfactory_simulator::Webhook;
use openfactory_simulator::state::DeliveryState;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;

use crate::support::{Instance, instance};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Call {
    headers: HeaderMap,
    body: Bytes,
}

/// A receiver that refuses the first `refuse` calls with 500.
async fn receiver(refuse: usize) -> (String, mpsc::Receiver<Call>) {
    let (sender, calls) = mpsc::channel(32);
    let left = Arc::new(AtomicUsize::new(refuse));
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        sender.send(Call { headers, body }).await.unwrap();
        let refused = left.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if refused.is_ok() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::ACCEPTED }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/hook", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

async fn next(calls: &mut mpsc::Receiver<Call>) -> Call {
    tokio::time::timeout(Duration::from_secs(20), calls.recv()).await.unwrap().unwrap()
}

async fn waiting_change(it: &Instance) -> Value {
    let change = it.create("change_request", json!({})).await;
    it.patch("openfactory.integration", "change_request", &change, json!({ "state": "-4" })).await
}

#[tokio::test]
async fn an_approval_is_told_and_signed() {
    let it = instance().await;
    let (url, mut calls) = receiver(0).await;
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    let change = waiting_change(&it).await;
    it.patch("change.manager", "change_request", &change, json!({ "approval": "approved" })).await;

    let call = next(&mut calls).await;
    let header = |name: &str| call.headers[name].to_str().unwrap();
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        body,
        json!({
            "table": "change_request", "sys_id": change["sys_id"], "number": change["number"],
            "operation": "update", "state": "-2", "approval": "approved",
            "sys_updated_on": body["sys_updated_on"], "sys_updated_by": "change.manager", "sys_mod_count": "2",
        })
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&call.body);
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
    assert!(header("webhook-timestamp").parse::<u64>().unwrap() > 1_600_000_000);
    assert_eq!(header("content-type"), "application/json");

    // The integration's own move to Assess was not told, nor is anything unwatched.
    it.patch("ada", "change_request", &change, json!({ "short_description": "y", "work_notes": "z" })).await;
    let told = it.simulator.store().deliveries().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].id, header("webhook-id"));
}

#[tokio::test]
async fn an_incident_is_told_when_people_work_on_it() {
    let it = instance().await;
    let (url, mut calls) = receiver(0).await;
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    let incident = it.create("incident", json!({})).await;
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;
    let assigned = json!({ "assigned_to": ada[0]["sys_id"], "state": "2" });
    it.patch("ada", "incident", &incident, assigned).await;
    let body: Value = serde_json::from_slice(&next(&mut calls).await.body).unwrap();
    assert_eq!((&body["table"], &body["state"]), (&json!("incident"), &json!("2")));
}

#[tokio::test]
async fn a_refused_call_is_tried_again_under_the_same_id() {
    let it = instance().await;
    let (url, mut calls) = receiver(1).await;
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    let change = waiting_change(&it).await;
    it.patch("change.manager", "change_request", &change, json!({ "approval": "rejected" })).await;
    let (first, second) = (next(&mut calls).await, next(&mut calls).await);
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(first.body, second.body);
    for _ in 0..100 {
        let told = it.simulator.store().deliveries().unwrap();
        if told[0].state == DeliveryState::Delivered {
            assert_eq!(told[0].attempts, 2);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the delivery was never noted");
}
