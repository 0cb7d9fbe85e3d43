//! Change requests: states, approval, closure.

use openfactory_simulator::switches::Switches;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, instance, path_of, started};

async fn change(it: &Instance, kind: &str) -> Value {
    let made =
        it.create("change_request", json!({ "type": kind, "state": "3", "approval": "approved" })).await;
    // A change request begins in New, not yet requested, whatever was sent.
    assert_eq!((&made["state"], &made["approval"]), (&json!("-5"), &json!("not requested")));
    made
}

async fn to(it: &Instance, change: &Value, state: &str) -> Value {
    it.patch("ada", "change_request", change, json!({ "state": state })).await
}

async fn approvers(it: &Instance, change: &Value) -> Value {
    let query = format!("sysapproval={}^ORDERBYsys_created_on", id(change));
    it.get(&format!("/api/now/table/sysapproval_approver?sysparm_query={query}")).await
}

async fn assert_stuck(it: &Instance, change: &Value, state: &str) {
    let (status, message, detail) =
        it.refused_patch("ada", "change_request", change, json!({ "state": state })).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"), "to {state}");
    let prefix = "Operation against file 'change_request' was aborted by Business Rule 'Change Model: Check State Transition^";
    assert!(detail.starts_with(prefix), "{detail}");
}

#[tokio::test]
async fn a_normal_change_waits_for_its_approver_and_goes_on_by_itself() {
    let it = instance().await;
    let change = change(&it, "normal").await;
    for state in ["-3", "-2", "-1", "0", "3"] {
        assert_stuck(&it, &change, state).await;
    }
    let assess = to(&it, &change, "-4").await;
    // Nobody is in the assignment group to be asked first, which the answer says already.
    assert_eq!((&assess["state"], &assess["approval"]), (&json!("-3"), &json!("requested")));
    let rows = approvers(&it, &change).await;
    assert_eq!(column(&rows, "state"), ["requested"]);
    assert_eq!(it.get(&path_of("change_request", &change)).await["state"], "-3");
    assert_eq!(approvers(&it, &change).await.as_array().unwrap().len(), 1);
    assert_stuck(&it, &change, "-2").await;

    // Nobody approves for the approver, not even the integration for itself.
    let own = it.patch("ada", "change_request", &change, json!({ "approval": "approved" })).await;
    assert_eq!((&own["approval"], &own["state"]), (&json!("requested"), &json!("-3")));
    let (status, ..) =
        it.refused_patch("ada", "sysapproval_approver", &rows[0], json!({ "state": "approved" })).await;
    assert_eq!(status, 403);
    it.patch("change.manager", "sysapproval_approver", &rows[0], json!({ "state": "approved" })).await;
    let approved = it.get(&path_of("change_request", &change)).await;
    assert_eq!((&approved["approval"], &approved["state"]), (&json!("approved"), &json!("-2")));
    assert_eq!(approved["sys_updated_by"], "change.manager");

    assert_stuck(&it, &change, "0").await;
    to(&it, &change, "-1").await;
    to(&it, &change, "0").await;
    assert_stuck(&it, &change, "4").await;
    let (_, _, detail) = it.refused_patch("ada", "change_request", &change, json!({ "state": "3" })).await;
    assert_eq!(
        detail,
        "Data Policy Exception: \n\tThe following fields are mandatory: Close code, Close notes"
    );
    let done = json!({ "state": 3, "close_code": "successful", "close_notes": "all devices attest" });
    let closed = it.patch("ada", "change_request", &change, done).await;
    assert_eq!((&closed["state"], &closed["active"]), (&json!("3"), &json!("false")));
    assert_stuck(&it, &change, "-5").await;
}

#[tokio::test]
async fn a_change_manager_approves_or_rejects_on_the_change_itself() {
    let it = instance().await;
    let change = change(&it, "normal").await;
    to(&it, &change, "-4").await;
    let rejected =
        it.patch("change.manager", "change_request", &change, json!({ "approval": "rejected" })).await;
    assert_eq!((&rejected["approval"], &rejected["state"]), (&json!("rejected"), &json!("-5")));
    assert_eq!(column(&approvers(&it, &change).await, "state"), ["rejected"]);

    let again = to(&it, &change, "-4").await;
    assert_eq!(again["approval"], "requested");
    let approved = it.patch("admin", "change_request", &change, json!({ "approval": "approved" })).await;
    assert_eq!((&approved["approval"], &approved["state"]), (&json!("approved"), &json!("-2")));
    assert_eq!(column(&approvers(&it, &change).await, "state"), ["rejected", "not_required"]);
    // Taking an approval back moves nothing: who acts has to look at it.
    let back = it.patch("change.manager", "change_request", &change, json!({ "approval": "rejected" })).await;
    assert_eq!((&back["approval"], &back["state"]), (&json!("rejected"), &json!("-2")));
}

#[tokio::test]
async fn an_approval_does_not_license_a_jump() {
    let it = instance().await;
    let change = change(&it, "normal").await;
    to(&it, &change, "-4").await;
    let both = json!({ "approval": "approved", "state": "-1" });
    let (status, ..) = it.refused_patch("change.manager", "change_request", &change, both).await;
    assert_eq!(status, 403);
    assert_eq!(it.get(&path_of("change_request", &change)).await["approval"], "requested");
}

