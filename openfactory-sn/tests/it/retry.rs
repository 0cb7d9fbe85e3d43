use std::time::Duration;

use openfactory_sn::testing::{Expected, FixedClock, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{Client, ErrorKind, Fields, RetryPolicy};

use crate::support::{ID, INCIDENT, builder, client, clock, id, record_path, row};

fn timed(script: &ScriptedTransport, clock: &FixedClock) -> Client {
    builder(script).clock(clock.clone()).build().unwrap()
}

#[tokio::test]
async fn reads_are_tried_again_with_growing_waits() {
    let script = ScriptedTransport::new()
        .on(Expected::get(record_path()), Reply::failure(TransportErrorKind::Connect))
        .on(Expected::get(record_path()), Reply::raw(502, "text/html", "<html>"))
        .on(Expected::get(record_path()), Reply::failure(TransportErrorKind::Interrupted))
        .on(Expected::get(record_path()), Reply::result(200, row(ID, "1")));
    let clock = clock();
    timed(&script, &clock).dynamic_table("incident").get(&id()).await.unwrap();
    assert_eq!(clock.slept(), [125, 250, 500].map(Duration::from_millis));
    script.assert_done();
}

#[tokio::test]
async fn reads_are_tried_again_after_whatever_passes() {
    let cut_off = r#"{"result":{"sys_id":"1c741bd70b23"#;
    let partial = serde_json::json!({"result": [], "error": {"message": "Transaction cancelled: maximum execution \
        time exceeded", "detail": null}, "status": "failure"});
    for passing in [
        Reply::fault(500, "Script failed", ""),
        Reply::fault(500, "Transaction cancelled: maximum execution time exceeded", ""),
        Reply::raw(200, "application/json", cut_off),
        Reply::json(200, &partial),
        Reply::empty(202),
        Reply::empty(408),
        Reply::failure(TransportErrorKind::Timeout),
        Reply::raw(503, "text/html", "").header("x-ratelimit-reset", "1767229200"),
    ] {
        let script = ScriptedTransport::new()
            .on(Expected::get(record_path()), passing.clone())
            .on(Expected::get(record_path()), Reply::result(200, row(ID, "1")));
        let clock = clock();
        timed(&script, &clock).dynamic_table("incident").get(&id()).await.unwrap();
        assert_eq!(clock.slept(), [Duration::from_millis(125)], "{passing:?}");
        script.assert_done();
    }
}

#[tokio::test]
async fn reads_that_go_on_failing_end_within_attempts_and_deadline() {
    let failing = || Reply::fault(500, "Script failed", "");
    let script =
        (0..4).fold(ScriptedTransport::new(), |script, _| script.on(Expected::get(record_path()), failing()));
    let error = client(&script).dynamic_table("incident").get(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Unavailable, false));
    script.assert_done();
    let script = ScriptedTransport::new().on(Expected::get(record_path()), failing());
    let hasty = builder(&script).total_timeout(Duration::from_millis(125)).build().unwrap();
    hasty.dynamic_table("incident").get(&id()).await.unwrap_err();
    script.assert_done();
    let script =
        ScriptedTransport::new().on(Expected::get(record_path()), Reply::raw(200, "text/html", "<html>"));
    client(&script).dynamic_table("incident").get(&id()).await.unwrap_err();
    script.assert_done();
}

#[tokio::test]
async fn writes_are_not_repeated_after_a_failure_of_the_instance() {
    let script = ScriptedTransport::new()
        .on(Expected::patch(record_path()), Reply::fault(500, "Script failed", ""))
        .on(Expected::delete(record_path()), Reply::failure(TransportErrorKind::Timeout));
    let table = client(&script).dynamic_table("incident");
    assert!(table.update(&id(), &Fields::new().with("state", "2")).await.unwrap_err().may_have_happened());
    assert!(table.delete(&id()).await.unwrap_err().may_have_happened());
    script.assert_done();
}

#[tokio::test]
async fn the_instances_wish_is_followed() {
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "7"))
        .on(Expected::post(INCIDENT), Reply::result(201, row(ID, "1")));
    let clock = clock();
    timed(&script, &clock).dynamic_table("incident").create(&Fields::new()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(7)]);
    script.assert_done();
}

#[tokio::test]
async fn a_wish_beyond_the_deadline_is_handed_to_the_caller() {
    let script = ScriptedTransport::new()
        .on(Expected::get(record_path()), Reply::raw(503, "text/html", "").header("retry-after", "120"));
    let clock = clock();
    let error = timed(&script, &clock).dynamic_table("incident").get(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(120))));
    assert!(clock.slept().is_empty());
    script.assert_done();
}

