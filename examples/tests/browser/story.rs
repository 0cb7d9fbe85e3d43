//! An approval by a click, from the operator's page to ServiceNow and back.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use openfactory_simulator::Webhook;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::browser::Browser;
use crate::world::World;

const SECRET: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx";

/// A receiver of webhook calls, with what it received.
async fn receiver() -> (String, mpsc::Receiver<(HeaderMap, Bytes)>) {
    let (sender, calls) = mpsc::channel(8);
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        sender.send((headers, body)).await.unwrap();
        StatusCode::ACCEPTED
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/hook", axum::routing::post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, calls)
}

#[tokio::test]
async fn a_click_approves_the_webhook_fires_and_the_gate_opens() {
    let Some(browser) = Browser::start("a_click_approves_the_webhook_fires_and_the_gate_opens").await else {
        return;
    };
    let world = World::new().await;
    let (url, mut calls) = receiver().await;
    world.simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    let router = world.start().await;
    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;

    browser.goto(&router.url("/")).await;
    browser.shows("1 waiting for approval").await;
    browser.click("Open in ServiceNow").await;
    browser.shows("Log in").await;
    let manager = world.simulator.user("change.manager").unwrap();
    browser.log_in(manager.name(), manager.password()).await;
    assert_eq!(browser.path().await, format!("/page/record/change_request/{change}"));
    browser.shows("Chandra Manager: Requested").await;
    browser.click("Approve").await;
    browser.shows("Chandra Manager: Approved").await;
    assert!(!browser.text().await.contains("Reject"));

    let row = world.simulator.store().record("change_request", change.as_str()).unwrap().unwrap();
    assert_eq!((row.value("approval"), row.value("state")), ("approved", "-2"));
    let called = tokio::time::timeout(Duration::from_secs(20), calls.recv()).await.unwrap();
    let (headers, body) = called.unwrap();
    assert!(headers.contains_key("webhook-signature"), "{headers:?}");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["sys_id"], &body["approval"]),
        (&Value::from(change.as_str()), &Value::from("approved"))
    );
    assert_eq!(body["sys_updated_by"], "change.manager");

    // The router's poller reads the record, and the page that is open there reads itself anew.
    browser.goto(&router.url("/")).await;
    browser.shows("none waiting for approval").await;
    browser.shows("open").await;
    assert_eq!(router.get("/v1/overview").await.body["builds"]["shown"][0]["gate"], "open");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
    router.stop().await;
}
