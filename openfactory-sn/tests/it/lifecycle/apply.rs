//! Plans against a scripted instance.

use openfactory_sn::lifecycle::apply::{Applied, ApplyError, Disposition, Repeat, apply};
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::id::EventId;
use openfactory_sn::lifecycle::mapping::Mapping;
use openfactory_sn::lifecycle::plan::operation::{File, RecordKey, Values};
use openfactory_sn::lifecycle::plan::{Operation, Plan};
use openfactory_sn::models::change_request::State;
use openfactory_sn::models::incident;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use serde_json::{Value, json};

use super::samples;
use crate::support::client;

const MARKER: &str = "[openfactory:0123456789abcdef]";

fn change() -> RecordKey {
    RecordKey::new("change_request", correlation::change(&samples::build_id()))
}

fn path(key: &RecordKey) -> String {
    format!("/api/now/table/{}/{}", key.table, key.sys_id())
}

/// A change request or incident as the instance answers it.
fn row(key: &RecordKey, state: &str) -> Value {
    json!({
        "sys_id": key.sys_id().as_str(), "number": "CHG0030001", "state": state, "type": "normal",
        "correlation_id": key.correlation.as_str(),
    })
}

async fn run(
    script: &ScriptedTransport,
    operations: Vec<Operation>,
    repeat: Repeat,
) -> Result<Applied, ApplyError> {
    let plan = Plan::new(EventId::new("e-1").unwrap(), operations);
    let applied = apply(&plan, &client(script), &Mapping::guide().tables, repeat).await;
    script.assert_done();
    applied
}

fn note() -> Operation {
    Operation::Note { record: change(), text: "done".to_owned(), marker: MARKER.to_owned() }
}

#[tokio::test]
async fn a_record_is_made_under_its_derived_key_with_what_was_looked_up() {
    let key = change();
    let values = Values::new()
        .text("short_description", "x")
        .lookup("requested_by", "sys_user", "email", "ada@plant.example")
        .record("parent", RecordKey::new("change_request", correlation::change(&samples::build_id())));
    let script = ScriptedTransport::new()
        .on(
            Expected::get("/api/now/table/sys_user")
                .query("sysparm_query", "email=ada@plant.example^ORDERBYsys_id"),
            Reply::result(
                200,
                json!([{"sys_id": "0a826bf03710200044e0bfc8bcbe5d7a", "email": "ada@plant.example"}]),
            ),
        )
        .on(
            Expected::post("/api/now/table/change_request")
                .field("sys_id", key.sys_id().as_str())
                .field("requested_by", "0a826bf03710200044e0bfc8bcbe5d7a")
                .field("parent", samples::change_request().as_str()),
            Reply::result(201, row(&key, "-5")),
        );
    let operations = vec![Operation::Create { record: key.clone(), values }];
    let applied = run(&script, operations, Repeat::First).await.unwrap();
    let [record] = applied.records.try_into().unwrap();
    assert_eq!((record.number.as_deref(), record.created), (Some("CHG0030001"), true));
    assert_eq!((record.sys_id, record.correlation), (key.sys_id(), key.correlation));
    assert!(applied.findings.is_empty());
}

#[tokio::test]
async fn what_can_not_be_looked_up_stays_empty_and_is_told() {
    let rows = [
        (json!([]), "does not exist"),
        (
            json!([{"sys_id": "a", "name": "Fleet Operations"}, {"sys_id": "b", "name": "Fleet Operations"}]),
            "more than once",
        ),
    ];
    for (found, why) in rows {
        let key = change();
        let script = ScriptedTransport::new()
            .on(Expected::get("/api/now/table/sys_user_group"), Reply::result(200, found))
            .on(Expected::post("/api/now/table/change_request"), Reply::result(201, row(&key, "-5")));
        let values =
            || Values::new().lookup("assignment_group", "sys_user_group", "name", "Fleet Operations");
        let applied =
            run(&script, vec![Operation::Create { record: key, values: values() }], Repeat::First).await;
        let findings = applied.unwrap().findings;
        assert!(
            findings[0].starts_with("assignment_group is left empty") && findings[0].contains(why),
            "{findings:?}"
        );
        let body: Value = serde_json::from_slice(&script.requests()[1].body).unwrap();
        assert_eq!(body.get("assignment_group"), None);
    }
}

