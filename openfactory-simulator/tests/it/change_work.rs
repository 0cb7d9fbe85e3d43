//! What the Change Management API answers before it is done: workers, conflicts, schedules.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, path_of, result, started};

const BASE: &str = "/api/sn_chg_rest/change";

/// Monday, the second of March 2026, 08:00 UTC.
const START: u64 = 1_772_438_400;

/// An instance whose workers wait ten seconds and take twenty.
async fn slow() -> (Instance, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(START)));
    let it = builder().clock(clock.clone()).workers(Duration::from_secs(10), Duration::from_secs(20));
    (started(it).await, clock)
}

/// Asks, and gives the status and what is in `result`.
async fn ask(it: &Instance, user: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
    let path = format!("{BASE}{path}");
    let answer = match method {
        Method::GET | Method::DELETE => it.request(user, method, &path).send().await.unwrap(),
        _ => it.send(user, method, &path, body).await,
    };
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    (status, if body["error"].is_null() { body["result"].clone() } else { body["error"].clone() })
}

async fn worker(it: &Instance, told: &Value) -> Value {
    let (status, worker) = ask(
        it,
        "ada",
        Method::GET,
        &format!("/worker/{}", told["worker"]["sysId"].as_str().unwrap()),
        json!({}),
    )
    .await;
    assert_eq!(status, 200);
    worker
}

fn state(worker: &Value) -> (i64, &str) {
    (worker["state"]["value"].as_i64().unwrap(), worker["state"]["display_value"].as_str().unwrap())
}

async fn change(it: &Instance, item: &Value, start: &str, end: &str) -> Value {
    it.create("change_request", json!({ "cmdb_ci": id(item), "start_date": start, "end_date": end })).await
}

async fn made(it: &Instance, table: &str, body: Value) -> Value {
    let answer = it.send("admin", Method::POST, &format!("/api/now/table/{table}"), body).await;
    assert_eq!(answer.status(), 201);
    result(answer).await
}

