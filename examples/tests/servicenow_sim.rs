//! `servicenow-sim` as a process: what it announces, what it keeps when it is killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use axum::http::HeaderMap;
use serde_json::{Value, json};

const SIMULATOR: &str = env!("CARGO_BIN_EXE_servicenow-sim");

/// A running simulator; killed, with no chance to tidy up, when it is dropped.
struct Sim {
    child: Child,
    announced: Value,
    client: reqwest::Client,
}

impl Sim {
    /// Without demo data, so that there are only the rows that a test made.
    fn start(dir: &Path, more: &[&str]) -> Self {
        Self::start_as(dir, &[&["--without-demo-data"], more].concat())
    }

    fn start_as(dir: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(SIMULATOR)
            .arg("--state")
            .arg(dir.join("state.db"))
            .arg("--tls-dir")
            .arg(dir.join("tls"))
            .args(["--user", "admin:root", "--user", "change.manager:cm", "--client", "fleet:secret"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced: Value = serde_json::from_str(&line).unwrap();
        let pem = std::fs::read(announced["ca_cert"].as_str().unwrap()).unwrap();
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // A test beside this one may have been faster.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let ca = reqwest::Certificate::from_pem(&pem).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        Self { child, announced, client }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.announced["base_url"].as_str().unwrap())
    }

    async fn token(&self) -> String {
        let form =
            [("grant_type", "client_credentials"), ("client_id", "fleet"), ("client_secret", "secret")];
        let answer = self.client.post(self.url("/oauth_token.do")).form(&form).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, self.url(path)).bearer_auth(self.token().await);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status}: {body}");
        body["result"].clone()
    }

    fn kill(mut self) {
        // SIGKILL, on Unix.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Where the test killed it already, there is nothing left to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn refused(arguments: &[&str]) -> Output {
    Command::new(SIMULATOR).args(arguments).output().unwrap()
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let sim = Sim::start(dir.path(), &[]);
    let token = sim.token().await;
    let mut numbers = Vec::new();
    let mut last = String::new();
    for count in 0..5 {
        let body =
            json!({ "short_description": format!("change {count}"), "correlation_id": format!("c-{count}") });
        let change = sim.send("POST", "/api/now/table/change_request", Some(body)).await;
        numbers.push(change["number"].as_str().unwrap().to_owned());
        last = change["sys_id"].as_str().unwrap().to_owned();
    }
    let record = format!("/api/now/table/change_request/{last}");
    sim.send("PATCH", &record, Some(json!({ "state": "-4", "work_notes": "asked" }))).await;
    sim.kill();

    let sim = Sim::start(dir.path(), &[]);
    let change = sim.send("GET", &record, None).await;
    // Its assignment group is empty, so that it went on to the board by itself.
    assert_eq!(change["state"], "-3");
    assert_eq!(change["approval"], "requested");
    assert_eq!(change["sys_mod_count"], "2");
    let all = sim.send("GET", "/api/now/table/change_request?sysparm_query=ORDERBYnumber", None).await;
    let found: Vec<_> = all.as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).collect();
    assert_eq!(found, numbers);
    let notes = format!("/api/now/table/sys_journal_field?sysparm_query=element_id={last}");
    assert_eq!(sim.send("GET", &notes, None).await.as_array().unwrap().len(), 1);
    let approvers = format!("/api/now/table/sysapproval_approver?sysparm_query=sysapproval={last}");
    assert_eq!(sim.send("GET", &approvers, None).await.as_array().unwrap().len(), 1);
    // The sequence goes on, the population is there once, the token still counts.
    let next = sim.send("POST", "/api/now/table/change_request", Some(json!({}))).await;
    assert!(next["number"].as_str().unwrap() > numbers.last().unwrap().as_str());
    let groups = sim.send("GET", "/api/now/table/sys_user_group?name=CAB%20Approval", None).await;
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert_eq!(sim.token().await, token);
}

#[tokio::test]
async fn demo_data_is_there_unless_it_is_not_wanted_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let count = async |sim: &Sim, table: &str| {
        sim.send("GET", &format!("/api/now/table/{table}"), None).await.as_array().unwrap().len()
    };
    for _ in 0..2 {
        let sim = Sim::start_as(dir.path(), &[]);
        assert_eq!((count(&sim, "incident").await, count(&sim, "syslog").await), (10, 400));
        sim.kill();
    }
    let empty = tempfile::tempdir().unwrap();
    let sim = Sim::start(empty.path(), &[]);
    assert_eq!((count(&sim, "incident").await, count(&sim, "syslog").await), (0, 0));
}

