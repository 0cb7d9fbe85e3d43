//! The switches about workers, slots, batches, payloads, dates and alerts: each in both positions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::Builder;
use openfactory_simulator::clock::ManualClock;
use openfactory_simulator::switches::{AlertKey, Switches};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, path_of, result};
use crate::switches::{both, both_of};

const BASE: &str = "/api/sn_chg_rest/change";

/// An instance whose workers are done at once, on the second of March 2026 at 08:00 UTC.
fn at_once() -> Builder {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_438_400);
    builder().clock(Arc::new(ManualClock::starting_at(start))).workers(Duration::ZERO, Duration::ZERO)
}

async fn ask(it: &Instance, method: Method, path: &str, body: Value) -> Value {
    result(it.send("ada", method, &format!("{BASE}{path}"), body).await).await
}

/// What has become of the work that was asked for.
async fn worker(it: &Instance, told: &Value) -> Value {
    let path = format!("/worker/{}", told["worker"]["sysId"].as_str().unwrap());
    ask(it, Method::GET, &path, json!({})).await
}

#[tokio::test]
async fn a_worker_with_nothing_valid_to_do_ends_in_error_or_is_done() {
    let mut ends = Vec::new();
    let throw = |switches: &mut Switches| switches.workers_without_items_are_done = true;
    for it in both_of(at_once, throw).await {
        let change = it.create("change_request", json!({})).await;
        let path = format!("/{}/ci", id(&change));
        let nothing = json!({ "cmdb_ci_sys_ids": ["a", "b"], "association_type": "affected" });
        let told = ask(&it, Method::POST, &path, nothing).await;
        let worker = worker(&it, &told).await;
        let said = |kind: &str| worker["messages"][kind].as_array().unwrap().len();
        let state = worker["state"]["display_value"].as_str().unwrap().to_owned();
        ends.push((state, said("errorMessages"), said("warningMessages")));
        assert_eq!(it.get("/api/now/table/task_ci").await, json!([]));
    }
    assert_eq!(ends, [("Error".to_owned(), 2, 0), ("Complete".to_owned(), 0, 2)]);
}

