//! The switches about rules and about what a write does with its values: each in both positions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, id, path_of, started};
use crate::switches::both;
use openfactory_simulator::Profile;
use openfactory_simulator::switches::Switches;

async fn to(it: &Instance, change: &Value, state: i32) -> u16 {
    let path = path_of("change_request", change);
    it.send("ada", Method::PATCH, &path, json!({ "state": state })).await.status().as_u16()
}

async fn state(it: &Instance, change: &Value) -> Value {
    it.get(&path_of("change_request", change)).await["state"].clone()
}

#[tokio::test]
async fn the_profiles_differ_by_their_switches() {
    let guide = Switches::of(Profile::Guide);
    assert_eq!(Switches::of(Profile::Hardened), guide);
    let mut stock = Switches::of(Profile::Stock);
    assert!(stock.emergency_needs_approval && stock.automatic_tasks && !stock.post_changes_records);
    stock.emergency_needs_approval = false;
    stock.automatic_tasks = false;
    stock.post_changes_records = true;
    assert_eq!(stock, guide);
}

#[tokio::test]
async fn an_emergency_change_passes_the_gate_or_waits() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.emergency_needs_approval = true).await {
        let change = it.create("change_request", json!({ "type": "emergency" })).await;
        assert_eq!(to(&it, &change, -3).await, 200);
        statuses.push(to(&it, &change, -2).await);
    }
    assert_eq!(statuses, [200, 403]);
}

#[tokio::test]
async fn a_change_has_no_tasks_or_two_and_follows_them() {
    let mut ends = Vec::new();
    for it in both(|switches| switches.automatic_tasks = true).await {
        let change = it.create("change_request", json!({ "type": "standard" })).await;
        for state in [-2, -1] {
            assert_eq!(to(&it, &change, state).await, 200);
        }
        let tasks = it.get(&format!("/api/now/table/change_task?change_request={}", id(&change))).await;
        for task in tasks.as_array().unwrap() {
            it.patch("ada", "change_task", task, json!({ "state": 3 })).await;
        }
        ends.push((tasks.as_array().unwrap().len(), state(&it, &change).await));
    }
    assert_eq!(ends, [(0, json!("-1")), (2, json!("0"))]);
}

#[tokio::test]
async fn a_standard_change_is_made_without_or_by_a_template() {
    let [it, strict] = both(|switches| switches.standard_needs_template = true).await;
    let body = || json!({ "type": "standard" });
    it.create("change_request", body()).await;
    let refused = strict.refused("ada", Method::POST, "/api/now/table/change_request", body()).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "Operation Failed"));
    let templates = strict.get("/api/now/table/std_change_record_producer").await;
    let path = format!("/api/sn_chg_rest/v1/change/standard/{}", id(&templates[0]));
    assert_eq!(strict.send("ada", Method::POST, &path, json!({})).await.status(), 200);
    // Nor does a change become one that bears no template.
    let normal = strict.create("change_request", json!({ "type": "normal" })).await;
    for body in [body(), json!({ "type": "standard", "std_change_producer_version": "bogus" })] {
        assert_eq!(strict.refused_patch("ada", "change_request", &normal, body).await.0, 403);
    }
}

#[tokio::test]
async fn assess_takes_any_change_or_one_with_a_group() {
    let [it, strict] = both(|switches| switches.assess_needs_group = true).await;
    let bare = it.create("change_request", json!({})).await;
    assert_eq!(to(&it, &bare, -4).await, 200);
    let bare = strict.create("change_request", json!({})).await;
    let refused = strict.refused_patch("ada", "change_request", &bare, json!({ "state": -4 })).await;
    assert!(refused.2.ends_with("mandatory: Assignment group"), "{refused:?}");
    let groups = strict.get("/api/now/table/sys_user_group").await;
    let body = json!({ "state": -4, "assignment_group": id(&groups[0]) });
    strict.patch("ada", "change_request", &bare, body).await;
}

