use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_sn::batch::{Batch, BatchLimits};
use openfactory_sn::testing::{Expected, Recorded, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields, RetryPolicy, SysId};
use serde_json::{Value, json};

use crate::support::{builder, client};

const PATH: &str = "/api/now/v1/batch";

fn post() -> Expected {
    Expected::post(PATH)
}

/// An item's answer.
fn item(id: usize, status: u16, body: &Value) -> Value {
    json!({"id": id.to_string(), "status_code": status, "body": STANDARD.encode(body.to_string()),
        "headers": [{"name": "Content-Type", "value": "application/json;charset=UTF-8"}]})
}

fn row(sys_id: &str) -> Value {
    json!({"result": {"sys_id": sys_id}})
}

fn absent() -> Value {
    json!({"error": {"message": "No Record found", "detail": null}, "status": "failure"})
}

fn answer(serviced: &[Value], unserviced: &[&str]) -> Reply {
    let body =
        json!({"batch_request_id": "1", "serviced_requests": serviced, "unserviced_requests": unserviced});
    Reply::json(200, &body)
}

fn key(text: &str) -> SysId {
    SysId::new(text).unwrap()
}

/// Method and path of each call in a request.
fn calls(request: &Recorded) -> Vec<(String, String)> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let text = |call: &Value, name: &str| call[name].as_str().unwrap().to_owned();
    let path = |url: String| url.split('?').next().unwrap().to_owned();
    let requests = body["rest_requests"].as_array().unwrap();
    requests.iter().map(|call| (text(call, "method"), path(text(call, "url")))).collect()
}

/// Each outcome: key and whether created, or kind and whether it may have happened.
async fn run(script: &ScriptedTransport, batch: Batch) -> Vec<Result<(String, bool), (ErrorKind, bool)>> {
    let outcomes = client(script).batches().run(batch).await;
    script.assert_done();
    outcomes
        .into_iter()
        .map(|outcome| {
            outcome
                .map(|done| (done.row.map(|row| row.sys_id().to_string()).unwrap_or_default(), done.created))
                .map_err(|error| (error.kind(), error.may_have_happened()))
        })
        .collect()
}

#[tokio::test]
async fn each_call_has_its_own_outcome() {
    let forbidden =
        json!({"error": {"message": "Operation Failed", "detail": "ACL Exception Insert Failed"}});
    let script = ScriptedTransport::new().on(
        post(),
        answer(
            &[
                item(3, 204, &Value::Null),
                item(0, 201, &row("a")),
                item(1, 404, &absent()),
                item(2, 403, &forbidden),
                item(4, 200, &json!({"result": {"sys_id": "e"}, "error": {"message": "Transaction cancelled: maximum execution time exceeded"}})),
            ],
            &[],
        ),
    );
    let mut batch = Batch::new();
    batch.create("incident", &Fields::new().with("state", "1"));
    batch.get("incident", &key("b"));
    batch.create("incident", &Fields::new());
    batch.delete("incident", &key("d"));
    batch.get("incident", &key("e"));
    assert_eq!(
        run(&script, batch).await,
        [
            Ok(("a".to_owned(), true)),
            Err((ErrorKind::NotFound, false)),
            Err((ErrorKind::Forbidden, false)),
            Ok((String::new(), false)),
            Err((ErrorKind::Timeout, false)),
        ]
    );
    let made = &script.requests()[0];
    assert_eq!(calls(made)[0], ("POST".to_owned(), "/api/now/table/incident".to_owned()));
    let body: Value = serde_json::from_slice(&made.body).unwrap();
    let sent = STANDARD.decode(body["rest_requests"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), json!({"state": "1"}));
    assert!(body["rest_requests"][1].get("body").is_none());
}

