use openfactory_sn::models::change_request::{ChangeRequest, STATE, State, Type};
use openfactory_sn::models::incident::Incident;
use openfactory_sn::record::Record;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Fields, Row, SysId};
use serde_json::{Value, json};

use crate::support::{ID, INCIDENT, client, id, record_path, row};

#[tokio::test]
async fn a_typed_record_keeps_what_it_does_not_know() {
    let sent = json!({
        "sys_id": ID, "number": "CHG0030001", "state": "-2", "type": "emergency", "approval": "not requested",
        "cmdb_ci": {"link": "https://x/api/now/table/cmdb_ci/5137", "value": "5137"}, "parent": "",
        "sys_updated_on": "2026-01-01 00:00:00", "u_overlay": "kept",
    });
    let script = ScriptedTransport::new().on(
        Expected::get(format!("/api/now/table/change_request/{ID}"))
            .query("sysparm_display_value", "false")
            .query("sysparm_exclude_reference_link", "true")
            .header("accept", "application/json"),
        Reply::result(200, sent.clone()),
    );
    let change: ChangeRequest = client(&script).table().get(&id()).await.unwrap();
    assert_eq!(change.number.as_ref().unwrap().as_str(), "CHG0030001");
    assert_eq!(change.state, Some(State::Scheduled));
    assert_eq!(change.kind, Some(Type::Emergency));
    assert_eq!(change.cmdb_ci.as_ref().unwrap().sys_id().as_str(), "5137");
    assert_eq!(change.parent, None);
    assert_eq!(change.close_code, None);
    assert_eq!(change.row().text("u_overlay"), "kept");
    assert_eq!(Value::from(change.row().clone()), sent);
    script.assert_done();
}

#[tokio::test]
async fn a_typed_record_that_holds_nonsense_says_where() {
    let script = ScriptedTransport::new().on(
        Expected::get(format!("/api/now/table/change_request/{ID}")),
        Reply::result(200, json!({"sys_id": ID, "impact": "High"})),
    );
    let error = client(&script).table::<ChangeRequest>().get(&id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), format!("record {ID}: field impact"));
    assert_eq!(std::error::Error::source(source).unwrap().to_string(), "\"High\" is not a whole number");
}

