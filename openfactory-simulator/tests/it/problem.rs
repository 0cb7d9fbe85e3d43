//! Problems go through the states of their model.

use reqwest::Method;
use serde_json::json;

use crate::support::{id, instance, path_of};

#[tokio::test]
async fn a_problem_goes_through_its_states_with_what_each_wants() {
    let it = instance().await;
    let problem = it.create("problem", json!({ "state": 104, "impact": 1, "urgency": 1 })).await;
    assert_eq!((&problem["state"], &problem["priority"]), (&json!("101"), &json!("1")));
    let (status, message, detail) =
        it.refused_patch("ada", "problem", &problem, json!({ "state": 103 })).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"));
    assert!(detail.contains("aborted by Business Rule 'Problem State Model"), "{detail}");
    let (.., detail) = it.refused_patch("ada", "problem", &problem, json!({ "state": 102 })).await;
    assert_eq!(detail, "Data Policy Exception: \n\tThe following fields are mandatory: Assigned to");
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;
    let assigned = json!({ "state": 102, "assigned_to": id(&ada[0]) });
    let patched = it.patch("ada", "problem", &problem, assigned).await;
    assert_eq!(patched["problem_state"], "102");
    for state in [103, 104] {
        it.patch("ada", "problem", &problem, json!({ "problem_state": state })).await;
    }
    let (.., detail) = it
        .refused_patch("ada", "problem", &problem, json!({ "state": 106, "resolution_code": "fix_applied" }))
        .await;
    assert!(detail.ends_with("Cause notes, Fix notes"), "{detail}");
    let done =
        json!({ "state": 106, "resolution_code": "fix_applied", "cause_notes": "c", "fix_notes": "f" });
    assert_ne!(it.patch("ada", "problem", &problem, done).await["resolved_at"], "");
    assert_eq!(it.patch("ada", "problem", &problem, json!({ "state": 107 })).await["active"], "false");
    // It is looked at again.
    let again = it.patch("ada", "problem", &problem, json!({ "state": 103 })).await;
    assert_eq!((&again["reopen_count"], &again["resolved_at"]), (&json!("1"), &json!("")));
}

#[tokio::test]
async fn a_problem_is_canceled_or_closed_as_a_duplicate_from_any_open_state() {
    let it = instance().await;
    let first = it.create("problem", json!({})).await;
    let second = it.create("problem", json!({})).await;
    assert_eq!(it.refused_patch("ada", "problem", &second, json!({ "state": 107 })).await.0, 403);
    let canceled = json!({ "state": 107, "resolution_code": "canceled", "close_notes": "no problem" });
    it.patch("ada", "problem", &first, canceled).await;
    let duplicate = json!({ "state": 107, "resolution_code": "duplicate", "duplicate_of": id(&first) });
    assert_eq!(it.patch("ada", "problem", &second, duplicate).await["active"], "false");
}

#[tokio::test]
async fn data_policies_are_rows() {
    let it = instance().await;
    let policy =
        json!({ "model_table": "incident", "conditions": "category=network", "short_description": "CI" });
    let policy = it.send("admin", Method::POST, "/api/now/table/sys_data_policy2", policy).await;
    let policy = crate::support::result(policy).await;
    let rule = json!({ "sys_data_policy": id(&policy), "table": "incident", "field": "cmdb_ci" });
    it.send("admin", Method::POST, "/api/now/table/sys_data_policy_rule", rule).await;
    let network = json!({ "category": "network" });
    let (.., detail) = it.refused("ada", Method::POST, "/api/now/table/incident", network.clone()).await;
    assert_eq!(detail, "Data Policy Exception: \n\tThe following fields are mandatory: Configuration item");
    let incident = it.create("incident", json!({ "category": "software" })).await;
    assert_eq!(it.refused_patch("ada", "incident", &incident, network.clone()).await.0, 403);
    it.patch("admin", "sys_data_policy2", &policy, json!({ "active": false })).await;
    it.patch("ada", "incident", &incident, network).await;
    // And nobody but an administrator changes them.
    assert_eq!(
        it.refused("ada", Method::DELETE, &path_of("sys_data_policy2", &policy), json!({})).await.0,
        403
    );
}
