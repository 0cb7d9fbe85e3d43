//! The client against a ServiceNow that shares no code with it, over TLS.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::seed::Seed;
use openfactory_simulator::{ADMIN_USER, OAuthClient, Simulator, Webhook};
use openfactory_sn::batch::{Batch, BatchLimits};
use openfactory_sn::models::change_request::{APPROVAL, Approval, ChangeRequest, STATE, State, Type};
use openfactory_sn::models::incident::{Incident, Priority};
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::record::Field;
use openfactory_sn::webhook::{Operation, Verifier, WebhookSecret};
use openfactory_sn::{Auth, Client, CorrelationId, ErrorKind, Fields, Query, Secret, SysId};
use serde_json::json;

use crate::instance;
use crate::support::{client_of, person};

const FAULTS: &[FaultKind] = &[
    FaultKind::Unavailable,
    FaultKind::Drop,
    FaultKind::DropAfterCommit,
    FaultKind::ErrorAfterCommit,
    FaultKind::Throttle,
    FaultKind::Truncate,
    FaultKind::Html,
];

async fn simulator() -> Simulator {
    instance::builder().client(OAuthClient::new("sn-tests", "s&cret=é")).start().await.unwrap()
}

fn integration(simulator: &Simulator) -> Client {
    client_of(simulator, Auth::client_credentials("sn-tests", Secret::new("s&cret=é")))
}

fn key(table: &str, correlation: &str) -> SysId {
    SysId::derived(table, &CorrelationId::new(correlation).unwrap())
}

#[tokio::test]
async fn whatever_goes_wrong_a_record_is_made_once() {
    let simulator = simulator().await;
    let incidents = integration(&simulator).dynamic_table("incident");
    for (number, fault) in FAULTS.iter().enumerate() {
        let key = key("incident", &format!("fault-{number}"));
        let fields = Fields::new().with("short_description", format!("{fault:?}"));
        simulator.inject(Fault::new(*fault).on_path("/api/now/table").on_method("POST"));
        // A failure handed back is to be tried again, as a queue would.
        let mut outcome = incidents.ensure(&key, &fields).await;
        if outcome.as_ref().is_err_and(|error| error.is_retryable()) {
            outcome = incidents.ensure(&key, &fields).await;
        }
        assert_eq!(outcome.unwrap().row.sys_id(), &key, "{fault:?}");
        assert!(!incidents.ensure(&key, &fields).await.unwrap().created, "{fault:?}");
    }
    assert_eq!(simulator.store().records("incident").unwrap().len(), FAULTS.len());
    simulator.shutdown().await;
}

#[tokio::test]
async fn whatever_goes_wrong_a_file_is_attached_once() {
    let simulator = simulator().await;
    let client = integration(&simulator);
    let key = key("incident", "with-files");
    client.dynamic_table("incident").ensure(&key, &Fields::new()).await.unwrap();
    let attachments = client.attachments();
    for (number, fault) in FAULTS.iter().enumerate() {
        let name = format!("recipe {number}.json");
        let content = Bytes::from(format!("{{\"number\":{number}}}"));
        let attach = || attachments.ensure("incident", &key, &name, "application/json", content.clone());
        simulator.inject(Fault::new(*fault).on_path("/api/now/attachment/file").on_method("POST"));
        let mut outcome = attach().await;
        if outcome.as_ref().is_err_and(|error| error.is_retryable()) {
            outcome = attach().await;
        }
        let attached = outcome.unwrap().attachment;
        assert!(!attach().await.unwrap().created, "{fault:?}");
        assert_eq!(attachments.download(&attached).await.unwrap(), content);
    }
    assert_eq!(attachments.list("incident", &key).await.unwrap().len(), FAULTS.len());
    simulator.shutdown().await;
}

#[tokio::test]
async fn priorities_are_what_the_instance_computes() {
    let simulator = simulator().await;
    let incidents = integration(&simulator).table::<Incident>();
    for priority in Priority::ALL {
        let fields = Fields::new()
            .with("impact", priority.impact().to_string())
            .with("urgency", priority.urgency().to_string());
        let incident = incidents.create(&fields).await.unwrap();
        assert_eq!(incident.priority, Some(priority.computed()));
        assert!(incident.number.unwrap().as_str().starts_with("INC"));
        let age = SystemTime::now().duration_since(incident.sys_updated_on.unwrap());
        assert!(age.unwrap_or_default() < Duration::from_secs(3600));
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn long_lists_are_complete_and_widened_ones_refused() {
    let rows: Vec<_> =
        (0..1_203).map(|n| json!({"short_description": format!("row {n}"), "category": "many"})).collect();
    let seed = Seed::from_json(json!({ "incident": rows }).to_string().as_bytes()).unwrap();
    let simulator = instance::builder()
        .seed(seed)
        .client(OAuthClient::new("sn-tests", "s&cret=é"))
        .start()
        .await
        .unwrap();
    let incidents = integration(&simulator).dynamic_table("incident");
    let category = Field::<String>::named("category");
    for query in [Query::new(), Query::new().newest_first(), Query::new().order_by("number")] {
        let found = incidents.find(&query.and(category.is("many"))).await.unwrap();
        let keys: std::collections::HashSet<_> = found.iter().map(|row| row.sys_id().clone()).collect();
        assert_eq!((found.len(), keys.len()), (1_203, 1_203));
    }
    let either = Query::new()
        .and(Field::<String>::named("short_description").is("row 7"))
        .or_else()
        .and(Field::<String>::named("short_description").is_one_of(["row 8", "row 9"]));
    assert_eq!(incidents.find(&either).await.unwrap().len(), 3);
    let bogus = Query::new().and(Field::<String>::named("u_no_such_field").is("x")).limit(5);
    let error = incidents.find(&bogus).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("u_no_such_field"), "{error}");
    let unknown = integration(&simulator).dynamic_table("u_no_such_table").find(&Query::new()).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Invalid);
    simulator.shutdown().await;
}