#[tokio::test]
async fn absence_is_what_the_table_api_calls_it() {
    let absent =
        Reply::fault(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval");
    let script = ScriptedTransport::new()
        .on(Expected::get(record_path()), absent.clone())
        .on(Expected::get(record_path()), absent)
        .on(Expected::get(record_path()), Reply::raw(404, "text/html", "<html>no such host</html>"));
    let table = client(&script).dynamic_table("incident");
    assert_eq!(table.get(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(table.get_opt(&id()).await.unwrap(), None);
    let page = table.get_opt(&id()).await.unwrap_err();
    assert_eq!(page.kind(), ErrorKind::Unavailable, "nothing was said of the record");
    script.assert_done();
}

#[tokio::test]
async fn writes_send_raw_values() {
    let script = ScriptedTransport::new()
        .on(
            Expected::post("/api/now/table/change_request")
                .header("content-type", "application/json")
                .body(r#"{"short_description":"x","state":"-5"}"#),
            Reply::result(201, row(ID, "-5")),
        )
        .on(
            Expected::patch(format!("/api/now/table/change_request/{ID}")).body(r#"{"state":"-4"}"#),
            Reply::result(200, row(ID, "-4")),
        );
    let changes = client(&script).table::<ChangeRequest>();
    let fields = Fields::new().with("short_description", "x").with_field(STATE, State::New);
    let change = changes.create(&fields).await.unwrap();
    let fields = Fields::new().with_field(STATE, State::Assess);
    assert_eq!(changes.update(change.sys_id(), &fields).await.unwrap().state, Some(State::Assess));
    script.assert_done();
}

#[tokio::test]
async fn a_create_with_a_key_insists_on_it() {
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT).field("sys_id", ID), Reply::result(201, row(ID, "1")))
        .on(Expected::post(INCIDENT).field("sys_id", ID), Reply::result(201, row("another", "1")));
    let table = client(&script).dynamic_table("incident");
    let created: Row = table.create_with_sys_id(&id(), &Fields::new()).await.unwrap();
    assert_eq!(created.sys_id(), &id());
    let error = table.create_with_sys_id(&id(), &Fields::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.may_have_happened() && error.to_string().contains("another"));
    assert!(error.advice().contains("delete the record"));
    script.assert_done();
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_done_when_the_record_is_gone() {
    let absent = || Reply::fault(404, "No Record found", "");
    let script = ScriptedTransport::new()
        .on(Expected::delete(record_path()), Reply::empty(204))
        .on(Expected::delete(record_path()), Reply::failure(TransportErrorKind::Interrupted))
        .on(Expected::delete(record_path()), absent())
        .on(Expected::delete(record_path()), absent());
    let table = client(&script).dynamic_table("incident");
    table.delete(&id()).await.unwrap();
    table.delete(&id()).await.unwrap();
    assert_eq!(table.delete(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    script.assert_done();
}

#[tokio::test]
async fn names_that_cannot_be_tables_are_not_sent() {
    let script = ScriptedTransport::new();
    for name in ["", "incident/x", "Incident", "a?b=c", "../sys_user", &"a".repeat(81)] {
        let error = client(&script).dynamic_table(name).get(&id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local, "{name}");
    }
    script.assert_done();
}

#[tokio::test]
async fn an_answer_that_is_no_record_is_not_taken_for_one() {
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), Reply::result(201, json!([])))
        .on(Expected::post(INCIDENT), Reply::result(201, json!({"number": "INC1"})));
    let table = client(&script).dynamic_table("incident");
    for _ in 0..2 {
        let error = table.create(&Fields::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.may_have_happened());
    }
    script.assert_done();
}

#[test]
fn people_see_the_record_elsewhere() {
    let client = client(&ScriptedTransport::new());
    assert_eq!(
        client.record_link("incident", &id()),
        format!("https://plant.example.com/incident.do?sys_id={ID}")
    );
}

#[tokio::test]
async fn a_write_whose_record_cannot_be_read_was_made_all_the_same() {
    let made = || json!({"sys_id": ID, "impact": "High"});
    let script = ScriptedTransport::new()
        .on(Expected::post(INCIDENT), Reply::result(201, made()))
        .on(Expected::post(INCIDENT), Reply::result(201, made()))
        .on(Expected::patch(record_path()), Reply::result(200, made()))
        .on(Expected::get(record_path()), Reply::result(200, made()));
    let incidents = client(&script).table::<Incident>();
    let fields = Fields::new().with("state", "2");
    let errors = [
        incidents.create(&fields).await.unwrap_err(),
        incidents.ensure(&id(), &fields).await.unwrap_err(),
        incidents.update(&id(), &fields).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Decode, true), "{error}");
    }
    assert!(!incidents.get(&id()).await.unwrap_err().may_have_happened());
    script.assert_done();
}

#[tokio::test]
async fn words_alone_do_not_prove_that_a_record_is_gone() {
    let script = ScriptedTransport::new()
        .on(Expected::delete(record_path()), Reply::fault(500, "No Record found", "in a script of ours"))
        .on(Expected::get(record_path()), Reply::fault(200, "No Record found", "in a script of ours"));
    let table = client(&script).dynamic_table("incident");
    assert!(table.delete(&id()).await.unwrap_err().may_have_happened());
    table.get_opt(&id()).await.unwrap_err();
    script.assert_done();
}

#[tokio::test]
async fn a_correlation_id_of_others_spoils_no_record() {
    use openfactory_sn::models::configuration_item;

    let foreign = "PagerDuty P-12, Züri^retry";
    let row = json!({"sys_id": "a1", "correlation_id": foreign});
    let script =
        ["incident", "change_request", "cmdb_ci"].iter().fold(ScriptedTransport::new(), |script, table| {
            script.on(Expected::get(format!("/api/now/table/{table}/a1")), Reply::result(200, row.clone()))
        });
    let (sn, key) = (client(&script), SysId::new("a1").unwrap());
    assert_eq!(sn.table::<Incident>().get(&key).await.unwrap().correlation_id, foreign);
    assert_eq!(sn.table::<ChangeRequest>().get(&key).await.unwrap().correlation_id, foreign);
    assert_eq!(
        sn.table::<configuration_item::ConfigurationItem>().get(&key).await.unwrap().correlation_id,
        foreign
    );
}