#[tokio::test]
async fn what_was_not_serviced_is_sent_again_in_smaller_requests() {
    let script = ScriptedTransport::new()
        .on(post(), answer(&[item(0, 201, &row("a"))], &["1", "2", "3"]))
        .on(post(), answer(&[item(0, 201, &row("b")), item(1, 201, &row("c"))], &[]))
        .on(post(), answer(&[item(0, 201, &row("d"))], &[]));
    let mut batch = Batch::new();
    for _ in 0..4 {
        batch.create("incident", &Fields::new());
    }
    let limits = {
        let mut limits = BatchLimits::default();
        limits.calls = 4;
        limits
    };
    let outcomes = client(&script).batches().limits(limits).run(batch).await;
    let keys: Vec<_> =
        outcomes.iter().map(|done| done.as_ref().unwrap().row.as_ref().unwrap().sys_id().as_str()).collect();
    assert_eq!(keys, ["a", "b", "c", "d"]);
    script.assert_done();
}

#[tokio::test]
async fn one_call_that_never_gets_its_turn_is_given_up() {
    for (retry, requests) in [(RetryPolicy::default(), 4), (RetryPolicy::never(), 1)] {
        let script =
            (0..requests).fold(ScriptedTransport::new(), |script, _| script.on(post(), answer(&[], &["0"])));
        let mut batch = Batch::new();
        batch.create("incident", &Fields::new());
        let sn = builder(&script).retry(retry).build().unwrap();
        let outcomes = sn.batches().run(batch).await;
        let error = outcomes[0].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Timeout, false));
        script.assert_done();
    }
}

#[tokio::test]
async fn what_cannot_be_cut_smaller_is_not_sent_again() {
    let refused = Reply::fault(413, "Payload Too Large", "large REST payload");
    for reply in [Reply::failure(TransportErrorKind::Timeout), refused] {
        let script = ScriptedTransport::new().on(post(), reply.clone());
        let mut batch = Batch::new();
        batch.update("incident", &key("a"), &Fields::new().with("state", "2"));
        assert!(client(&script).batches().run(batch).await[0].is_err());
        script.assert_done();

        let once = ScriptedTransport::new().on(post(), reply);
        let mut batch = Batch::new();
        batch.update("incident", &key("a"), &Fields::new().with("state", "2"));
        batch.update("incident", &key("b"), &Fields::new().with("state", "2"));
        let sn = builder(&once).retry(RetryPolicy::never()).build().unwrap();
        assert!(sn.batches().run(batch).await.iter().all(Result::is_err), "one request per call");
        once.assert_done();
    }
}

#[tokio::test]
async fn a_lost_batch_is_looked_for_where_it_can_be() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::failure(TransportErrorKind::Interrupted))
        .on(post(), answer(&[item(0, 200, &row("a")), item(1, 404, &absent()), item(2, 200, &row("c"))], &[]))
        .on(post(), answer(&[item(0, 201, &row("b"))], &[]));
    let mut batch = Batch::new();
    batch.ensure("incident", &key("a"), &Fields::new());
    batch.ensure("incident", &key("b"), &Fields::new());
    batch.update("incident", &key("c"), &Fields::new().with("state", "2"));
    batch.create("incident", &Fields::new());
    batch.update("incident", &key("e"), &Fields::new().with("work_notes", "x"));
    assert_eq!(
        run(&script, batch).await,
        [
            Ok(("a".to_owned(), false)),
            Ok(("b".to_owned(), true)),
            Ok(("c".to_owned(), false)),
            Err((ErrorKind::Unavailable, true)),
            Err((ErrorKind::Unavailable, true)),
        ]
    );
    let requests = script.requests();
    let methods: Vec<Vec<_>> =
        requests.iter().map(|made| calls(made).into_iter().map(|(method, _)| method).collect()).collect();
    assert_eq!(methods[1], ["GET", "GET", "PATCH"]);
    assert_eq!(methods[2], ["POST"]);
}

#[tokio::test]
async fn a_taken_key_is_looked_for_and_a_certain_refusal_stays_one() {
    let refused = json!({"error": {"message": "Operation Failed", "detail": "ACL Exception Insert Failed"}});
    let script = ScriptedTransport::new()
        .on(post(), answer(&[item(0, 403, &refused), item(1, 403, &refused)], &[]))
        .on(post(), answer(&[item(0, 200, &row("a")), item(1, 404, &absent())], &[]));
    let mut batch = Batch::new();
    batch.ensure("incident", &key("a"), &Fields::new());
    batch.ensure("incident", &key("b"), &Fields::new());
    assert_eq!(run(&script, batch).await, [Ok(("a".to_owned(), false)), Err((ErrorKind::Forbidden, false))]);
}

