//! A record and its parts are as open by one API as by another.

use openfactory_simulator::profile::POINT_USERS;
use openfactory_simulator::{Profile, User};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, instance, result, started};

async fn status(it: &Instance, user: &str, method: Method, path: &str) -> u16 {
    it.request(user, method, path).send().await.unwrap().status().as_u16()
}

async fn rule(it: &Instance, name: &str, operation: &str, roles: &str, condition: &str) {
    let rule = json!({ "name": name, "operation": operation, "roles": roles, "condition": condition });
    let made = it.send("admin", Method::POST, "/api/now/table/sys_security_acl", rule).await;
    assert_eq!(made.status(), 201);
}

/// Attaches a file to a record, and gives the attachment's `sys_id`.
async fn attached(it: &Instance, table: &str, record: &Value, name: &str) -> String {
    let path =
        format!("/api/now/attachment/file?table_name={table}&table_sys_id={}&file_name={name}", id(record));
    let sent = it.request("admin", Method::POST, &path).header("content-type", "text/plain").body("x");
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    id(&result(answer).await).to_owned()
}

#[tokio::test]
async fn an_attachment_is_as_open_as_its_record_by_every_door() {
    let points = POINT_USERS.map(|point| User::new(point, "pw"));
    let it = started(points.into_iter().fold(builder().profile(Profile::Hardened), |it, user| it.user(user)));
    let it = it.await;
    let incident = it.create("incident", json!({})).await;
    let file = attached(&it, "incident", &incident, "orchid.txt").await;
    let doors = [
        "/api/now/attachment".to_owned(),
        "/api/now/table/sys_attachment".to_owned(),
        "/api/now/stats/sys_attachment?sysparm_group_by=file_name".to_owned(),
        "/api/now/stats/sys_attachment?sysparm_max_fields=file_name".to_owned(),
        "/page/table/sys_attachment".to_owned(),
    ];
    for (user, open) in POINT_USERS.into_iter().zip([false, false, false, true]) {
        for door in &doors {
            let answer = it.request(user, Method::GET, door).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{user} {door}");
            assert_eq!(answer.text().await.unwrap().contains("orchid"), open, "{user} {door}");
        }
        for door in ["/api/now/attachment", "/api/now/table/sys_attachment", "/page/record/sys_attachment"] {
            let expected = if open { 200 } else { 404 };
            assert_eq!(
                status(&it, user, Method::GET, &format!("{door}/{file}")).await,
                expected,
                "{user} {door}"
            );
        }
        // Its name can't be guessed letter by letter.
        let guess = "/api/now/table/sys_attachment?sysparm_query=file_nameSTARTSWITHorch";
        assert_eq!(status(&it, user, Method::GET, guess).await, 403, "{user}");
    }
}

#[tokio::test]
async fn attachments_that_hang_on_each_other_are_no_circle() {
    let it = instance().await;
    let incident = it.create("incident", json!({})).await;
    let one = attached(&it, "incident", &incident, "one.txt").await;
    let two = attached(&it, "incident", &incident, "two.txt").await;
    for (file, on) in [(&one, &two), (&two, &one)] {
        let path = format!("/api/now/table/sys_attachment/{file}");
        let moved = json!({ "table_name": "sys_attachment", "table_sys_id": on });
        assert_eq!(it.send("admin", Method::PATCH, &path, moved).await.status(), 200);
    }
    for file in [&one, &two] {
        assert_eq!(status(&it, "ada", Method::GET, &format!("/api/now/attachment/{file}")).await, 404);
        assert_eq!(status(&it, "admin", Method::GET, &format!("/api/now/attachment/{file}")).await, 200);
    }
    // One that hangs on another is as open as the record at the end.
    let three = attached(&it, "incident", &incident, "three.txt").await;
    let four = attached(&it, "incident", &incident, "four.txt").await;
    let moved = json!({ "table_name": "sys_attachment", "table_sys_id": three });
    it.send("admin", Method::PATCH, &format!("/api/now/table/sys_attachment/{four}"), moved).await;
    let path = format!("/api/now/attachment/{four}/file");
    assert_eq!(status(&it, "ada", Method::GET, &path).await, 200);
    rule(&it, "incident", "read", "admin", "").await;
    assert_eq!(status(&it, "ada", Method::GET, &path).await, 404);
}

