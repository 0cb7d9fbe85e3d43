//! Incidents: priority, resolution, closure.

use serde_json::json;

use crate::support::{Refused, instance};

fn mandatory(labels: &str) -> Refused {
    let detail = format!("Data Policy Exception: \n\tThe following fields are mandatory: {labels}");
    (403, "Operation Failed".to_owned(), detail)
}

#[tokio::test]
async fn priority_follows_impact_and_urgency_whatever_was_sent() {
    let it = instance().await;
    let made = it.create("incident", json!({ "impact": 1, "urgency": 2, "priority": 1 })).await;
    assert_eq!(made["priority"], "2");
    let raised = it.patch("ada", "incident", &made, json!({ "urgency": "1", "priority": "4" })).await;
    assert_eq!(raised["priority"], "1");
    let only = it.create("incident", json!({ "priority": 1 })).await;
    assert_eq!(only["priority"], "5");
}

#[tokio::test]
async fn resolving_and_closing_want_a_code_and_notes() {
    let it = instance().await;
    let made = it.create("incident", json!({})).await;
    let refused = it.refused_patch("ada", "incident", &made, json!({ "state": "6" })).await;
    assert_eq!(refused, mandatory("Resolution code, Close notes"));
    // A code off the list is stored empty, so the policy fails on it.
    let old = json!({ "state": "6", "close_code": "Solved (Permanently)", "close_notes": "done" });
    assert_eq!(it.refused_patch("ada", "incident", &made, old).await, mandatory("Resolution code"));
    assert_eq!(it.get(&crate::support::path_of("incident", &made)).await["sys_mod_count"], "0");

    let done = json!({ "state": "6", "close_code": "Solution provided", "close_notes": "rolled back" });
    let resolved = it.patch("ada", "incident", &made, done).await;
    assert_eq!((&resolved["incident_state"], &resolved["active"]), (&json!("6"), &json!("true")));
    assert_ne!(resolved["resolved_at"], "");
    let reopened = it.patch("ada", "incident", &made, json!({ "incident_state": "2" })).await;
    assert_eq!((&reopened["state"], &reopened["reopen_count"]), (&json!("2"), &json!("1")));
    assert_eq!(reopened["resolved_by"], "");
    let closed = it.patch("ada", "incident", &made, json!({ "state": "7" })).await;
    assert_eq!(
        (&closed["active"], &closed["closed_by"]["value"]),
        (&json!("false"), &resolved["resolved_by"]["value"])
    );
}
