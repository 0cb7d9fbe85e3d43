use std::time::Duration;

use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{CorrelationId, ErrorKind, Fields};
use serde_json::{Value, json};

use crate::support::{INCIDENT, builder, client, clock};

fn key() -> CorrelationId {
    CorrelationId::new("drift/dev-1").unwrap()
}

fn look() -> Expected {
    Expected::get(INCIDENT).query("sysparm_query", "correlation_id=drift/dev-1^ORDERBYsys_id")
}

fn post() -> Expected {
    Expected::post(INCIDENT).field("correlation_id", "drift/dev-1").field("state", "1")
}

fn record(sys_id: &str, created: &str) -> Value {
    json!({"sys_id": sys_id, "correlation_id": "drift/dev-1", "sys_created_on": created})
}

fn rows(rows: Value) -> Reply {
    Reply::result(200, rows)
}

async fn ensure(script: &ScriptedTransport) -> Result<(String, bool, usize), (ErrorKind, bool)> {
    let fields = Fields::new().with("state", "1");
    let outcome = client(script).dynamic_table("incident").ensure_correlated(&key(), &fields).await;
    script.assert_done();
    outcome
        .map(|ensured| (ensured.row.sys_id().to_string(), ensured.created, ensured.others.len()))
        .map_err(|error| (error.kind(), error.may_have_happened()))
}

#[tokio::test]
async fn found_before_created() {
    let script = ScriptedTransport::new().on(look(), rows(json!([record("a", "")])));
    assert_eq!(ensure(&script).await, Ok(("a".to_owned(), false, 0)));
    let script = made("b").on(look(), rows(json!([record("b", "")])));
    assert_eq!(ensure(&script).await, Ok(("b".to_owned(), true, 0)));
}

/// Nothing found, and this record created.
fn made(sys_id: &str) -> ScriptedTransport {
    ScriptedTransport::new()
        .on(look(), rows(json!([])))
        .on(post(), Reply::result(201, record(sys_id, "2026-01-02 00:00:00")))
}

#[tokio::test]
async fn of_two_at_the_same_time_both_hear() {
    let (ours, earlier, later) = (
        record("b", "2026-01-02 00:00:00"),
        record("c", "2026-01-01 00:00:00"),
        record("d", "2026-01-03 00:00:00"),
    );
    let script = made("b").on(look(), rows(json!([ours, earlier])));
    assert_eq!(ensure(&script).await, Ok(("c".to_owned(), false, 1)), "the other one came first");
    let script = made("b").on(look(), rows(json!([ours, later])));
    assert_eq!(ensure(&script).await, Ok(("b".to_owned(), true, 1)));
}

#[tokio::test]
async fn a_record_that_a_repeat_would_not_find_is_no_success() {
    for found in [json!([]), json!([record("x", "")])] {
        let script = made("b").on(look(), rows(found));
        assert_eq!(ensure(&script).await, Err((ErrorKind::Conflict, true)));
    }
    let script = made("b").on(look(), Reply::fault(403, "Insufficient rights", ""));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, true)));
}

#[tokio::test]
async fn looked_for_after_every_doubt() {
    let doubts = [
        Reply::failure(TransportErrorKind::Interrupted),
        Reply::failure(TransportErrorKind::Timeout),
        Reply::fault(500, "Transaction cancelled", ""),
        Reply::raw(503, "text/html", ""),
        Reply::raw(200, "text/html", "<html>"),
        Reply::raw(200, "application/json", r#"{"result":{"sys_id":"a""#),
        Reply::empty(202),
    ];
    for doubt in doubts {
        let script = ScriptedTransport::new()
            .on(look(), rows(json!([])))
            .on(post(), doubt.clone())
            .on(look(), rows(json!([record("a", "")])));
        assert_eq!(ensure(&script).await, Ok(("a".to_owned(), false, 0)), "{doubt:?}");
        let script = ScriptedTransport::new()
            .on(look(), rows(json!([])))
            .on(post(), doubt.clone())
            .on(look(), Reply::fault(403, "Insufficient rights", ""));
        assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, true)), "{doubt:?}");
    }
}

