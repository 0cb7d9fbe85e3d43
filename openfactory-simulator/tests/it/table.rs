//! The Table API: values as they are sent, writes, pages.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{builder, column, id, instance, path_of, refusal, result, started};

#[tokio::test]
async fn every_value_is_text_and_references_are_objects() {
    let it = instance().await;
    let group = it.get("/api/now/table/sys_user_group?name=Network%20Operations").await;
    let body = json!({
        "short_description": "x", "impact": 1, "urgency": "2", "active": true,
        "assignment_group": group[0]["sys_id"], "bogus": "dropped",
    });
    let made = it.create("incident", body).await;
    assert!(made.get("bogus").is_none());
    for value in made.as_object().unwrap().values() {
        assert!(value.is_string() || value["link"].is_string(), "{value}");
    }
    assert_eq!(made["impact"], "1");
    assert_eq!(made["active"], "true");
    assert_eq!(made["sys_class_name"], "incident");
    assert_eq!(made["assigned_to"], "");
    assert_eq!(made["sys_mod_count"], "0");
    assert_eq!(made["sys_created_by"], "ada");
    let link = it.url(&format!("/api/now/table/sys_user_group/{}", id(&group[0])));
    assert_eq!(made["assignment_group"], json!({ "link": link, "value": id(&group[0]) }));

    let path = path_of("incident", &made);
    let shown = it.get(&format!("{path}?sysparm_display_value=true")).await;
    assert_eq!(shown["assignment_group"]["display_value"], "Network Operations");
    assert_eq!(shown["state"], "New");
    assert_eq!(shown["impact"], "1 - High");
    assert_eq!(shown["sys_class_name"], "Incident");
    let both = it.get(&format!("{path}?sysparm_display_value=all&sysparm_exclude_reference_link=true")).await;
    assert_eq!(both["state"], json!({ "display_value": "New", "value": "1" }));
    let named = json!({ "display_value": "Network Operations", "value": id(&group[0]) });
    assert_eq!(both["assignment_group"], named);
    assert_eq!(both["assigned_to"], json!({ "display_value": "", "value": "" }));
    let bare = it.get(&format!("{path}?sysparm_exclude_reference_link=true")).await;
    assert_eq!(bare["assignment_group"], id(&group[0]));

    let some = it.get(&format!("{path}?sysparm_fields=number,assignment_group.name,nonsense")).await;
    assert_eq!(some, json!({ "number": made["number"], "assignment_group.name": "Network Operations" }));
}

#[tokio::test]
async fn a_row_is_seen_through_its_parents() {
    let it = instance().await;
    let made = it.create("incident", json!({ "category": "network" })).await;
    let task = it.get(&path_of("task", &made)).await;
    assert_eq!(task["sys_class_name"], "incident");
    assert!(task.get("caller_id").is_none());
    let answer = it.request("ada", Method::GET, &path_of("change_request", &made)).send().await.unwrap();
    let (status, message, detail) = refusal(answer).await;
    assert_eq!((status, message.as_str()), (404, "No Record found"));
    assert_eq!(detail, "Record doesn't exist or ACL restricts the record retrieval");
    let device =
        it.create("cmdb_ci_os_image", json!({ "name": "edge-1", "operational_status": "Drifted" })).await;
    assert_eq!(it.get(&path_of("cmdb_ci_computer", &device)).await["name"], "edge-1");
    let shown = it.get("/api/now/table/cmdb_ci?name=edge-1&sysparm_display_value=true").await;
    assert_eq!(shown[0]["sys_class_name"], "OS Image");
}

#[tokio::test]
async fn creating_answers_201_with_a_location_and_takes_the_clients_sys_id_once() {
    let it = instance().await;
    let wished = "0123456789abcdef0123456789abcdef";
    let body = json!({ "sys_id": wished, "correlation_id": "op-1" });
    let answer = it.send("ada", Method::POST, "/api/now/table/change_request", body.clone()).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, it.url(&format!("/api/now/table/change_request/{wished}")));
    assert_eq!(answer.headers()["content-type"], "application/json;charset=UTF-8");
    let made = result(answer).await;
    assert_eq!(made["number"], "CHG0010001");
    let (status, message, detail) =
        it.refused("ada", Method::POST, "/api/now/table/change_request", body).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"));
    assert!(detail.contains("Unique Key violation") && detail.contains(wished), "{detail}");
    // What was refused left no gap and no row.
    assert_eq!(it.create("change_request", json!({})).await["number"], "CHG0010002");
    assert_eq!(it.create("change_task", json!({})).await["number"], "CTASK0010001");
    assert_eq!(it.create("sn_grc_item", json!({ "u_score": 97.5 })).await["u_score"], "97.5");
    assert_eq!(it.simulator.store().records("task").unwrap().len(), 3);
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_not_counted() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let it = started(builder().clock(clock.clone())).await;
    let made = it.create("incident", json!({ "short_description": "x" })).await;
    assert_eq!(made["sys_created_on"], "2001-09-09 01:46:40");
    clock.advance(Duration::from_secs(60));
    let same = it.patch("ada", "incident", &made, json!({ "short_description": "x", "bogus": "y" })).await;
    assert_eq!((&same["sys_mod_count"], &same["sys_updated_on"]), (&json!("0"), &made["sys_updated_on"]));
    let changed = it.patch("admin", "incident", &made, json!({ "short_description": "y" })).await;
    assert_eq!(changed["sys_mod_count"], "1");
    assert_eq!(changed["sys_updated_on"], "2001-09-09 01:47:40");
    assert_eq!(changed["sys_updated_by"], "admin");
    assert_eq!(changed["sys_created_on"], "2001-09-09 01:46:40");
    let answer = it.send("ada", Method::PUT, &path_of("incident", &made), json!({ "impact": "1" })).await;
    let put = result(answer).await;
    assert_eq!((put["impact"].as_str(), put["short_description"].as_str()), (Some("1"), Some("y")));
}