#[tokio::test]
async fn hidden_fields_of_an_attachment_are_in_no_metadata() {
    let it = instance().await;
    let incident = it.create("incident", json!({})).await;
    let file = attached(&it, "incident", &incident, "orchid.txt").await;
    rule(&it, "sys_attachment.file_name", "read", "admin", "").await;
    rule(&it, "sys_attachment.sys_created_by", "read", "admin", "").await;
    let path = format!("/api/now/attachment/{file}");
    let told = it.get(&path).await;
    assert!(told.get("file_name").is_none() && told.get("created_by_name").is_none(), "{told}");
    assert_eq!(told["updated_by_name"], "System Administrator");
    assert!(!it.get("/api/now/attachment").await.to_string().contains("orchid"));
    let answer = it.request("ada", Method::GET, &format!("{path}/file")).send().await.unwrap();
    assert!(!answer.headers()["x-attachment-metadata"].to_str().unwrap().contains("orchid"));
    let all = it.request("admin", Method::GET, &path).send().await.unwrap();
    assert_eq!(result(all).await["created_by_name"], "System Administrator");
}

#[tokio::test]
async fn the_cmdb_instance_api_asks_what_the_table_api_asks() {
    let it = instance().await;
    let server = |name: &str| it.create("cmdb_ci_server", json!({ "name": name, "ip_address": "10.9.9.9" }));
    let (hidden, open) = (server("orchid").await, server("rose").await);
    let kind = it.get("/api/now/table/cmdb_rel_type?name=Runs%20on::Runs").await;
    let ends = json!({ "parent": id(&open), "child": id(&hidden), "type": id(&kind[0]) });
    let relation = it.create("cmdb_rel_ci", ends).await;
    let at = |row: &Value| format!("/api/now/cmdb/instance/cmdb_ci_server/{}", id(row));
    let related = json!({ "source": "ServiceNow", "outbound_relations": [{ "target": id(&hidden), "type": id(&kind[0]) }] });

    rule(&it, "cmdb_ci_server", "read", "itil", "name!=orchid").await;
    rule(&it, "cmdb_rel_ci", "delete", "admin", "").await;
    rule(&it, "cmdb_ci.ip_address", "read", "admin", "").await;
    assert_eq!(status(&it, "ada", Method::GET, &at(&hidden)).await, 404);
    let none = json!({ "source": "ServiceNow" });
    let post = format!("{}/relation", at(&hidden));
    assert_eq!(it.send("ada", Method::POST, &post, none).await.status(), 404);
    // Nor is a relation made to what may not be read.
    let post = format!("{}/relation", at(&open));
    assert_eq!(it.send("ada", Method::POST, &post, related).await.status(), 400);
    // Whatever is found that may not be read is not told, nor changed.
    let again =
        json!({ "source": "ServiceNow", "attributes": { "name": "orchid", "ip_address": "10.1.1.1" } });
    let class = "/api/now/cmdb/instance/cmdb_ci_server";
    assert_eq!(it.send("ada", Method::POST, class, again).await.status(), 404);
    let kept = it.simulator.store().query("cmdb_ci_server", "name=orchid").unwrap();
    assert_eq!(kept[0].value("ip_address"), "10.9.9.9");
    // Fields that the caller may not write are dropped, of a new item as of one that is there.
    for operation in ["create", "write"] {
        rule(&it, "cmdb_ci.dns_domain", operation, "admin", "").await;
    }
    for name in ["rose", "lily"] {
        let sent = json!({ "source": "ServiceNow", "attributes": { "name": name, "dns_domain": "x", "asset_tag": "y" } });
        assert_eq!(it.send("ada", Method::POST, class, sent).await.status(), 200, "{name}");
        let kept = it.simulator.store().query("cmdb_ci_server", &format!("name={name}")).unwrap();
        assert_eq!((kept[0].value("dns_domain"), kept[0].value("asset_tag")), ("", "y"), "{name}");
    }
    let delete = format!("{post}/{}", id(&relation));
    assert_eq!(status(&it, "ada", Method::DELETE, &delete).await, 403);
    let told = it.get(&at(&open)).await;
    assert!(told["attributes"].get("ip_address").is_none(), "{told}");
    assert_eq!(told["outbound_relations"][0]["sys_id"], relation["sys_id"]);

    rule(&it, "cmdb_rel_ci", "read", "admin", "").await;
    rule(&it, "cmdb_ci.name", "read", "admin", "").await;
    assert_eq!(it.get(&at(&open)).await["outbound_relations"], json!([]));
    assert_eq!(status(&it, "admin", Method::DELETE, &delete).await, 200);
    let list = it.get("/api/now/cmdb/instance/cmdb_ci_server").await;
    assert_eq!(list[0], json!({ "sys_id": open["sys_id"] }));
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_task_of_a_change_is_as_open_by_the_change_api_as_by_the_table_api() {
    let it = instance().await;
    let change = it.create("change_request", json!({})).await;
    let task =
        it.create("change_task", json!({ "change_request": id(&change), "description": "orchid" })).await;
    let door = format!("/api/sn_chg_rest/change/{}/task/{}", id(&change), id(&task));
    let table = format!("/api/now/table/change_task/{}", id(&task));
    // Whoever works on changes deletes none of their tasks; a change manager may, by either door.
    for path in [&door, &table] {
        assert_eq!(status(&it, "ada", Method::DELETE, path).await, 403, "{path}");
    }
    rule(&it, "change_task", "read", "change_manager", "").await;
    for path in [&door, &table] {
        for method in [Method::GET, Method::PATCH] {
            let answer = it.send("ada", method.clone(), path, json!({ "description": "rose" })).await;
            assert_eq!(answer.status(), 404, "{method} {path}");
        }
        assert_eq!(status(&it, "change.manager", Method::GET, path).await, 200, "{path}");
    }
    rule(&it, "change_task", "delete", "admin", "number=none").await;
    assert_eq!(status(&it, "change.manager", Method::DELETE, &door).await, 204);
    let other = it.create("change_task", json!({ "change_request": id(&change) })).await;
    let table = format!("/api/now/table/change_task/{}", id(&other));
    assert_eq!(status(&it, "change.manager", Method::DELETE, &table).await, 204);
}

#[tokio::test]
async fn identification_writes_look_up_rows_where_its_rule_looks_and_nowhere_else() {
    let it = instance().await;
    let sent = |lookup: Value| {
        let values = json!({ "name": "edge-1", "serial_number": "S1" });
        let item = json!({ "className": "cmdb_ci_linux_server", "values": values, "lookup": [lookup] });
        json!({ "items": [item] })
    };
    let path = "/api/now/identifyreconcile?sysparm_data_source=ServiceNow";
    let by = async |lookup: Value| {
        let answer = it.send("openfactory.integration", Method::POST, path, sent(lookup)).await;
        assert_eq!(answer.status(), 200);
        result(answer).await["items"][0].clone()
    };
    for table in ["incident", "change_request", "task_ci"] {
        let told = by(json!({ "className": table, "values": { "short_description": "orchid" } })).await;
        assert_eq!(told["errors"][0]["error"], "INVALID_INPUT_DATA", "{table} {told}");
    }
    assert!(it.simulator.store().query("task", "short_description=orchid").unwrap().is_empty());
    let serial = json!({ "serial_number": "S1", "serial_number_type": "system" });
    let told = by(json!({ "className": "cmdb_serial_number", "values": serial })).await;
    assert_eq!(told["errorCount"], 0, "{told}");
    assert_eq!(it.simulator.store().query("cmdb_serial_number", "serial_number=S1").unwrap().len(), 1);
}
