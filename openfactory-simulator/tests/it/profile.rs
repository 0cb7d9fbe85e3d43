//! What an instance as it is delivered has not got.

use openfactory_simulator::profile::POINT_USERS;
use openfactory_simulator::switches::Switches;
use openfactory_simulator::{OAuthClient, Profile, User};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, path_of, started};

async fn stock() -> Instance {
    started(builder().profile(Profile::Stock).client(OAuthClient::new("id", "secret"))).await
}

#[tokio::test]
async fn the_guides_tables_fields_and_choices_are_unknown_to_a_stock_instance() {
    let it = stock().await;
    for table in ["cmdb_ci_os_image", "sn_grc_item"] {
        let refused = it.refused("ada", Method::POST, &format!("/api/now/table/{table}"), json!({})).await;
        assert_eq!((refused.0, refused.1), (400, format!("Invalid table {table}")));
    }
    let made = it.create("change_request", json!({ "u_build_id": "b" })).await;
    assert!(made.get("u_build_id").is_none());
    let choices = "/api/now/table/sys_choice?name=change_request&value=Operating%20System";
    let choices = it.request("admin", Method::GET, choices).send().await.unwrap();
    assert_eq!(crate::support::result(choices).await, json!([]));
    let path = path_of("change_request", &made);
    assert_eq!(it.refused("ada", Method::POST, &path, json!({ "work_notes": "x" })).await.0, 405);
    let form = [("grant_type", "client_credentials"), ("client_id", "id"), ("client_secret", "secret")];
    let answer = it.client.post(it.url("/oauth_token.do")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    // An emergency change waits for its approval.
    let emergency = it.create("change_request", json!({ "type": "emergency" })).await;
    it.patch("ada", "change_request", &emergency, json!({ "state": -3 })).await;
    assert_eq!(it.refused_patch("ada", "change_request", &emergency, json!({ "state": -2 })).await.0, 403);
}

#[tokio::test]
async fn what_the_guide_assumes_can_be_made_on_a_stock_instance() {
    let builder = builder().profile(Profile::Stock).prepared_for_the_guide();
    let it = started(builder.client(OAuthClient::new("id", "secret"))).await;
    for table in ["cmdb_ci_os_image", "sn_grc_item"] {
        it.create(table, json!({ "u_kind": "x" })).await;
    }
    let form = [("grant_type", "client_credentials"), ("client_id", "id"), ("client_secret", "secret")];
    let answer = it.client.post(it.url("/oauth_token.do")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // The rules stay those of a stock instance.
    let made = it.create("change_request", json!({ "type": "emergency", "u_build_id": "b" })).await;
    assert_eq!(made["u_build_id"], "b");
    let path = path_of("change_request", &made);
    assert_eq!(it.refused("ada", Method::POST, &path, json!({ "work_notes": "x" })).await.0, 405);
    it.patch("ada", "change_request", &made, json!({ "state": -3 })).await;
    assert_eq!(it.refused_patch("ada", "change_request", &made, json!({ "state": -2 })).await.0, 403);
}

async fn tasks(it: &Instance, change: &Value) -> Vec<Value> {
    it.get(&format!("/api/now/table/change_task?change_request={}", id(change)))
        .await
        .as_array()
        .unwrap()
        .clone()
}

async fn implementing(it: &Instance) -> Value {
    let change = it.create("change_request", json!({ "type": "standard" })).await;
    for state in [-2, -1] {
        it.patch("ada", "change_request", &change, json!({ "state": state })).await;
    }
    change
}

#[tokio::test]
async fn a_change_gets_two_tasks_and_goes_on_when_they_are_done() {
    let it = stock().await;
    let change = implementing(&it).await;
    let made = tasks(&it, &change).await;
    let texts: Vec<_> = made.iter().map(|task| task["short_description"].clone()).collect();
    assert_eq!(texts, ["Implement", "Post implementation testing"]);
    for (task, state) in made.iter().zip(["-1", "0"]) {
        it.patch("ada", "change_task", task, json!({ "state": 3 })).await;
        assert_eq!(it.get(&path_of("change_request", &change)).await["state"], state);
    }
    // Who goes on before them cancels them.
    let change = implementing(&it).await;
    it.patch("ada", "change_request", &change, json!({ "state": 0 })).await;
    let left: Vec<_> = tasks(&it, &change).await.iter().map(|task| task["state"].clone()).collect();
    assert_eq!(left, ["4", "4"]);
    let mut switches = Switches::of(Profile::Stock);
    switches.automatic_tasks = false;
    let none = started(builder().profile(Profile::Stock).switches(switches)).await;
    assert!(tasks(&none, &implementing(&none).await).await.is_empty());
}

/// A locked-down instance, on which the users of the integration points can log in.
async fn hardened() -> Instance {
    let points = POINT_USERS.into_iter().fold(builder(), |builder, name| builder.user(User::new(name, "pw")));
    started(points.profile(Profile::Hardened)).await
}

/// The status of an attempt by each of the points: change, cmdb, grc, incident.
async fn statuses(it: &Instance, method: Method, path: &str, body: Value) -> Vec<u16> {
    let mut statuses = Vec::new();
    for user in POINT_USERS {
        statuses.push(it.send(user, method.clone(), path, body.clone()).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn each_integration_point_does_its_own_calls_and_no_others() {
    let it = hardened().await;
    let tables = ["change_request", "cmdb_ci_os_image", "sn_grc_item", "incident"];
    for (own, table) in tables.into_iter().enumerate() {
        let path = format!("/api/now/table/{table}");
        let expected: Vec<u16> = (0..4).map(|at| if at == own { 201 } else { 403 }).collect();
        let body = json!({ "name": "x", "short_description": "x" });
        assert_eq!(statuses(&it, Method::POST, &path, body.clone()).await, expected, "{table}");
        // Lists of others are silently empty, under the full count.
        for (at, user) in POINT_USERS.into_iter().enumerate() {
            let answer = it.request(user, Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.headers()["x-total-count"], "1", "{table}");
            let rows = crate::support::result(answer).await;
            assert_eq!(rows.as_array().unwrap().len(), usize::from(at == own), "{table} {user}");
        }
        let made = it.simulator.store().records(table).unwrap();
        let one = format!("{path}/{}", made[0].sys_id());
        let expected: Vec<u16> = (0..4).map(|at| if at == own { 200 } else { 404 }).collect();
        assert_eq!(statuses(&it, Method::PATCH, &one, body).await, expected, "{table}");
        let file = format!(
            "/api/now/attachment/file?table_name={table}&file_name=f&table_sys_id={}",
            made[0].sys_id()
        );
        let expected: Vec<u16> = (0..4).map(|at| if at == own { 201 } else { 404 }).collect();
        assert_eq!(statuses(&it, Method::POST, &file, json!({})).await, expected, "{table}");
    }
    // Nobody among them deletes tasks, and all know people and groups.
    let path =
        format!("/api/now/table/incident/{}", it.simulator.store().records("incident").unwrap()[0].sys_id());
    assert_eq!(statuses(&it, Method::DELETE, &path, json!({})).await, [403; 4]);
    let people = "/api/now/table/sys_user?user_name=admin";
    for user in POINT_USERS {
        let answer = it.request(user, Method::GET, people).send().await.unwrap();
        let rows = crate::support::result(answer).await;
        assert!(rows[0]["name"].is_string() && rows[0].get("email").is_none(), "{rows}");
    }
}

#[tokio::test]
async fn a_locked_down_instance_closes_doors_and_questions() {
    let it = hardened().await;
    let items = json!({ "items": [{ "className": "cmdb_ci_linux_server", "values": { "name": "s" } }] });
    let ire = "/api/now/v1/identifyreconcile?sysparm_data_source=ServiceNow";
    assert_eq!(statuses(&it, Method::POST, ire, items).await, [403, 200, 403, 403]);
    let escaped = "/api/now/%69dentifyreconcile";
    let refused = it.refused("openfactory.incident", Method::POST, escaped, json!({})).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "Failed API level ACL Validation"));
    let change = "/api/sn_chg_rest/v1/change/normal";
    assert_eq!(statuses(&it, Method::POST, change, json!({})).await, [200, 403, 403, 403]);
    let import = "/api/now/import/imp_user";
    assert_eq!(statuses(&it, Method::POST, import, json!({})).await, [403; 4]);
    let batch = json!({ "rest_requests": [] });
    assert_eq!(statuses(&it, Method::POST, "/api/now/v1/batch", batch).await, [200; 4]);
    let asked = |query: &str| format!("/api/now/table/incident?sysparm_query={query}");
    let refused =
        it.refused("openfactory.incident", Method::GET, &asked("short_descriptionLIKEx"), json!({})).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "Insufficient rights to query records"));
    for query in
        ["short_description=x", "correlation_id=x", "sys_updated_on>2020-01-01 00:00:00^ORDERBYsys_id"]
    {
        let answer = it.request("openfactory.incident", Method::GET, &asked(query)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{query}");
    }
    let journal = "/api/now/table/sys_journal_field";
    assert_eq!(it.refused("openfactory.integration", Method::GET, journal, json!({})).await.0, 403);
    // The integration's own user has the roles of all points, and no other.
    for table in ["change_request", "cmdb_ci_os_image", "sn_grc_item", "incident"] {
        let path = format!("/api/now/table/{table}");
        let made = it.send("openfactory.integration", Method::POST, &path, json!({ "name": "y" })).await;
        assert_eq!(made.status(), 201, "{table}");
    }
    let problem =
        it.refused("openfactory.integration", Method::POST, "/api/now/table/problem", json!({})).await;
    assert_eq!(problem.0, 403);
    // People are not held up by it.
    it.create("problem", json!({ "short_description": "z" })).await;
    let asked = it.get("/api/now/table/problem?sysparm_query=short_descriptionLIKEz").await;
    assert_eq!(asked.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn choices_are_labels_to_whoever_is_no_administrator() {
    let all = "/api/now/table/sys_choice?sysparm_limit=1";
    let asked = "/api/now/table/sys_choice?name=incident&element=state&sysparm_fields=label,value";
    let stock = stock().await;
    let prepared = started(builder().profile(Profile::Stock).prepared_for_the_guide()).await;
    let hardened = hardened().await;
    for (it, user, known) in [
        (&stock, "ada", false),
        (&stock, "openfactory.integration", false),
        (&stock, "admin", true),
        (&prepared, "openfactory.integration", true),
        (&hardened, "ada", false),
        (&hardened, POINT_USERS[2], true),
    ] {
        let rows = it.request(user, Method::GET, all).send().await.unwrap();
        let rows = crate::support::result(rows).await;
        let names: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
        assert_eq!(names == ["label"], !known, "{user} {rows}");
        let status = it.request(user, Method::GET, asked).send().await.unwrap().status();
        assert_eq!(status, if known { 200 } else { 403 }, "{user}");
    }
}
