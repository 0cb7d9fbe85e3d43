//! A fleet kept in step by Identification and Reconciliation.

use std::collections::BTreeSet;
use std::error::Error as _;

use openfactory_simulator::Simulator;
use openfactory_sn::cmdb::{IreErrorCode, Refused};
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::sync::{Desired, Payloads, Sent, Way};
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{Client, CorrelationId, ErrorKind, Fields, SysId};
use serde_json::{Value, json};

use crate::support::client;

const IRE: &str = "/api/now/identifyreconcile/enhanced";

fn way(items: usize) -> Way {
    Way::Payloads(Payloads::new("OpenFactory").items(items))
}

fn id(text: &str) -> CorrelationId {
    CorrelationId::new(text).unwrap()
}

async fn simulator() -> (Simulator, Client, SysId) {
    let (simulator, client) = crate::support::simulator_with_apis().await;
    let runs_on = RelationshipType::named(&client, "Runs on::Runs").await.unwrap();
    (simulator, client, runs_on)
}

fn device(desired: &mut Desired, n: usize, version: &str) -> SysId {
    let fields = Fields::new().with("name", format!("edge-{n}")).with("os_version", version);
    desired.record("cmdb_ci_linux_server", &id(&format!("device/{n}")), fields)
}

/// Devices on two images; device 7 has this version.
fn fleet(devices: usize, version: &str, runs_on: &SysId) -> Desired {
    let mut desired = Desired::new();
    let images = ["kiosk", "gateway"]
        .map(|name| desired.record("cmdb_ci_os_image", &id(name), Fields::new().with("name", name)));
    for n in 0..devices {
        let device = device(&mut desired, n, if n == 7 { version } else { "1" });
        desired.relation(&device, runs_on, &images[n % 2]).unwrap();
    }
    desired
}

/// Names of the devices by the names of what they run on, as the instance holds them.
fn related(simulator: &Simulator) -> BTreeSet<(String, String)> {
    let name =
        |sys_id: &str| simulator.store().record("cmdb_ci", sys_id).unwrap().unwrap().value("name").to_owned();
    let rows = simulator.store().records("cmdb_rel_ci").unwrap();
    rows.iter().map(|row| (name(row.value("parent")), name(row.value("child")))).collect()
}

#[tokio::test]
async fn an_instance_identifies_a_fleet_and_only_differences_travel() {
    let (simulator, client, runs_on) = simulator().await;
    // Discovery knew one of them before, as what it is not.
    let known = client.dynamic_table("cmdb_ci_server");
    let known = known.create(&Fields::new().with("name", "edge-3")).await.unwrap().sys_id().clone();
    let mut sent = Sent::new();
    let desired = fleet(40, "1", &runs_on);
    let first = client.sync_by(&way(10), &desired, &mut sent).await;
    assert!(first.failed.is_empty(), "{:?}", first.failed);
    assert_eq!((first.created, first.updated), (41 + 40, 1), "edge-3 was there");
    assert_eq!(related(&simulator).len(), 40);
    assert_eq!(simulator.store().query("cmdb_ci_linux_server", "nameSTARTSWITHedge-").unwrap().len(), 40);
    let edge_3 = SysId::derived("cmdb_ci_linux_server", &id("device/3"));
    assert_eq!(sent.key_of(&edge_3), Some(known.clone()));

    // Nothing differs, so nothing is asked: this client reaches nobody.
    let second =
        crate::support::client(&ScriptedTransport::new()).sync_by(&way(10), &desired, &mut sent).await;
    assert_eq!((second.created, second.updated, second.failed.len()), (0, 0, 0));

    let third = client.sync_by(&way(10), &fleet(40, "2", &runs_on), &mut sent).await;
    assert_eq!((third.created, third.updated, third.failed.len()), (0, 1, 0), "{:?}", third.failed);
    let version = simulator.store().query("cmdb_ci_linux_server", "os_version=2").unwrap();
    assert_eq!(version[0].value("name"), "edge-7");

    // What is remembered is text, and what is forgotten is found again.
    let text = serde_json::to_string(&sent).unwrap();
    let mut read: Sent = serde_json::from_str(&text).unwrap();
    assert_eq!(read, sent);
    let again = client.sync_by(&way(10), &fleet(40, "2", &runs_on), &mut Sent::new()).await;
    assert_eq!((again.created, again.updated, again.failed.len()), (0, 0, 0), "{again:?}");

    // Fewer devices: relations that are desired no more are found by their ends, and taken away.
    let fewer = client.sync_by(&way(10), &fleet(30, "2", &runs_on), &mut read).await;
    assert_eq!((fewer.removed, fewer.failed.len()), (10, 0), "{:?}", fewer.failed);
    assert_eq!(related(&simulator).len(), 30);
    simulator.shutdown().await;
}

