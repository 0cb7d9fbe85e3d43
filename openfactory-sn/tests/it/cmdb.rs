use std::time::Duration;

use openfactory_sn::cmdb::{CiOperation, IreErrorCode, Item, NewRelation, Payload};
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields, Query, SysId};
use serde_json::{Value, json};

use crate::support::{builder, client, clock};

const IRE: &str = "/api/now/identifyreconcile";

fn key(text: &str) -> SysId {
    SysId::new(text).unwrap()
}

fn named(class: &str, name: &str) -> Item {
    Item::new(class, Fields::new().with("name", name))
}

fn two() -> Payload {
    let mut payload = Payload::new("OpenFactory");
    let seen = openfactory_sn::clock::Clock::now(&clock());
    let serial = Fields::new().with("serial_number", "SN1");
    let device =
        named("cmdb_ci_server", "edge").lookup("cmdb_serial_number", serial).native_key("dev-1").seen(seen);
    let device = payload.item(device);
    let image = payload.item(named("u_image", "kiosk"));
    payload.relate(device, "Runs on::Runs", image);
    payload
}

fn taken(key: &str, operation: &str) -> Value {
    json!({"operation": operation, "sysId": key, "errorCount": 0})
}

#[tokio::test]
async fn a_payload_says_all_that_is_known() {
    let answer = json!({"items": [taken("d1", "UPDATE_WITH_UPGRADE"), taken("i1", "NO_CHANGE")],
        "relations": [{"operation": "INSERT"}]});
    let script = ScriptedTransport::new()
        .on(
            Expected::post(IRE).query("sysparm_data_source", "OpenFactory"),
            Reply::failure(TransportErrorKind::Interrupted),
        )
        .on(Expected::post(IRE), Reply::result(200, answer));
    let outcome = client(&script).cmdb().reconcile(&two()).await.unwrap();
    assert!(outcome.is_complete());
    let operations: Vec<_> =
        outcome.items.iter().map(|item| item.as_ref().unwrap().operation.clone()).collect();
    assert_eq!(operations, [CiOperation::UpdateWithUpgrade, CiOperation::NoChange]);
    assert_eq!(outcome.items[1].as_ref().unwrap().class, "u_image");
    let sent: Value = serde_json::from_slice(&script.requests()[1].body).unwrap();
    assert_eq!(
        sent,
        json!({
            "items": [
                {"className": "cmdb_ci_server", "values": {"name": "edge"},
                 "lookup": [{"className": "cmdb_serial_number", "values": {"serial_number": "SN1"}}],
                 "sys_object_source_info": {"source_name": "OpenFactory", "source_native_key": "dev-1",
                     "source_recency_timestamp": "2026-01-01 00:00:00"}},
                {"className": "u_image", "values": {"name": "kiosk"}},
            ],
            "relations": [{"parent": 0, "child": 1, "type": "Runs on::Runs"}],
        })
    );
    script.assert_done();
}

#[tokio::test]
async fn a_yes_is_not_believed_for_items_that_were_refused() {
    let refused = |code: &str| json!({"sysId": "Unknown", "errorCount": 1, "errors": [{"error": code, "message": "m"}]});
    for code in IreErrorCode::STOCK {
        let answer = json!({"items": [refused(code.as_str()), taken("i1", "INSERT")]});
        let script = ScriptedTransport::new().on(Expected::post(IRE), Reply::result(200, answer));
        let outcome = client(&script).cmdb().reconcile(&two()).await.unwrap();
        let error = outcome.items[0].as_ref().unwrap_err();
        assert_eq!((&error.errors[0].code, error.class.as_str()), (code, "cmdb_ci_server"));
        let passes = *code == IreErrorCode::LockTimeout;
        assert_eq!((error.is_retryable(), error.errors[0].code.is_retryable()), (passes, passes));
        assert!(!code.advice().is_empty());
        assert!(outcome.items[1].is_ok() && !outcome.is_complete());
        assert_eq!(outcome.relations, [None]);
    }
    let silent = [json!({"sysId": "Unknown"}), json!({"sysId": ""}), json!({"sysId": "d1", "errorCount": 2})];
    for item in silent {
        let answer = json!({"items": [item, taken("i1", "INSERT")]});
        let script = ScriptedTransport::new().on(Expected::post(IRE), Reply::result(200, answer));
        let outcome = client(&script).cmdb().reconcile(&two()).await.unwrap();
        assert!(!outcome.items[0].as_ref().unwrap_err().is_retryable());
    }
}

