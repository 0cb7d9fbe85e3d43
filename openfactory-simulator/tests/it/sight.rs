//! What a user may not read is not told by any other door either: dot-walks, aggregates, words, the page.

use openfactory_simulator::profile::POINT_USERS;
use openfactory_simulator::{Profile, User};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, path_of, result, started};
use crate::switches::both;

const SECRET: &str = "orchid";

/// A locked-down instance: a change about an item that the user of the changes may not read, an incident whose caller
/// that user is, and three rules by which the change's description, its notes and people's e-mails are hidden.
async fn hardened() -> (Instance, Value, Value) {
    let point = POINT_USERS[0];
    let it = started(builder().profile(Profile::Hardened).user(User::new(point, "pw"))).await;
    let item = it.create("cmdb_ci_linux_server", json!({ "name": SECRET, "ip_address": "10.9.8.7" })).await;
    let user = it.get(&format!("/api/now/table/sys_user?user_name={point}")).await[0].clone();
    it.create("incident", json!({ "caller_id": id(&user), "short_description": SECRET })).await;
    let change = json!({ "cmdb_ci": id(&item), "short_description": SECRET, "requested_by": id(&user) });
    let change = it.create("change_request", change).await;
    it.patch("ada", "change_request", &change, json!({ "work_notes": format!("note of {SECRET}") })).await;
    for field in ["change_request.short_description", "change_request.work_notes"] {
        let rule = json!({ "name": field, "operation": "read", "roles": "admin" });
        let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
        assert_eq!(made.status(), 201);
    }
    (it, change, user)
}

async fn asked(it: &Instance, path: &str) -> (u16, Value) {
    let answer = it.request(POINT_USERS[0], Method::GET, path).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, if status == 200 { result(answer).await } else { Value::Null })
}

#[tokio::test]
async fn a_dot_leads_only_to_rows_that_may_be_read() {
    let (it, change, _) = hardened().await;
    let item = change["cmdb_ci"]["value"].as_str().unwrap();
    assert_eq!(asked(&it, &format!("/api/now/table/cmdb_ci/{item}")).await.0, 404);
    let fields = "sysparm_fields=number,cmdb_ci.name,cmdb_ci.ip_address,cmdb_ci,requested_by.user_name";
    let path = path_of("change_request", &change);
    for display in ["false", "true", "all"] {
        let (_, row) = asked(&it, &format!("{path}?{fields}&sysparm_display_value={display}")).await;
        assert!(row.get("cmdb_ci.name").is_none() && row.get("cmdb_ci.ip_address").is_none(), "{row}");
        // The reference itself is the change's own, and people may be read.
        assert!(row.get("cmdb_ci").is_some() && row.get("requested_by.user_name").is_some(), "{row}");
    }
    let table = "/api/now/table/change_request";
    for query in ["cmdb_ci.nameLIKEorch", "cmdb_ci.ip_address=10.9.8.7", "ORDERBYcmdb_ci.name"] {
        assert_eq!(asked(&it, &format!("{table}?sysparm_query={query}")).await.0, 403, "{query}");
    }
    let related = "RLQUERYcmdb_rel_ci.parent,>=1^ENDRLQUERY";
    assert_eq!(asked(&it, &format!("{table}?sysparm_query={related}")).await.0, 403);
    // Nor does what another field is compared with, or joined by.
    for query in [
        "descriptionSAMEAScmdb_ci.name",
        "start_dateMORETHANcmdb_ci.sys_created_on@hour@after@3",
        "JOINchange_request.cmdb_ci.name=sys_user.name!active=true",
    ] {
        assert_eq!(asked(&it, &format!("{table}?sysparm_query={query}")).await.0, 403, "{query}");
    }
    assert_eq!(asked(&it, &format!("{table}?sysparm_query=requested_by.user_name=x")).await.0, 200);
    // A reference to tasks leads to changes too.
    let approvals = "/api/now/table/sysapproval_approver?sysparm_query=sysapproval.number=x";
    assert_eq!(asked(&it, approvals).await, (200, json!([])));
    // Who may read items walks there.
    let row = it.get(&format!("{path}?{fields}")).await;
    assert_eq!((&row["cmdb_ci.name"], &row["cmdb_ci.ip_address"]), (&json!(SECRET), &json!("10.9.8.7")));
}