#[tokio::test]
async fn what_others_did_is_seen_and_mended() {
    let (simulator, client, runs_on) = simulator().await;
    let (mut sent, desired) = (Sent::new(), fleet(8, "1", &runs_on));
    assert!(client.sync_by(&way(100), &desired, &mut sent).await.failed.is_empty());
    let key =
        |n: usize| sent.key_of(&SysId::derived("cmdb_ci_linux_server", &id(&format!("device/{n}")))).unwrap();
    let devices = client.dynamic_table("cmdb_ci_linux_server");
    devices.update(&key(2), &Fields::new().with("os_version", "hand-made")).await.unwrap();
    devices.delete(&key(3)).await.unwrap();
    let rows = simulator.store().query("cmdb_rel_ci", &format!("parent={}", key(4))).unwrap();
    client.dynamic_table("cmdb_rel_ci").delete(&SysId::new(rows[0].sys_id()).unwrap()).await.unwrap();

    client.look_again(&desired, &mut sent).await.unwrap();
    let differences = desired.differences(&sent);
    assert_eq!(differences.len(), 4, "{differences:?}");
    let mended = client.sync_by(&way(100), &desired, &mut sent).await;
    assert_eq!((mended.created, mended.updated, mended.failed.len()), (3, 1, 0), "{:?}", mended.failed);
    assert_eq!(related(&simulator).len(), 8);
    client.look_again(&desired, &mut sent).await.unwrap();
    assert!(desired.differences(&sent).is_empty());
    simulator.shutdown().await;
}

#[tokio::test]
async fn what_was_deleted_unseen_is_made_again() {
    let (simulator, client, runs_on) = simulator().await;
    let mut sent = Sent::new();
    assert!(client.sync_by(&way(100), &fleet(8, "1", &runs_on), &mut sent).await.failed.is_empty());
    let key = sent.key_of(&SysId::derived("cmdb_ci_linux_server", &id("device/7"))).unwrap();
    client.dynamic_table("cmdb_ci_linux_server").delete(&key).await.unwrap();
    let changed = fleet(8, "2", &runs_on);
    let second = client.sync_by(&way(100), &changed, &mut sent).await;
    assert_eq!((second.created, second.failed.len()), (1, 0), "{:?}", second.failed);
    let third = client.sync_by(&way(100), &changed, &mut sent).await;
    assert_eq!((third.created, third.failed.len()), (1, 0), "its relation went with it");
    assert_eq!(related(&simulator).len(), 8);
    simulator.shutdown().await;
}

#[tokio::test]
async fn each_item_has_its_own_error_and_keeps_no_other_back() {
    let (simulator, client, runs_on) = simulator().await;
    let (mut sent, mut desired) = (Sent::new(), fleet(6, "1", &runs_on));
    // Directly below `cmdb_ci`, so no rule identifies it.
    let lost = desired.record("cmdb_ci", &id("lost"), Fields::new().with("name", "lost"));
    let on_lost = device(&mut desired, 0, "1");
    let waits = desired.relation(&on_lost, &runs_on, &lost).unwrap();
    // An image of a cloud hangs on a place, without which it is not identified.
    let placed = |desired: &mut Desired, n: usize| {
        let image = Fields::new().with("name", format!("ami-{n}")).with("object_id", format!("ami-{n}"));
        desired.record("cmdb_ci_os_template", &id(&format!("ami/{n}")), image)
    };
    let (hosted, adrift) = (placed(&mut desired, 1), placed(&mut desired, 2));
    let zone = Fields::new().with("name", "eu-1").with("object_id", "eu-1");
    let zone = desired.record("cmdb_ci_logical_datacenter", &id("zone"), zone);
    let hosted_on = RelationshipType::named(&client, "Hosted on::Hosts").await.unwrap();
    desired.relation(&hosted, &hosted_on, &zone).unwrap();

    for items in [3, 200] {
        let synced = client.sync_by(&way(items), &desired, &mut sent).await;
        let failed: BTreeSet<_> = synced.failed.iter().map(|(sys_id, _)| sys_id).collect();
        assert_eq!(failed, BTreeSet::from([&lost, &waits, &adrift]), "{:?}", synced.failed);
        let error = |key: &SysId| &synced.failed.iter().find(|(sys_id, _)| sys_id == key).unwrap().1;
        let code = |key: &SysId| {
            error(key).source().and_then(|source| source.downcast_ref::<Refused>()).unwrap().errors[0]
                .code
                .clone()
        };
        assert_eq!(code(&lost), IreErrorCode::IdentificationRuleMissing);
        assert_eq!(code(&adrift), IreErrorCode::MissingDependency);
        assert_eq!((error(&lost).kind(), error(&lost).is_retryable()), (ErrorKind::Invalid, false));
        assert!(error(&waits).to_string().contains("could not be made"), "{}", error(&waits));
        assert_eq!(related(&simulator).len(), 7);
    }
    assert!(sent.key_of(&hosted).is_some() && sent.key_of(&adrift).is_none());
    simulator.shutdown().await;
}

