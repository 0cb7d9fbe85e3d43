//! The client credentials grant.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use openfactory_simulator::{OAuthClient, User};
use serde_json::{Value, json};

use crate::support::{Instance, builder, instance, started};

async fn ask(it: &Instance, id: &str, secret: &str) -> (u16, Value) {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let answer = it.client.post(it.url("/oauth_token.do")).form(&form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_token_is_the_same_until_it_runs_out() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let it = started(builder().clock(clock.clone()).client(OAuthClient::new("id", "secret"))).await;
    let (status, first) = ask(&it, "id", "secret").await;
    assert_eq!((status, &first["expires_in"], &first["token_type"]), (200, &json!(1799), &json!("Bearer")));
    clock.advance(Duration::from_secs(1000));
    let (_, second) = ask(&it, "id", "secret").await;
    assert_eq!((&second["access_token"], &second["expires_in"]), (&first["access_token"], &json!(799)));

    let with_token = || {
        let token = first["access_token"].as_str().unwrap();
        it.client.get(it.url("/api/now/table/incident")).bearer_auth(token).send()
    };
    assert_eq!(with_token().await.unwrap().status(), 200);
    clock.advance(Duration::from_secs(800));
    let late = with_token().await.unwrap();
    assert_eq!(late.status(), 401);
    assert_eq!(late.headers()["www-authenticate"], "BASIC realm=\"Service-now\"");
    let (_, third) = ask(&it, "id", "secret").await;
    assert_ne!(third["access_token"], first["access_token"]);
    assert_eq!(it.simulator.revoke_tokens().unwrap(), 1);
}

#[tokio::test]
async fn a_token_acts_as_the_clients_user() {
    let it = started(builder().client(OAuthClient::new("id", "secret").acting_as("ada"))).await;
    let (_, body) = ask(&it, "id", "secret").await;
    let made: Value = it
        .client
        .post(it.url("/api/now/table/incident"))
        .bearer_auth(body["access_token"].as_str().unwrap())
        .json(&json!({}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(made["result"]["sys_created_by"], "ada");
}

#[tokio::test]
async fn every_refusal_reads_the_same() {
    let it = started(
        builder()
            .user(User::new("gone", "pw"))
            .client(OAuthClient::new("id", "secret"))
            .client(OAuthClient::new("orphan", "secret").acting_as("gone")),
    )
    .await;
    let gone = it.get("/api/now/table/sys_user?user_name=gone").await;
    it.patch("admin", "sys_user", &gone[0], json!({ "active": false })).await;
    let denied = json!({ "error_description": "access_denied", "error": "server_error" });
    for (id, secret) in [("id", "wrong"), ("unknown", "secret"), ("", ""), ("orphan", "secret")] {
        assert_eq!(ask(&it, id, secret).await, (401, denied.clone()), "{id}");
    }
    let as_json = json!({ "grant_type": "client_credentials", "client_id": "id", "client_secret": "secret" });
    let answer = it.client.post(it.url("/oauth_token.do")).json(&as_json).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let form = [("grant_type", "password"), ("client_id", "id"), ("client_secret", "secret")];
    let answer = it.client.post(it.url("/oauth_token.do")).form(&form).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), denied);
}

#[tokio::test]
async fn who_does_not_prove_who_they_are_is_answered_401() {
    let it = instance().await;
    let url = it.url("/api/now/table/incident");
    for request in [
        it.client.get(&url),
        it.client.get(&url).basic_auth("ada", Some("wrong")),
        it.client.get(&url).basic_auth("unknown", Some("pw")),
        it.client.get(&url).bearer_auth("made-up"),
        it.client.get(&url).header("authorization", "Basic !"),
    ] {
        let (status, message, _) = crate::support::refusal(request.send().await.unwrap()).await;
        assert_eq!((status, message.as_str()), (401, "User Not Authenticated"));
    }
}

async fn form(it: &Instance, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let mut all = vec![("client_id", "id"), ("client_secret", "secret")];
    all.extend(fields);
    it.client.post(it.url(path)).form(&all).send().await.unwrap()
}

async fn granted(it: &Instance, fields: &[(&str, &str)]) -> Value {
    let answer = form(it, "/oauth_token.do", fields).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn denied(it: &Instance, fields: &[(&str, &str)]) {
    let answer = form(it, "/oauth_token.do", fields).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.unwrap()["error_description"], "access_denied");
}

async fn who(it: &Instance, token: &Value) -> u16 {
    let request = it.client.get(it.url("/api/now/table/incident")).bearer_auth(token.as_str().unwrap());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_password_gives_a_refresh_token_which_gives_access_until_it_is_revoked() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let client = OAuthClient::new("id", "secret").lifetimes(100, 1000);
    let it =
        started(builder().clock(clock.clone()).client(client).client(OAuthClient::new("other", "secret")))
            .await;
    let first = granted(&it, &[("grant_type", "password"), ("username", "ada"), ("password", "pw")]).await;
    assert_eq!(first["expires_in"], 100);
    denied(&it, &[("grant_type", "password"), ("username", "ada"), ("password", "wrong")]).await;
    let refresh = first["refresh_token"].as_str().unwrap();
    clock.advance(Duration::from_secs(101));
    assert_eq!(who(&it, &first["access_token"]).await, 401);
    let second = granted(&it, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(who(&it, &second["access_token"]).await, 200);
    // Neither is good for the other's purpose, nor for another client.
    assert_eq!(who(&it, &first["refresh_token"]).await, 401);
    let access = second["access_token"].as_str().unwrap();
    denied(&it, &[("grant_type", "refresh_token"), ("refresh_token", access)]).await;
    let other = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "other")];
    let other = it
        .client
        .post(it.url("/oauth_token.do"))
        .form(&[&other[..], &[("client_secret", "secret")]].concat());
    assert_eq!(other.send().await.unwrap().status(), 401);

    for token in [access, refresh, "unknown"] {
        assert_eq!(form(&it, "/oauth_revoke.do", &[("token", token)]).await.status(), 200);
    }
    assert_eq!(who(&it, &second["access_token"]).await, 401);
    denied(&it, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
}

#[tokio::test]
async fn a_code_counts_once_and_only_for_whoever_asked_for_it() {
    let it =
        started(builder().client(OAuthClient::new("id", "secret").redirect_uri("http://app/back"))).await;
    // RFC 7636, appendix B.
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(it.simulator.ca_pem().unwrap().as_bytes()).unwrap()])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let ask = |uri: &'static str| {
        let query = [
            ("response_type", "code"),
            ("client_id", "id"),
            ("redirect_uri", uri),
            ("state", "a b"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        client.get(it.url("/oauth_auth.do")).query(&query)
    };
    let sent_on = ask("http://app/back").send().await.unwrap();
    assert_eq!(sent_on.status(), 302);
    assert!(sent_on.headers()["location"].to_str().unwrap().starts_with("/page/consent?response_type=code&"));
    let wrong = ask("http://app/back").basic_auth("ada", Some("wrong")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let elsewhere = ask("http://evil/back").basic_auth("ada", Some("pw")).send().await.unwrap();
    assert_eq!(elsewhere.status(), 400);
    for (proof, works) in [("wrong", false), (verifier, true)] {
        let agreed = ask("http://app/back").basic_auth("ada", Some("pw")).send().await.unwrap();
        assert_eq!(agreed.status(), 302);
        let to = agreed.headers()["location"].to_str().unwrap().to_owned();
        assert!(to.starts_with("http://app/back?code=") && to.ends_with("&state=a%20b"), "{to}");
        let code = to.split(['=', '&']).nth(1).unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "http://app/back"),
            ("code_verifier", proof),
        ];
        if works {
            let tokens = granted(&it, &fields).await;
            assert_eq!(who(&it, &tokens["access_token"]).await, 200);
            assert!(tokens["refresh_token"].is_string());
        }
        denied(&it, &fields).await;
    }
}

