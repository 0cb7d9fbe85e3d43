//! What a user may do by role.

use openfactory_simulator::User;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, instance, path_of, refusal, result};

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

/// Makes a rule as an administrator would.
async fn rule(it: &Instance, name: &str, operation: &str, roles: &str, condition: &str) -> Value {
    let body = json!({ "name": name, "operation": operation, "roles": roles, "condition": condition });
    let answer = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", body).await;
    assert_eq!(answer.status(), 201);
    result(answer).await
}

#[tokio::test]
async fn rows_that_a_rule_hides_are_missing_under_the_full_count() {
    let it = instance().await;
    let open = it.create("incident", json!({ "urgency": 3 })).await;
    let secret = it.create("incident", json!({ "urgency": 1 })).await;
    let made = rule(&it, "incident", "read", "itil", "urgency!=1").await;
    let answer = it.request("ada", Method::GET, "/api/now/table/incident").send().await.unwrap();
    assert_eq!(answer.headers()["x-total-count"], "2");
    assert_eq!(column(&result(answer).await, "number"), [open["number"].as_str().unwrap()]);
    // A short page is not the last one: the limit comes first.
    let page = "/api/now/table/incident?sysparm_limit=1&sysparm_query=ORDERBYDESCnumber";
    let answer = it.request("ada", Method::GET, page).send().await.unwrap();
    assert!(answer.headers()["link"].to_str().unwrap().contains("rel=\"next\""));
    assert_eq!(result(answer).await, json!([]));
    // The same by way of the parent table, of another API, and of the record itself.
    assert_eq!(it.get("/api/now/table/task?active=true").await.as_array().unwrap().len(), 1);
    for method in [Method::GET, Method::PATCH] {
        let refused = it.refused("ada", method, &path_of("incident", &secret), json!({})).await;
        assert_eq!((refused.0, refused.1.as_str()), (404, "No Record found"));
        assert_eq!(refused.2, "Record doesn't exist or ACL restricts the record retrieval");
    }
    let admin = it.request("admin", Method::GET, &path_of("incident", &secret)).send().await.unwrap();
    assert_eq!(admin.status(), 200);
    // A rule counts as soon as it stands, and no longer than it does.
    it.request("admin", Method::DELETE, &path_of("sys_security_acl", &made)).send().await.unwrap();
    assert_eq!(it.get("/api/now/table/incident").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn rows_are_written_made_and_deleted_as_their_conditions_let() {
    let it = instance().await;
    rule(&it, "cmdb_ci", "write", "itil", "asset_tagISEMPTY").await;
    rule(&it, "cmdb_ci", "create", "itil", "asset_tagISEMPTY").await;
    rule(&it, "cmdb_ci", "delete", "itil", "asset_tag=gone").await;
    let free = it.create("cmdb_ci_server", json!({ "name": "a" })).await;
    it.patch("ada", "cmdb_ci_server", &free, json!({ "asset_tag": "t1" })).await;
    let (status, message, detail) =
        it.refused_patch("ada", "cmdb_ci_server", &free, json!({ "name": "b" })).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"));
    assert_eq!(detail, "ACL Exception Update Failed due to security constraints");
    assert_eq!(it.refused("ada", Method::DELETE, &path_of("cmdb_ci", &free), json!({})).await.0, 403);
    let path = "/api/now/table/cmdb_ci_server";
    let refused = it.refused("ada", Method::POST, path, json!({ "name": "c", "asset_tag": "t2" })).await;
    assert_eq!(refused.2, "ACL Exception Insert Failed due to security constraints");
    assert_eq!(it.get(&format!("{path}?name=c")).await, json!([]));
    it.patch("admin", "cmdb_ci_server", &free, json!({ "asset_tag": "gone" })).await;
    let deleted = it.request("ada", Method::DELETE, &path_of("cmdb_ci", &free)).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    // A condition that can't be read lets nobody in.
    rule(&it, "problem", "read", "itil", "bogus=1").await;
    it.create("problem", json!({})).await;
    assert_eq!(it.get("/api/now/table/problem").await, json!([]));
}

#[tokio::test]
async fn fields_that_a_rule_hides_are_left_out_and_their_writes_are_dropped() {
    let it = instance().await;
    let made = it.create("incident", json!({ "description": "s", "short_description": "o" })).await;
    rule(&it, "incident.description", "read", "admin", "").await;
    rule(&it, "task.correlation_id", "write", "admin", "").await;
    rule(&it, "task.correlation_id", "create", "admin", "").await;
    rule(&it, "sys_user.email", "read", "admin", "").await;
    let path = path_of("incident", &made);
    for query in ["", "?sysparm_display_value=all", "?sysparm_fields=number,description"] {
        let shown = it.get(&format!("{path}{query}")).await;
        assert!(shown.get("number").is_some() && shown.get("description").is_none(), "{shown}");
    }
    let walked = it.get(&format!("{path}?sysparm_fields=opened_by.email,opened_by.user_name")).await;
    assert_eq!(walked, json!({ "opened_by.user_name": "ada" }));
    // What may not be written is dropped; the rest of the write is done.
    let body = json!({ "correlation_id": "x", "short_description": "p" });
    let patched = it.patch("ada", "incident", &made, body).await;
    assert_eq!((&patched["correlation_id"], &patched["short_description"]), (&json!(""), &json!("p")));
    assert_eq!(it.create("incident", json!({ "correlation_id": "x" })).await["correlation_id"], "");
    let patched = it.patch("admin", "incident", &made, json!({ "correlation_id": "x" })).await;
    assert_eq!((&patched["correlation_id"], &patched["description"]), (&json!("x"), &json!("s")));
    // A rule for all fields gives way to one that names the field.
    rule(&it, "problem.*", "write", "admin", "").await;
    rule(&it, "problem.description", "write", "itil", "").await;
    let problem = it.create("problem", json!({})).await;
    let body = json!({ "description": "d", "impact": 1 });
    let patched = it.patch("ada", "problem", &problem, body).await;
    assert_eq!((&patched["description"], &patched["impact"]), (&json!("d"), &json!("3")));
}

#[tokio::test]
async fn asking_about_a_field_takes_the_right_to_read_it_or_to_ask() {
    let it = instance().await;
    it.create("incident", json!({ "description": "s" })).await;
    rule(&it, "incident.description", "read", "admin", "").await;
    rule(&it, "incident.sys_updated_on", "query_range", "admin", "").await;
    rule(&it, "incident.description", "query_match", "itil", "").await;
    let list = |query: &str| format!("/api/now/table/incident?sysparm_query={query}");
    for refused in [
        "descriptionLIKEs",
        "active=true^ORdescriptionSTARTSWITHs",
        "ORDERBYdescription",
        "ORDERBYsys_updated_on",
        "sys_updated_on>=2020-01-01 00:00:00",
        "parent_incident.descriptionLIKEs",
    ] {
        let (status, message, detail) = it.refused("ada", Method::GET, &list(refused), json!({})).await;
        assert_eq!((status, message.as_str()), (403, "Insufficient rights to query records"), "{refused}");
        assert_eq!(detail, "Field(s) present in the query do not have permission to be read");
        let admin = it.request("admin", Method::GET, &list(refused)).send().await.unwrap();
        assert_eq!(admin.status(), 200, "{refused}");
    }
    // Equality has a rule of its own, which lets it.
    for granted in ["description=s", "descriptionISNOTEMPTY", "sys_updated_onISNOTEMPTY"] {
        assert_eq!(it.get(&list(granted)).await.as_array().unwrap().len(), 1, "{granted}");
    }
    let stats = "/api/now/stats/incident?sysparm_count=true&sysparm_query=descriptionLIKEs";
    assert_eq!(it.refused("ada", Method::GET, stats, json!({})).await.0, 403);
    let related = "/api/now/table/sys_user?sysparm_query=\
                   RLQUERYincident.opened_by,>=1^descriptionLIKEs^ENDRLQUERY";
    assert_eq!(it.refused("ada", Method::GET, related, json!({})).await.0, 403);
}

#[tokio::test]
async fn some_platform_tables_say_that_they_are_closed() {
    let it = instance().await;
    for table in ["sys_security_acl", "sys_properties"] {
        let path = format!("/api/now/table/{table}");
        let (status, message, _) = it.refused("nobody", Method::GET, &path, json!({})).await;
        assert_eq!((status, message.as_str()), (403, "Insufficient rights to query records"), "{table}");
    }
    assert_eq!(it.refused("ada", Method::GET, "/api/now/table/sys_security_acl", json!({})).await.0, 403);
}

#[tokio::test]
async fn paths_of_the_api_have_rules_of_their_own() {
    let it = instance().await;
    let body = json!({ "type": "REST_Endpoint", "name": "/api/now/import", "roles": "importer" });
    it.send("admin", Method::POST, "/api/now/table/sys_security_acl", body).await;
    let body = json!({ "type": "REST_Endpoint", "name": "/api/now/batch", "roles": "admin" });
    it.send("admin", Method::POST, "/api/now/table/sys_security_acl", body).await;
    for path in ["/api/now/import/imp_user", "/api/now/v1/batch"] {
        let (status, message, _) = it.refused("ada", Method::POST, path, json!({})).await;
        assert_eq!((status, message.as_str()), (403, "Failed API level ACL Validation"), "{path}");
        let admin =
            it.send("admin", Method::POST, path, json!({ "user_id": "u", "rest_requests": [] })).await;
        assert!(admin.status().is_success(), "{path}");
    }
    // Whoever is not known is told that; other paths stay open.
    let unknown = it.client.post(it.url("/api/now/import/imp_user")).json(&json!({})).send().await.unwrap();
    assert_eq!(unknown.status(), 401);
    it.get("/api/now/table/incident").await;
}

#[tokio::test]
async fn a_name_is_given_once() {
    let twice = builder().user(User::new("ada", "other")).start().await.unwrap_err();
    assert_eq!(twice.to_string(), "the user ada was given twice: which password would hold?");
    let client = || openfactory_simulator::OAuthClient::new("id", "secret");
    let twice = builder().client(client()).client(client()).start().await.unwrap_err();
    assert!(twice.to_string().starts_with("the client id was given twice"), "{twice}");
}