#[tokio::test]
async fn credentials_good_stale_and_wrong() {
    let simulator = simulator().await;
    let good = integration(&simulator);
    let runs_on = RelationshipType::named(&good, "Runs on::Runs").await.unwrap();
    simulator.revoke_tokens().unwrap();
    assert_eq!(RelationshipType::named(&good, "Runs on::Runs").await.unwrap(), runs_on);
    let wrong = client_of(&simulator, Auth::client_credentials("sn-tests", Secret::new("wrong")));
    let error = RelationshipType::named(&wrong, "Runs on::Runs").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.advice().contains("glide.oauth.inbound.client.credential"));
    let wrong = client_of(&simulator, Auth::basic(ADMIN_USER, Secret::new("wrong")));
    let error = wrong.dynamic_table("incident").find(&Query::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    simulator.shutdown().await;
}

/// Answers 202 to every call, and hands on headers and body.
fn receiver() -> (String, mpsc::Receiver<(HeaderMap, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, calls) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                request.push(byte[0]);
            }
            let head = String::from_utf8(request).unwrap();
            let fields: HashMap<_, _> = head.lines().filter_map(|line| line.split_once(": ")).collect();
            let headers: HeaderMap = fields
                .iter()
                .map(|(name, value)| {
                    (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
                })
                .collect();
            let mut body = vec![0; headers["content-length"].to_str().unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            stream
                .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
            if sender.send((headers, body)).is_err() {
                break;
            }
        }
    });
    (url, calls)
}

#[tokio::test]
async fn an_approval_is_told_verified_and_read_back() {
    const SECRET: &str = "whsec_b3BlbmZhY3RvcnktdGVzdC1zZWNyZXQtMDAwMDAx";
    let simulator = simulator().await;
    let (url, calls) = receiver();
    simulator.set_webhook(Webhook::new(url, SECRET).unwrap()).unwrap();
    let changes = integration(&simulator).table::<ChangeRequest>();
    let key = key("change_request", "build/b-1");
    let (change, created) = changes.ensure(&key, &Fields::new().with("type", "normal")).await.unwrap();
    assert!(created);
    assert_eq!((change.state, change.kind), (Some(State::New), Some(Type::Normal)));
    let change = changes.update(&key, &Fields::new().with_field(STATE, State::Assess)).await.unwrap();
    assert_eq!(change.approval, Some(Approval::Requested));

    let manager = person(&simulator, openfactory_simulator::CHANGE_MANAGER_USER).table::<ChangeRequest>();
    manager.update(&key, &Fields::new().with_field(APPROVAL, Approval::Approved)).await.unwrap();

    let (headers, body) = tokio::task::spawn_blocking(move || calls.recv_timeout(Duration::from_secs(20)))
        .await
        .unwrap()
        .unwrap();
    let verifier = Verifier::new([WebhookSecret::parse(SECRET).unwrap()]);
    let verified = verifier.verify(&headers, &body, SystemTime::now()).unwrap();
    let hint = verified.record_changed(&["change_request"]).unwrap();
    assert_eq!((&hint.sys_id, hint.operation), (&key, Operation::Update));

    let change = changes.get(&hint.sys_id).await.unwrap();
    assert_eq!(change.approval, Some(Approval::Approved));
    assert!(change.state.unwrap().is_past_approval());
    simulator.shutdown().await;
}

#[tokio::test]
async fn whatever_goes_wrong_a_batch_makes_each_record_once() {
    let simulator = simulator().await;
    let client = integration(&simulator);
    let mut made = 0;
    for (number, fault) in FAULTS.iter().enumerate() {
        simulator.inject(Fault::new(*fault).on_path("/api/now/v1/batch").on_method("POST"));
        let batch = || {
            let mut batch = Batch::new();
            for n in 0..7 {
                let key = key("incident", &format!("batch-{number}-{n}"));
                batch.ensure("incident", &key, &Fields::new().with("short_description", format!("{n}")));
            }
            batch
        };
        let limits = {
            let mut limits = BatchLimits::default();
            limits.calls = 3;
            limits
        };
        // A failure handed back is to be tried again, as a queue would.
        let batches = client.batches().limits(limits);
        let mut outcomes = batches.run(batch()).await;
        if outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|error| error.is_retryable())) {
            outcomes = batches.run(batch()).await;
        }
        assert!(outcomes.iter().all(Result::is_ok), "{fault:?} {outcomes:?}");
        let again = batches.run(batch()).await;
        assert!(again.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.created)), "{fault:?}");
        made += 7;
    }
    assert_eq!(simulator.store().records("incident").unwrap().len(), made);
    assert_eq!(client.dynamic_table("incident").count(&Query::new()).await.unwrap(), made as u64);
    simulator.shutdown().await;
}