#[tokio::test]
async fn scheduled_takes_any_change_or_one_with_dates() {
    let [it, strict] = both(|switches| switches.scheduled_needs_dates = true).await;
    let bare = it.create("change_request", json!({ "type": "standard" })).await;
    assert_eq!(to(&it, &bare, -2).await, 200);
    let bare = strict.create("change_request", json!({ "type": "standard" })).await;
    let half = json!({ "state": -2, "start_date": "2026-01-01 00:00:00" });
    let refused = strict.refused_patch("ada", "change_request", &bare, half).await;
    assert!(refused.2.ends_with("mandatory: Planned end date"), "{refused:?}");
    let dates =
        json!({ "state": -2, "start_date": "2026-01-01 00:00:00", "end_date": "2026-01-01 01:00:00" });
    strict.patch("ada", "change_request", &bare, dates).await;
}

#[tokio::test]
async fn changes_are_moved_over_the_api_or_by_the_instance_alone() {
    let [it, closed] = both(|switches| switches.changes_move_by_rest = false).await;
    let one = it.create("change_request", json!({})).await;
    assert_eq!(to(&it, &one, -4).await, 200);
    let one = closed.create("change_request", json!({})).await;
    assert_eq!(to(&closed, &one, -4).await, 403);
    assert_eq!(to(&closed, &one, 4).await, 403);
    closed.patch("ada", "change_request", &one, json!({ "description": "still written" })).await;
    assert_eq!(state(&closed, &one).await, "-5");
    // What was moved before goes on by an approval, and by its tasks.
    let mut switches = Switches::of(Profile::Stock);
    switches.changes_move_by_rest = false;
    let sys_id = "ab".repeat(16);
    let seed = json!({ "change_request": [{ "sys_id": sys_id, "type": "normal", "state": "-1" }],
        "change_task": [{ "change_request": sys_id, "state": "1", "active": "true" }] });
    let seed = openfactory_simulator::seed::Seed::from_json(seed.to_string().as_bytes()).unwrap();
    let it = started(builder().switches(switches).seed(seed)).await;
    let tasks = it.get(&format!("/api/now/table/change_task?change_request={sys_id}")).await;
    it.patch("ada", "change_task", &tasks[0], json!({ "state": 3 })).await;
    assert_eq!(state(&it, &json!({ "sys_id": sys_id })).await, "0");
}

#[tokio::test]
async fn an_incident_is_closed_by_anyone_or_by_who_may() {
    let [it, strict] = both(|switches| switches.closing_needs_itil_admin = true).await;
    let body = || json!({ "state": 7, "close_code": "Solution provided", "close_notes": "x" });
    let one = it.create("incident", json!({})).await;
    it.patch("ada", "incident", &one, body()).await;
    let one = strict.create("incident", json!({})).await;
    assert_eq!(strict.refused_patch("ada", "incident", &one, body()).await.0, 403);
    strict.patch("admin", "incident", &one, body()).await;
}

#[tokio::test]
async fn waiting_for_a_caller_wants_a_comment_or_none() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.awaiting_caller_needs_comment = false).await {
        let one = it.create("incident", json!({})).await;
        let patch = async |body: Value| {
            it.send("ada", Method::PATCH, &path_of("incident", &one), body).await.status().as_u16()
        };
        statuses.push(patch(json!({ "state": 3, "hold_reason": 1 })).await);
        // Said with a comment, waited for still, or for somebody else: in either position.
        for body in [
            json!({ "state": 3, "hold_reason": 1, "comments": "Which room?" }),
            json!({ "short_description": "x" }),
            json!({ "hold_reason": 4 }),
            json!({ "state": 2, "hold_reason": 1 }),
        ] {
            assert_eq!(patch(body.clone()).await, 200, "{body}");
        }
        let made = json!({ "state": 3, "hold_reason": 1 });
        let made = it.send("ada", Method::POST, "/api/now/table/incident", made).await.status().as_u16();
        statuses.push(made);
    }
    assert_eq!(statuses, [403, 403, 200, 201]);
}

#[tokio::test]
async fn a_priority_alone_is_worked_out_anew_or_stays() {
    let mut made = Vec::new();
    for it in both(|switches| switches.priority_alone_stays = true).await {
        let alone = it.create("incident", json!({ "priority": 1 })).await;
        let patched = it.patch("ada", "incident", &alone, json!({ "priority": 2 })).await;
        let with = it.create("incident", json!({ "priority": 1, "impact": 2 })).await;
        assert_eq!(with["priority"], "4");
        made.push([alone["priority"].clone(), patched["priority"].clone()]);
    }
    assert_eq!(made, [["5", "5"], ["1", "2"]]);
}