#[tokio::test]
async fn creates_and_notes_are_not_repeated_once_they_may_have_happened() {
    let lost = || Reply::failure(TransportErrorKind::Interrupted);
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), lost())
        .on(Expected::patch(record_path()), lost())
        .on(Expected::patch(record_path()), lost())
        .on(Expected::patch(record_path()), Reply::result(200, row(ID, "2")));
    let table = client(&script).dynamic_table("incident");
    let error = table.create(&Fields::new()).await.unwrap_err();
    assert!(error.may_have_happened() && error.is_retryable());
    let error = table.update(&id(), &Fields::new().with("work_notes", "seen")).await.unwrap_err();
    assert!(error.may_have_happened());
    table.update(&id(), &Fields::new().with("state", "2")).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn creates_are_repeated_while_they_cannot_have_happened() {
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), Reply::failure(TransportErrorKind::Connect))
        .on(Expected::post(INCIDENT), Reply::result(201, row(ID, "1")));
    client(&script).dynamic_table("incident").create(&Fields::new()).await.unwrap();
    script.assert_done();
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let script = ScriptedTransport::new()
        .on(Expected::get(record_path()), Reply::silence())
        .on(Expected::post(INCIDENT), Reply::silence());
    let clock = clock();
    let table = timed(&script, &clock).dynamic_table("incident");
    let error = table.get(&id()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Timeout, false));
    assert_eq!(clock.slept(), [Duration::from_secs(30)]);
    let error = table.create(&Fields::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Timeout, true));
    script.assert_done();
}

#[tokio::test]
async fn what_may_have_happened_once_stays_so() {
    let script = ScriptedTransport::new()
        .on(Expected::patch(record_path()), Reply::failure(TransportErrorKind::Interrupted))
        .on(Expected::patch(record_path()), Reply::fault(403, "Operation Failed", ""));
    let error = client(&script)
        .dynamic_table("incident")
        .update(&id(), &Fields::new().with("a", "b"))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Forbidden, true));
    script.assert_done();
}

#[tokio::test]
async fn a_caller_can_do_without() {
    let script = ScriptedTransport::new().on(Expected::get(record_path()), Reply::raw(503, "text/html", ""));
    let client = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(client.dynamic_table("incident").get(&id()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    script.assert_done();
}

#[tokio::test]
async fn one_refusal_holds_back_the_calls_after_it() {
    let script = ScriptedTransport::new()
        .on(
            Expected::get(record_path()),
            Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "40"),
        )
        .on(Expected::get(record_path()), Reply::result(200, row(ID, "1")));
    let clock = clock();
    let table = timed(&script, &clock).dynamic_table("incident");
    let refused = table.get(&id()).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.retry_after()),
        (ErrorKind::Throttled, Some(Duration::from_secs(40)))
    );
    let unasked = table.create(&Fields::new()).await.unwrap_err();
    assert_eq!(
        (unasked.kind(), unasked.retry_after()),
        (ErrorKind::Throttled, Some(Duration::from_secs(40)))
    );
    assert!(!unasked.may_have_happened() && unasked.is_retryable());
    clock.advance(Duration::from_secs(25));
    table.get(&id()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(15)]);
    script.assert_done();
}

#[tokio::test]
async fn calls_are_spread_under_a_limit_that_was_told() {
    let reset = "1767225700"; // 100 s from the clock's start
    let told = || {
        Reply::result(200, row(ID, "1")).header("x-ratelimit-limit", "4").header("x-ratelimit-reset", reset)
    };
    let mut script = ScriptedTransport::new();
    for _ in 0..4 {
        script = script.on(Expected::get(record_path()), told());
    }
    let clock = clock();
    let table = builder(&script)
        .clock(clock.clone())
        .total_timeout(Duration::from_secs(300))
        .build()
        .unwrap()
        .dynamic_table("incident");
    for _ in 0..4 {
        table.get(&id()).await.unwrap();
    }
    assert!(clock.slept().is_empty(), "three are free, the fourth is the first of what is spread");
    script.assert_done();
    let script = script.on(Expected::get(record_path()), told());
    table.get(&id()).await.unwrap();
    assert_eq!(clock.slept(), [Duration::from_secs(100)], "none left before the reset");
    script.assert_done();
}