#[tokio::test]
async fn not_there_after_a_doubt_is_created_again() {
    let script = ScriptedTransport::new()
        .on(look(), rows(json!([])))
        .on(post(), Reply::failure(TransportErrorKind::Interrupted))
        .on(look(), rows(json!([])))
        .on(look(), rows(json!([])))
        .on(post(), Reply::result(201, record("b", "")))
        .on(look(), rows(json!([record("b", "")])));
    assert_eq!(ensure(&script).await, Ok(("b".to_owned(), true, 0)));
}

#[tokio::test]
async fn a_certain_refusal_is_not_looked_for() {
    let script = ScriptedTransport::new()
        .on(look(), rows(json!([])))
        .on(post(), Reply::fault(403, "Operation Failed", ""));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, false)));
}

#[tokio::test]
async fn of_two_the_older_counts() {
    let two = json!([record("b", "2026-01-02 00:00:00"), record("c", "2026-01-01 00:00:00")]);
    let script = ScriptedTransport::new().on(look(), rows(two));
    assert_eq!(ensure(&script).await, Ok(("c".to_owned(), false, 1)));
}

#[tokio::test]
async fn a_key_that_differs_in_case_is_another() {
    let other = json!([{"sys_id": "a", "correlation_id": "DRIFT/dev-1"}]);
    let script = ScriptedTransport::new().on(look(), rows(other));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Conflict, false)));
}

#[tokio::test]
async fn what_may_be_under_way_is_given_time() {
    for lost in [
        Reply::failure(TransportErrorKind::Interrupted),
        Reply::failure(TransportErrorKind::Timeout),
        Reply::raw(504, "text/html", ""),
    ] {
        let script = ScriptedTransport::new()
            .on(look(), rows(json!([])))
            .on(post(), lost)
            .on(look(), rows(json!([])))
            .on(look(), rows(json!([record("b", "")])));
        assert_eq!(ensure(&script).await, Ok(("b".to_owned(), false, 0)), "it came late, and is one");
    }
}

#[tokio::test]
async fn ids_that_differ_in_case_are_no_others_of_ours() {
    let foreign =
        json!({"sys_id": "a", "correlation_id": "DRIFT/dev-1", "sys_created_on": "2020-01-01 00:00:00"});
    let script =
        ScriptedTransport::new().on(look(), rows(json!([foreign, record("b", "2026-01-01 00:00:00")])));
    assert_eq!(ensure(&script).await, Ok(("b".to_owned(), false, 0)));
}

#[tokio::test]
async fn one_deadline_holds_for_looks_and_creates_together() {
    let clock = clock();
    let silent = ScriptedTransport::new()
        .on(look(), rows(json!([])))
        .on(post(), Reply::raw(503, "text/html", ""))
        .on(look(), Reply::silence());
    let sn = builder(&silent).clock(clock.clone()).build().unwrap();
    let outcome =
        sn.dynamic_table("incident").ensure_correlated(&key(), &Fields::new().with("state", "1")).await;
    assert!(outcome.unwrap_err().may_have_happened());
    assert_eq!(clock.slept().iter().sum::<Duration>(), Duration::from_secs(30));
    silent.assert_done();

    clock.advance(Duration::from_secs(100));
    let slow = ScriptedTransport::new()
        .on(look(), Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "20"))
        .on(look(), rows(json!([])))
        .on(post(), Reply::result(201, record("b", "")))
        .on(look(), Reply::silence());
    let began = clock.slept().len();
    let sn = builder(&slow).clock(clock.clone()).build().unwrap();
    let outcome =
        sn.dynamic_table("incident").ensure_correlated(&key(), &Fields::new().with("state", "1")).await;
    assert!(outcome.unwrap_err().may_have_happened());
    assert_eq!(
        clock.slept()[began..].iter().sum::<Duration>(),
        Duration::from_secs(30),
        "20 for the first look"
    );
    slow.assert_done();
}
