use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::{Body, Transport, TransportError, TransportErrorKind, send_whole};
use openfactory_sn::{Auth, Client, ErrorKind, Fields, Secret};
use serde_json::json;

use crate::support::{ID, INCIDENT, builder, clock, id, record_path, row};

const TOKEN: &str = "/oauth_token.do";

fn auth() -> Auth {
    Auth::client_credentials("client-1", Secret::new("secret-7c1e")).scope("events")
}

fn token_request() -> Expected {
    Expected::post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&client_id=client-1&scope=events&client_secret=secret-7c1e")
}

fn get_with(token: &str) -> Expected {
    Expected::get(record_path()).header("authorization", format!("Bearer {token}"))
}

fn found() -> Reply {
    Reply::result(200, row(ID, "1"))
}

fn unauthenticated() -> Reply {
    Reply::fault(401, "User Not Authenticated", "Required to provide Auth information")
}

fn client(script: &ScriptedTransport) -> Client {
    builder(script).auth(auth()).build().unwrap()
}

#[tokio::test]
async fn a_token_serves_until_its_margin() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::token("one", 1799))
        .on(get_with("one"), found())
        .on(get_with("one"), found())
        .on(token_request(), Reply::token("two", 1799))
        .on(get_with("two"), found());
    let clock = clock();
    let table = builder(&script).auth(auth()).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    table.get(&id()).await.unwrap();
    clock.advance(Duration::from_secs(1738));
    table.get(&id()).await.unwrap();
    clock.advance(Duration::from_secs(1));
    table.get(&id()).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::token("one", 1799))
        .on(get_with("one"), unauthenticated())
        .on(token_request(), Reply::token("two", 1799))
        .on(get_with("two"), found())
        .on(get_with("two"), unauthenticated())
        .on(token_request(), Reply::token("three", 1799))
        .on(get_with("three"), unauthenticated());
    let table = client(&script).dynamic_table("incident");
    table.get(&id()).await.unwrap();
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    script.assert_done();
}

#[tokio::test]
async fn a_refused_client_is_told_what_to_check() {
    let denied = json!({"error_description": "access_denied", "error": "server_error"});
    let script = ScriptedTransport::new().on(token_request(), Reply::json(401, &denied));
    let error = client(&script).dynamic_table("incident").create(&Fields::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!error.may_have_happened() && !error.is_retryable());
    let advice = error.advice();
    for cause in ["client id and secret", "grant_type.enabled", "Application User", "locked", "scope"] {
        assert!(advice.contains(cause), "{cause}");
    }
    script.assert_done();
}

#[tokio::test]
async fn an_outage_of_the_token_endpoint_passes() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::raw(503, "text/html", "<html>"))
        .on(token_request(), Reply::failure(TransportErrorKind::Interrupted))
        .on(token_request(), Reply::token("one", 1799))
        .on(get_with("one"), found());
    client(&script).dynamic_table("incident").get(&id()).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn a_page_in_place_of_a_token_is_none() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::raw(200, "text/html", "<html>Log in</html>"))
        .on(token_request(), Reply::json(200, &json!({"scope": "events"})));
    let table = client(&script).dynamic_table("incident");
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Decode);
    script.assert_done();
}

/// Counts token requests, answers them slowly, and every other request at once.
#[derive(Debug, Clone, Default)]
struct SlowTokens {
    tokens: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    refuse: bool,
}

#[async_trait]
impl Transport for SlowTokens {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let (status, body) = match (request.uri().path(), self.refuse) {
            (TOKEN, refuse) => {
                self.tokens.fetch_add(1, Ordering::SeqCst);
                match refuse {
                    true => (401, json!({"error": "server_error", "error_description": "access_denied"})),
                    false => (200, json!({"access_token": "one", "expires_in": 1799})),
                }
            }
            _ => (200, json!({"result": row(ID, "1")})),
        };
        let response = http::Response::builder().status(status).header("content-type", "application/json");
        Ok(response.body(Bytes::from(body.to_string())).unwrap())
    }

    async fn stream(&self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        send_whole(self, request).await
    }
}