#[tokio::test]
async fn a_post_to_a_record_changes_it_or_is_refused() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.post_changes_records = false).await {
        let one = it.create("incident", json!({})).await;
        let answer = it.send("ada", Method::POST, &path_of("incident", &one), json!({ "impact": 1 })).await;
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [200, 405]);
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_not_counted_or_counted() {
    let mut counts = Vec::new();
    for it in both(|switches| switches.empty_updates_count = true).await {
        let one = it.create("incident", json!({ "impact": 1 })).await;
        counts.push(it.patch("ada", "incident", &one, json!({ "impact": 1 })).await["sys_mod_count"].clone());
    }
    assert_eq!(counts, ["0", "1"]);
}

#[tokio::test]
async fn a_sys_id_that_is_taken_is_403_or_409() {
    for (it, expected) in both(|switches| switches.duplicate_sys_id_status = 409).await.iter().zip([403, 409])
    {
        let body = json!({ "sys_id": "ab".repeat(16) });
        it.create("incident", body.clone()).await;
        let refused = it.refused("ada", Method::POST, "/api/now/table/incident", body).await;
        assert_eq!(refused.0, expected);
        assert!(refused.2.starts_with("Unique Key violation"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_forbidden_field_is_dropped_or_refuses_the_write() {
    let [it, strict] = both(|switches| switches.forbidden_fields_refuse = true).await;
    for it in [&it, &strict] {
        for operation in ["write", "create"] {
            let rule = json!({ "name": "task.correlation_id", "operation": operation, "roles": "admin" });
            let path = "/api/now/table/sys_security_acl";
            assert_eq!(it.send("admin", Method::POST, path, rule).await.status(), 201);
        }
    }
    let body = || json!({ "correlation_id": "x", "description": "y" });
    let made = it.create("incident", body()).await;
    assert_eq!((&made["correlation_id"], &made["description"]), (&json!(""), &json!("y")));
    let refused = strict.refused("ada", Method::POST, "/api/now/table/incident", body()).await;
    assert_eq!(refused.2, "ACL Exception Insert Failed due to security constraints");
    let made = strict.create("incident", json!({ "description": "y" })).await;
    let refused = strict.refused_patch("ada", "incident", &made, body()).await;
    assert_eq!(refused.2, "ACL Exception Update Failed due to security constraints");
}

#[tokio::test]
async fn a_reference_to_nothing_is_stored_or_emptied() {
    let mut held = Vec::new();
    for it in both(|switches| switches.unknown_references_are_emptied = true).await {
        let made = it.create("incident", json!({ "assignment_group": "ab".repeat(16) })).await;
        held.push(made["assignment_group"]["value"].as_str().map(str::to_owned));
        let groups = it.get("/api/now/table/sys_user_group").await;
        let made = it.create("incident", json!({ "assignment_group": id(&groups[0]) })).await;
        assert_eq!(made["assignment_group"]["value"], groups[0]["sys_id"]);
    }
    assert_eq!(held, [Some("ab".repeat(16)), None]);
}

#[tokio::test]
async fn a_name_for_a_reference_is_stored_or_resolved() {
    let [it, resolving] = both(|switches| switches.references_by_name = true).await;
    let body = || json!({ "assignment_group": "Network Operations" });
    let stored = it.create("incident", body()).await;
    assert_eq!(stored["assignment_group"]["value"], "Network Operations");
    let groups = resolving.get("/api/now/table/sys_user_group?name=Network%20Operations").await;
    let made = resolving.create("incident", body()).await;
    assert_eq!(made["assignment_group"]["value"], groups[0]["sys_id"]);
    let patched =
        resolving.patch("ada", "incident", &made, json!({ "assignment_group": "IT Operations" })).await;
    assert_ne!(patched["assignment_group"], made["assignment_group"]);
}

#[tokio::test]
async fn a_null_empties_a_field_or_leaves_it() {
    let mut held = Vec::new();
    for it in both(|switches| switches.null_is_ignored = true).await {
        let one = it.create("incident", json!({ "description": "x" })).await;
        held.push(
            it.patch("ada", "incident", &one, json!({ "description": null })).await["description"].clone(),
        );
        let emptied = it.patch("ada", "incident", &one, json!({ "description": "" })).await;
        assert_eq!(emptied["description"], "");
    }
    assert_eq!(held, ["", "x"]);
}

#[tokio::test]
async fn what_the_dictionary_protects_is_written_or_stays() {
    let mut held = Vec::new();
    for it in both(|switches| switches.dictionary_read_only_is_enforced = true).await {
        let one = it.create("incident", json!({})).await;
        let patched = it.patch("ada", "incident", &one, json!({ "opened_at": "2020-01-01 00:00:00" })).await;
        held.push(patched["opened_at"] == one["opened_at"]);
        assert_ne!(one["opened_at"], "");
    }
    assert_eq!(held, [false, true]);
}

#[tokio::test]
async fn what_the_dictionary_wants_may_lack_or_not() {
    let [it, strict] = both(|switches| switches.mandatory_fields_are_enforced = true).await;
    it.create("incident", json!({})).await;
    let refused = strict.refused("ada", Method::POST, "/api/now/table/incident", json!({})).await;
    assert!(refused.2.ends_with("mandatory: Caller, Short description"), "{refused:?}");
    let users = strict.get("/api/now/table/sys_user?user_name=ada").await;
    let whole = json!({ "caller_id": id(&users[0]), "short_description": "x" });
    let made = strict.create("incident", whole).await;
    strict.patch("ada", "incident", &made, json!({ "impact": 1 })).await;
}

#[tokio::test]
async fn a_retired_item_is_referred_to_or_left_out() {
    let mut held = Vec::new();
    for it in both(|switches| switches.reference_qualifiers_run = true).await {
        let retired = it.create("cmdb_ci_server", json!({ "name": "r", "operational_status": "6" })).await;
        let running = it.create("cmdb_ci_server", json!({ "name": "s", "operational_status": "1" })).await;
        let one = it.create("incident", json!({ "cmdb_ci": id(&retired) })).await;
        held.push(one["cmdb_ci"] != "");
        let other = it.patch("ada", "incident", &one, json!({ "cmdb_ci": id(&running) })).await;
        assert_eq!(other["cmdb_ci"]["value"], running["sys_id"]);
    }
    assert_eq!(held, [true, false]);
}

#[tokio::test]
async fn an_equal_relation_is_made_again_or_refused() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.relations_are_unique = true).await {
        let kinds = it.get("/api/now/table/cmdb_rel_type").await;
        let ends =
            [it.create("cmdb_ci_server", json!({})).await, it.create("cmdb_ci_server", json!({})).await];
        let body = json!({ "parent": id(&ends[0]), "child": id(&ends[1]), "type": id(&kinds[0]) });
        it.create("cmdb_rel_ci", body.clone()).await;
        let other = json!({ "parent": id(&ends[0]), "child": id(&ends[1]), "type": id(&kinds[1]) });
        it.create("cmdb_rel_ci", other).await;
        statuses
            .push(it.send("ada", Method::POST, "/api/now/table/cmdb_rel_ci", body).await.status().as_u16());
    }
    assert_eq!(statuses, [201, 403]);
}

#[tokio::test]
async fn an_item_in_error_takes_its_payload_along_or_not() {
    let mut made = Vec::new();
    for it in both(|switches| switches.ire_always_commits_partially = true).await {
        let items = json!({ "items": [
            { "className": "cmdb_ci_linux_server", "values": { "name": "good" } },
            { "className": "cmdb_ci", "values": { "name": "without a rule" } },
        ] });
        let path = "/api/now/identifyreconcile?sysparm_data_source=OpenFactory";
        assert_eq!(it.send("ada", Method::POST, path, items).await.status(), 200);
        made.push(it.simulator.store().query("cmdb_ci_linux_server", "name=good").unwrap().len());
    }
    assert_eq!(made, [0, 1]);
}