#[tokio::test]
async fn fields_are_emptied_and_references_wait_for_what_they_name() {
    let (simulator, client, _) = simulator().await;
    let (mut sent, mut desired) = (Sent::new(), Desired::new());
    let key = |n: usize| SysId::derived("cmdb_ci_linux_server", &id(&format!("device/{n}")));
    // Each names the other, so one of them has to be there first.
    let named = |n: usize, comments: &str| {
        let fields = Fields::new().with("name", format!("edge-{n}")).with("comments", comments);
        fields.with("duplicate_of", key(1 - n).to_string())
    };
    for n in 0..2 {
        desired.record("cmdb_ci_linux_server", &id(&format!("device/{n}")), named(n, "noisy"));
    }
    let first = client.sync_by(&way(2), &desired, &mut sent).await;
    assert_eq!((first.created, first.failed.len()), (2, 0), "{:?}", first.failed);
    let held = |n: usize, sent: &Sent| {
        let actual = sent.key_of(&key(n)).unwrap();
        simulator.store().record("cmdb_ci", actual.as_str()).unwrap().unwrap()
    };
    assert_eq!(held(0, &sent).value("duplicate_of"), sent.key_of(&key(1)).unwrap().as_str());
    desired.record("cmdb_ci_linux_server", &id("device/1"), named(1, ""));
    let second = client.sync_by(&way(2), &desired, &mut sent).await;
    assert_eq!((second.updated, second.failed.len()), (1, 0), "{:?}", second.failed);
    assert_eq!((held(0, &sent).value("comments"), held(1, &sent).value("comments")), ("noisy", ""));
    assert!(desired.differences(&sent).is_empty());
    simulator.shutdown().await;
}

/// Two devices without relations.
fn pair() -> (Desired, [SysId; 2]) {
    let mut desired = Desired::new();
    let mut keys = [device(&mut desired, 0, "1"), device(&mut desired, 1, "1")];
    keys.sort();
    (desired, keys)
}

fn taken(key: &str) -> Value {
    json!({"operation": "INSERT", "sysId": key, "errorCount": 0})
}

fn refused(code: &str) -> Value {
    json!({"sysId": "Unknown", "errorCount": 1, "errors": [{"error": code, "message": "m"}]})
}

#[tokio::test]
async fn a_lock_passes_and_what_was_abandoned_travels_without_its_culprit() {
    let (desired, keys) = pair();
    let answer = |items: Value| Reply::result(200, json!({"items": items, "relations": []}));
    let script = ScriptedTransport::new()
        .on(Expected::post(IRE), answer(json!([refused("LOCK_TIMEOUT"), taken("d2")])))
        .on(Expected::post(IRE), answer(json!([taken("d1")])));
    let mut sent = Sent::new();
    let synced = client(&script).sync_by(&way(10), &desired, &mut sent).await;
    assert_eq!((synced.created, synced.failed.len()), (2, 0), "{:?}", synced.failed);
    script.assert_done();

    let script = ScriptedTransport::new()
        .on(Expected::post(IRE), answer(json!([refused("ABANDONED"), refused("MULTI_MATCH")])))
        .on(Expected::post(IRE), answer(json!([taken("d1")])));
    let synced = client(&script).sync_by(&way(10), &desired, &mut Sent::new()).await;
    assert_eq!((synced.created, &synced.failed[0].0), (1, &keys[1]));
    assert_eq!(synced.failed[0].1.kind(), ErrorKind::Conflict);
    script.assert_done();

    // A lock that never passes comes to an end.
    let mut script = ScriptedTransport::new();
    for _ in 0..10 {
        script =
            script.on(Expected::post(IRE), answer(json!([refused("LOCK_TIMEOUT"), refused("LOCK_TIMEOUT")])));
    }
    let synced = client(&script).sync_by(&way(10), &desired, &mut Sent::new()).await;
    assert_eq!((synced.failed.len(), script.requests().len()), (2, 4));
    assert!(
        synced.failed.iter().all(|(_, error)| error.is_retryable() && error.kind() == ErrorKind::Unavailable)
    );
}

