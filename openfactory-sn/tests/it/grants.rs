//! The grants beside client credentials, and which credential is used for what.

use std::future::Future as _;
use std::task::{Context, Waker};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openfactory_sn::auth::{AssertionError, AssertionSigner, JwtBearer, RsaSigner};
use openfactory_sn::batch::Batch;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::{Auth, ErrorKind, IntegrationPoint, Secret, SysId};
use serde_json::{Value, json};

use crate::support::{ID, builder, clock, id, python, record_path, row};

const TOKEN: &str = "/oauth_token.do";

fn asks(form: &str) -> Expected {
    Expected::post(TOKEN).body(form.to_owned())
}

fn gives(token: &str, refresh: &str) -> Reply {
    Reply::json(200, &json!({"access_token": token, "refresh_token": refresh, "expires_in": 1799}))
}

fn get_with(token: &str) -> Expected {
    Expected::get(record_path()).header("authorization", format!("Bearer {token}"))
}

fn found() -> Reply {
    Reply::result(200, row(ID, "1"))
}

const BY_PASSWORD: &str = "grant_type=password&client_id=c&username=svc&password=p%26&client_secret=s";

#[tokio::test]
async fn a_password_is_sent_once_and_its_token_renewed() {
    let script = ScriptedTransport::new()
        .on(asks(BY_PASSWORD), gives("one", "r1"))
        .on(get_with("one"), found())
        .on(asks("grant_type=refresh_token&client_id=c&refresh_token=r1&client_secret=s"), gives("two", "r2"))
        .on(get_with("two"), found())
        .on(
            asks("grant_type=refresh_token&client_id=c&refresh_token=r2&client_secret=s"),
            Reply::json(401, &json!({"error": "invalid_grant"})),
        )
        .on(asks(BY_PASSWORD), gives("three", "r3"))
        .on(get_with("three"), found());
    let clock = clock();
    let auth = Auth::password("c", Secret::new("s"), "svc", Secret::new("p&"));
    let table = builder(&script).auth(auth).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    for _ in 0..3 {
        table.get(&id()).await.unwrap();
        clock.advance(Duration::from_secs(1739));
    }
    script.assert_done();
}

