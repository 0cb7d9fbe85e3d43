use openfactory_sn::models::incident::{Incident, STATE, State};
use openfactory_sn::models::relationship_type::RelationshipType;
use openfactory_sn::record::Field;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::{ErrorKind, Query};
use serde_json::{Value, json};

use crate::support::{INCIDENT, client, row};

const NEXT: &str = "<https://x/api/now/table/incident?sysparm_offset=500>;rel=\"next\"";

fn keys(from: usize, to: usize) -> Value {
    (from..to).map(|n| row(&format!("{n:032x}"), "2")).collect()
}

fn in_progress() -> Query {
    Query::new().and(STATE.is(State::InProgress))
}

#[tokio::test]
async fn pages_go_on_after_the_last_key() {
    let last = format!("{:032x}", 499);
    let script = ScriptedTransport::new()
        .on(
            Expected::get(INCIDENT)
                .query("sysparm_query", "state=2^ORDERBYsys_id")
                .query("sysparm_limit", "500"),
            Reply::result(200, keys(0, 500)).header("link", NEXT),
        )
        .on(
            Expected::get(INCIDENT).query("sysparm_query", format!("state=2^sys_id>{last}^ORDERBYsys_id")),
            Reply::result(200, keys(500, 502)),
        );
    let rows = client(&script).dynamic_table("incident").find(&in_progress()).await.unwrap();
    assert_eq!(rows.len(), 502);
    assert!(script.requests().iter().all(|request| request.parameter("sysparm_offset").is_none()));
    script.assert_done();
}

#[tokio::test]
async fn a_short_or_empty_page_is_not_the_end_if_more_follow() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::result(200, keys(0, 3)).header("link", NEXT))
        .on(Expected::get(INCIDENT), Reply::result(200, json!([])).header("link", NEXT))
        .on(Expected::get(INCIDENT).query("sysparm_offset", "500"), Reply::result(200, keys(3, 4)));
    let rows = client(&script).dynamic_table("incident").find(&in_progress()).await.unwrap();
    assert_eq!(rows.len(), 4);
    script.assert_done();
}

#[tokio::test]
async fn an_order_of_its_own_is_paged_by_offset() {
    let script = ScriptedTransport::new()
        .on(
            Expected::get(INCIDENT).query("sysparm_query", "state=2^ORDERBYDESCsys_created_on^ORDERBYsys_id"),
            Reply::result(200, keys(0, 500)),
        )
        .on(Expected::get(INCIDENT).query("sysparm_offset", "500"), Reply::result(200, json!([])));
    let rows = client(&script).dynamic_table("incident").find(&in_progress().newest_first()).await.unwrap();
    assert_eq!(rows.len(), 500);
    script.assert_done();
}

#[tokio::test]
async fn a_limit_is_kept_over_pages() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT).query("sysparm_limit", "500"), Reply::result(200, keys(0, 500)))
        .on(
            Expected::get(INCIDENT).query("sysparm_limit", "20"),
            Reply::result(200, keys(500, 520)).header("link", NEXT),
        );
    let table = client(&script).dynamic_table("incident");
    assert_eq!(table.find(&in_progress().limit(520)).await.unwrap().len(), 520);
    assert!(table.find(&in_progress().limit(0)).await.unwrap().is_empty());
    script.assert_done();
}

#[tokio::test]
async fn a_widened_answer_is_refused() {
    let script = ScriptedTransport::new().on(
        Expected::get(INCIDENT).query("sysparm_query", "u_devise=d^ORDERBYsys_id"),
        Reply::result(200, keys(0, 9)),
    );
    let query = Query::new().and(Field::<String>::named("u_devise").is("d"));
    let error = client(&script).dynamic_table("incident").find(&query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error.to_string().contains("u_devise") && error.advice().contains("drops a condition"),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn one_bad_record_does_not_spoil_the_page() {
    let page = json!([row("a", "2"), {"sys_id": "b", "state": "2", "impact": "?"}, row("c", "2")]);
    let script = ScriptedTransport::new().on(Expected::get(INCIDENT), Reply::result(200, page));
    let mut listing = client(&script).table::<Incident>().list(&in_progress()).unwrap();
    assert_eq!(listing.try_next().await.unwrap().unwrap().sys_id().as_str(), "a");
    assert_eq!(listing.try_next().await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(listing.try_next().await.unwrap().unwrap().sys_id().as_str(), "c");
    assert!(listing.try_next().await.unwrap().is_none());
    assert!(listing.try_next().await.unwrap().is_none());
    script.assert_done();
}

#[tokio::test]
async fn an_instance_that_does_not_order_is_noticed() {
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::result(200, keys(0, 500)))
        .on(Expected::get(INCIDENT), Reply::result(200, keys(0, 500)));
    let error = client(&script).dynamic_table("incident").find(&in_progress()).await.unwrap_err();
    assert!(error.to_string().contains("does not advance"), "{error}");
}

#[tokio::test]
async fn a_query_that_cannot_be_encoded_is_not_sent() {
    let script = ScriptedTransport::new();
    let query = Query::new().and(Field::<String>::named("number").is("INC1^NQactive=true"));
    let error = client(&script).dynamic_table("incident").find(&query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
    let long = Query::new().and(Field::<String>::named("number").is("x".repeat(8_100)));
    assert_eq!(
        client(&script).dynamic_table("incident").find(&long).await.unwrap_err().kind(),
        ErrorKind::Local
    );
    script.assert_done();
}

#[tokio::test]
async fn relation_types_are_found_by_name() {
    let path = "/api/now/table/cmdb_rel_type";
    let named = |id: &str| json!({"sys_id": id, "name": "Runs on::Runs"});
    let expected = || Expected::get(path).query("sysparm_query", "name=Runs on::Runs^ORDERBYsys_id");
    let script = ScriptedTransport::new()
        .on(expected(), Reply::result(200, json!([named("60bc")])))
        .on(expected(), Reply::result(200, json!([])))
        .on(expected(), Reply::result(200, json!([named("a"), named("b")])));
    let client = client(&script);
    let find = || RelationshipType::named(&client, "Runs on::Runs");
    assert_eq!(find().await.unwrap().as_str(), "60bc");
    assert_eq!(find().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(find().await.unwrap_err().kind(), ErrorKind::Conflict);
    script.assert_done();
}
