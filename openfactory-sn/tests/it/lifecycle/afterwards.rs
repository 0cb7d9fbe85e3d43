//! An instance that wants an emergency change approved although what it is about was done.

use openfactory_sn::lifecycle::apply::{ApplyError, Repeat, apply};
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::operation::{RecordKey, Values};
use openfactory_sn::lifecycle::plan::{Operation, Plan};
use openfactory_sn::models::change_request::State;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use serde_json::{Value, json};

use super::samples;
use crate::support::client;

fn change() -> RecordKey {
    RecordKey::new("change_request", correlation::change(&samples::build_id()))
}

fn row(state: &str, kind: &str, approval: &str) -> Value {
    let key = change();
    json!({
        "sys_id": key.sys_id().as_str(), "state": state, "type": kind, "approval": approval,
        "correlation_id": key.correlation.as_str(),
    })
}

/// Moves a change that stands at Authorize to Implement; the instance refuses the first step.
async fn refused(kind: &str, approval: &str, detail: &str) -> Result<Vec<String>, ApplyError> {
    let path = format!("/api/now/table/change_request/{}", change().sys_id());
    let script = ScriptedTransport::new()
        .on(Expected::get(path.clone()), Reply::result(200, row("-3", kind, approval)))
        .on(Expected::patch(path).field("state", "-2"), Reply::fault(403, "Operation Failed", detail));
    let operation = Operation::MoveChange { record: change(), to: State::Implement, values: Values::new() };
    let plan = Plan::new(EventId::new("e-1").unwrap(), vec![operation]);
    let applied = apply(&plan, &client(&script), &Mapping::guide().tables, Repeat::First).await;
    script.assert_done();
    applied.map(|applied| applied.findings)
}

#[tokio::test]
async fn an_emergency_change_that_waits_for_its_approval_is_left_there_and_told() {
    let rule = "Operation against file 'change_request' was aborted by Business Rule 'Check State^0f'.";
    let findings = refused("emergency", "requested", rule).await.unwrap();
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert!(finding.ends_with("waits for its approval at Authorize"), "{finding}");
    // Any other change, one that waits for nothing, and any other refusal is as loud as ever.
    for (kind, approval) in [("normal", "requested"), ("emergency", "approved"), ("emergency", "rejected")] {
        assert!(refused(kind, approval, rule).await.is_err(), "{kind} {approval}");
    }
    let acl = "ACL Exception Update Failed due to security constraints";
    assert!(refused("emergency", "requested", acl).await.is_err());
}
