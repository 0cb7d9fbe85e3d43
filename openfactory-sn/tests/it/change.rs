use std::time::Duration;

use openfactory_sn::change::{Association, WorkState};
use openfactory_sn::models::change_request::{State, Type};
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields, SysId};
use serde_json::{Value, json};

use crate::support::client;

const PATH: &str = "/api/sn_chg_rest/v1/change";

fn key(text: &str) -> SysId {
    SysId::new(text).unwrap()
}

fn change() -> Value {
    json!({"sys_id": {"value": "c1"}, "state": {"value": -1.0, "display_value": "Implement"},
        "on_hold": {"value": false, "display_value": "false"},
        "start_date": {"value": "", "display_value": "", "display_value_internal": ""}})
}

#[tokio::test]
async fn typed_values_are_read_as_the_tables() {
    let script =
        ScriptedTransport::new().on(Expected::get(format!("{PATH}/c1")), Reply::result(200, change()));
    let change = client(&script).changes().get(&key("c1")).await.unwrap();
    assert_eq!(
        (change.state, change.on_hold, change.start_date),
        (Some(State::Implement), Some(false), None)
    );
}

#[tokio::test]
async fn standard_changes_come_from_a_template() {
    let script = ScriptedTransport::new()
        .on(Expected::post(format!("{PATH}/standard/t1")), Reply::result(200, change()))
        .on(Expected::post(format!("{PATH}/emergency")), Reply::failure(TransportErrorKind::Interrupted));
    let changes = client(&script).changes();
    let fields = Fields::new();
    assert!(changes.create(&Type::Standard, Some(&key("t1")), &fields).await.unwrap().ignored.is_empty());
    assert!(changes.create(&Type::Emergency, None, &fields).await.unwrap_err().may_have_happened());
    for (kind, template) in
        [(Type::Standard, None), (Type::Normal, Some(key("t1"))), (Type::Other("x".to_owned()), None)]
    {
        let error = changes.create(&kind, template.as_ref(), &fields).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local);
    }
    script.assert_done();
}

#[tokio::test]
async fn decisions_are_the_callers_own() {
    let script = ScriptedTransport::new()
        .on(
            Expected::patch(format!("{PATH}/c1/approvals")).body(r#"{"state":"approved"}"#),
            Reply::result(200, json!({})),
        )
        .on(
            Expected::patch(format!("{PATH}/c1/approvals"))
                .field("state", "rejected")
                .field("comments", "no backout plan"),
            Reply::fault(400, "No pending approvals", ""),
        );
    let changes = client(&script).changes();
    changes.approve(&key("c1"), "").await.unwrap();
    assert_eq!(changes.reject(&key("c1"), "no backout plan").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(changes.reject(&key("c1"), " ").await.unwrap_err().kind(), ErrorKind::Local);
    script.assert_done();
}

#[tokio::test]
async fn an_illegal_step_is_a_conflict_and_next_states_say_why() {
    let rule = "Operation against file 'change_request' was aborted by Business Rule 'Change Model: Check State Transition^1'";
    let steps = json!({"available_states": ["-5", "-4"], "state_transitions": [
        [{"from_state": "-5", "to_state": "-4", "transition_available": true, "automatic_transition": false}],
        [{"from_state": "-5", "to_state": "-3", "transition_available": true, "automatic_transition": true,
          "conditions": [{"passed": "true", "condition": {"name": "Approved"}}]}]]});
    let script = ScriptedTransport::new()
        .on(Expected::patch(format!("{PATH}/c1")), Reply::fault(403, "Operation Failed", rule))
        .on(Expected::get(format!("{PATH}/c1/nextstates")), Reply::result(200, steps))
        .on(Expected::get(format!("{PATH}/c1/nextstates")), Reply::result(200, json!({})));
    let changes = client(&script).changes();
    let fields = Fields::new().with("state", "-1");
    assert_eq!(changes.update(&key("c1"), &fields).await.unwrap_err().kind(), ErrorKind::Conflict);
    let next = changes.next_states(&key("c1")).await.unwrap();
    assert!(next.allows(&State::Assess) && !next.allows(&State::Authorize) && !next.allows(&State::Closed));
    assert_eq!(next.available, [State::New, State::Assess]);
    assert_eq!(changes.next_states(&key("c1")).await.unwrap_err().kind(), ErrorKind::Decode);
    script.assert_done();
}

#[tokio::test]
async fn work_behind_a_202_is_waited_for_and_not_taken_for_done() {
    let worker = |state: Value, errors: Value| json!({"worker": {"sysId": "w1"}, "state": {"value": state}, "messages": {"errorMessages": errors}});
    let look = || Expected::get(format!("{PATH}/worker/w1"));
    let begin = || Expected::post(format!("{PATH}/c1/ci")).field("association_type", "impacted");
    let script = ScriptedTransport::new()
        .on(begin(), Reply::result(202, worker(json!(1), json!([]))))
        .on(look(), Reply::result(200, worker(json!("2"), json!([]))))
        .on(look(), Reply::result(200, worker(json!(4.0), json!(["d9 is retired"]))))
        .on(begin(), Reply::empty(202))
        .on(look(), Reply::result(200, worker(json!(1), json!([]))))
        .on(look(), Reply::fault(403, "Insufficient rights", ""));
    let changes = client(&script).changes();
    let begun = changes.associate(&key("c1"), Association::Impacted, &[key("d9")]).await.unwrap();
    assert_eq!(begun.state, WorkState::Waiting);
    let error = changes.finish(begun.clone(), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("d9 is retired"), "{error}");
    let empty = changes.associate(&key("c1"), Association::Impacted, &[key("d9")]).await.unwrap_err();
    assert_eq!((empty.kind(), empty.may_have_happened()), (ErrorKind::Unavailable, true));
    let late = changes.finish(begun.clone(), Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout);
    let unseen = changes.finish(begun, Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((unseen.kind(), unseen.may_have_happened()), (ErrorKind::Forbidden, true), "the work goes on");
    let none = changes.associate(&key("c1"), Association::Affected, &[]).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Local);
    script.assert_done();
}
