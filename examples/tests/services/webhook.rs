//! The webhook receiver over TLS: what it takes, what it refuses, and that the router's outage loses nothing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use openfactory_attest::key::KeyKind;
use openfactory_examples::config::load;
use openfactory_examples::shutdown::Shutdown;
use openfactory_examples::tls::http_client;
use openfactory_examples::webhook::config::{DEFAULTS, WebhookConfig};
use openfactory_examples::webhook::{PATH, Running, WebhookError, start};
use openfactory_sn::lifecycle::event::EventBody;
use openfactory_sn::webhook::{WebhookSecret, sign};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Mode, StubRouter, key, trust, write_key, write_secret};

const SIGNING_KEY: u8 = 5;
const NEW_SECRET: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx";
const OLD_SECRET: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAy";
const SYS_ID: &str = "46e8219ba9fe1981000b0f9e1c0a8fff";

fn body(approval: &str) -> String {
    format!(
        r#"{{"table":"change_request","sys_id":"{SYS_ID}","number":"CHG0030001","operation":"update",
            "sys_updated_on":"2026-11-25 14:43:25","sys_mod_count":3,"approval":"{approval}"}}"#
    )
}

struct Receiver {
    files: TempDir,
    config: WebhookConfig,
    running: Running,
    stop: Shutdown,
    http: reqwest::Client,
}

fn config(files: &TempDir, router: &str) -> WebhookConfig {
    let at = files.path().display();
    write_secret(&files.path().join("new.secret"), &format!("{NEW_SECRET}\n"));
    write_secret(&files.path().join("old.secret"), OLD_SECRET);
    write_key(&files.path().join("signing.key"), &key(SIGNING_KEY));
    let text = format!(
        r#"
        [listen]
        address = "127.0.0.1:0"
        local_tls_directory = "{at}/tls"
        [servicenow]
        secret_files = ["{at}/new.secret", "{at}/old.secret"]
        [router]
        url = "{router}"
        timeout_s = 2
        [signing]
        key_file = "{at}/signing.key"
        [queue]
        file = "{at}/queue.sqlite"
        "#
    );
    let path = files.path().join("webhook.toml");
    fs::write(&path, text).unwrap();
    load(DEFAULTS, Some(&path), Vec::new()).unwrap()
}

fn stub_router() -> StubRouter {
    StubRouter::start(trust("webhook", KeyKind::Integration, &key(SIGNING_KEY)), KeyKind::Integration)
}

impl Receiver {
    async fn start(router: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let config = config(&files, router);
        let stop = Shutdown::new();
        let running = start(&config, &stop).await.unwrap();
        let http = http_client(Some(&files.path().join("tls/ca.pem")), Duration::from_secs(5)).unwrap();
        Self { files, config, running, stop, http }
    }

    /// Sends a call that is signed as given.
    async fn send(&self, secret: &str, id: &str, at: SystemTime, body: &str) -> Response {
        let secret = WebhookSecret::parse(secret).unwrap();
        let headers = sign(&secret, id, at, body.as_bytes()).unwrap().to_map();
        self.post(body, |request| request.headers(headers)).await
    }

    async fn post(
        &self,
        body: &str,
        dress: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Response {
        let request = self.http.post(format!("{}{PATH}", self.running.url));
        let request = request.header("content-type", "application/json; charset=utf-8").body(body.to_owned());
        dress(request).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.running.url)).send().await.unwrap()
    }

    /// Stops it and gives back its files.
    async fn stop(self) -> (TempDir, WebhookConfig) {
        self.stop.trigger();
        self.running.join.await.unwrap().unwrap();
        (self.files, self.config)
    }
}