#[tokio::test]
async fn aggregates_tell_nothing_of_hidden_values() {
    let (it, ..) = hardened().await;
    let stats = async |table: &str, rest: &str| {
        asked(&it, &format!("/api/now/stats/{table}?sysparm_count=true&{rest}")).await.0
    };
    for rest in [
        "sysparm_group_by=short_description",
        "sysparm_group_by=state,short_description",
        "sysparm_max_fields=short_description",
        "sysparm_min_fields=state,short_description",
        "sysparm_group_by=state&sysparm_having=max^short_description^%3E^3",
        "sysparm_group_by=state&sysparm_order_by=MAX^short_description^DESC",
        "sysparm_group_by=cmdb_ci.name",
        "sysparm_max_fields=cmdb_ci.ip_address",
    ] {
        assert_eq!(stats("change_request", rest).await, 403, "{rest}");
    }
    assert_eq!(stats("sys_user", "sysparm_group_by=email").await, 403);
    for rest in [
        "sysparm_group_by=state&sysparm_order_by=COUNT^DESC",
        "sysparm_max_fields=sys_created_on",
        "sysparm_group_by=requested_by.user_name",
    ] {
        assert_eq!(stats("change_request", rest).await, 200, "{rest}");
    }
    // Whoever may read them is told.
    let path = "/api/now/stats/change_request?sysparm_max_fields=short_description";
    let told = it.request("admin", Method::GET, path).send().await.unwrap();
    assert_eq!(result(told).await["stats"]["max"]["short_description"], SECRET);
}

#[tokio::test]
async fn rows_that_may_not_be_read_are_in_no_aggregate() {
    let (it, ..) = hardened().await;
    let rule = json!({ "name": "change_task", "operation": "read", "roles": "itil,x_openfactory.change",
        "condition": format!("description!={SECRET}") });
    let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
    assert_eq!(made.status(), 201);
    let rules =
        it.simulator.store().query("sys_security_acl", "name=change_task^operation=read^conditionISEMPTY");
    for row in rules.unwrap() {
        let path = format!("/api/now/table/sys_security_acl/{}", row.sys_id());
        it.send("admin", Method::DELETE, &path, json!({})).await;
    }
    for description in ["open", SECRET] {
        let body = json!({ "description": description });
        let made = it.send("admin", Method::POST, "/api/now/table/change_task", body).await;
        assert_eq!(made.status(), 201);
    }
    for rest in
        ["sysparm_group_by=description", "sysparm_min_fields=description&sysparm_max_fields=description"]
    {
        let (status, told) = asked(&it, &format!("/api/now/stats/change_task?{rest}")).await;
        let told = told.to_string();
        assert!(status == 200 && told.contains("open") && !told.contains(SECRET), "{status} {told}");
    }
}

#[tokio::test]
async fn words_are_not_looked_for_in_hidden_fields() {
    let (it, change, _) = hardened().await;
    let path = format!("/api/now/table/change_request?sysparm_query=123TEXTQUERY321={SECRET}");
    assert_eq!(asked(&it, &path).await, (200, json!([])));
    let found = it.request("admin", Method::GET, &path).send().await.unwrap();
    assert_eq!(result(found).await[0]["sys_id"], id(&change));
    let number = change["number"].as_str().unwrap();
    let own = path.replace(SECRET, number);
    assert_eq!(asked(&it, &own).await.1[0]["sys_id"], id(&change));
    // Nor in those of a table below the one that is asked about.
    let above = path.replace("change_request", "task");
    let (status, rows) = asked(&it, &above).await;
    assert!(status == 403 || rows == json!([]), "{status} {rows}");
}

