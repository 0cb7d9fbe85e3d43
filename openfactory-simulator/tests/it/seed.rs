//! Seeds: rows and tables to begin with.

use openfactory_simulator::StartError;
use openfactory_simulator::seed::{Seed, SeedError};
use openfactory_simulator::state::StoreError;
use serde_json::json;

use crate::support::{builder, column, instance, started};

const SEED: &str = r#"{
    "sys_user": [{"user_name": "grace", "name": "Grace", "email": "grace@example.com", "roles": "itil"}],
    "change_request": [{"sys_id": "C0FFEE00000000000000000000000001", "number": "CHG0010007", "state": "-1",
                        "approval": "approved", "sys_created_on": "2020-01-01 00:00:00"}],
    "u_site": [{"u_name": "north", "u_size": 3}],
    "u_rack": [{"name": "r1", "u_owner": "6816f79cc0a8016401c5a33be04be441", "u_slots": "12"}],
    "$schema": {"u_rack": {"extends": "cmdb_ci", "fields": {
        "u_owner": {"type": "reference", "reference": "sys_user"}, "u_slots": {"type": "integer"}}}}
}"#;

#[tokio::test]
async fn rows_are_planted_once_and_tables_made_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        || builder().state(dir.path().join("s.db")).seed(Seed::from_json(SEED.as_bytes()).unwrap());
    let it = started(settings()).await;
    let change = it.get("/api/now/table/change_request/c0ffee00000000000000000000000001").await;
    assert_eq!((&change["state"], &change["sys_created_on"]), (&json!("-1"), &json!("2020-01-01 00:00:00")));
    assert_eq!(it.create("change_request", json!({})).await["number"], "CHG0010008");
    let rack = it.get("/api/now/table/cmdb_ci?name=r1").await;
    assert_eq!(rack[0]["sys_class_name"], "u_rack");
    let query =
        "/api/now/table/u_rack?sysparm_query=u_slots>9^u_owner.user_name=admin&sysparm_display_value=true";
    assert_eq!(it.get(query).await[0]["u_owner"]["display_value"], "System Administrator");
    assert_eq!(column(&it.get("/api/now/table/u_site").await, "u_name"), ["north"]);

    let path = crate::support::path_of("u_rack", &rack[0]);
    assert_eq!(it.request("ada", reqwest::Method::DELETE, &path).send().await.unwrap().status(), 204);
    it.patch("ada", "change_request", &change, json!({ "short_description": "worked on" })).await;
    it.simulator.shutdown().await;
    let again = started(settings()).await;
    assert_eq!(again.get("/api/now/table/u_rack").await, json!([]));
    let kept = again.get("/api/now/table/change_request/c0ffee00000000000000000000000001").await;
    assert_eq!(kept["short_description"], "worked on");
    assert_eq!(again.get("/api/now/table/sys_user?user_name=grace").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_seed_is_refused_with_its_place() {
    let parse = |text: &str| Seed::from_json(text.as_bytes());
    assert!(matches!(parse("[]"), Err(SeedError::Shape { .. })));
    assert!(matches!(parse(r#"{"t": [1]}"#), Err(SeedError::Shape { .. })));
    assert!(matches!(parse(r#"{"T x": []}"#), Err(SeedError::Name { .. })));
    assert!(matches!(parse(r#"{"t": [{}, {"f": [1]}]}"#), Err(SeedError::Value { index: 1, .. })));
    let twice = r#"{"t": [{"sys_id": "AB"}, {"sys_id": "cd"}, {"sys_id": "ab"}]}"#;
    assert!(matches!(parse(twice), Err(SeedError::Twice { sys_id, .. }) if sys_id == "ab"));
    for (schema, fits) in [
        (r#"{"t": {"fields": {"f": {"type": "colour"}}}}"#, "Type"),
        (r#"{"t": {"fields": {"f": {"type": "reference"}}}}"#, "Type"),
        (r#"{"t": {"extends": "nowhere"}}"#, "Parent"),
        (r#"{"a": {"extends": "b"}, "b": {"extends": "a"}}"#, "Parent"),
        (r#"{"t": {"fields": {"f": {"type": "reference", "reference": "nowhere"}}}}"#, "Reference"),
        (r#"{"t": {"fields": {"f": {"type": "glide_list", "reference": "nowhere"}}}}"#, "Reference"),
        (
            r#"{"t": {"fields": {"f": {"type": "string"}}}}, "t": [{"f": "x"}, {"sys_id": "1", "g": "y"}]"#,
            "Field",
        ),
        (r#"{}, "incident": [{"short_descripton": "x"}]"#, "Field"),
        (r#"{}, "incident": [{"due_date": "2026-01-31T00:00:00Z"}]"#, "Date"),
    ] {
        let seed = parse(&format!(r#"{{"$schema": {schema}}}"#)).unwrap();
        let Err(StartError::Seed(error)) = builder().seed(seed).start().await else { panic!("{schema}") };
        assert!(format!("{error:?}").starts_with(fits), "{error:?}");
    }
}

#[tokio::test]
async fn a_running_instance_takes_rows_for_tables_that_it_has() {
    let it = instance().await;
    let rows =
        Seed::from_json(br#"{"incident": [{"number": "INC0020000", "correlation_id": "planted"}]}"#).unwrap();
    it.simulator.plant(&rows).unwrap();
    it.simulator.plant(&rows).unwrap();
    let found = it.get("/api/now/table/incident?sysparm_query=correlation_id=planted").await;
    assert_eq!(column(&found, "number"), ["INC0020000"]);
    assert_eq!(it.create("incident", json!({})).await["number"], "INC0020001");
    let other =
        Seed::from_json(br#"{"incident": [{"number": "INC0030000"}], "u_none": [{"name": "x"}]}"#).unwrap();
    assert!(matches!(it.simulator.plant(&other), Err(StoreError::NoTable { name }) if name == "u_none"));
    let other = Seed::from_json(br#"{"incident": [{"number": "INC0030000", "stat": "1"}]}"#).unwrap();
    assert!(matches!(it.simulator.plant(&other), Err(StoreError::Unfit { .. })));
    assert!(it.simulator.store().query("incident", "number=INC0030000").unwrap().is_empty());
}