#[tokio::test]
async fn journal_fields_are_appended_to_and_read_as_text() {
    let clock =
        Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)));
    let it = started(builder().clock(clock.clone())).await;
    let made = it.create("incident", json!({ "work_notes": "first" })).await;
    assert_eq!(made["work_notes"], "");
    clock.advance(Duration::from_secs(1));
    let noted =
        it.patch("openfactory.integration", "incident", &made, json!({ "work_notes": "second" })).await;
    assert_eq!(noted["sys_mod_count"], "1");
    let shown = it.get(&format!("{}?sysparm_display_value=true", path_of("incident", &made))).await;
    assert_eq!(
        shown["work_notes"],
        "2001-09-09 01:46:41 - OpenFactory Integration (Work notes)\nsecond\n\n\
         2001-09-09 01:46:40 - ada (Work notes)\nfirst\n\n"
    );
    let query = format!("element_id={}^element=work_notes^valueLIKEsecond", id(&made));
    let entries = it.get(&format!("/api/now/table/sys_journal_field?sysparm_query={query}")).await;
    assert_eq!(column(&entries, "value"), ["second"]);
    assert_eq!(entries[0]["name"], "incident");
}

#[tokio::test]
async fn display_values_are_taken_where_asked_for() {
    let it = instance().await;
    let path = "/api/now/table/incident?sysparm_input_display_value=true&sysparm_display_value=all";
    let body = json!({ "assignment_group": "Fleet Operations", "impact": "1 - High" });
    let made = result(it.send("ada", Method::POST, path, body).await).await;
    assert_eq!(made["assignment_group"]["display_value"], "Fleet Operations");
    assert_eq!(made["impact"]["value"], "1");
    // Without that the text is stored as it is and refers to nothing.
    let raw = it.create("incident", json!({ "assignment_group": "Fleet Operations" })).await;
    assert_eq!(raw["assignment_group"]["value"], "Fleet Operations");
}

#[tokio::test]
async fn lists_come_in_pages_with_links_and_a_count() {
    let it = instance().await;
    for count in 0..5 {
        it.create("incident", json!({ "short_description": format!("n{count}") })).await;
    }
    let path = "/api/now/table/incident?sysparm_query=ORDERBYnumber&sysparm_fields=number&sysparm_limit=2";
    let answer = it.request("ada", Method::GET, path).send().await.unwrap();
    assert_eq!(answer.headers()["x-total-count"], "5");
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(
        link.contains("rel=\"first\"") && link.contains("rel=\"last\"") && !link.contains("rel=\"prev\"")
    );
    let mut seen = column(&result(answer).await, "number");
    let mut next = next_link(&link);
    while let Some(url) = next {
        let answer = it.client.get(url).basic_auth("ada", Some("pw")).send().await.unwrap();
        next = next_link(answer.headers()["link"].to_str().unwrap());
        seen.extend(column(&result(answer).await, "number"));
    }
    assert_eq!(seen, ["INC0010001", "INC0010002", "INC0010003", "INC0010004", "INC0010005"]);
    let whole = it.request("ada", Method::GET, "/api/now/table/incident").send().await.unwrap();
    assert!(whole.headers().get("link").is_none());
    let quiet =
        it.request("ada", Method::GET, &format!("{path}&sysparm_no_count=true")).send().await.unwrap();
    assert!(quiet.headers().get("x-total-count").is_none());
}