#[tokio::test]
async fn merged_items_share_an_answer_and_missing_ones_are_no_success() {
    let mut merged = taken("d1", "INSERT");
    merged["className"] = "cmdb_ci_server".into();
    merged["inputIndices"] = json!([0, 1]);
    let script =
        ScriptedTransport::new().on(Expected::post(IRE), Reply::result(200, json!({"items": [merged]})));
    let outcome = client(&script).cmdb().reconcile(&two()).await.unwrap();
    assert_eq!(outcome.items[0], outcome.items[1]);
    let bad = [
        json!({}),
        json!({"items": []}),
        json!({"items": [taken("d1", "INSERT")]}),
        json!({"items": [{"sysId": "d1", "inputIndices": [7]}, taken("i1", "INSERT")]}),
        json!({"items": [taken("d/1", "INSERT"), taken("i1", "INSERT")]}),
    ];
    for answer in bad {
        let script = ScriptedTransport::new().on(Expected::post(IRE), Reply::result(200, answer.clone()));
        let error = client(&script).cmdb().reconcile(&two()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Decode, true), "{answer}");
    }
    let unmade = json!({"items": [{"sysId": "Unknown", "operation": "INSERT"}, {"sysId": "Unknown", "errorCount": 1}]});
    let script =
        ScriptedTransport::new().on(Expected::post(format!("{IRE}/query")), Reply::result(200, unmade));
    let would = client(&script).cmdb().would_reconcile(&two()).await.unwrap();
    assert_eq!(would.items[0].as_ref().map(|made| made.sys_id.clone()), Ok(None));
    assert!(would.items[1].is_err());
    let mut sourceless = Payload::new(" ");
    sourceless.item(named("cmdb_ci_server", "edge"));
    let mut keyless = Payload::new("x");
    keyless.item(named("cmdb_ci_server", "edge").seen(openfactory_sn::clock::Clock::now(&clock())));
    for payload in [Payload::new("x"), sourceless, keyless] {
        let refused = client(&ScriptedTransport::new()).cmdb().would_reconcile(&payload).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Local);
    }
    let lost = (0..4).fold(ScriptedTransport::new(), |script, _| {
        script.on(Expected::post(format!("{IRE}/query")), Reply::failure(TransportErrorKind::Interrupted))
    });
    let dry = client(&lost).cmdb().would_reconcile(&two()).await.unwrap_err();
    assert!(!dry.may_have_happened(), "it only asks: {dry}");
}

#[tokio::test]
async fn relations_that_an_answer_leaves_out_are_not_believed() {
    let mut payload = two();
    let items = json!([taken("d1", "INSERT"), taken("i1", "INSERT")]);
    let first = payload.item(named("u_image", "gateway"));
    payload.relate(first, "No such::Type", first);
    let items = json!([items[0], items[1], taken("i2", "INSERT")]);
    let error = json!({"error": "INVALID_INPUT_DATA", "message": "no such type"});
    for (relations, expected, errors) in [
        (json!([{"operation": "INSERT"}]), [None, None], 0),
        (
            json!([{"operation": "INSERT", "inputIndices": [0], "sysId": "r1"}]),
            [Some(CiOperation::Insert), None],
            0,
        ),
        (json!([{"operation": "INSERT", "inputIndices": [1]}]), [None, Some(CiOperation::Insert)], 0),
        (
            json!([{"operation": "INSERT", "inputIndices": [0], "sysId": "r1"},
                {"operation": "INSERT", "inputIndices": [1], "errors": [error]}]),
            [Some(CiOperation::Insert), None],
            1,
        ),
    ] {
        let answer = json!({"items": items, "relations": relations});
        let script = ScriptedTransport::new().on(Expected::post(IRE), Reply::result(200, answer));
        let outcome = client(&script).cmdb().reconcile(&payload).await.unwrap();
        assert_eq!(outcome.relations, expected, "{relations}");
        assert_eq!(outcome.relation_errors[1].len(), errors);
        let told = relations[0]["sysId"].as_str();
        assert_eq!(outcome.relation_keys[0].as_ref().map(SysId::as_str), told);
        assert!(!outcome.is_complete());
    }
}