#[tokio::test]
async fn a_kill_in_the_midst_of_writes_loses_nothing_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..3 {
        let sim = Sim::start(dir.path(), &[]);
        let token = sim.token().await;
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        for writer in 0..4 {
            let (client, url, token, sender) =
                (sim.client.clone(), sim.url("/api/now/table/incident"), token.clone(), sender.clone());
            tokio::spawn(async move {
                for count in 0.. {
                    let id = format!("{round}-{writer}-{count}");
                    let request =
                        client.post(&url).bearer_auth(&token).json(&json!({ "correlation_id": id }));
                    match request.send().await {
                        Ok(answer) if answer.status() == 201 => sender.send(id).await.unwrap(),
                        _ => return,
                    }
                }
            });
        }
        drop(sender);
        for _ in 0..20 {
            answered.push(receiver.recv().await.unwrap());
        }
        sim.kill();
        while let Some(id) = receiver.recv().await {
            answered.push(id);
        }
    }
    let sim = Sim::start(dir.path(), &[]);
    let rows = sim.send("GET", "/api/now/table/incident", None).await;
    let column = |field: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
    };
    let found = column("correlation_id");
    for id in &answered {
        assert_eq!(found.iter().filter(|other| *other == id).count(), 1, "{id}");
    }
    let numbers: std::collections::BTreeSet<_> = column("number").into_iter().collect();
    assert_eq!(numbers.len(), found.len(), "a number was given twice");
}

#[tokio::test]
async fn a_call_to_the_webhook_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let secret = ["--webhook-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];

    // Nobody listens there.
    let sim = Sim::start(dir.path(), &["--webhook", "http://127.0.0.1:1/hook", secret[0], secret[1]]);
    let change = sim.send("POST", "/api/now/table/change_request", Some(json!({}))).await;
    let record = format!("/api/now/table/change_request/{}", change["sys_id"].as_str().unwrap());
    sim.send("PATCH", &record, Some(json!({ "state": "-4" }))).await;
    let approved = sim
        .client
        .patch(sim.url(&record))
        .basic_auth("change.manager", Some("cm"))
        .json(&json!({ "approval": "approved" }))
        .send()
        .await
        .unwrap();
    assert_eq!(approved.status(), 200);
    sim.kill();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<(String, Value)>(8);
    let router = axum::Router::new().route(
        "/hook",
        axum::routing::post(move |headers: HeaderMap, axum::Json(body): axum::Json<Value>| async move {
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            sender.send((id, body)).await.unwrap();
        }),
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    let _sim = Sim::start(dir.path(), &["--webhook", &url, secret[0], secret[1]]);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), receiver.recv()).await;
    let (_, body) = waited.unwrap().unwrap();
    assert_eq!(body["number"], change["number"]);
    assert_eq!(body["approval"], "approved");
    assert_eq!(body["state"], "-2");
    assert_eq!(body["sys_updated_by"], "change.manager");
}

#[tokio::test]
async fn switches_come_from_a_file_over_those_of_the_profile() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("switches.json");
    std::fs::write(&file, r#"{"unknown_path_status": 404}"#).unwrap();
    let sim = Sim::start(dir.path(), &["--switches", file.to_str().unwrap()]);
    let answer = sim.client.get(sim.url("/api/now/nothing")).bearer_auth(sim.token().await).send().await;
    assert_eq!(answer.unwrap().status(), 404);
}

#[test]
fn what_it_cannot_use_ends_with_status_2_and_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let seed = dir.path().join("seed.json");
    std::fs::write(&seed, r#"{"Sys User": []}"#).unwrap();
    let foreign = dir.path().join("state.db");
    std::fs::write(&foreign, "this is no database, however long one looks at it").unwrap();
    let switches = dir.path().join("switches.json");
    std::fs::write(&switches, r#"{"unknown_path": 404}"#).unwrap();
    for (arguments, reason) in [
        (vec!["--switches", switches.to_str().unwrap()], "unknown_path"),
        (vec!["--seed", seed.to_str().unwrap()], "can't name a table"),
        (vec!["--seed", "/nowhere/seed.json"], "/nowhere/seed.json"),
        (vec!["--state", foreign.to_str().unwrap()], "state"),
        (vec!["--webhook", "https://localhost/", "--webhook-secret", "hush"], "whsec_"),
        (vec!["--listen", "192.0.2.1:1"], "192.0.2.1:1"),
        (vec!["--profile", "stocked"], "guide"),
    ] {
        let output = refused(&arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(reason), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn clients_with_a_consent_page_and_users_with_keys_come_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials.json");
    let to = "https://app.example/back";
    let credentials = json!({
        "users": [{"name": "bot", "password": "pw", "roles": ["itil"], "api_key": "key-of-bot"}],
        "clients": [{"id": "app", "secret": "s", "redirect_uri": to, "lifetimes": [600, 3600]}],
    });
    std::fs::write(&file, credentials.to_string()).unwrap();
    let sim = Sim::start(dir.path(), &["--credentials", file.to_str().unwrap()]);
    let by_key = sim.client.get(sim.url("/api/now/table/incident")).header("x-sn-apikey", "key-of-bot");
    assert_eq!(by_key.send().await.unwrap().status(), 200);
    let ask = format!("/oauth_auth.do?response_type=code&client_id=app&redirect_uri={to}");
    // Nobody is logged in yet: a person is asked to, instead of being told that there is no such client.
    let asked = sim.client.get(sim.url(&ask)).send().await.unwrap();
    let (status, page) = (asked.status(), asked.text().await.unwrap());
    assert!(status == 200 && page.contains("password"), "{status} {page}");
    let other = sim.url(&ask.replace("client_id=app", "client_id=none"));
    assert_eq!(sim.client.get(other).send().await.unwrap().status(), 400);

    std::fs::write(&file, "{}}").unwrap();
    let refused = Command::new(SIMULATOR).arg("--credentials").arg(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("credentials.json") && told.contains("users"), "{told}");
}
