//! The two doors that hand records to the instance's own rules.

use std::time::{Duration, SystemTime};

use openfactory_sn::event::{Event, Severity};
use openfactory_sn::import::ImportStatus;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields};
use serde_json::{Value, json};

use crate::support::client;

#[tokio::test]
async fn what_a_map_refused_is_told() {
    let path = "/api/now/import/u_device";
    let answer = json!({"import_set": "ISET1", "result": [
        {"status": "error", "table": "cmdb_ci", "error_message": "no serial", "transform_map": "Device"},
        {"status": "inserted", "table": "cmdb_ci", "sys_id": "d1", "transform_map": "Device 2"}]});
    let script = ScriptedTransport::new()
        .on(Expected::post(path), Reply::json(201, &answer))
        .on(Expected::post(path), Reply::json(201, &json!({"result": [{}]})))
        .on(Expected::post(path), Reply::failure(TransportErrorKind::Interrupted));
    let import = client(&script).import_set("u_device");
    let rows = import.insert(&Fields::new()).await.unwrap();
    assert_eq!(
        (&rows[0].status, rows[0].message.as_deref(), rows[0].is_good()),
        (&ImportStatus::Error, Some("no serial"), false)
    );
    assert!(rows[1].is_good() && rows[1].sys_id.is_some());
    for kind in [ErrorKind::Decode, ErrorKind::Unavailable] {
        let error = import.insert(&Fields::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (kind, true));
    }
    let local = client(&script).import_set("../sys_user").insert(&Fields::new()).await.unwrap_err();
    assert_eq!(local.kind(), ErrorKind::Local);
    script.assert_done();
}

#[tokio::test]
async fn many_rows_are_staged_in_one_call() {
    let path = "/api/now/import/u_device/insertMultiple";
    let script = ScriptedTransport::new()
        .on(Expected::post(path), Reply::json(201, &json!({"import_set_id": "s1"})))
        .on(
            Expected::get("/api/now/table/u_device")
                .query("sysparm_query", "sys_import_set=s1^ORDERBYsys_id"),
            Reply::result(
                200,
                json!([
                    {"sys_id": "r1", "sys_import_set": "s1", "sys_import_state": "error", "u_name": "a",
                        "sys_import_state_comment": "no serial", "sys_target_sys_id": ""},
                    {"sys_id": "r2", "sys_import_set": "s1", "sys_import_state": "updated",
                        "sys_target_table": "cmdb_ci", "sys_target_sys_id": {"value": "d2"}},
                    {"sys_id": "r3", "sys_import_set": "s1"},
                ]),
            ),
        )
        .on(Expected::post(path), Reply::json(201, &json!({"import_set_id": ""})))
        .on(Expected::post(path), Reply::failure(TransportErrorKind::Interrupted));
    let import = client(&script).import_set("u_device");
    let rows = [Fields::new().with("u_name", "a"), Fields::new().with("u_name", "b")];
    let run = import.insert_many(&rows).await.unwrap();
    assert_eq!((run.import_set.as_str(), &run.multi_import_set), ("s1", &None));
    let staged = import.staged(&run).await.unwrap();
    let told: Vec<_> = staged
        .iter()
        .map(|row| (&row.status, row.sys_id.as_ref().map(|key| key.as_str()), row.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (&ImportStatus::Error, None, "no serial"),
            (&ImportStatus::Updated, Some("d2"), ""),
            (&ImportStatus::Pending, None, ""),
        ]
    );
    assert!(staged[2].is_pending() && staged[0].row.text("u_name") == "a");
    for kind in [ErrorKind::Decode, ErrorKind::Unavailable] {
        let error = import.insert_many(&rows).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (kind, true));
    }
    assert_eq!(import.insert_many(&[]).await.unwrap_err().kind(), ErrorKind::Local);
    let sent: Value = serde_json::from_slice(&script.requests()[0].body).unwrap();
    assert_eq!(sent, json!({"records": [{"u_name": "a"}, {"u_name": "b"}]}));
    script.assert_done();
}

#[tokio::test]
async fn events_are_sent_until_they_arrive() {
    let path = "/api/global/em/jsonv2";
    let script = ScriptedTransport::new()
        .on(Expected::post(path), Reply::failure(TransportErrorKind::Interrupted))
        .on(
            Expected::post(path),
            Reply::result(200, json!({"Default Bulk Endpoint": "2 events were inserted"})),
        )
        .on(
            Expected::post(path),
            Reply::result(200, json!({"Default Bulk Endpoint": "1 events were inserted"})),
        )
        .on(Expected::post(path), Reply::result(200, json!({"said": "otherwise"})));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let events = [
        Event::new("OpenFactory", "drift/d1", Severity::Major, time)
            .node("d1")
            .resource("sshd")
            .kind("drift")
            .metric("files")
            .description("changed")
            .info("path", "/etc/\"x\""),
        Event::new("OpenFactory", "drift/d1", Severity::Clear, time),
    ];
    let sn = client(&script);
    sn.events().send(&events).await.unwrap();
    sn.events().send(&[]).await.unwrap();
    let sent: Value = serde_json::from_slice(&script.requests()[1].body).unwrap();
    assert_eq!(sent["records"][0]["additional_info"], json!(r#"{"path":"/etc/\"x\""}"#));
    assert_eq!(sent["records"][0]["time_of_event"], "2026-01-01 00:00:00");
    assert_eq!(
        (&sent["records"][0]["severity"], &sent["records"][0]["resolution_state"]),
        (&json!("2"), &json!("New"))
    );
    assert_eq!(
        (&sent["records"][1]["severity"], &sent["records"][1]["resolution_state"]),
        (&json!("0"), &json!("Closing"))
    );
    let fewer = sn.events().send(&events).await.unwrap_err();
    assert_eq!(
        (fewer.kind(), fewer.may_have_happened()),
        (ErrorKind::Decode, true),
        "one of two is no success"
    );
    sn.events().send(&events).await.unwrap();
    let unkeyed = Event::new("OpenFactory", "", Severity::Ok, time);
    assert_eq!(sn.events().send(&[unkeyed]).await.unwrap_err().kind(), ErrorKind::Local);
    script.assert_done();
}