fn next_link(header: &str) -> Option<String> {
    let link = header.split(',').find(|link| link.ends_with("rel=\"next\""))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_in_the_envelope() {
    let it = instance().await;
    let refused = it.refused("ada", Method::POST, "/api/now/table/nonsense", json!({})).await;
    assert_eq!(refused, (400, "Invalid table nonsense".to_owned(), String::new()));
    let (status, message, _) = it.refused("ada", Method::POST, "/api/now/nonsense", json!({})).await;
    assert_eq!((status, message.as_str()), (400, "Requested URI does not represent any resource"));
    let answer = it.request("ada", Method::DELETE, "/api/now/table/incident").send().await.unwrap();
    assert_eq!(refusal(answer).await.0, 405);
    let post = |kind: &'static str, body: &'static str| {
        it.request("ada", Method::POST, "/api/now/table/incident")
            .header("content-type", kind)
            .body(body)
            .send()
    };
    let (status, message, _) = refusal(post("application/json", "{\"a\":").await.unwrap()).await;
    assert_eq!((status, message.as_str()), (400, "Exception while reading request"));
    assert_eq!(refusal(post("text/csv", "a,b").await.unwrap()).await.0, 415);
    let csv = it.request("ada", Method::GET, "/api/now/table/incident").header("accept", "text/csv");
    assert_eq!(refusal(csv.send().await.unwrap()).await.0, 406);
    let negative = it.request("ada", Method::GET, "/api/now/table/incident?sysparm_offset=-1");
    assert_eq!(refusal(negative.send().await.unwrap()).await.0, 400);
    let first = it.request("ada", Method::GET, "/api/now/v1/table/incident").send().await.unwrap();
    assert_eq!(first.status(), 404);
    let second = it.request("ada", Method::GET, "/api/now/v2/table/incident").send().await.unwrap();
    assert_eq!(result(second).await, json!([]));
}

#[tokio::test]
async fn deleting_takes_along_what_hangs_on_a_row() {
    let it = instance().await;
    let image = it.create("cmdb_ci_os_image", json!({ "name": "image", "comments": "x" })).await;
    let device = it.create("cmdb_ci_os_image", json!({ "name": "device" })).await;
    let kind = it.get("/api/now/table/cmdb_rel_type?name=Runs%20on::Runs").await;
    assert_eq!(kind[0]["sys_id"], "60bc4e22c0a8010e01f074cbe6bd73c3");
    let relation = json!({ "parent": id(&image), "child": id(&device), "type": id(&kind[0]) });
    it.create("cmdb_rel_ci", relation).await;
    let answer = it.request("ada", Method::DELETE, &path_of("cmdb_ci", &device)).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(answer.bytes().await.unwrap().is_empty());
    assert_eq!(it.get("/api/now/table/cmdb_rel_ci").await, json!([]));
    assert!(it.simulator.store().record("cmdb_ci", id(&device)).unwrap().is_none());
    let quiet = it
        .request("ada", Method::POST, "/api/now/table/incident")
        .header("x-no-response-body", "true")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(quiet.status(), 201);
    assert!(quiet.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_post_to_a_record_changes_it_in_the_guides_profile() {
    let it = instance().await;
    let made = it.create("change_request", json!({})).await;
    let body = json!({ "work_notes": "evidence", "u_build_id": "b-1" });
    let answer = it.send("ada", Method::POST, &path_of("change_request", &made), body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(result(answer).await["u_build_id"], "b-1");
    let choices = it.get("/api/now/table/sys_choice?name=change_request&element=category").await;
    assert!(column(&choices, "value").contains(&"Operating System".to_owned()));
}

#[tokio::test]
async fn who_made_a_row_and_when_is_said_by_the_caller_where_it_asks_for_that() {
    let it = instance().await;
    let said = json!({ "sys_created_on": "2001-01-01 00:00:00", "sys_created_by": "elsewhere",
        "sys_updated_on": "2001-01-02 00:00:00", "sys_updated_by": "elsewhere", "sys_mod_count": "7",
        "sys_class_name": "problem" });
    let path = "/api/now/table/incident?sysparm_suppress_auto_sys_field=true";
    let told = |row: &Value| {
        ["sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"]
            .map(|field| row[field].as_str().unwrap().to_owned())
    };
    let expected = ["2001-01-01 00:00:00", "elsewhere", "2001-01-02 00:00:00", "elsewhere", "0"];
    let made = result(it.send("ada", Method::POST, path, said.clone()).await).await;
    assert_eq!((told(&made), &made["sys_class_name"]), (expected.map(str::to_owned), &json!("incident")));
    let one = format!("{}?sysparm_suppress_auto_sys_field=true", path_of("incident", &made));
    let changed = it.send("ada", Method::PATCH, &one, json!({ "short_description": "moved" })).await;
    assert_eq!(told(&result(changed).await), expected);
    // What says nothing of who and when is not taken, and a name is no longer than its column.
    let nothing = json!({ "sys_created_on": null, "sys_created_by": "", "sys_updated_on": "garbage",
        "sys_updated_by": "e".repeat(70_000) });
    let changed = result(it.send("ada", Method::PATCH, &one, nothing).await).await;
    assert_eq!(told(&changed)[..3], expected[..3]);
    assert_eq!(changed["sys_updated_by"], "e".repeat(40));
    // Nobody who does not ask for it, and no one but an administrator where a property says so.
    let other = it.create("incident", said.clone()).await;
    assert_eq!(other["sys_created_by"], "ada");
    let property = json!({ "name": "glide.rest.table_api.admin_only_sys_fields", "value": "true" });
    it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
    for (user, by) in [("ada", "ada"), ("admin", "elsewhere")] {
        let made = result(it.send(user, Method::POST, path, said.clone()).await).await;
        assert_eq!(made["sys_created_by"], by);
    }
}