#[tokio::test]
async fn an_emergency_change_passes_the_gate_unless_told_to_wait() {
    let it = instance().await;
    let emergency = change(&it, "emergency").await;
    assert_stuck(&it, &emergency, "-4").await;
    let authorize = to(&it, &emergency, "-3").await;
    assert_eq!(authorize["approval"], "requested");
    for state in ["-2", "-1", "0"] {
        to(&it, &emergency, state).await;
    }
    // The approver still answers afterwards, which moves nothing.
    let rows = approvers(&it, &emergency).await;
    it.patch("change.manager", "sysapproval_approver", &rows[0], json!({ "state": "approved" })).await;
    let after = it.get(&path_of("change_request", &emergency)).await;
    assert_eq!((&after["approval"], &after["state"]), (&json!("approved"), &json!("0")));

    let mut switches = Switches::default();
    switches.emergency_needs_approval = true;
    let strict = started(builder().switches(switches)).await;
    let waiting = change(&strict, "emergency").await;
    to(&strict, &waiting, "-3").await;
    assert_stuck(&strict, &waiting, "-2").await;
}

#[tokio::test]
async fn a_standard_change_is_approved_beforehand() {
    let it = instance().await;
    let standard = change(&it, "standard").await;
    let scheduled = to(&it, &standard, "-2").await;
    assert_eq!(scheduled["approval"], "approved");
    assert_eq!(approvers(&it, &standard).await, json!([]));
}

#[tokio::test]
async fn what_is_on_hold_goes_on_when_it_no_longer_is() {
    let mut switches = Switches::default();
    switches.automatic_tasks = true;
    let it = started(builder().switches(switches)).await;
    let one = change(&it, "normal").await;
    to(&it, &one, "-4").await;
    let hold = async |held: bool| it.patch("ada", "change_request", &one, json!({ "on_hold": held })).await;
    hold(true).await;
    let approved =
        it.patch("change.manager", "change_request", &one, json!({ "approval": "approved" })).await;
    assert_eq!((&approved["state"], &approved["approval"]), (&json!("-3"), &json!("approved")));
    assert_eq!(hold(false).await["state"], "-2");
    to(&it, &one, "-1").await;
    hold(true).await;
    let tasks = it.get(&format!("/api/now/table/change_task?change_request={}", id(&one))).await;
    assert_eq!(tasks.as_array().map(Vec::len), Some(2));
    for task in tasks.as_array().unwrap() {
        it.patch("ada", "change_task", task, json!({ "state": 3 })).await;
    }
    assert_eq!(it.get(&path_of("change_request", &one)).await["state"], "-1", "still on hold");
    hold(false).await;
    assert_eq!(it.get(&path_of("change_request", &one)).await["state"], "0");
}

#[tokio::test]
async fn cancelling_holding_and_retyping() {
    let it = instance().await;
    let one = change(&it, "normal").await;
    to(&it, &one, "-4").await;
    let (status, _, detail) =
        it.refused_patch("ada", "change_request", &one, json!({ "type": "emergency" })).await;
    assert_eq!(status, 403);
    assert!(detail.contains("Business Rule"), "{detail}");
    it.patch("ada", "change_request", &one, json!({ "on_hold": true })).await;
    assert_stuck(&it, &one, "4").await;
    it.patch("ada", "change_request", &one, json!({ "on_hold": false })).await;
    let cancelled = to(&it, &one, "4").await;
    assert_eq!(cancelled["active"], "false");
    assert_eq!(column(&approvers(&it, &one).await, "state"), ["cancelled"]);
    let new = change(&it, "normal").await;
    let typed =
        it.patch("ada", "change_request", &new, json!({ "type": "emergency", "state": "assess" })).await;
    // A state in words is no number, and becomes the default.
    assert_eq!((&typed["type"], &typed["state"]), (&json!("emergency"), &json!("-5")));
    let answer = it.request("change.manager", Method::DELETE, &path_of("change_request", &one));
    assert_eq!(answer.send().await.unwrap().status(), 204);
    assert_eq!(approvers(&it, &one).await, json!([]));
}

#[tokio::test]
async fn type_and_model_stay_together() {
    let it = instance().await;
    let models = it.get("/api/now/table/chg_model").await;
    let model = |name: &str| {
        let found = models.as_array().unwrap().iter().find(|model| model["name"] == name).unwrap();
        found["sys_id"].clone()
    };
    let change = change(&it, "normal").await;
    let turned = it.patch("ada", "change_request", &change, json!({ "type": "emergency" })).await;
    assert_eq!(turned["chg_model"]["value"], model("Emergency"));
    let back = it.patch("ada", "change_request", &change, json!({ "chg_model": model("Normal") })).await;
    assert_eq!(back["type"], "normal");
    // What is none of either changes nothing.
    for none in [json!({ "chg_model": "" }), json!({ "chg_model": "0" }), json!({ "type": "bogus" })] {
        let kept = it.patch("ada", "change_request", &change, none).await;
        assert_eq!((&kept["type"], &kept["chg_model"]["value"]), (&json!("normal"), &model("Normal")));
    }
    // Once it has begun, neither changes.
    to(&it, &change, "-4").await;
    for body in [json!({ "type": "emergency" }), json!({ "chg_model": model("Emergency") })] {
        assert_eq!(it.refused_patch("ada", "change_request", &change, body).await.0, 403);
    }
}
