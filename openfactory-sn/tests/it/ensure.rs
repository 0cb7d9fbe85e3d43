use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields};
use serde_json::json;

use crate::support::{ID, INCIDENT, client, id, record_path, row};

fn post() -> Expected {
    Expected::post(INCIDENT).field("sys_id", ID).field("short_description", "x")
}

fn look() -> Expected {
    Expected::get(record_path())
}

fn absent() -> Reply {
    Reply::fault(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}

fn found() -> Reply {
    Reply::result(200, row(ID, "1"))
}

/// What the record comes to, or the kind of the error and whether it may exist.
async fn ensure(script: &ScriptedTransport) -> Result<bool, (ErrorKind, bool)> {
    let fields = Fields::new().with("short_description", "x");
    let outcome = client(script).dynamic_table("incident").ensure(&id(), &fields).await;
    script.assert_done();
    outcome
        .map(|ensured| {
            assert_eq!(ensured.row.sys_id(), &id());
            ensured.created
        })
        .map_err(|error| (error.kind(), error.may_have_happened()))
}

#[tokio::test]
async fn created() {
    let script = ScriptedTransport::new().on(post(), Reply::result(201, row(ID, "1")));
    assert_eq!(ensure(&script).await, Ok(true));
}

#[tokio::test]
async fn exists_already_however_the_instance_words_it() {
    let unique = "Unique Key violation detected by database (Duplicate entry 'x' for key 'PRIMARY')";
    for refusal in [
        Reply::fault(403, "Operation Failed", unique),
        Reply::fault(403, "Operation Failed", ""),
        Reply::fault(409, "Conflict", ""),
        Reply::fault(500, "Operation Failed", unique),
    ] {
        let script = ScriptedTransport::new().on(post(), refusal).on(look(), found());
        assert_eq!(ensure(&script).await, Ok(false));
    }
}

#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    for lost in [
        Reply::failure(TransportErrorKind::Interrupted),
        Reply::failure(TransportErrorKind::Timeout),
        Reply::failure(TransportErrorKind::TooLarge),
        Reply::json(500, &json!({})),
        Reply::raw(200, "text/html", "<html>"),
        Reply::raw(201, "application/json", r#"{"result":{"sys_id""#),
        Reply::json(202, &json!({})),
        Reply::fault(200, "Transaction cancelled: maximum execution time exceeded", ""),
    ] {
        let script = ScriptedTransport::new().on(post(), lost).on(look(), found());
        assert_eq!(ensure(&script).await, Ok(false));
    }
}

#[tokio::test]
async fn a_lost_request_is_sent_again_after_the_look() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::raw(503, "text/html", "<html>"))
        .on(look(), absent())
        .on(post(), Reply::failure(TransportErrorKind::Interrupted))
        .on(look(), absent())
        .on(post(), Reply::result(201, row(ID, "1")));
    assert_eq!(ensure(&script).await, Ok(true));
}

#[tokio::test]
async fn a_first_request_that_lands_late_is_found_by_the_second_look() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::raw(504, "text/html", "<html>"))
        .on(look(), absent())
        .on(post(), Reply::fault(403, "Operation Failed", "Duplicate entry"))
        .on(look(), found());
    assert_eq!(ensure(&script).await, Ok(false));
}

#[tokio::test]
async fn a_real_refusal_stays_one() {
    let refused =
        Reply::fault(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints");
    let script = ScriptedTransport::new().on(post(), refused.clone()).on(look(), absent());
    assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, false)));
    let script = ScriptedTransport::new().on(post(), refused).on(look(), Reply::fault(401, "x", "y"));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, false)));
    let script = ScriptedTransport::new().on(post(), Reply::fault(400, "Invalid table incident", ""));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Invalid, false)));
}

#[tokio::test]
async fn what_cannot_be_told_is_not_called_a_failure() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::json(500, &json!({})))
        .on(look(), Reply::fault(403, "Insufficient rights", ""));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Forbidden, true)));
    let script = ScriptedTransport::new().on(post(), Reply::json(500, &json!({}))).on(look(), absent());
    assert_eq!(ensure(&script).await, Err((ErrorKind::Unavailable, true)));
}

#[tokio::test]
async fn it_gives_up_after_as_many_tries_as_allowed() {
    let mut script = ScriptedTransport::new();
    for _ in 0..4 {
        script = script.on(post(), Reply::raw(502, "text/html", "")).on(look(), absent());
    }
    assert_eq!(ensure(&script).await, Err((ErrorKind::Unavailable, true)));
}

#[tokio::test]
async fn another_key_than_ours_is_an_error() {
    let script = ScriptedTransport::new().on(post(), Reply::result(201, row("theirs", "1")));
    assert_eq!(ensure(&script).await, Err((ErrorKind::Conflict, true)));
}

#[tokio::test]
async fn a_taken_key_is_looked_for_however_it_is_worded() {
    const TAKEN: &str =
        "Unique Key violation detected by database (Duplicate entry '1c74' for key 'PRIMARY')";
    for status in [400, 403, 409, 500] {
        let script = ScriptedTransport::new()
            .on(Expected::post(INCIDENT), Reply::fault(status, "Operation Failed", TAKEN))
            .on(Expected::get(record_path()), Reply::result(200, row(ID, "1")));
        let ensured = client(&script).dynamic_table("incident").ensure(&id(), &Fields::new()).await.unwrap();
        assert!(!ensured.created, "{status}");
        script.assert_done();
    }
}