#[tokio::test]
async fn an_open_span_has_one_slot_or_as_many_as_fit() {
    let mut starts = Vec::new();
    let mut first = Vec::new();
    let throw = |switches: &mut Switches| switches.slots_fill_spans = true;
    for it in both_of(at_once, throw).await {
        let server = it.create("cmdb_ci_linux_server", json!({ "name": "edge-1" })).await;
        // Six hours every night: three times two hours, and five hours once.
        let property = json!({ "name": "change.conflict.next_available.choice_limit", "value": "4" });
        it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
        let night = json!({ "name": "nights" });
        let night = result(it.send("admin", Method::POST, "/api/now/table/cmn_schedule", night).await).await;
        let span = json!({ "schedule": id(&night), "start_date_time": "2026-03-01 22:00:00",
            "end_date_time": "2026-03-02 04:00:00", "repeat_type": "daily" });
        it.send("admin", Method::POST, "/api/now/table/cmn_schedule_span", span).await;
        it.patch("ada", "cmdb_ci", &server, json!({ "maintenance_schedule": id(&night) })).await;
        let found = async |seconds: u32| {
            let path = format!("/ci/{}/schedule?duration_in_seconds={seconds}", id(&server));
            let answer = it.request("ada", Method::GET, &format!("{BASE}{path}")).send().await.unwrap();
            let worker = worker(&it, &result(answer).await).await;
            let spans = worker["payload"]["spans"].as_array().unwrap().clone();
            spans.iter().map(|span| span["start"]["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        starts.push(found(7_200).await);
        // Where a second one does not fit, there is one in either position.
        assert_eq!(found(18_000).await[..2], ["2026-03-02 22:00:00", "2026-03-03 22:00:00"]);
        let change = it.create("change_request", json!({ "cmdb_ci": id(&server) })).await;
        let path = format!("/{}/schedule/first_available", id(&change));
        ask(&it, Method::PATCH, &path, json!({ "duration_in_seconds": 7_200 })).await;
        first.push(it.get(&path_of("change_request", &change)).await["start_date"].clone());
    }
    let nights = ["2026-03-02 22:00:00", "2026-03-03 22:00:00", "2026-03-04 22:00:00", "2026-03-05 22:00:00"];
    assert_eq!(starts[0], nights);
    assert_eq!(starts[1], [nights[0], "2026-03-03 00:00:00", "2026-03-03 02:00:00", nights[1]]);
    assert_eq!(first, [nights[0], nights[0]]);
}

#[tokio::test]
async fn a_large_answer_in_a_batch_is_500_or_413() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.large_batch_answer_status = 413).await {
        it.create("incident", json!({ "description": "x".repeat(3_000) })).await;
        let items = json!({ "rest_requests": [{ "id": "a", "url": "/api/now/table/incident" }] });
        let call = it.request("ada", Method::POST, "/api/now/v1/batch").json(&items);
        let call = call.header("x-batchrequest-max-output-size", "1000");
        let answer: Value = call.send().await.unwrap().json().await.unwrap();
        let item = &answer["serviced_requests"][0];
        assert_eq!(item["body"], "");
        assert!(item["error_message"].as_str().unwrap().contains("maximum of 1000 bytes"), "{item}");
        statuses.push((item["status_code"].clone(), item["status_text"].as_str().unwrap().to_owned()));
    }
    let expected = [(json!(500), "Internal Server Error"), (json!(413), "Payload Too Large")];
    assert_eq!(statuses, expected.map(|(status, text)| (status, text.to_owned())));
}

#[tokio::test]
async fn related_rows_without_a_rule_are_an_error_or_passed_over() {
    let [it, lenient] = both(|switches| switches.unruled_related_rows_are_passed_over = true).await;
    let path = "/api/now/identifyreconcile?sysparm_data_source=OpenFactory";
    let incident = || json!({ "className": "incident", "values": { "short_description": "x" } });
    let key = || json!({ "className": "cmdb_key_value", "values": { "key": "fleet", "value": "north" } });
    let send = async |it: &Instance, related: Value| {
        let item = json!({ "className": "cmdb_ci_linux_server", "values": { "name": "edge-1" }, "related": related });
        let answer = it.send("ada", Method::POST, path, json!({ "items": [item] })).await;
        result(answer).await["items"][0].clone()
    };
    let refused = send(&it, json!([incident(), key()])).await;
    assert_eq!(refused["errors"][0]["error"], "INVALID_INPUT_DATA");
    assert_eq!(it.get("/api/now/table/cmdb_key_value").await, json!([]));

    let taken = send(&lenient, json!([incident(), key()])).await;
    assert_eq!((&taken["errorCount"], &taken["operation"]), (&json!(0), &json!("INSERT")));
    assert_eq!(column(&taken["relatedItems"], "className"), ["incident", "cmdb_key_value"]);
    assert_eq!(taken["relatedItems"][0]["sysId"], Value::Null);
    let rows = lenient.get("/api/now/table/cmdb_key_value").await;
    assert_eq!(
        (column(&rows, "value"), id(&rows[0])),
        (vec!["north".to_owned()], taken["relatedSysIds"][1].as_str().unwrap())
    );
    assert_eq!(lenient.get("/api/now/table/incident").await, json!([]));
    // So is a look-up row of a table that no rule looks into.
    for (it, errors) in [(&it, 1), (&lenient, 0)] {
        let item = json!({ "className": "cmdb_ci_linux_server", "values": { "name": "edge-2" }, "lookup": [incident()] });
        let answer = it.send("ada", Method::POST, path, json!({ "items": [item] })).await;
        let item = result(answer).await["items"][0].clone();
        assert_eq!(item["errorCount"], errors, "{item}");
        assert_eq!(it.get("/api/now/table/incident").await, json!([]));
    }
    // A row that lacks what its rule tells rows apart by is an error in either position.
    let lacking = json!([{ "className": "cmdb_key_value", "values": { "value": "x" } }]);
    assert_eq!(send(&lenient, lacking).await["errors"][0]["error"], "INVALID_INPUT_DATA");
}

#[tokio::test]
async fn what_is_no_date_empties_a_date_or_leaves_it() {
    let mut held = Vec::new();
    for it in both(|switches| switches.unreadable_dates_are_ignored = true).await {
        let kept = "2026-03-09 22:00:00";
        let change = it.create("change_request", json!({ "start_date": kept })).await;
        let path = format!("{}?sysparm_input_display_value=true", path_of("change_request", &change));
        let sent = json!({ "start_date": "soon", "short_description": "told" });
        let row = result(it.send("ada", Method::PATCH, &path, sent).await).await;
        assert_eq!(row["short_description"], "told");
        held.push(row["start_date"] == kept);
        // As a value no less than as a display value: an instance reads no ISO 8601.
        let sent = json!({ "end_date": "2026-03-09T22:00:00Z", "start_date": kept });
        let row = it.patch("ada", "change_request", &change, sent).await;
        assert_eq!((&row["start_date"], &row["end_date"]), (&json!(kept), &json!("")));
        let row = it.patch("ada", "change_request", &change, json!({ "start_date": "tomorrow" })).await;
        assert_eq!(row["start_date"] == kept, held.last() == Some(&true));
        let row = it.patch("ada", "change_request", &change, json!({ "start_date": "2026-03-10" })).await;
        assert_eq!(row["start_date"], "2026-03-10 00:00:00");
        // What is a date is taken, and what is empty empties, in either position.
        for date in ["2026-04-01 10:00:00", ""] {
            let row = result(it.send("ada", Method::PATCH, &path, json!({ "start_date": date })).await).await;
            assert_eq!(row["start_date"], date);
        }
    }
    assert_eq!(held, [false, true]);
}

#[tokio::test]
async fn an_alert_is_known_by_five_fields_of_its_events_or_by_others() {
    let mut keys = Vec::new();
    for it in both(|switches| switches.alert_key = AlertKey::of(&["node", "source"]).unwrap()).await {
        let event =
            |resource: &str| json!({ "source": "s", "node": "n", "resource": resource, "severity": "4" });
        let own = json!({ "source": "s", "node": "n", "message_key": "own", "severity": "4" });
        let body = json!({ "records": [event("a"), event("b"), event("a"), own] });
        let answer = it.send("admin", Method::POST, "/api/global/em/jsonv2", body).await;
        assert_eq!(answer.status(), 200);
        let alerts = it.get("/api/now/table/em_alert").await;
        let counts = column(&alerts, "event_count");
        let mut told: Vec<_> = column(&alerts, "message_key").into_iter().zip(counts).collect();
        told.sort();
        keys.push(told);
    }
    let told = |key: &str, count: &str| (key.to_owned(), count.to_owned());
    assert_eq!(keys[0], [told("own", "1"), told("s_n__a_", "2"), told("s_n__b_", "1")]);
    assert_eq!(keys[1], [told("own", "1"), told("s_n", "3")]);
}