async fn answer(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.status(), status);
    response.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_call_becomes_a_signed_event_by_either_secret() {
    let router = stub_router();
    let receiver = Receiver::start(&router.url()).await;
    for (number, (secret, id)) in
        [(NEW_SECRET, "evt-1"), (OLD_SECRET, "evt/2 is no event id")].into_iter().enumerate()
    {
        let id = id.replace(' ', "_");
        let response = receiver.send(secret, &id, SystemTime::now(), &body("approved")).await;
        let taken = answer(response, StatusCode::ACCEPTED).await;
        assert_eq!((taken["id"].as_str(), &taken["duplicate"]), (Some(id.as_str()), &Value::Bool(false)));
        let events = router.wait_for(number + 1).await;
        let (event, _) = &events[number];
        let EventBody::RecordChanged(changed) = &event.body else { panic!("{event:?}") };
        assert_eq!((event.source.as_str(), changed.table.as_str()), ("/webhook", "change_request"));
        assert_eq!((changed.sys_id.as_str(), changed.number.as_deref()), (SYS_ID, Some("CHG0030001")));
        assert_eq!(changed.operation.as_deref(), Some("update"));
        assert_eq!(changed.sys_updated_on.as_deref(), Some("2026-11-25 14:43:25"));
        assert_eq!(changed.sys_mod_count, Some(3));
    }
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proved_is_not_believed() {
    let router = stub_router();
    let receiver = Receiver::start(&router.url()).await;
    let now = SystemTime::now();
    let unsigned = receiver.post(&body("approved"), |request| request).await;
    let unsigned = answer(unsigned, StatusCode::UNAUTHORIZED).await;
    let stale = receiver.send(NEW_SECRET, "evt-1", now - Duration::from_secs(310), &body("approved")).await;
    assert_eq!(answer(stale, StatusCode::UNAUTHORIZED).await, unsigned, "the caller is not told which");
    let early = receiver.send(NEW_SECRET, "evt-1", now + Duration::from_secs(310), &body("approved")).await;
    answer(early, StatusCode::UNAUTHORIZED).await;
    let stranger = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAz";
    let stranger = receiver.send(stranger, "evt-1", now, &body("approved")).await;
    answer(stranger, StatusCode::UNAUTHORIZED).await;
    let secret = WebhookSecret::parse(NEW_SECRET).unwrap();
    let headers = sign(&secret, "evt-1", now, body("rejected").as_bytes()).unwrap().to_map();
    let flipped = receiver.post(&body("approved"), |request| request.headers(headers)).await;
    answer(flipped, StatusCode::UNAUTHORIZED).await;

    let metrics = receiver.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("webhook_calls_total{result=\"unauthorized\"} 5"), "{metrics}");
    assert!(metrics.contains("webhook_queue_waiting 0"), "{metrics}");
    receiver.stop().await;
    assert!(router.events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_one_event_and_another_body_under_its_id_is_refused() {
    let router = stub_router();
    let receiver = Receiver::start(&router.url()).await;
    let now = SystemTime::now();
    let send = async |at, text: &str| receiver.send(NEW_SECRET, "evt-1", at, text).await;
    assert_eq!(answer(send(now, &body("approved")).await, StatusCode::ACCEPTED).await["duplicate"], false);
    router.wait_for(1).await;
    // A sender that tries again signs anew, with the time of the new try.
    let again = send(now + Duration::from_secs(2), &body("approved")).await;
    assert_eq!(answer(again, StatusCode::ACCEPTED).await["duplicate"], true);
    answer(send(now, &body("rejected")).await, StatusCode::CONFLICT).await;
    // A later call goes through after both: by then they would have been forwarded.
    let next = receiver.send(NEW_SECRET, "evt-2", now, &body("approved")).await;
    answer(next, StatusCode::ACCEPTED).await;
    router.wait_for(2).await;
    receiver.stop().await;
    assert_eq!(router.events().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_each_with_its_status() {
    let router = stub_router();
    let receiver = Receiver::start(&router.url()).await;
    let now = SystemTime::now();
    let large = "x".repeat(64 * 1024 + 1);
    answer(receiver.send(NEW_SECRET, "evt-1", now, &large).await, StatusCode::PAYLOAD_TOO_LARGE).await;

    let secret = WebhookSecret::parse(NEW_SECRET).unwrap();
    let headers = sign(&secret, "evt-1", now, b"a=b").unwrap().to_map();
    let request = receiver.http.post(format!("{}{PATH}", receiver.running.url)).headers(headers);
    let form =
        request.header("content-type", "application/x-www-form-urlencoded").body("a=b").send().await.unwrap();
    answer(form, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;

    for (id, text) in [
        ("evt-3", "no json"),
        ("evt-4", r#"{"table":"change_request"}"#),
        ("evt-5", r#"{"table":"sys_user","sys_id":"46e8219ba9fe1981000b0f9e1c0a8fff"}"#),
    ] {
        let refused =
            answer(receiver.send(NEW_SECRET, id, now, text).await, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(refused["error"].as_str().unwrap().contains("hint"), "{refused}");
    }
    assert_eq!(receiver.get(PATH).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(receiver.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(answer(receiver.get("/readyz").await, StatusCode::OK).await["parts"]["queue"]["ready"], true);
    receiver.stop().await;
    assert!(router.events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_taken_while_the_router_is_down_and_forwarded_after_a_restart() {
    let router = stub_router();
    router.set(Mode::Down);
    let receiver = Receiver::start(&router.url()).await;
    for (id, approval) in [("evt-1", "requested"), ("evt-2", "approved")] {
        let taken = receiver.send(NEW_SECRET, id, SystemTime::now(), &body(approval)).await;
        answer(taken, StatusCode::ACCEPTED).await;
    }
    assert_eq!(receiver.get("/readyz").await.status(), StatusCode::OK, "calls are taken all the same");
    let (files, config) = receiver.stop().await;
    assert!(router.events().is_empty());

    router.set(Mode::Take);
    let stop = Shutdown::new();
    let running = start(&config, &stop).await.unwrap();
    router.wait_for(2).await;
    stop.trigger();
    running.join.await.unwrap().unwrap();
    drop(files);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_answer_was_lost_is_the_same_to_the_byte_when_it_is_sent_again() {
    let router = stub_router();
    router.set(Mode::TakeSilently);
    let receiver = Receiver::start(&router.url()).await;
    let taken = receiver.send(NEW_SECRET, "evt-1", SystemTime::now(), &body("approved")).await;
    answer(taken, StatusCode::ACCEPTED).await;
    router.wait_for(1).await;
    router.set(Mode::Take);
    // The stub answers a repetition with 409 unless it is the same to the byte; that would be a dead letter.
    router.wait_for_duplicates(1).await;
    let metrics = receiver.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("webhook_queue_dead 0"), "{metrics}");
    receiver.stop().await;
    assert_eq!(router.events().len(), 1);
}

/// The receiver as a process. Its first log line says where it listens.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(files: &TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_webhook"))
            .arg("--config")
            .arg(files.path().join("webhook.toml"))
            .env_remove("RUST_LOG")
            .env("OPENFACTORY_LOG__FORMAT", "json")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            line["address"].as_str().map(str::to_owned)
        });
        // Read on, so that the process can write on.
        std::thread::spawn(move || lines.count());
        let port = address.unwrap().rsplit_once(':').unwrap().1.to_owned();
        Self { child, url: format!("https://localhost:{port}") }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_202_survives_sigkill_and_sigterm_ends_it_in_good_order() {
    let router = stub_router();
    router.set(Mode::Down);
    let files = tempfile::tempdir().unwrap();
    config(&files, &router.url());
    let mut process = Process::start(&files);
    let http = http_client(Some(&files.path().join("tls/ca.pem")), Duration::from_secs(5)).unwrap();
    let secret = WebhookSecret::parse(NEW_SECRET).unwrap();
    let text = body("approved");
    let headers = sign(&secret, "evt-1", SystemTime::now(), text.as_bytes()).unwrap().to_map();
    let request = http.post(format!("{}{PATH}", process.url)).headers(headers);
    let taken = request.header("content-type", "application/json").body(text).send().await.unwrap();
    answer(taken, StatusCode::ACCEPTED).await;
    process.child.kill().unwrap();
    process.child.wait().unwrap();

    router.set(Mode::Take);
    let mut process = Process::start(&files);
    router.wait_for(1).await;
    let stopped = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let status = tokio::task::spawn_blocking(move || process.child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_receiver_that_could_believe_nobody_does_not_start() {
    let files = tempfile::tempdir().unwrap();
    let mut config = config(&files, "http://localhost:1");
    config.servicenow.secret_files.clear();
    let refused = start(&config, &Shutdown::new()).await.unwrap_err();
    assert!(matches!(refused, WebhookError::NoSecrets), "{refused}");

    write_secret(&files.path().join("bad.secret"), "hunter2");
    config.servicenow.secret_files = vec![files.path().join("bad.secret")];
    let refused = start(&config, &Shutdown::new()).await.unwrap_err();
    assert!(matches!(refused, WebhookError::NoSecret { .. }), "{refused}");
    assert!(!format!("{refused:?}").contains("hunter2"));
}