#[tokio::test]
async fn a_value_that_would_be_a_query_of_its_own_is_not_asked_for() {
    let key = change();
    let script = ScriptedTransport::new()
        .on(Expected::post("/api/now/table/change_request"), Reply::result(201, row(&key, "-5")));
    let values = Values::new().lookup("requested_by", "sys_user", "email", "x^NQactive=true");
    let applied = run(&script, vec![Operation::Create { record: key, values }], Repeat::First).await.unwrap();
    assert!(applied.findings[0].contains("can not be asked for"));
}

#[tokio::test]
async fn a_record_that_exists_is_set_to_what_is_planned() {
    let key = change();
    let script = ScriptedTransport::new()
        .on(
            Expected::post("/api/now/table/change_request"),
            Reply::fault(
                403,
                "Operation Failed",
                "Unique Key violation detected by database (Duplicate entry 'x' for key 'PRIMARY')",
            ),
        )
        .on(Expected::get(path(&key)), Reply::result(200, row(&key, "-5")))
        .on(Expected::patch(path(&key)).field("risk", "2"), Reply::result(200, row(&key, "-5")));
    let put = Operation::Put { record: key, values: Values::new().text("risk", "2") };
    let applied = run(&script, vec![put], Repeat::MayHaveHappened).await.unwrap();
    assert!(!applied.records[0].created);
}

#[tokio::test]
async fn a_first_note_is_written_with_its_marker() {
    let script = ScriptedTransport::new().on(
        Expected::patch(path(&change())).field("work_notes", format!("done\n\n{MARKER}")),
        Reply::result(200, row(&change(), "-5")),
    );
    assert_eq!(run(&script, vec![note()], Repeat::First).await.unwrap().possible_duplicates, 0);
}

fn journal(found: Value) -> (Expected, Reply) {
    (Expected::get("/api/now/table/sys_journal_field"), Reply::result(200, found))
}

fn entry(value: &str) -> Value {
    json!({"sys_id": "e", "element_id": change().sys_id().as_str(), "element": "work_notes", "value": value})
}

#[tokio::test]
async fn a_note_that_is_there_is_not_repeated() {
    let (ask, found) = journal(json!([entry(MARKER)]));
    let script = ScriptedTransport::new().on(ask, found);
    let applied = run(&script, vec![note()], Repeat::MayHaveHappened).await.unwrap();
    assert_eq!((applied.possible_duplicates, applied.records.len()), (0, 1));
    let asked = script.requests()[0].parameter("sysparm_query").unwrap().to_owned();
    assert!(
        asked.contains(&format!("element_id={}", change().sys_id())) && asked.contains(MARKER),
        "{asked}"
    );
}

#[tokio::test]
async fn a_note_that_is_not_there_is_written_and_where_that_is_unknown_counted() {
    let rows = [
        (vec![journal(json!([])), journal(json!([entry("another")]))], 0),
        (vec![journal(json!([])), journal(json!([]))], 1),
        (
            vec![(
                Expected::get("/api/now/table/sys_journal_field"),
                Reply::fault(403, "Insufficient rights", "Insufficient rights to query records"),
            )],
            1,
        ),
    ];
    for (look, possible_duplicates) in rows {
        let script = look
            .into_iter()
            .fold(ScriptedTransport::new(), |script, (ask, found)| script.on(ask, found))
            .on(Expected::patch(path(&change())), Reply::result(200, row(&change(), "-5")));
        let applied = run(&script, vec![note()], Repeat::MayHaveHappened).await.unwrap();
        assert_eq!(applied.possible_duplicates, possible_duplicates);
    }
}

fn move_to(to: State) -> Operation {
    Operation::MoveChange { record: change(), to, values: Values::new().text("close_code", "successful") }
}

fn at(state: &str, kind: &str) -> Value {
    let mut row = row(&change(), state);
    row["type"] = kind.into();
    row
}