#[tokio::test]
async fn an_instance_that_chose_another_key_is_told_of() {
    let script = ScriptedTransport::new().on(post(), answer(&[item(0, 201, &row("other"))], &[]));
    let mut batch = Batch::new();
    batch.ensure("incident", &key("a"), &Fields::new());
    assert_eq!(run(&script, batch).await, [Err((ErrorKind::Conflict, true))]);
}

#[tokio::test]
async fn a_whole_refusal_is_everybodys() {
    let script = ScriptedTransport::new().on(post(), Reply::fault(401, "User Not Authenticated", ""));
    let mut batch = Batch::new();
    batch.ensure("incident", &key("a"), &Fields::new());
    batch.create("incident", &Fields::new());
    batch.get("Not a table", &key("a"));
    assert_eq!(
        run(&script, batch).await,
        [
            Err((ErrorKind::Unauthenticated, false)),
            Err((ErrorKind::Unauthenticated, false)),
            Err((ErrorKind::Local, false))
        ]
    );
}

#[tokio::test]
async fn that_there_is_no_batch_api_says_nothing_of_a_record() {
    let page = Reply::raw(404, "text/html", "<html>");
    let other_language = Reply::fault(404, "Die angeforderte URI steht für keine Ressource", "");
    for (reply, kind) in [(page, ErrorKind::Unavailable), (other_language, ErrorKind::Invalid)] {
        let script = ScriptedTransport::new().on(post(), reply);
        let mut batch = Batch::new();
        batch.update("incident", &key("a"), &Fields::new().with("state", "2"));
        batch.delete("incident", &key("a"));
        assert_eq!(run(&script, batch).await, [Err((kind, false)), Err((kind, false))]);
    }
}

#[tokio::test]
async fn answers_that_are_none_leave_writes_in_doubt() {
    let bodies = [
        json!({}),
        json!({"serviced_requests": [{"id": {}, "status_code": 200}]}),
        json!({"serviced_requests": []}),
        json!({"serviced_requests": [{"id": "0"}]}),
        json!({"serviced_requests": [{"id": "0", "status_code": 99_999}]}),
        json!({"serviced_requests": [{"id": "0", "status_code": 201, "body": "%"}]}),
        json!({"serviced_requests": [{"id": "0", "status_code": 201, "body": STANDARD.encode("{\"result\":")}]}),
        json!({"serviced_requests": [{"id": "0", "status_code": 202}]}),
    ];
    for body in bodies {
        let script = ScriptedTransport::new().on(post(), Reply::json(200, &body));
        let mut batch = Batch::new();
        batch.create("incident", &Fields::new());
        let outcomes = run(&script, batch).await;
        assert!(
            matches!(outcomes[..], [Err((ErrorKind::Decode | ErrorKind::Unavailable, true))]),
            "{body} {outcomes:?}"
        );
    }
}

