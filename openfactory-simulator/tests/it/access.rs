//! What a user may do by role.

use reqwest::Method;
use serde_json::json;

use crate::support::{id, instance, path_of, refusal, result};

#[tokio::test]
async fn without_a_role_lists_are_empty_under_the_full_count() {
    let it = instance().await;
    let made = it.create("incident", json!({})).await;
    let answer = it.request("nobody", Method::GET, "/api/now/table/incident").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-total-count"], "1");
    assert_eq!(result(answer).await, json!([]));
    let one = it.request("nobody", Method::GET, &path_of("incident", &made)).send().await.unwrap();
    assert_eq!(refusal(one).await.0, 404);
    let (status, message, detail) =
        it.refused("nobody", Method::POST, "/api/now/table/incident", json!({})).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"));
    assert_eq!(detail, "ACL Exception Insert Failed due to security constraints");
    // An unknown table is told to anyone.
    let unknown = it.request("nobody", Method::GET, "/api/now/table/nonsense").send().await.unwrap();
    assert_eq!(refusal(unknown).await.1, "Invalid table nonsense");
}

#[tokio::test]
async fn platform_tables_and_tasks_are_protected() {
    let it = instance().await;
    let (status, ..) =
        it.refused("ada", Method::POST, "/api/now/table/sys_user", json!({ "user_name": "eve" })).await;
    assert_eq!(status, 403);
    let incident = it.create("incident", json!({})).await;
    let (status, _, detail) =
        it.refused("ada", Method::DELETE, &path_of("incident", &incident), json!({})).await;
    assert_eq!((status, detail.as_str()), (403, "ACL Exception Delete Failed due to security constraints"));
    let answer = it.request("admin", Method::DELETE, &path_of("incident", &incident)).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let body = json!({ "sysapproval": id(&incident), "state": "approved" });
    let (status, ..) = it.refused("ada", Method::POST, "/api/now/table/sysapproval_approver", body).await;
    assert_eq!(status, 403);
    // The administrator's sys_id is the one that stock instances have.
    let admin = it.get("/api/now/table/sys_user/6816f79cc0a8016401c5a33be04be441").await;
    assert_eq!(admin["user_name"], "admin");
}