#[tokio::test]
async fn the_page_shows_no_more_than_the_tables_do() {
    let (it, change, user) = hardened().await;
    let page = async |who: &str, table: &str, row: &Value| {
        let path = format!("/page/record/{table}/{}", id(row));
        let answer = it.request(who, Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{who} {path}");
        answer.text().await.unwrap()
    };
    for (table, row) in [("sys_user", &user), ("change_request", &change)] {
        let seen = page(POINT_USERS[0], table, row).await;
        assert!(!seen.contains("note of") && !seen.contains("Incident \u{b7} Caller"), "{table}");
        // The item's name stands for it where the change refers to it; nothing else says the word.
        let said = seen.matches(SECRET).count();
        assert_eq!(said, usize::from(table == "change_request"), "{table}");
        let all = page("admin", table, row).await;
        assert!(all.matches(SECRET).count() > said + 1, "{table}");
    }
    assert!(page("admin", "change_request", &change).await.contains("note of"));
    assert!(page("admin", "sys_user", &user).await.contains("Incident \u{b7} Caller"));
}

/// A change whose parent is an incident, which the user of the changes may not read.
async fn below_an_incident() -> (Instance, Value) {
    let (it, change, _) = hardened().await;
    let incident = it.create("incident", json!({ "short_description": SECRET, "impact": "1" })).await;
    it.patch("admin", "change_request", &change, json!({ "parent": id(&incident) })).await;
    assert_eq!(asked(&it, &path_of("incident", &incident)).await.0, 404);
    (it, change)
}

#[tokio::test]
async fn nothing_behind_a_dot_is_told_of_a_row_that_may_not_be_read() {
    let (it, change) = below_an_incident().await;
    let only = format!("sysparm_query=sys_id={}", id(&change));
    let path = format!("/api/now/stats/change_request?{only}");
    for rest in [
        "sysparm_max_fields=parent.number,parent.short_description",
        "sysparm_group_by=parent.number,parent.priority",
        "sysparm_sum_fields=parent.impact&sysparm_avg_fields=parent.impact",
        "sysparm_group_by=state&sysparm_having=max^parent.impact^%3E^0",
    ] {
        let (status, told) = asked(&it, &format!("{path}&{rest}")).await;
        let told = told.to_string();
        assert_eq!(status, 200, "{rest}");
        assert!(!told.contains("INC") && !told.contains(SECRET) && !told.contains("\"1\""), "{rest} {told}");
        let all = it.request("admin", Method::GET, &format!("{path}&{rest}")).send().await.unwrap();
        assert_ne!(result(all).await.to_string(), told, "{rest}");
    }
    // By no question can it be guessed either, and no row that may not be read is counted.
    let (_, user) = asked(&it, &format!("/api/now/table/sys_user?user_name={}", POINT_USERS[0])).await;
    let user = id(&user[0]);
    for (table, query) in [
        ("change_request", "parent.numberSTARTSWITHINC".to_owned()),
        ("change_request", "parent.impact=1".to_owned()),
        ("change_request", format!("parent.caller_id={user}^ORparent.numberISNOTEMPTY")),
        ("sys_user", "JOINsys_user.sys_id=task.opened_by!numberSTARTSWITHINC".to_owned()),
        ("sys_user", "RLQUERYtask.opened_by,>=1^numberSTARTSWITHINC^ENDRLQUERY".to_owned()),
    ] {
        let path = format!("/api/now/table/{table}?sysparm_query={query}");
        assert_eq!(asked(&it, &path).await, (200, json!([])), "{query}");
        let all = it.request("admin", Method::GET, &path).send().await.unwrap();
        assert!(!result(all).await.as_array().unwrap().is_empty(), "{query}");
    }
    // The page's box for a query goes the same way.
    let page = format!("/page/table/change_request?query=parent.numberSTARTSWITHINC^sys_id={}", id(&change));
    for (who, found) in [(POINT_USERS[0], false), ("admin", true)] {
        let seen = it.request(who, Method::GET, &page).send().await.unwrap().text().await.unwrap();
        assert_eq!(seen.contains(change["number"].as_str().unwrap()), found, "{who}");
    }
}

#[tokio::test]
async fn what_hides_a_field_of_a_class_hides_it_in_the_table_above() {
    let (it, change, _) = hardened().await;
    let rule = json!({ "name": "task", "operation": "read", "roles": "itil,x_openfactory.change" });
    let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
    assert_eq!(made.status(), 201);
    let only = format!("sysparm_query=sys_id={}", id(&change));
    let (status, told) =
        asked(&it, &format!("/api/now/stats/task?{only}&sysparm_max_fields=short_description,number")).await;
    assert_eq!((status, &told["stats"]["max"]["short_description"]), (200, &json!("")));
    assert_eq!(told["stats"]["max"]["number"], change["number"]);
    let path = format!("/api/now/table/task?{only}^short_description={SECRET}");
    assert_eq!(asked(&it, &path).await, (200, json!([])));
    // To be asked about by its value is not to be told, and a rule about ranges counts there too.
    let rule = async |operation: &str, roles: &str| {
        let rule =
            json!({ "name": "change_request.short_description", "operation": operation, "roles": roles });
        let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
        assert_eq!(made.status(), 201);
    };
    rule("query_match", "x_openfactory.change").await;
    assert_eq!(asked(&it, &path).await.1.as_array().unwrap().len(), 1);
    for stats in ["sysparm_max_fields=short_description", "sysparm_group_by=short_description"] {
        let (status, told) = asked(&it, &format!("/api/now/stats/task?{only}&{stats}")).await;
        assert!(status == 200 && !told.to_string().contains(SECRET), "{stats} {told}");
    }
    rule("query_range", "admin").await;
    let guarded = it.simulator.store().query("sys_security_acl", "name=task.short_description").unwrap();
    for row in guarded {
        let path = format!("/api/now/table/sys_security_acl/{}", row.sys_id());
        it.send("admin", Method::DELETE, &path, json!({})).await;
    }
    let path = format!("/api/now/table/task?{only}^short_descriptionLIKEorch");
    assert_eq!(asked(&it, &path).await, (200, json!([])));
}

#[tokio::test]
async fn no_condition_counts_rows_that_may_not_be_read() {
    let (it, change, _) = hardened().await;
    let incident = json!({ "correlation_id": SECRET, "short_description": SECRET });
    it.create("incident", incident).await;
    let count = async |query: &str| {
        let answer = it.request(POINT_USERS[0], Method::GET, &format!("/api/now/table/{query}")).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "{query}");
        answer.headers()["x-total-count"].to_str().unwrap().to_owned()
    };
    for table in ["incident", "task"] {
        for query in ["correlation_idSTARTSWITHorch", "correlation_id=orchid^ORDERBYnumber"] {
            assert_eq!(count(&format!("{table}?sysparm_query={query}")).await, "0", "{table} {query}");
        }
        assert_eq!(count(&format!("{table}?correlation_id={SECRET}")).await, "0");
        assert_eq!(count(&format!("{table}?sysparm_query=123TEXTQUERY321={SECRET}")).await, "0");
    }
    // Words are found in what one may read, though one may not ask about it otherwise.
    it.patch("admin", "change_request", &change, json!({ "description": "saxifrage" })).await;
    assert_eq!(count("change_request?sysparm_query=123TEXTQUERY321=saxifrage").await, "1");
    // The bare list counts blindly, and one's own rows are counted.
    assert_eq!(count("incident?sysparm_query=ORDERBYnumber").await, "2");
    assert_eq!(
        count(&format!("task?sysparm_query=number={}", change["number"].as_str().unwrap())).await,
        "1"
    );
    // No property is guessed by comparing it.
    let property = json!({ "name": "acme.key", "value": "200" });
    let made = it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
    assert_eq!(made.status(), 201);
    it.patch("ada", "change_request", &change, json!({ "correlation_id": "200" })).await;
    let query = "change_request?sysparm_query=correlation_id=javascript:gs.getProperty('acme.key')";
    assert_eq!(count(query).await, "0");
}

