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