#[tokio::test]
async fn without_its_property_a_secret_alone_gives_no_token() {
    let it = started(builder().client(OAuthClient::new("id", "secret"))).await;
    granted(&it, &[("grant_type", "client_credentials")]).await;
    let name = "glide.oauth.inbound.client.credential.grant_type.enabled";
    let rows =
        it.request("admin", reqwest::Method::GET, &format!("/api/now/table/sys_properties?name={name}"));
    let rows = crate::support::result(rows.send().await.unwrap()).await;
    it.patch("admin", "sys_properties", &rows[0], json!({ "value": "false" })).await;
    denied(&it, &[("grant_type", "client_credentials")]).await;
}

#[tokio::test]
async fn an_api_key_is_a_login_too() {
    let it = started(builder().user(User::new("robot", "pw").roles(["itil"]).api_key("k-1"))).await;
    let ask = |key: &str| it.client.get(it.url("/api/now/table/incident")).header("x-sn-apikey", key).send();
    assert_eq!(ask("k-1").await.unwrap().status(), 200);
    assert_eq!(ask("k-2").await.unwrap().status(), 401);
}

#[tokio::test]
async fn an_assertion_counts_that_the_registered_key_signed() {
    const TEST: &str = "an_assertion_counts_that_the_registered_key_signed";
    let now = 1_000_000_000;
    let made =
        crate::python::run(TEST, "cryptography", "jwt.py", &["id", "ada", &now.to_string()], None).await;
    let Some(made) = made else { return };
    let made = String::from_utf8(made.stdout).unwrap();
    let lines: Vec<&str> = made.lines().collect();
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(now)));
    let client = OAuthClient::new("id", "secret").jwt_key(hex::decode(lines[0]).unwrap());
    let it = started(builder().clock(clock).client(client)).await;
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let tokens = granted(&it, &[("grant_type", grant), ("assertion", lines[1])]).await;
    assert_eq!(who(&it, &tokens["access_token"]).await, 200);
    for bad in [&lines[2..], &["", "a.b", "a.b.c"][..]].concat() {
        denied(&it, &[("grant_type", grant), ("assertion", bad)]).await;
    }
}
