//! What an instance begins with: the dictionary, people and roles, and the demo data of one that is to be looked at.

use openfactory_simulator::{Profile, User};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{builder, column, id, instance, path_of, refusal, result, started};

#[tokio::test]
async fn the_dictionary_can_be_read() {
    let it = instance().await;
    let tables = it.get("/api/now/table/sys_db_object?name=incident&sysparm_display_value=true").await;
    assert_eq!(
        (&tables[0]["label"], &tables[0]["super_class"]["display_value"]),
        (&json!("Incident"), &json!("Task"))
    );
    let query = "/api/now/table/sys_dictionary?sysparm_query=name=incident^element=caller_id";
    let field = &it.get(query).await[0];
    assert_eq!((&field["internal_type"], &field["reference"]), (&json!("reference"), &json!("sys_user")));
    assert_eq!((&field["column_label"], &field["max_length"]), (&json!("Caller"), &json!("32")));
    // What every table has stands at the top of its hierarchy.
    let of = async |table: &str| {
        let path = format!("/api/now/table/sys_dictionary?name={table}&element=sys_created_on");
        it.get(&path).await.as_array().unwrap().len()
    };
    assert_eq!((of("task").await, of("incident").await), (1, 0));
    let choices = it.get("/api/now/table/sys_choice?name=incident&element=state&sysparm_query=").await;
    assert!(!choices.as_array().unwrap().is_empty());
    let metadata = it.get("/api/now/table/sys_metadata?sysparm_query=sys_name=itil").await;
    assert_eq!(metadata[0]["sys_class_name"], "sys_user_role");
}

#[tokio::test]
async fn a_library_begins_without_records() {
    let it = instance().await;
    for table in ["task", "cmdb_ci", "syslog", "alm_asset", "sys_journal_field"] {
        assert!(it.simulator.store().records(table).unwrap().is_empty(), "{table}");
    }
    let admin = it.get("/api/now/table/sys_user?user_name=admin").await;
    assert_eq!(id(&admin[0]), "6816f79cc0a8016401c5a33be04be441");
}

#[tokio::test]
async fn demo_data_are_people_records_and_a_log() {
    for profile in Profile::ALL {
        let settings = builder().profile(profile).demo_data(true).user(User::new("beth.anglin", "pw"));
        let it = started(settings).await;
        let count = |table: &str| it.simulator.store().records(table).unwrap().len();
        assert!(count("sys_user") > 24 && count("syslog") >= 300, "{profile}");
        for table in
            ["incident", "problem", "change_request", "change_task", "cmdb_ci", "alm_asset", "cmdb_rel_ci"]
        {
            assert!((3..30).contains(&count(table)), "{profile} {table} {}", count(table));
        }
        let path = "/api/now/table/incident?number=INC0000003&sysparm_display_value=all";
        let incident = it.request("admin", Method::GET, path).send().await.unwrap();
        let incident = &result(incident).await[0];
        assert_eq!(incident["caller_id"]["display_value"], "Joe Employee");
        assert_eq!(incident["priority"]["display_value"], "1 - Critical");
        // Beth works on incidents since the group Network does.
        let incident = it.simulator.store().query("incident", "number=INC0000007").unwrap();
        let path = format!("/api/now/table/incident/{}", incident[0].sys_id());
        let answer = it.send("beth.anglin", Method::PATCH, &path, json!({ "urgency": "2" })).await;
        assert_eq!(answer.status(), 200, "{profile}");
        // New records have numbers of their own.
        let made = it.send("admin", Method::POST, "/api/now/table/incident", json!({})).await;
        assert_eq!(result(made).await["number"], "INC0010001");
    }
}

#[tokio::test]
async fn a_password_is_neither_shown_nor_written() {
    let it = instance().await;
    let user = json!({ "user_name": "newcomer", "name": "New Comer", "user_password": "x" });
    let user = result(it.send("admin", Method::POST, "/api/now/table/sys_user", user).await).await;
    assert_eq!(user["user_password"], "");
    let kept = it.simulator.store().record("sys_user", id(&user)).unwrap().unwrap();
    assert_eq!(kept.value("user_password"), "");
    let shown = it.get(&format!("{}?sysparm_display_value=true", path_of("sys_user", &user))).await;
    assert_eq!(shown["user_password"], "********");
}

#[tokio::test]
async fn roles_are_granted_by_rows_and_contain_others() {
    let it = started(builder().user(User::new("reader", "pw").roles(["change_manager"]))).await;
    // A change manager holds itil too, since the one role contains the other.
    let incident = it.create("incident", json!({ "short_description": "x" })).await;
    let path = path_of("incident", &incident);
    assert_eq!(it.send("reader", Method::PATCH, &path, json!({ "impact": "1" })).await.status(), 200);
    let reader = it.get("/api/now/table/sys_user?user_name=reader").await;
    let rows = it.get(&format!("/api/now/table/sys_user_has_role?user={}", id(&reader[0]))).await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let gone =
        it.request("admin", Method::DELETE, &path_of("sys_user_has_role", &rows[0])).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(it.refused("reader", Method::PATCH, &path, json!({ "impact": "2" })).await.0, 404);
    let role = it.get("/api/now/table/sys_user_role?name=itil").await;
    let grant = json!({ "user": id(&reader[0]), "role": id(&role[0]) });
    assert_eq!(it.send("admin", Method::POST, "/api/now/table/sys_user_has_role", grant).await.status(), 201);
    assert_eq!(it.send("reader", Method::PATCH, &path, json!({ "impact": "2" })).await.status(), 200);
}