#[tokio::test]
async fn a_change_walks_state_by_state_and_closes_with_its_code() {
    let path = path(&change());
    let mut script =
        ScriptedTransport::new().on(Expected::get(&*path), Reply::result(200, at("-1", "emergency")));
    script =
        script.on(Expected::patch(&*path).field("state", "0"), Reply::result(200, at("0", "emergency"))).on(
            Expected::patch(&*path).field("state", "3").field("close_code", "successful"),
            Reply::result(200, at("3", "emergency")),
        );
    run(&script, vec![move_to(State::Closed)], Repeat::First).await.unwrap();
    let body: Value = serde_json::from_slice(&script.requests()[1].body).unwrap();
    assert_eq!(body.get("close_code"), None, "not before the last step");
}

#[tokio::test]
async fn a_change_that_the_instance_moves_on_is_followed() {
    let path = path(&change());
    let script = ScriptedTransport::new()
        .on(Expected::get(&*path), Reply::result(200, at("-5", "emergency")))
        .on(Expected::patch(&*path).field("state", "-3"), Reply::result(200, at("-2", "emergency")))
        .on(Expected::patch(&*path).field("state", "-1"), Reply::result(200, at("-1", "emergency")));
    run(&script, vec![move_to(State::Implement)], Repeat::First).await.unwrap();
}

#[tokio::test]
async fn a_change_that_is_there_or_beyond_stays() {
    for state in ["-4", "-3", "-1", "3"] {
        let script = ScriptedTransport::new()
            .on(Expected::get(path(&change())), Reply::result(200, at(state, "normal")));
        let applied = run(&script, vec![move_to(State::Assess)], Repeat::MayHaveHappened).await.unwrap();
        assert!(applied.findings.is_empty(), "{state}");
    }
}

#[tokio::test]
async fn a_change_that_someone_canceled_stays_and_is_told() {
    for (state, kind) in [("4", "normal"), ("7", "normal"), ("-5", "u_own")] {
        let script =
            ScriptedTransport::new().on(Expected::get(path(&change())), Reply::result(200, at(state, kind)));
        let applied = run(&script, vec![move_to(State::Assess)], Repeat::First).await.unwrap();
        assert!(applied.findings[0].contains("no way leads"), "{state} {kind}");
    }
}

#[tokio::test]
async fn an_instance_that_swallows_a_move_is_found_out() {
    let path = path(&change());
    let script = ScriptedTransport::new()
        .on(Expected::get(&*path), Reply::result(200, at("-5", "normal")))
        .on(Expected::patch(&*path).field("state", "-4"), Reply::result(200, at("-5", "normal")));
    let error = run(&script, vec![move_to(State::Assess)], Repeat::First).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not move change_request change/b-1 to Assess: the instance leaves it in state New (-5)"
    );
    assert_eq!(error.disposition(), Disposition::Retry);
}

#[tokio::test]
async fn an_incident_moves_forward_only() {
    use incident::State::{InProgress, Resolved};
    let key = RecordKey::new("incident", change().correlation);
    let values = || Values::new().text("close_code", "Resolved by change");
    let rows = [
        ("1", Resolved, Some("6"), "6"),
        ("2", Resolved, Some("6"), "6"),
        ("3", Resolved, Some("6"), "6"),
        ("6", Resolved, None, ""),
        ("7", Resolved, None, ""),
        ("8", Resolved, None, ""),
        ("1", InProgress, Some("2"), "2"),
        // Already worked on: the values, but no state.
        ("2", InProgress, None, "2"),
        ("3", InProgress, None, "3"),
        ("6", InProgress, None, ""),
    ];
    for (from, to, sent, answered) in rows {
        let mut script =
            ScriptedTransport::new().on(Expected::get(path(&key)), Reply::result(200, row(&key, from)));
        if !answered.is_empty() {
            script = script.on(Expected::patch(path(&key)), Reply::result(200, row(&key, answered)));
        }
        let operation = Operation::MoveIncident { record: key.clone(), to, values: values() };
        run(&script, vec![operation], Repeat::First).await.unwrap();
        if let Some(request) = script.requests().get(1) {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body.get("state").and_then(Value::as_str), sent, "from {from}");
            assert_eq!(body["close_code"], "Resolved by change");
        }
    }
}