#[tokio::test]
async fn large_calls_travel_apart() {
    let script = ScriptedTransport::new()
        .on(post(), answer(&[item(0, 201, &row("a"))], &[]))
        .on(post(), answer(&[item(0, 201, &row("b"))], &[]));
    let mut batch = Batch::new();
    for _ in 0..2 {
        batch.create("incident", &Fields::new().with("description", "x".repeat(3_000)));
    }
    let limits = {
        let mut limits = BatchLimits::default();
        limits.bytes = 5_000;
        limits
    };
    let client = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    let outcomes = client.batches().limits(limits).run(batch).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(client.batches().run(Batch::new()).await.is_empty());
    script.assert_done();
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_cut_smaller_whatever_it_holds() {
    let slow = || Reply::failure(TransportErrorKind::Timeout);
    let script = ScriptedTransport::new()
        .on(post(), slow())
        .on(post(), answer(&[item(0, 200, &row("a"))], &[]))
        .on(post(), answer(&[item(0, 404, &absent())], &[]))
        .on(post(), answer(&[item(0, 200, &row("c"))], &[]));
    let mut batch = Batch::new();
    batch.update("incident", &key("a"), &Fields::new().with("state", "2"));
    batch.delete("incident", &key("b"));
    batch.get("incident", &key("c"));
    let mut limits = BatchLimits::default();
    limits.calls = 3;
    let outcomes = client(&script).batches().limits(limits).run(batch).await;
    assert!(
        outcomes.iter().all(Result::is_ok),
        "the delete was done by the request that was lost: {outcomes:?}"
    );
    script.assert_done();
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_cut_smaller() {
    let refused = || Reply::fault(413, "Payload Too Large", "large REST payload");
    let script = ScriptedTransport::new()
        .on(post(), refused())
        .on(post(), answer(&[item(0, 201, &row("a"))], &[]))
        .on(post(), answer(&[item(0, 201, &row("b"))], &[]));
    let mut batch = Batch::new();
    batch.create("incident", &Fields::new().with("description", "large"));
    batch.ensure("incident", &key("b"), &Fields::new());
    let mut limits = BatchLimits::default();
    limits.calls = 2;
    let outcomes = client(&script).batches().limits(limits).run(batch).await;
    assert!(outcomes.iter().all(Result::is_ok), "nothing had happened: {outcomes:?}");
    let (posts, methods) = (script.requests(), |request: &Recorded| calls(request).remove(0).0);
    assert!(posts[1..].iter().all(|request| methods(request) == "POST"), "nor was it looked for");
    script.assert_done();

    let alone = ScriptedTransport::new().on(post(), refused());
    let mut batch = Batch::new();
    batch.create("incident", &Fields::new());
    limits.calls = 1;
    let error = client(&alone).batches().limits(limits).run(batch).await.remove(0).unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Invalid, false));
    alone.assert_done();
}

#[tokio::test]
async fn a_batch_whose_answer_is_too_large_is_asked_for_in_parts() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::failure(TransportErrorKind::TooLarge))
        .on(post(), answer(&[item(0, 200, &row("a"))], &[]))
        .on(post(), answer(&[item(0, 200, &row("b"))], &[]));
    let mut batch = Batch::new();
    batch.get("incident", &key("a"));
    batch.ensure("incident", &key("b"), &Fields::new());
    batch.create("incident", &Fields::new());
    let mut limits = BatchLimits::default();
    limits.calls = 3;
    let outcomes = client(&script).batches().limits(limits).run(batch).await;
    assert!(outcomes[0].is_ok() && outcomes[1].is_ok(), "{outcomes:?}");
    let lost = outcomes[2].as_ref().unwrap_err();
    assert_eq!((lost.kind(), lost.may_have_happened()), (ErrorKind::Decode, true), "it may be there");
    assert_eq!(calls(&script.requests()[2]), [("GET".to_owned(), "/api/now/table/incident/b".to_owned())]);
    script.assert_done();
}

#[tokio::test]
async fn a_batch_has_longer_than_the_instance_gives_it() {
    let script = ScriptedTransport::new().on(post(), Reply::silence());
    let clock = crate::support::clock();
    let sn = builder(&script).clock(clock.clone());
    let sn = sn.retry(RetryPolicy::never()).build().unwrap();
    let mut batch = Batch::new();
    batch.create("incident", &Fields::new());
    let began = openfactory_sn::clock::Clock::now(&clock);
    let outcomes = sn.batches().run(batch).await;
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), ErrorKind::Timeout);
    let waited = openfactory_sn::clock::Clock::now(&clock).duration_since(began).unwrap();
    assert!(waited > std::time::Duration::from_secs(40), "a batch may work for 30 s: {waited:?}");
}

#[tokio::test]
async fn a_delete_that_was_lost_and_finds_nothing_then_was_done() {
    let script = ScriptedTransport::new()
        .on(post(), Reply::failure(TransportErrorKind::Interrupted))
        .on(post(), answer(&[item(0, 404, &absent())], &[]));
    let mut batch = Batch::new();
    batch.delete("incident", &key("a"));
    assert!(client(&script).batches().run(batch).await[0].is_ok());
    script.assert_done();
}
