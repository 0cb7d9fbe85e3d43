use openfactory_sn::record::Field;
use openfactory_sn::table::Aggregate;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::{ErrorKind, Query};
use serde_json::json;

use crate::support::{ID, INCIDENT, client, row};

const STATS: &str = "/api/now/stats/incident";

fn state(value: &str) -> Query {
    Query::new().and(Field::<String>::new("state").is(value))
}

#[tokio::test]
async fn a_count_is_asked_after_the_query_was_seen_to_hold() {
    let script = ScriptedTransport::new()
        .on(
            Expected::get(INCIDENT)
                .query("sysparm_limit", "1")
                .query("sysparm_query", "state=1^ORDERBYsys_id"),
            Reply::result(200, json!([row(ID, "1")])),
        )
        .on(
            Expected::get(STATS).query("sysparm_count", "true").query("sysparm_query", "state=1"),
            Reply::result(200, json!({"stats": {"count": "42"}})),
        )
        .on(Expected::get(STATS), Reply::result(200, json!({"stats": {"count": "96"}})));
    let table = client(&script).dynamic_table("incident");
    assert_eq!(table.count(&state("1").newest_first().limit(3)).await.unwrap(), 42);
    assert_eq!(table.count(&Query::new()).await.unwrap(), 96);
    script.assert_done();
}

#[tokio::test]
async fn a_widened_count_is_none() {
    let script =
        ScriptedTransport::new().on(Expected::get(INCIDENT), Reply::result(200, json!([row(ID, "2")])));
    let bogus = Query::new().and(Field::<String>::new("bogus").is("1"));
    let error = client(&script).dynamic_table("incident").count(&bogus).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.advice().contains("returns_no_rows"));
    script.assert_done();
}

#[tokio::test]
async fn what_is_no_aggregate_is_refused() {
    let answers = [
        json!({}),
        json!([{"stats": 1}]),
        json!({"stats": {"count": "many"}}),
        json!("x"),
        json!({"stats": {}}),
    ];
    for answer in answers {
        let script = ScriptedTransport::new().on(Expected::get(STATS), Reply::result(200, answer.clone()));
        let error = client(&script).dynamic_table("incident").count(&Query::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{answer}");
    }
    let table = client(&ScriptedTransport::new()).dynamic_table("incident");
    for asked in [Aggregate::count().sum("a,b"), Aggregate::count().group_by("A")] {
        let error = table.aggregate(&Query::new(), &asked).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local);
    }
}

#[tokio::test]
async fn every_function_has_its_parameter() {
    let script = ScriptedTransport::new().on(
        Expected::get(STATS)
            .query("sysparm_count", "true")
            .query("sysparm_avg_fields", "a")
            .query("sysparm_max_fields", "a,b")
            .query("sysparm_min_fields", "a")
            .query("sysparm_sum_fields", "c")
            .query("sysparm_group_by", "state,category"),
        Reply::result(
            200,
            json!([{"stats": {"count": 2, "max": {"a": "3", "b": ""}, "sum": {"c": 7}},
                "groupby_fields": [{"field": "state", "value": "1"}, {"field": "category", "value": ""}]}]),
        ),
    );
    let asked = Aggregate::count()
        .average("a")
        .largest("a")
        .largest("b")
        .smallest("a")
        .sum("c")
        .group_by("state")
        .group_by("category");
    let groups = client(&script).dynamic_table("incident").aggregate(&Query::new(), &asked).await.unwrap();
    let group = &groups[0];
    assert_eq!(
        (group.count, group.largest("a"), group.largest("b"), group.sum("c")),
        (Some(2), Some("3"), None, Some("7"))
    );
    assert_eq!((group.key("state"), group.key("category"), group.average("a")), (Some("1"), Some(""), None));
    script.assert_done();
}