#[tokio::test]
async fn items_are_related_by_a_worker_that_takes_its_time() {
    let (it, clock) = slow().await;
    let made = it.create("change_request", json!({})).await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let path = format!("/{}/ci", id(&made));
    let body =
        json!({ "cmdb_ci_sys_ids": format!("{},nonsense", id(&server)), "association_type": "affected" });
    let (status, told) = ask(&it, "ada", Method::POST, &path, body.clone()).await;
    assert_eq!((status, state(&told)), (202, (1, "Waiting")));
    assert_eq!(told["type"], "affected");
    let request: Value = serde_json::from_str(told["request"].as_str().unwrap()).unwrap();
    assert_eq!(request["cmdb_ci_sys_ids"], json!([id(&server), "nonsense"]));
    assert_eq!(request["task"], id(&made));
    // The answer names no scheme; the worker itself does.
    assert!(told["worker"]["link"].as_str().unwrap().starts_with("127.0.0.1:"), "{told}");

    let related = format!("{path}?association_type=affected");
    for (seconds, expected, count) in [(9, 1, 0), (1, 2, 0), (19, 2, 0), (1, 3, 1)] {
        clock.advance(Duration::from_secs(seconds));
        assert_eq!(state(&worker(&it, &told).await).0, expected);
        let (_, items) = ask(&it, "ada", Method::GET, &related, json!({})).await;
        assert_eq!(items.as_array().unwrap().len(), count);
    }
    let done = worker(&it, &told).await;
    assert_eq!(state(&done), (3, "Complete"));
    assert_eq!(done["messages"]["warningMessages"], json!(["Invalid CMDB_CI sys_id provided: nonsense"]));
    assert_eq!(done["ignored_cmdb_ci_sys_ids"], json!(["nonsense"]));
    assert!(done["worker"]["link"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    let (_, items) = ask(&it, "ada", Method::GET, &related, json!({})).await;
    assert_eq!(items[0]["ci_item"]["display_value"], "edge-1");
    assert_eq!(items[0]["sys_created_by"]["value"], "ada");

    // What is related already is told; what does not exist at all is an error.
    let (_, again) = ask(&it, "ada", Method::POST, &path, body).await;
    let nothing = json!({ "cmdb_ci_sys_ids": ["a", "b"], "association_type": "impacted" });
    let (_, nothing) = ask(&it, "ada", Method::POST, &path, nothing).await;
    clock.advance(Duration::from_secs(30));
    let again = worker(&it, &again).await;
    assert!(again["messages"]["infoMessages"][0].as_str().unwrap().contains("already associated"), "{again}");
    let nothing = worker(&it, &nothing).await;
    assert_eq!(state(&nothing), (4, "Error"));
    assert_eq!(nothing["messages"]["errorMessages"].as_array().unwrap().len(), 2);
    let (_, items) = ask(&it, "ada", Method::GET, &related, json!({})).await;
    assert_eq!(items.as_array().unwrap().len(), 1);
    for (user, body, status) in [
        ("ada", json!({ "cmdb_ci_sys_ids": "", "association_type": "affected" }), 400),
        ("ada", json!({ "cmdb_ci_sys_ids": "x" }), 400),
        ("nobody", json!({ "cmdb_ci_sys_ids": "x", "association_type": "affected" }), 404),
    ] {
        assert_eq!(ask(&it, user, Method::POST, &path, body).await.0, status);
    }
}

#[tokio::test]
async fn a_worker_goes_on_after_a_restart_and_fails_with_what_it_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(START)));
    let again = || {
        let workers = (Duration::from_secs(10), Duration::from_secs(20));
        builder().clock(clock.clone()).workers(workers.0, workers.1).state(dir.path().join("state"))
    };
    let it = started(again()).await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let made = it.create("change_request", json!({})).await;
    let path = format!("/{}/ci", id(&made));
    let body = json!({ "cmdb_ci_sys_ids": id(&server), "association_type": "affected" });
    let (_, kept) = ask(&it, "ada", Method::POST, &path, body.clone()).await;
    it.simulator.shutdown().await;

    clock.advance(Duration::from_secs(30));
    let it = started(again()).await;
    assert_eq!(state(&worker(&it, &kept).await), (3, "Complete"));
    // Whoever asked has to be somebody still when it is done.
    let (_, refused) = ask(&it, "ada", Method::POST, &path, body).await;
    let ada = it.get("/api/now/table/sys_user?sysparm_query=user_name=ada").await;
    let ada = path_of("sys_user", &ada[0]);
    let inactive = it.send("admin", Method::PATCH, &ada, json!({ "active": false })).await;
    assert_eq!(inactive.status(), 200);
    clock.advance(Duration::from_secs(30));
    let path = format!("/worker/{}", refused["worker"]["sysId"].as_str().unwrap());
    let (_, told) = ask(&it, "admin", Method::GET, &path, json!({})).await;
    assert_eq!(state(&told), (4, "Error"));
    assert_eq!(told["messages"]["errorMessages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn impacted_services_are_those_above_the_items() {
    let (it, clock) = slow().await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let cluster = it.create("cmdb_ci", json!({ "name": "cluster" })).await;
    let shop = it.create("cmdb_ci_service", json!({ "name": "shop" })).await;
    let lone = it.create("cmdb_ci_service", json!({ "name": "lone" })).await;
    let below = |parent: &Value, child: &Value| json!({ "parent": id(parent), "child": id(child), "type": "1a9cb166f1571100a92eb60da2bce5c5" });
    for relation in [below(&shop, &cluster), below(&cluster, &server), below(&server, &shop)] {
        it.create("cmdb_rel_ci", relation).await;
    }
    let made = it.create("change_request", json!({})).await;
    let services = |it: &Instance| {
        let query = format!("/api/now/table/task_cmdb_ci_service?sysparm_query=task={}", id(&made));
        let path = format!("{query}&sysparm_fields=cmdb_ci_service.name,manually_added");
        let request = it.request("ada", Method::GET, &path);
        async move {
            let rows = result(request.send().await.unwrap()).await;
            let mut named: Vec<(String, String)> = column(&rows, "cmdb_ci_service.name")
                .into_iter()
                .zip(column(&rows, "manually_added"))
                .collect();
            named.sort();
            named
        }
    };
    let own = |name: &str, by_hand: bool| (name.to_owned(), by_hand.to_string());
    let path = format!("/{}/ci", id(&made));
    let by_hand = json!({ "cmdb_ci_sys_ids": id(&lone), "association_type": "impacted" });
    ask(&it, "ada", Method::POST, &path, by_hand).await;
    let affected = json!({ "cmdb_ci_sys_ids": [id(&server)], "association_type": "affected",
        "refresh_impacted_services": true });
    ask(&it, "ada", Method::POST, &path, affected).await;
    clock.advance(Duration::from_secs(30));
    assert_eq!(services(&it).await, [own("lone", true), own("shop", false)]);

    // Made anew once the item is gone: what was found goes, what somebody added stays.
    let items = it.get(&format!("/api/now/table/task_ci?sysparm_query=task={}", id(&made))).await;
    let gone = it.request("ada", Method::DELETE, &path_of("task_ci", &items[0])).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    let refresh = format!("/{}/refresh_impacted_services", id(&made));
    let (status, told) = ask(&it, "ada", Method::POST, &refresh, json!({})).await;
    assert_eq!((status, told["type"].as_str()), (200, Some("impacted")));
    clock.advance(Duration::from_secs(30));
    assert_eq!(state(&worker(&it, &told).await), (3, "Complete"));
    assert_eq!(services(&it).await, [own("lone", true)]);
}

#[tokio::test]
async fn conflicts_are_found_with_blackouts_windows_and_other_changes() {
    let (it, clock) = slow().await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    // Maintained on Sunday nights, and nothing is changed on the tenth.
    let night =
        made(&it, "cmn_schedule_maintenance", json!({ "name": "nights", "condition": "nameSTARTSWITHedge" }))
            .await;
    let freeze = made(&it, "cmn_schedule_blackout", json!({ "name": "freeze" })).await;
    for (schedule, start, end, repeats) in [
        (&night, "2026-01-04 22:00:00", "2026-01-05 04:00:00", "weekly"),
        (&freeze, "2026-03-10 00:00:00", "2026-03-11 00:00:00", ""),
    ] {
        let span = json!({ "schedule": id(schedule), "start_date_time": start, "end_date_time": end, "repeat_type": repeats });
        made(&it, "cmn_schedule_span", span).await;
    }
    let checked = change(&it, &server, "2026-03-08 22:00:00", "2026-03-09 01:00:00").await;
    let path = format!("/{}/conflict", id(&checked));
    let (_, before) = ask(&it, "ada", Method::GET, &path, json!({})).await;
    assert_eq!(
        before,
        json!({ "status": "Not Run", "last_run": "", "record_count": "0", "job_status": "", "conflicts": [] })
    );
    assert_eq!(ask(&it, "ada", Method::DELETE, &path, json!({})).await.0, 400);

    let (status, process) = ask(&it, "ada", Method::POST, &path, json!({})).await;
    assert_eq!((status, process.as_str().unwrap().len()), (200, 32));
    assert_eq!(ask(&it, "ada", Method::POST, &path, json!({})).await.0, 400, "one at a time");
    clock.advance(Duration::from_secs(15));
    assert_eq!(ask(&it, "ada", Method::GET, &path, json!({})).await.1["job_status"], "1");
    clock.advance(Duration::from_secs(15));
    let (_, clear) = ask(&it, "ada", Method::GET, &path, json!({})).await;
    // As documented, the status says that it ran, whatever came of it.
    let ran = json!({ "status": "Conflict", "last_run": "2026-03-02 08:00:10", "record_count": "1", "job_status": "2", "conflicts": [] });
    assert_eq!(clear, ran);
    let row = it.get(&path_of("change_request", &checked)).await;
    assert_eq!((&row["conflict_status"], &row["sys_updated_by"]), (&json!("No Conflict"), &json!("system")));

    // Together with another change, outside of the window, and within the blackout.
    let other = change(&it, &server, "2026-03-10 12:00:00", "2026-03-10 14:00:00").await;
    let later = json!({ "start_date": "2026-03-10 13:00:00", "end_date": "2026-03-10 15:00:00" });
    it.patch("ada", "change_request", &checked, later).await;
    ask(&it, "ada", Method::POST, &path, json!({})).await;
    clock.advance(Duration::from_secs(30));
    let (_, found) = ask(&it, "ada", Method::GET, &path, json!({})).await;
    let told = |field: &str| {
        let rows = found["conflicts"].as_array().unwrap();
        rows.iter().map(|row| row[field]["display_value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told("type"), ["Blackout", "Not In Maintenance Window", "CI Already Scheduled"]);
    assert_eq!(told("schedule"), ["freeze", "nights", ""]);
    assert_eq!(told("conflicting_change")[2], other["number"].as_str().unwrap());
    let row = it.get(&path_of("change_request", &checked)).await;
    assert_eq!(
        (&row["conflict_status"], &row["outside_maintenance_schedule"]),
        (&json!("Conflict"), &json!("true"))
    );

    // Broken off, what was found is forgotten; and without dates there is nothing to check.
    ask(&it, "ada", Method::POST, &path, json!({})).await;
    assert_eq!(ask(&it, "ada", Method::DELETE, &path, json!({})).await.0, 200);
    let (_, broken) = ask(&it, "ada", Method::GET, &path, json!({})).await;
    assert_eq!(
        (&broken["status"], &broken["job_status"], &broken["conflicts"]),
        (&json!("Not Run"), &json!("4"), &json!([]))
    );
    let bare = it.create("change_request", json!({ "cmdb_ci": id(&server) })).await;
    assert_eq!(ask(&it, "ada", Method::POST, &format!("/{}/conflict", id(&bare)), json!({})).await.0, 400);
    assert_eq!(ask(&it, "nobody", Method::POST, &path, json!({})).await.0, 404);
}

#[tokio::test]
async fn conflicts_around_an_item_are_found_where_a_property_says_so() {
    let (it, clock) = slow().await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let shop = it.create("cmdb_ci_service", json!({ "name": "shop" })).await;
    let relation =
        json!({ "parent": id(&shop), "child": id(&server), "type": "1a9cb166f1571100a92eb60da2bce5c5" });
    it.create("cmdb_rel_ci", relation).await;
    let (start, end) = ("2026-03-10 12:00:00", "2026-03-10 14:00:00");
    let ada = it.get("/api/now/table/sys_user?sysparm_query=user_name=ada").await;
    for item in [&server, &shop] {
        let made = change(&it, item, start, end).await;
        it.patch("ada", "change_request", &made, json!({ "assigned_to": id(&ada[0]) })).await;
    }
    let rows = it.get("/api/now/table/change_request?sysparm_query=ORDERBYnumber").await;
    let path = format!("/{}/conflict", id(&rows[0]));
    let mut told = Vec::new();
    for property in [None, Some("change.conflict.relatedparentci"), Some("change.conflict.assigned_to")] {
        if let Some(name) = property {
            made(&it, "sys_properties", json!({ "name": name, "value": "true" })).await;
        }
        ask(&it, "ada", Method::POST, &path, json!({})).await;
        clock.advance(Duration::from_secs(30));
        let (_, found) = ask(&it, "ada", Method::GET, &path, json!({})).await;
        let kinds = found["conflicts"].as_array().unwrap().iter().map(|row| row["type"]["value"].clone());
        told.push(kinds.collect::<Vec<_>>());
    }
    assert_eq!(told[0], [] as [&str; 0]);
    assert_eq!(told[1], ["parent_already_scheduled"]);
    assert_eq!(told[2], ["parent_already_scheduled", "assigned_to_already_scheduled"]);
}

#[tokio::test]
async fn slots_are_found_for_an_item_and_a_change_is_put_into_the_first() {
    let (it, clock) = slow().await;
    let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
    let night = made(&it, "cmn_schedule", json!({ "name": "nights" })).await;
    let span = json!({ "schedule": id(&night), "start_date_time": "2026-01-04 22:00:00",
        "end_date_time": "2026-01-05 04:00:00", "repeat_type": "weekly" });
    made(&it, "cmn_schedule_span", span).await;
    it.patch("ada", "cmdb_ci", &server, json!({ "maintenance_schedule": id(&night) })).await;
    // The first Sunday night is half taken, the second wholly.
    change(&it, &server, "2026-03-08 22:00:00", "2026-03-09 02:00:00").await;
    change(&it, &server, "2026-03-15 20:00:00", "2026-03-16 08:00:00").await;
    let query = format!("/ci/{}/schedule?duration_in_seconds=7200", id(&server));
    let (status, told) = ask(&it, "ada", Method::GET, &query, json!({})).await;
    assert_eq!((status, state(&told), told["type"].as_str()), (202, (1, "Waiting"), Some("schedule")));
    assert_eq!(told.get("payload"), None);
    let request: Value = serde_json::from_str(told["request"].as_str().unwrap()).unwrap();
    assert_eq!(request["duration_in_seconds"], 7_200);
    clock.advance(Duration::from_secs(30));
    let spans = worker(&it, &told).await["payload"]["spans"].clone();
    let starts: Vec<_> =
        spans.as_array().unwrap().iter().map(|span| span["start"]["value"].clone()).collect();
    assert_eq!(starts[..3], ["2026-03-09 02:00:00", "2026-03-22 22:00:00", "2026-03-29 22:00:00"]);
    assert_eq!(spans[0]["end"]["value"], "2026-03-09 04:00:00");
    assert_eq!(starts.len(), 11, "ninety days");

    let planned = change(&it, &server, "2026-03-09 01:00:00", "2026-03-09 04:00:00").await;
    let (status, told) =
        ask(&it, "ada", Method::GET, &format!("/{}/schedule", id(&planned)), json!({})).await;
    assert_eq!(status, 202);
    let path = format!("/{}/schedule/first_available", id(&planned));
    let body = json!({ "duration_in_seconds": "10800", "planned_start_time": "2026-03-10 00:00:00" });
    let (status, first) = ask(&it, "ada", Method::PATCH, &path, body).await;
    assert_eq!(status, 202);
    clock.advance(Duration::from_secs(30));
    // Half a night is too short for three hours.
    assert_eq!(worker(&it, &told).await["payload"]["spans"][0]["start"]["value"], "2026-03-22 22:00:00");
    assert_eq!(worker(&it, &first).await["messages"]["infoMessages"], json!(["Change has been updated"]));
    let row = it.get(&path_of("change_request", &planned)).await;
    assert_eq!(
        (&row["start_date"], &row["end_date"]),
        (&json!("2026-03-22 22:00:00"), &json!("2026-03-23 01:00:00"))
    );

    let long = ask(&it, "ada", Method::PATCH, &path, json!({ "duration_in_seconds": 90_000 })).await.1;
    clock.advance(Duration::from_secs(30));
    assert_eq!(
        worker(&it, &long).await["messages"]["infoMessages"],
        json!(["No slots found for 90 days from now"])
    );
    let bare = it.create("change_request", json!({})).await;
    for (method, path, body, status) in [
        (Method::GET, format!("/ci/{}/schedule", id(&server)), json!({}), 400),
        (Method::GET, format!("{query}&planned_start_time=soon"), json!({}), 400),
        (Method::GET, format!("/ci/{}/schedule?duration_in_seconds=60", "0".repeat(32)), json!({}), 400),
        (Method::GET, format!("/{}/schedule", id(&bare)), json!({}), 400),
        (Method::PATCH, path.clone(), json!({ "duration_in_seconds": -1 }), 400),
        (
            Method::PATCH,
            format!("/{}/schedule/first_available", id(&bare)),
            json!({ "duration_in_seconds": 60 }),
            400,
        ),
        (Method::GET, format!("/{}/schedule", "0".repeat(32)), json!({}), 404),
        (Method::GET, format!("/worker/{}", "0".repeat(32)), json!({}), 404),
    ] {
        assert_eq!(ask(&it, "ada", method, &path, body).await.0, status, "{path}");
    }
    assert_eq!(ask(&it, "nobody", Method::GET, &query, json!({})).await.0, 403);
}

#[tokio::test]
async fn the_risk_of_a_standard_change_follows_the_first_condition_that_it_fits() {
    let (it, _clock) = slow().await;
    let standard = it.create("change_request", json!({ "type": "standard", "risk": 3 })).await;
    let path = format!("/standard/{}/risk", id(&standard));
    let (status, same) = ask(&it, "ada", Method::PATCH, &path, json!({})).await;
    assert_eq!((status, &same["risk"]["display_value"]), (200, &json!("Moderate")));
    for (order, condition, risk) in
        [("200", "active=true", "3"), ("100", "type=standard", "4"), ("50", "type=normal", "2")]
    {
        let row =
            json!({ "name": condition, "condition": condition, "order": order, "risk": risk, "impact": "3" });
        made(&it, "risk_conditions", row).await;
    }
    let (_, assessed) = ask(&it, "ada", Method::PATCH, &path, json!({})).await;
    assert_eq!(
        (&assessed["risk"]["display_value"], &assessed["impact"]["value"]),
        (&json!("Low"), &json!(3.0))
    );
    let normal = it.create("change_request", json!({})).await;
    assert_eq!(
        ask(&it, "ada", Method::PATCH, &format!("/standard/{}/risk", id(&normal)), json!({})).await.0,
        404
    );
}