#[tokio::test]
async fn a_call_that_fails_fails_what_it_carried() {
    let mut desired = Desired::new();
    (0..4).for_each(|n| drop(device(&mut desired, n, "1")));
    let two = || Reply::result(200, json!({"items": [taken("d1"), taken("d2")], "relations": []}));
    // Refused for something about this payload: the next one still goes.
    let script = ScriptedTransport::new()
        .on(Expected::post(IRE), Reply::fault(400, "Exception while reading request", ""))
        .on(Expected::post(IRE), two());
    let synced = client(&script).sync_by(&way(2), &desired, &mut Sent::new()).await;
    assert_eq!((synced.created, synced.failed.len()), (2, 2));
    assert!(synced.failed.iter().all(|(_, error)| error.kind() == ErrorKind::Invalid));
    script.assert_done();

    // The instance is not reached: nothing else is tried, and what was not sent is in no doubt.
    let script = ScriptedTransport::new();
    let script = (0..4).fold(script, |script, _| {
        script.on(Expected::post(IRE), Reply::failure(TransportErrorKind::Interrupted))
    });
    let mut sent = Sent::new();
    let synced = client(&script).sync_by(&way(2), &desired, &mut sent).await;
    let doubts = synced.failed.iter().filter(|(_, error)| error.may_have_happened()).count();
    assert_eq!((synced.failed.len(), doubts, sent.is_empty()), (4, 2, true), "{:?}", synced.failed);
    script.assert_done();

    // Too slow for four at once.
    let script = ScriptedTransport::new()
        .on(Expected::post(IRE), Reply::failure(TransportErrorKind::Timeout))
        .on(Expected::post(IRE), two())
        .on(Expected::post(IRE), two());
    let patient =
        crate::support::builder(&script).retry(openfactory_sn::RetryPolicy::never()).build().unwrap();
    let synced = patient.sync_by(&way(4), &desired, &mut Sent::new()).await;
    assert_eq!((synced.created, synced.failed.len()), (4, 0), "{:?}", synced.failed);
    script.assert_done();
}

#[tokio::test]
async fn relations_are_told_apart_by_index_and_never_believed_by_place_alone() {
    let mut desired = Desired::new();
    let (a, b) = (device(&mut desired, 0, "1"), device(&mut desired, 1, "1"));
    let (good, bad) = (SysId::new("k1").unwrap(), SysId::new("k2").unwrap());
    let (right, wrong) = (desired.relation(&a, &good, &b).unwrap(), desired.relation(&a, &bad, &b).unwrap());
    let kinds = json!([{"sys_id": "k1", "name": "Runs on::Runs"}, {"sys_id": "k2", "name": "No such::Type"}]);
    // Which place the good one has in the payload follows from its key.
    let place = usize::from(right > wrong);
    let answer = |relation: Value| {
        let mut relation = relation;
        relation["className"] = "cmdb_rel_ci".into();
        Reply::result(200, json!({"items": [taken("d1"), taken("d2")], "relations": [relation]}))
    };
    let types = || Expected::get("/api/now/table/cmdb_rel_type");
    let script = ScriptedTransport::new()
        .on(types(), Reply::result(200, kinds.clone()))
        .on(Expected::post(IRE), answer(json!({"operation": "INSERT", "inputIndices": [place]})));
    let silent = || Reply::result(200, json!({"items": [taken("d1"), taken("d2")], "relations": []}));
    let script = (0..3).fold(script, |script, _| script.on(Expected::post(IRE), silent()));
    let synced = client(&script).sync_by(&way(10), &desired, &mut Sent::new()).await;
    assert_eq!((synced.created, synced.failed.len()), (3, 1), "{:?}", synced.failed);
    assert_eq!((&synced.failed[0].0, synced.failed[0].1.kind()), (&wrong, ErrorKind::Decode));
    script.assert_done();
}
