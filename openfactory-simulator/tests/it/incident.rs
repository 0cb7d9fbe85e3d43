//! Incidents: priority, resolution, closure.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::User;
use openfactory_simulator::clock::ManualClock;
use openfactory_simulator::seed::Seed;
use reqwest::Method;
use serde_json::json;

use crate::support::{Refused, builder, id, instance, path_of, started};

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
    assert_eq!(it.get(&path_of("incident", &made)).await["sys_mod_count"], "0");

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

#[tokio::test]
async fn a_parent_resolves_its_children_and_tells_them_its_notes() {
    let it = instance().await;
    let parent = it.create("incident", json!({})).await;
    let below = json!({ "parent_incident": id(&parent) });
    let child = it.create("incident", below.clone()).await;
    let grandchild = it.create("incident", json!({ "parent_incident": id(&child) })).await;
    // A circle of parents comes to an end.
    it.patch("ada", "incident", &parent, json!({ "parent_incident": id(&grandchild) })).await;
    let gone = it.create("incident", below).await;
    it.patch("ada", "incident", &gone, json!({ "state": 8 })).await;
    let done =
        json!({ "state": 6, "close_code": "Solution provided", "close_notes": "n", "work_notes": "told" });
    it.patch("ada", "incident", &parent, done).await;
    for (row, state) in [(&child, "6"), (&grandchild, "6"), (&gone, "8")] {
        let row = it.get(&path_of("incident", row)).await;
        assert_eq!(row["state"], state);
    }
    let shown = it.get(&format!("{}?sysparm_display_value=true", path_of("incident", &child))).await;
    assert!(shown["work_notes"].as_str().unwrap().contains("told"), "{shown}");
}

#[tokio::test]
async fn a_parent_counts_its_children() {
    let it = instance().await;
    let one = it.create("incident", json!({})).await;
    let two = it.create("incident", json!({})).await;
    let child = it.create("incident", json!({ "parent_incident": id(&one) })).await;
    it.create("incident", json!({ "parent_incident": id(&one) })).await;
    let counts = async || {
        let mut counts = Vec::new();
        for parent in [&one, &two] {
            counts.push(it.get(&path_of("incident", parent)).await["child_incidents"].clone());
        }
        counts
    };
    assert_eq!(counts().await, ["2", "0"]);
    it.patch("ada", "incident", &child, json!({ "parent_incident": id(&two) })).await;
    assert_eq!(counts().await, ["1", "1"]);
    let gone = it.request("admin", Method::DELETE, &path_of("incident", &child)).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(counts().await, ["1", "0"]);
}

#[tokio::test]
async fn a_long_line_of_parents_is_resolved_to_its_end() {
    const LINE: usize = 2_000;
    let key = |n: usize| format!("{n:032x}");
    let rows: Vec<_> = (1..=LINE)
        .map(|n| json!({ "sys_id": key(n), "parent_incident": if n > 1 { key(n - 1) } else { String::new() } }))
        .collect();
    let seed = Seed::from_json(json!({ "incident": rows }).to_string().as_bytes()).unwrap();
    let it = started(builder().seed(seed)).await;
    let top = json!({ "sys_id": key(1) });
    let done = json!({ "state": 6, "close_code": "Solution provided", "close_notes": "n" });
    it.patch("ada", "incident", &top, done).await;
    let open = it.simulator.store().query("incident", "state!=6").unwrap();
    assert_eq!(open.len(), 0, "of {LINE}");
}

#[tokio::test]
async fn a_comment_of_the_caller_takes_an_incident_off_hold() {
    let it = instance().await;
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;
    let body = json!({ "caller_id": id(&ada[0]), "state": 3, "hold_reason": 1, "comments": "when?" });
    let incident = it.create("incident", body).await;
    let still = it.patch("admin", "incident", &incident, json!({ "comments": "any news?" })).await;
    assert_eq!(still["state"], "3");
    let on = it.patch("ada", "incident", &incident, json!({ "comments": "here you are" })).await;
    assert_eq!((&on["state"], &on["hold_reason"]), (&json!("2"), &json!("")));
}

#[tokio::test]
async fn resolved_incidents_are_closed_after_a_week_and_stay_as_they_are() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    let it =
        started(builder().clock(clock.clone()).user(User::new("boss", "pw").roles(["itil_admin"]))).await;
    let incident = it.create("incident", json!({})).await;
    let resolved = json!({ "state": 6, "close_code": "Solution provided", "close_notes": "n" });
    it.patch("ada", "incident", &incident, resolved.clone()).await;
    clock.advance(Duration::from_secs(6 * 86_400));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(it.get(&path_of("incident", &incident)).await["state"], "6");
    clock.advance(Duration::from_secs(86_400 + 1));
    let state = async || it.get(&path_of("incident", &incident)).await["state"].clone();
    for _ in 0..100 {
        if state().await == "7" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state().await, "7");
    let (status, _, detail) = it.refused_patch("ada", "incident", &incident, json!({ "state": 2 })).await;
    assert_eq!((status, detail.as_str()), (403, "ACL Exception Update Failed due to security constraints"));
    it.patch("boss", "incident", &incident, json!({ "short_description": "x" })).await;
}