#[tokio::test]
async fn relations_have_their_type_by_name_and_one_key() {
    let (parent, child) =
        (RecordKey::new("cmdb_ci_os_image", correlation::build_item(&samples::build_id())), change());
    let relation = correlation::relation(&parent.sys_id(), "Runs on::Runs", &child.sys_id());
    let key = RecordKey::new("cmdb_rel_ci", relation);
    let relate = || Operation::Relate {
        parent: parent.clone(),
        child: child.clone(),
        type_name: "Runs on::Runs".to_owned(),
    };
    let types = Expected::get("/api/now/table/cmdb_rel_type");
    let script = ScriptedTransport::new()
        .on(
            types.clone(),
            Reply::result(
                200,
                json!([{"sys_id": "60bc4e22c0a8010e01f074cbe6bd73c3", "name": "Runs on::Runs"}]),
            ),
        )
        .on(
            Expected::post("/api/now/table/cmdb_rel_ci")
                .field("sys_id", key.sys_id().as_str())
                .field("parent", parent.sys_id().as_str())
                .field("child", child.sys_id().as_str())
                .field("type", "60bc4e22c0a8010e01f074cbe6bd73c3"),
            Reply::result(201, json!({"sys_id": key.sys_id().as_str()})),
        )
        .on(Expected::delete(path(&key)), Reply::empty(204));
    let unrelate = Operation::Unrelate {
        parent: parent.clone(),
        child: child.clone(),
        type_name: "Runs on::Runs".to_owned(),
    };
    run(&script, vec![relate(), unrelate], Repeat::First).await.unwrap();

    let script = ScriptedTransport::new().on(types, Reply::result(200, json!([])));
    let applied = run(&script, vec![relate()], Repeat::First).await.unwrap();
    assert!(applied.findings[0].contains("is not related to"), "{:?}", applied.findings);
}

#[tokio::test]
async fn a_file_is_looked_for_before_it_is_attached_again() {
    let attach =
        || Operation::Attach { record: change(), file: File::new("a.json", "application/json", &b"{}"[..]) };
    let attachment = json!({
        "sys_id": "a1", "file_name": "a.json", "size_bytes": "2", "content_type": "application/json",
        "table_name": "change_request", "table_sys_id": change().sys_id().as_str(),
    });
    let script = ScriptedTransport::new()
        .on(Expected::post("/api/now/attachment/file"), Reply::result(201, attachment.clone()));
    run(&script, vec![attach()], Repeat::First).await.unwrap();
    let script = ScriptedTransport::new()
        .on(Expected::get("/api/now/attachment"), Reply::result(200, json!([attachment])));
    run(&script, vec![attach()], Repeat::MayHaveHappened).await.unwrap();
}

#[tokio::test]
async fn the_operation_that_failed_is_named_and_those_after_it_are_not_tried() {
    let key = change();
    let update =
        |field: &str| Operation::Update { record: key.clone(), values: Values::new().text(field, "x") };
    let script = ScriptedTransport::new()
        .on(Expected::patch(path(&key)).field("risk", "x"), Reply::result(200, row(&key, "-5")))
        .on(
            Expected::patch(path(&key)).field("reason", "x"),
            Reply::fault(
                404,
                "No Record found",
                "Record doesn't exist or ACL restricts the record retrieval",
            ),
        );
    let error = run(&script, vec![update("risk"), update("reason"), update("scope")], Repeat::First)
        .await
        .unwrap_err();
    assert_eq!((error.index(), error.operation()), (1, "update change_request change/b-1"));
    assert_eq!(error.disposition(), Disposition::Retry, "another event may be about to make it");
    assert!(!error.advice().is_empty());
}

#[tokio::test]
async fn an_instance_that_is_down_costs_no_attempt() {
    let script = (0..20).fold(ScriptedTransport::new(), |script, _| {
        script.on(Expected::patch(path(&change())), Reply::failure(TransportErrorKind::Connect))
    });
    let plan = Plan::new(EventId::new("e-1").unwrap(), vec![note()]);
    let error = apply(&plan, &client(&script), &Mapping::guide().tables, Repeat::First).await.unwrap_err();
    assert!(matches!(error.disposition(), Disposition::DestinationDown { .. }));
}