#[tokio::test]
async fn a_relation_is_made_once() {
    let table = "/api/now/table/cmdb_rel_ci";
    let look = || Expected::get(table).query("sysparm_query", "parent=d1^child=i1^type=t1^ORDERBYsys_id");
    let mut made = json!({"parent": "d1", "child": "i1", "type": "t1"});
    // `printf 'openfactory/sys_id/v1\0cmdb_rel_ci\0d1/t1/i1' | sha256sum | cut -c1-32`
    let derived = "de1d884105cf1a090f6cc5a2caa7d07e";
    made["sys_id"] = derived.into();
    let script = ScriptedTransport::new()
        .on(look(), Reply::result(200, json!([])))
        .on(
            Expected::post(table).field("sys_id", derived).field("parent", "d1"),
            Reply::failure(TransportErrorKind::Interrupted),
        )
        .on(Expected::get(format!("{table}/{derived}")), Reply::result(200, made.clone()))
        .on(look(), Reply::result(200, json!([made])));
    let cmdb = client(&script).cmdb();
    let [device, kind, image] = ["d1", "t1", "i1"].map(key);
    for _ in 0..2 {
        assert!(!cmdb.relate(&device, &kind, &image).await.unwrap().created);
    }
    script.assert_done();
}

#[tokio::test]
async fn an_instance_by_its_own_api() {
    let path = "/api/now/cmdb/instance/cmdb_ci_server";
    let whole = || {
        Reply::result(
            200,
            json!({"attributes": {"sys_id": "d1", "name": "edge"}, "inbound_relations": [], "outbound_relations": []}),
        )
    };
    let script = ScriptedTransport::new()
        .on(
            Expected::post(path)
                .field("source", "OpenFactory")
                .field("outbound_relations", json!([{"type": "t1", "target": "i1"}]))
                .field("attributes", json!({"name": "edge"})),
            whole(),
        )
        .on(
            Expected::patch(format!("{path}/d1")).field("source", "OpenFactory"),
            Reply::raw(503, "text/html", ""),
        )
        .on(Expected::patch(format!("{path}/d1")), whole())
        .on(Expected::post(format!("{path}/d1/relation")), whole())
        .on(Expected::delete(format!("{path}/d1/relation/r1")), Reply::empty(204))
        .on(
            Expected::get(path).query("sysparm_query", "name=edge"),
            Reply::result(200, json!([{"sys_id": "d1", "name": "edge"}])),
        )
        .on(Expected::post(path), Reply::failure(TransportErrorKind::Interrupted))
        .on(Expected::get(format!("{path}/d1")), Reply::result(200, json!({"attributes": {}})));
    let cmdb = client(&script).cmdb();
    let fields = Fields::new().with("name", "edge");
    let relation = || [NewRelation::Outbound { kind: key("t1"), target: key("i1") }];
    let class = "cmdb_ci_server";
    cmdb.create_instance(class, "OpenFactory", &fields, &relation()).await.unwrap();
    cmdb.update_instance(class, &key("d1"), "OpenFactory", &fields).await.unwrap();
    cmdb.add_relations(class, &key("d1"), "OpenFactory", &relation()).await.unwrap();
    cmdb.remove_relation(class, &key("d1"), &key("r1")).await.unwrap();
    let named = Query::new().and(openfactory_sn::models::configuration_item::NAME.is("edge"));
    assert_eq!(cmdb.instances(class, &named).await.unwrap(), [(key("d1"), "edge".to_owned())]);
    let lost = cmdb.create_instance(class, "OpenFactory", &fields, &[]).await.unwrap_err();
    assert!(lost.may_have_happened());
    assert_eq!(cmdb.instance(class, &key("d1")).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(cmdb.instance("A", &key("d1")).await.unwrap_err().kind(), ErrorKind::Local);
    script.assert_done();
}

#[tokio::test]
async fn one_deadline_holds_for_the_look_and_the_relation() {
    let path = "/api/now/table/cmdb_rel_ci";
    let script = ScriptedTransport::new()
        .on(Expected::get(path), Reply::fault(429, "Rate limit exceeded", "").header("retry-after", "20"))
        .on(Expected::get(path), Reply::result(200, json!([])))
        .on(Expected::post(path), Reply::silence());
    let clock = clock();
    let sn = builder(&script).clock(clock.clone()).build().unwrap();
    let lost = sn.cmdb().relate(&key("d1"), &key("t1"), &key("i1")).await.unwrap_err();
    assert!(lost.may_have_happened());
    assert_eq!(clock.slept().iter().sum::<Duration>(), Duration::from_secs(30), "20 of them for the look");
}