#[tokio::test]
async fn an_outage_does_not_cost_the_refresh_token() {
    let renewal = || asks("grant_type=refresh_token&client_id=c&refresh_token=r0&client_secret=s");
    let down = || Reply::raw(503, "text/html", "").header("retry-after", "120");
    let script = ScriptedTransport::new()
        .on(renewal(), down())
        .on(renewal(), Reply::token("one", 1799))
        .on(get_with("one"), found());
    let auth = Auth::refresh_token("c", Secret::new("s"), Secret::new("r0"));
    let table = builder(&script).auth(auth).build().unwrap().dynamic_table("incident");
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    table.get(&id()).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn a_page_in_front_of_the_endpoint_costs_neither_the_refresh_token_nor_the_current_one() {
    let renewal = |token: &str| {
        asks(&format!("grant_type=refresh_token&client_id=c&refresh_token={token}&client_secret=s"))
    };
    let script = ScriptedTransport::new()
        .on(renewal("r0"), gives("one", "r1"))
        .on(get_with("one"), found())
        .on(renewal("r1"), Reply::raw(403, "text/html", "<html>blocked</html>"))
        .on(get_with("one"), found())
        .on(renewal("r1"), Reply::raw(302, "text/html", "").header("location", "https://x.example/login"))
        .on(get_with("one"), found())
        .on(renewal("r1"), gives("two", "r2"))
        .on(get_with("two"), found());
    let clock = clock();
    let auth = Auth::refresh_token("c", Secret::new("s"), Secret::new("r0"));
    let table = builder(&script).auth(auth).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    for later in [1745, 20, 20, 0] {
        table.get(&id()).await.unwrap();
        clock.advance(Duration::from_secs(later));
    }
    script.assert_done();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_refresh_token_along() {
    let renewal = |token: &str| {
        asks(&format!("grant_type=refresh_token&client_id=c&refresh_token={token}&client_secret=s"))
    };
    let script = ScriptedTransport::new()
        .on(renewal("r0"), gives("one", "r1"))
        .on(get_with("one"), found())
        .on(renewal("r1"), Reply::silence())
        .on(renewal("r1"), gives("two", "r2"))
        .on(get_with("two"), found());
    let clock = clock();
    let auth = Auth::refresh_token("c", Secret::new("s"), Secret::new("r0"));
    let table = builder(&script).auth(auth).clock(clock.clone()).build().unwrap().dynamic_table("incident");
    table.get(&id()).await.unwrap();
    clock.advance(Duration::from_secs(1739));
    let key = id();
    let mut gone = Box::pin(table.get(&key));
    let mut context = Context::from_waker(Waker::noop());
    assert!(gone.as_mut().poll(&mut context).is_pending());
    drop(gone);
    table.get(&id()).await.unwrap();
    script.assert_done();
}

/// A key by `openssl genrsa`, made for this test.
fn rsa_key() -> RsaSigner {
    RsaSigner::from_pem(include_bytes!("data/jwt-test-key.pem")).unwrap()
}

#[tokio::test]
async fn an_assertion_says_who_by_whom_and_until_when() {
    let script = ScriptedTransport::new()
        .on(Expected::post(TOKEN), Reply::token("one", 1799))
        .on(get_with("one"), found());
    let bearer = JwtBearer::new("openfactory", "svc", std::sync::Arc::new(rsa_key())).key_id("k1");
    let auth = Auth::jwt_bearer("client-1", Secret::new("s"), bearer);
    builder(&script).auth(auth).build().unwrap().dynamic_table("incident").get(&id()).await.unwrap();
    let form = String::from_utf8(script.requests()[0].body.to_vec()).unwrap();
    assert!(
        form.starts_with(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&client_id=client-1&"
        )
    );
    let assertion = form.split("assertion=").nth(1).unwrap().split('&').next().unwrap();
    let parts: Vec<_> = assertion.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let [header, claims] = [0, 1].map(|part| serde_json::from_slice::<Value>(&parts[part]).unwrap());
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let now = 1_767_225_600;
    assert_eq!(
        claims,
        json!({"iss": "openfactory", "sub": "svc", "aud": "client-1", "iat": now, "exp": now + 300})
    );
    assert_eq!(parts[2].len(), 256, "a signature by 2048 bits");
    script.assert_done();
    let verify = "import sys, base64\n\
        from cryptography.hazmat.primitives.serialization import load_pem_private_key\n\
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15\n\
        from cryptography.hazmat.primitives.hashes import SHA256\n\
        signed, signature = sys.argv[2].rsplit('.', 1)\n\
        key = load_pem_private_key(open(sys.argv[1], 'rb').read(), None).public_key()\n\
        key.verify(base64.urlsafe_b64decode(signature + '=='), signed.encode(), PKCS1v15(), SHA256())\n\
        print('verified', end='')";
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/jwt-test-key.pem");
    if let Some(said) = python("an assertion verifies", verify, &[key, assertion]) {
        assert_eq!(said, "verified");
    }
}

#[derive(Debug)]
struct Broken;

impl AssertionSigner for Broken {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, AssertionError> {
        Err(AssertionError::caused_by("module is away"))
    }
}

#[tokio::test]
async fn without_a_signature_nothing_is_sent() {
    let script = ScriptedTransport::new();
    let bearer = JwtBearer::new("a", "b", std::sync::Arc::new(Broken));
    let auth = Auth::jwt_bearer("c", Secret::new("s"), bearer);
    let table = builder(&script).auth(auth).build().unwrap().dynamic_table("incident");
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::Local);
    assert!(RsaSigner::from_pem(b"nothing").is_err());
    script.assert_done();
}

#[tokio::test]
async fn each_point_has_its_credential() {
    let key = |key: &str| Auth::api_key(Secret::new(key));
    let with = |path: String, key: &str| Expected::get(path).header("x-sn-apikey", key);
    let path = |table: &str| format!("/api/now/table/{table}/{ID}");
    let script = ScriptedTransport::new()
        .on(with(path("change_request"), "change"), found())
        .on(with(path("cmdb_ci_server"), "all"), found())
        .on(with(path("cmdb_ci_server"), "change"), found())
        .on(
            Expected::get("/api/now/attachment").header("x-sn-apikey", "change"),
            Reply::result(200, json!([])),
        );
    let sn =
        builder(&script).auth(key("all")).auth_for(IntegrationPoint::Change, key("change")).build().unwrap();
    sn.dynamic_table("change_request").get(&id()).await.unwrap();
    sn.dynamic_table("cmdb_ci_server").get(&id()).await.unwrap();
    sn.at(IntegrationPoint::Change).dynamic_table("cmdb_ci_server").get(&id()).await.unwrap();
    sn.attachments().list("change_request", &id()).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn calls_of_a_batch_go_by_the_credential_of_their_table() {
    let key = |key: &str| Auth::api_key(Secret::new(key));
    // `{"result":{"sys_id":"a1"}}`
    let read = |ids: &[&str]| {
        let body = "eyJyZXN1bHQiOnsic3lzX2lkIjoiYTEifX0=";
        let serviced: Vec<_> =
            ids.iter().map(|id| json!({"id": id, "status_code": 200, "body": body})).collect();
        Reply::json(200, &json!({"serviced_requests": serviced, "unserviced_requests": []}))
    };
    let batch = |key: &str| Expected::post("/api/now/v1/batch").header("x-sn-apikey", key);
    let script = ScriptedTransport::new()
        .on(batch("all"), read(&["0", "1"]))
        .on(batch("cmdb"), read(&["0"]))
        .on(batch("incident"), read(&["0", "1", "2"]));
    let sn = builder(&script)
        .auth(key("all"))
        .auth_for(IntegrationPoint::Cmdb, key("cmdb"))
        .auth_for(IntegrationPoint::Incident, key("incident"))
        .build()
        .unwrap();
    let calls = |tables: &[&str]| {
        let mut batch = Batch::new();
        tables.iter().for_each(|table| batch.get(table, &SysId::new("a1").unwrap()));
        batch
    };
    let outcomes = sn.batches().run(calls(&["cmdb_ci_server", "change_request", "sys_user"])).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    // Chosen by name, one credential serves whatever table.
    let chosen = sn.at(IntegrationPoint::Incident).batches();
    let outcomes = chosen.run(calls(&["cmdb_ci_server", "change_request", "incident"])).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let first: Value = serde_json::from_slice(&script.requests()[0].body).unwrap();
    let urls: Vec<_> = first["rest_requests"].as_array().unwrap().iter().map(|call| &call["url"]).collect();
    assert!(urls[0].as_str().unwrap().starts_with("/api/now/table/change_request/"), "{urls:?}");
    script.assert_done();
}

#[tokio::test]
async fn a_certificate_alone_sends_no_header() {
    let script = ScriptedTransport::new().on(Expected::get(record_path()), found());
    let sn = builder(&script).auth(Auth::client_certificate()).build().unwrap();
    sn.dynamic_table("incident").get(&id()).await.unwrap();
    assert!(!script.requests()[0].headers.contains_key("authorization"));
    script.assert_done();
}

#[tokio::test]
async fn what_one_user_used_up_holds_back_no_other() {
    let found = || Reply::result(200, json!({"sys_id": "a1"}));
    let change = || Expected::get("/api/now/table/change_request/a1").header("x-sn-apikey", "for-change");
    let throttled = Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "40");
    let script = ScriptedTransport::new()
        .on(change(), throttled)
        .on(Expected::get("/api/now/table/incident/a1").header("x-sn-apikey", "for-all"), found())
        .on(Expected::get("/api/now/table/cmdb_ci/a1").header("x-sn-apikey", "for-all"), found());
    let clock = clock();
    let sn = builder(&script)
        .auth(Auth::api_key(Secret::new("for-all")))
        .auth_for(IntegrationPoint::Change, Auth::api_key(Secret::new("for-change")))
        .auth_for(IntegrationPoint::Cmdb, Auth::api_key(Secret::new("for-all")))
        .clock(clock.clone())
        .build()
        .unwrap();
    let key = SysId::new("a1").unwrap();
    let of = |table: &str| sn.dynamic_table(table);
    assert_eq!(of("change_request").get(&key).await.unwrap_err().kind(), ErrorKind::Throttled);
    of("incident").get(&key).await.unwrap();
    of("cmdb_ci").get(&key).await.unwrap();
    assert!(clock.slept().is_empty());
    let held = of("change_task").get(&key).await.unwrap_err();
    assert_eq!(held.retry_after(), Some(Duration::from_secs(40)), "not even sent");
    script.assert_done();

    let limited = |path: &str| {
        let throttled = Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "40");
        ScriptedTransport::new().on(Expected::get(path), throttled)
    };
    let script = limited("/api/now/table/incident/a1");
    let sn = builder(&script)
        .auth_for(IntegrationPoint::Cmdb, Auth::basic("svc", Secret::new("pass-3f9a")))
        .build()
        .unwrap();
    sn.dynamic_table("incident").get(&key).await.unwrap_err();
    let held = sn.dynamic_table("cmdb_ci").get(&key).await.unwrap_err();
    assert_eq!(held.kind(), ErrorKind::Throttled, "the same user by another door");
    script.assert_done();
}