#[tokio::test]
async fn a_scripted_rule_aborts_what_fits_its_condition() {
    let it = instance().await;
    let rule = json!({
        "name": "No toys", "collection": "incident", "filter_condition": "short_descriptionLIKEtoy",
        "action_insert": "true", "abort_action": "true",
    });
    let rule = result(it.send("admin", Method::POST, "/api/now/table/sys_script", rule).await).await;
    let answer = it
        .send("ada", Method::POST, "/api/now/table/incident", json!({ "short_description": "a toy" }))
        .await;
    let (status, message, detail) = refusal(answer).await;
    assert_eq!((status, message.as_str()), (403, "Operation Failed"));
    assert!(detail.contains(&format!("Business Rule 'No toys^{}'", id(&rule))), "{detail}");
    it.create("incident", json!({ "short_description": "a tool" })).await;
    it.patch("admin", "sys_script", &rule, json!({ "active": "false" })).await;
    it.create("incident", json!({ "short_description": "a toy" })).await;
    assert_eq!(column(&it.get("/api/now/table/incident").await, "short_description"), ["a tool", "a toy"]);
}

#[tokio::test]
async fn a_sys_id_is_found_however_its_letters_are_written() {
    let it = instance().await;
    let wished = "ABCDEF0123456789ABCDEF0123456789";
    let made = it.create("incident", json!({ "sys_id": wished })).await;
    assert_eq!(made["sys_id"], wished);
    let path = format!("/api/now/table/incident/{}", wished.to_ascii_lowercase());
    assert_eq!(it.get(&path).await["number"], made["number"]);
    let empty = it.request("ada", Method::POST, "/api/now/table/incident").send().await.unwrap();
    assert_eq!((empty.status().as_u16(), &result(empty).await["number"]), (201, &json!("INC0010002")));
}

#[tokio::test]
async fn the_tables_that_clients_use_are_there_with_demo_data() {
    let it = started(builder().demo_data(true)).await;
    let tables = "task incident problem change_request change_task sys_user sys_user_group sys_user_grmember \
        sys_user_role sys_user_has_role sys_group_has_role sysapproval_approver cmdb_ci cmdb_ci_computer cmdb_ci_server \
        cmdb_ci_linux_server cmdb_ci_service cmdb_ci_spkg cmdb_ci_os_template cmdb_ci_cloud_os_image cmdb_ci_iot \
        cmdb_ci_edge_device service_offering cmdb_model cmdb_rel_ci cmdb_rel_type cmdb_serial_number sys_object_source \
        sn_grc_item sn_grc_profile sn_grc_issue sn_compliance_control sn_audit_control_test sys_attachment sys_choice \
        sys_db_object sys_dictionary sys_journal_field sys_properties sys_metadata syslog task_ci task_cmdb_ci_service \
        task_service_offering core_company cmn_location cmn_department alm_asset";
    for table in tables.split_whitespace() {
        let path = format!("/api/now/table/{table}?sysparm_limit=1");
        let answer = it.request("admin", Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{table}");
    }
    let figures = [
        ("sys_user", 24),
        ("sys_user_group", 8),
        ("sys_user_role", 8),
        ("incident", 8),
        ("problem", 4),
        ("change_request", 4),
        ("change_task", 3),
        ("cmdb_ci", 12),
        ("cmdb_rel_ci", 6),
        ("syslog", 300),
        ("sys_dictionary", 500),
    ];
    for (table, least) in figures {
        let rows = it.simulator.store().records(table).unwrap().len();
        assert!(rows >= least, "{table}: {rows}");
    }
}

#[tokio::test]
async fn a_user_is_named_by_first_and_last_name() {
    let it = instance().await;
    let made = async |body: Value| {
        result(it.send("admin", Method::POST, "/api/now/table/sys_user", body).await).await
    };
    let user = made(json!({ "user_name": "g", "first_name": "Grace", "last_name": "Hopper" })).await;
    assert_eq!(user["name"], "Grace Hopper");
    let user =
        it.patch("admin", "sys_user", &user, json!({ "last_name": "", "email": "g@example.com" })).await;
    assert_eq!(user["name"], "Grace");
    let user =
        it.patch("admin", "sys_user", &user, json!({ "last_name": "Murray", "name": "Amazing" })).await;
    assert_eq!(user["name"], "Amazing");
    assert_eq!(made(json!({ "user_name": "h", "name": "Said so" })).await["name"], "Said so");
    // One that an import makes is no other.
    let row = json!({ "user_id": "i", "first_name": "Ida", "last_name": "Rhodes" });
    it.send("admin", Method::POST, "/api/now/import/imp_user", row).await;
    assert_eq!(column(&it.get("/api/now/table/sys_user?user_name=i").await, "name"), ["Ida Rhodes"]);
}
