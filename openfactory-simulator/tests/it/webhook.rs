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
use openfactory_simulator::outbound::Manner;
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
            "sys_updated_on": body["sys_updated_on"], "sys_updated_by": "change.manager", "sys_mod_count": "3",
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

/// An instance that calls in this manner, and as many changes told as there are `approvals`: their numbers in order.
async fn told(manner: Value, approvals: usize) -> (Instance, mpsc::Receiver<Call>, Vec<String>) {
    let it = instance().await;
    let (url, calls) = receiver(0).await;
    let manner = Manner::from_json(manner.to_string().as_bytes()).unwrap();
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap().manner(manner)).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..approvals {
        let change = waiting_change(&it).await;
        it.patch("change.manager", "change_request", &change, json!({ "approval": "approved" })).await;
        numbers.push(change["number"].as_str().unwrap().to_owned());
    }
    (it, calls, numbers)
}

fn number(call: &Call) -> String {
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    body["number"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn calls_are_signed_otherwise_or_not_at_all() {
    for signature in ["base64", "hex", "unsigned"] {
        let (_it, mut calls, _) = told(json!({ "signature": signature }), 1).await;
        let call = next(&mut calls).await;
        assert!(call.headers.get("webhook-signature").is_none());
        let sent = call.headers.get("x-servicenow-signature").map(|value| value.to_str().unwrap());
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
        mac.update(&call.body);
        match signature {
            "base64" => mac.verify_slice(&STANDARD.decode(sent.unwrap()).unwrap()).unwrap(),
            "hex" => mac.verify_slice(&hex_bytes(sent.unwrap())).unwrap(),
            _ => assert_eq!(sent, None),
        }
    }
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[tokio::test]
async fn calls_are_lost_doubled_and_overtaken_as_the_seed_has_it() {
    let (it, mut calls, _) = told(json!({ "lose_one_in": 1 }), 1).await;
    while it.simulator.store().deliveries().unwrap()[0].state == DeliveryState::Pending {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lost = it.simulator.store().deliveries().unwrap()[0].clone();
    assert_eq!((lost.state, lost.attempts), (DeliveryState::Lost, 0));
    assert!(calls.try_recv().is_err());

    let (_it, mut calls, _) = told(json!({ "double_one_in": 1 }), 1).await;
    let (first, second) = (next(&mut calls).await, next(&mut calls).await);
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(first.body, second.body);

    // Of six calls some are held back; the others come first, each of both groups in its order.
    let (_it, mut calls, numbers) = told(json!({ "reorder_one_in": 2, "seed": 1 }), 6).await;
    let mut arrived = Vec::new();
    for _ in 0..6 {
        arrived.push(number(&next(&mut calls).await));
    }
    assert_ne!(arrived, numbers);
    arrived.sort();
    assert_eq!(arrived, numbers);
}

#[tokio::test]
async fn an_asynchronous_call_tells_a_later_state_by_what_is_shown() {
    let manner = json!({ "asynchronous": true, "delay_s": 1, "payload": "display", "retries": false });
    let (it, mut calls, numbers) = told(manner, 1).await;
    let found = it.simulator.store().query("change_request", &format!("number={}", numbers[0])).unwrap();
    let path = format!("/api/now/table/change_request/{}", found[0].sys_id());
    // The integration's own write causes no call, but is told by the one that is on its way.
    it.send("openfactory.integration", reqwest::Method::PATCH, &path, json!({ "state": -1 })).await;
    let body: Value = serde_json::from_slice(&next(&mut calls).await.body).unwrap();
    assert_eq!((&body["state"], &body["approval"]), (&json!("Implement"), &json!("Approved")));
}

#[tokio::test]
async fn without_retries_a_call_that_is_refused_is_lost() {
    let it = instance().await;
    let (url, mut calls) = receiver(1).await;
    let manner = Manner::from_json(br#"{"retries": false}"#).unwrap();
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap().manner(manner)).unwrap();
    let change = waiting_change(&it).await;
    it.patch("change.manager", "change_request", &change, json!({ "approval": "approved" })).await;
    next(&mut calls).await;
    while it.simulator.store().deliveries().unwrap()[0].state == DeliveryState::Pending {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let lost = it.simulator.store().deliveries().unwrap()[0].clone();
    assert_eq!(
        (lost.state, lost.attempts, lost.last_error.as_str()),
        (DeliveryState::Lost, 1, "answered 500")
    );
}

#[tokio::test]
async fn two_moves_at_once_are_told_in_their_order() {
    let it = instance().await;
    let (url, mut calls) = receiver(0).await;
    it.simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    // There is nobody to ask at Assess, so that the change goes on to Authorize by itself.
    let change = it.create("change_request", json!({})).await;
    it.patch("ada", "change_request", &change, json!({ "state": "-4" })).await;
    for (state, count) in [("-4", "1"), ("-3", "2")] {
        let call: Value = serde_json::from_slice(&next(&mut calls).await.body).unwrap();
        assert_eq!((&call["state"], &call["sys_mod_count"]), (&json!(state), &json!(count)));
    }
}