async fn fifty_callers(transport: &SlowTokens) -> Vec<Result<(), ErrorKind>> {
    let client = Client::builder("https://plant.example.com")
        .auth(auth())
        .transport(transport.clone())
        .build()
        .unwrap();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let table = client.dynamic_table("incident");
            tokio::spawn(async move { table.get(&id()).await.map(|_| ()).map_err(|error| error.kind()) })
        })
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait() {
    let transport = SlowTokens::default();
    assert!(fifty_callers(&transport).await.iter().all(Result::is_ok));
    assert_eq!(transport.tokens.load(Ordering::SeqCst), 1);
    assert_eq!(transport.most_at_once.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn one_refusal_is_told_to_all_who_wait() {
    let transport = SlowTokens { refuse: true, ..SlowTokens::default() };
    assert!(
        fifty_callers(&transport).await.iter().all(|outcome| *outcome == Err(ErrorKind::Unauthenticated))
    );
    assert_eq!(transport.tokens.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_renewal_does_not_hide_what_may_have_happened() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::token("one", 1799))
        .on(Expected::patch(record_path()), Reply::raw(503, "text/html", ""))
        .on(Expected::patch(record_path()), unauthenticated())
        .on(token_request(), Reply::json(401, &json!({"error": "invalid_client"})));
    let fields = Fields::new().with("state", "2");
    let error = client(&script).dynamic_table("incident").update(&id(), &fields).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Unauthenticated, true));
    script.assert_done();
}

#[tokio::test]
async fn only_a_refused_credential_makes_a_call_again() {
    let script = ScriptedTransport::new()
        .on(token_request(), Reply::token("one", 1799))
        .on(Expected::post(INCIDENT), Reply::fault(500, "Script failed after insert", "access_denied"))
        .on(Expected::post(INCIDENT), Reply::fault(200, "Script failed after insert", "access_denied"))
        .on(Expected::post(INCIDENT), Reply::fault(403, "Operation Failed", "invalid_client: rule of ours"));
    let table = client(&script).dynamic_table("incident");
    for may_have_happened in [true, true, false] {
        let error = table.create(&Fields::new()).await.unwrap_err();
        assert_eq!(error.may_have_happened(), may_have_happened, "{error}");
    }
    script.assert_done();
}

#[tokio::test]
async fn a_refusal_stands_for_a_while() {
    let refused = Reply::json(401, &json!({"error": "server_error", "error_description": "access_denied"}));
    let script = ScriptedTransport::new()
        .on(token_request(), refused)
        .on(token_request(), Reply::token("one", 1799))
        .on(get_with("one"), found());
    let clock = clock();
    let table = builder(&script).auth(auth()).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    for _ in 0..50 {
        assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    clock.advance(Duration::from_secs(30));
    table.get(&id()).await.unwrap();
    script.assert_done();
}

/// Answers the first token request never, and everything after it at once.
#[derive(Debug, Clone, Default)]
struct FirstNever(Arc<AtomicUsize>);

#[async_trait]
impl Transport for FirstNever {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        if request.uri().path() == TOKEN && self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        let body = json!({"access_token": "one", "expires_in": 1799, "result": row(ID, "1")});
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(body.to_string())).unwrap())
    }

    async fn stream(&self, request: http::Request<Body>) -> Result<http::Response<Body>, TransportError> {
        send_whole(self, request).await
    }
}

#[tokio::test]
async fn who_waits_is_not_timed_out_with_the_first() {
    let client = Client::builder("https://plant.example.com")
        .auth(auth())
        .transport(FirstNever::default())
        .total_timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    let table = client.dynamic_table("incident");
    let first = tokio::spawn({
        let table = table.clone();
        async move { table.get(&id()).await.map_err(|error| error.kind()) }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    table.get(&id()).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap_err(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_refusal_in_the_guise_of_success_is_one() {
    let refused = json!({"error": "server_error", "error_description": "access_denied"});
    let script = ScriptedTransport::new().on(token_request(), Reply::json(200, &refused));
    let error = client(&script).dynamic_table("incident").get(&id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.advice().contains("client.credential.grant_type.enabled"), "{}", error.advice());
}

#[tokio::test]
async fn an_outage_before_the_end_of_a_token_costs_nothing() {
    let down = || Reply::raw(503, "text/html", "");
    let mut script =
        ScriptedTransport::new().on(token_request(), Reply::token("one", 1799)).on(get_with("one"), found());
    for _ in 0..4 {
        script = script.on(token_request(), down());
    }
    script = script.on(get_with("one"), found());
    for _ in 0..4 {
        script = script.on(token_request(), down());
    }
    let clock = clock();
    let table = builder(&script).auth(auth()).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    table.get(&id()).await.unwrap();
    clock.advance(Duration::from_secs(1745));
    table.get(&id()).await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Unavailable, "now it has ended");
    script.assert_done();
}