#[tokio::test]
async fn the_point_of_changes_relates_no_items_to_incidents() {
    let (it, change, _) = hardened().await;
    let incident = it.create("incident", json!({})).await;
    let item = change["cmdb_ci"]["value"].clone();
    let row = it.create("task_ci", json!({ "task": id(&incident), "ci_item": item })).await;
    assert_eq!(asked(&it, &path_of("task_ci", &row)).await.0, 404);
    let made = json!({ "task": id(&incident), "ci_item": item });
    assert_eq!(it.send(POINT_USERS[0], Method::POST, "/api/now/table/task_ci", made).await.status(), 403);
    let made = json!({ "task": id(&change), "ci_item": item });
    let made = it.send(POINT_USERS[0], Method::POST, "/api/now/table/task_ci", made).await;
    assert_eq!(made.status(), 201);
    let row = path_of("task_ci", &result(made).await);
    let moved = json!({ "task": id(&incident) });
    assert_eq!(it.send(POINT_USERS[0], Method::PATCH, &row, moved).await.status(), 403);
    assert_eq!(it.simulator.store().records("task_ci").unwrap().len(), 2);
}

#[tokio::test]
async fn what_stands_for_a_hidden_row_is_told_where_another_refers_to_it_or_not() {
    let mut told = Vec::new();
    for it in both(|switches| switches.references_name_hidden_rows = false).await {
        let incident = it.create("incident", json!({})).await;
        let change = it.create("change_request", json!({ "parent": id(&incident) })).await;
        for (name, roles) in [("incident", "admin"), ("sys_user.name", "admin")] {
            let rule = json!({ "name": name, "operation": "read", "roles": roles });
            let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
            assert_eq!(made.status(), 201);
        }
        let path = path_of("change_request", &change);
        let shown = it.get(&format!("{path}?sysparm_display_value=all")).await;
        assert_eq!(shown["parent"]["value"], incident["sys_id"]);
        let typed = it.get(&format!("/api/sn_chg_rest/change/{}", id(&change))).await;
        assert_eq!(typed["parent"]["display_value"], shown["parent"]["display_value"]);
        let found = it.get("/api/now/table/change_request?sysparm_query=parentSTARTSWITHINC").await;
        let groups = "/api/now/stats/change_request?sysparm_group_by=parent&sysparm_display_value=true";
        let group = it.get(groups).await[0]["groupby_fields"][0]["value"].clone();
        assert_eq!(group, shown["parent"]["display_value"]);
        let page = format!("/page/record/change_request/{}", id(&change));
        let page = it.request("ada", Method::GET, &page).send().await.unwrap().text().await.unwrap();
        let number = incident["number"].as_str().unwrap();
        told.push((
            shown["parent"]["display_value"] == number,
            shown["opened_by"]["display_value"] == "ada",
            found.as_array().unwrap().len(),
            page.contains(number),
        ));
    }
    assert_eq!(told, [(true, true, 1, true), (false, false, 0, false)]);
}
