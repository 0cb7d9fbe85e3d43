//! Encoded queries over the API.

use serde_json::json;

use crate::support::{Instance, column, id, instance};

async fn found(it: &Instance, query: &str) -> Vec<String> {
    let path = "/api/now/table/incident";
    let answer = it
        .request("ada", reqwest::Method::GET, path)
        .query(&[("sysparm_query", query), ("sysparm_fields", "correlation_id")])
        .send()
        .await
        .unwrap();
    column(&crate::support::result(answer).await, "correlation_id")
}

async fn population() -> Instance {
    let it = instance().await;
    let network = it.get("/api/now/table/sys_user_group?name=Network%20Operations").await;
    let rows = [
        json!({ "correlation_id": "a", "short_description": "Alpha disk", "impact": 1, "urgency": 1 }),
        json!({ "correlation_id": "b", "short_description": "beta DISK", "assignment_group": id(&network[0]) }),
        json!({ "correlation_id": "c", "short_description": "gamma", "impact": 2, "urgency": 2, "state": 2 }),
        json!({ "correlation_id": "d", "due_date": "2026-03-01 00:00:00", "state": 3 }),
    ];
    for row in rows {
        it.create("incident", row).await;
    }
    it
}

#[tokio::test]
async fn every_operator_finds_what_it_should() {
    let it = population().await;
    for (query, expected) in [
        ("correlation_id=b", "b"),
        ("correlation_id=B", "b"),
        ("correlation_idINa,c,zz", "a c"),
        ("correlation_idNOT INa,c", "b d"),
        ("correlation_id!=a", "b c d"),
        ("short_descriptionLIKEdisk", "a b"),
        ("short_descriptionNOT LIKEdisk", "c d"),
        ("short_descriptionSTARTSWITHbeta", "b"),
        ("short_descriptionENDSWITHdisk", "a b"),
        ("short_descriptionISEMPTY", "d"),
        ("short_descriptionISNOTEMPTY", "a b c"),
        ("state<2", "a b"),
        ("state>=2", "c d"),
        ("priorityBETWEEN1@3", "a c"),
        ("due_date>2026-02-28 23:59:59", "d"),
        ("due_date<=2026-02-28 23:59:59", ""),
        ("assignment_group.name=Network Operations", "b"),
        ("assignment_groupSTARTSWITHNetwork", "b"),
        ("assignment_groupISEMPTY", "a c d"),
        ("state==1", ""),
        ("sys_class_nameINSTANCEOFtask^correlation_id=a", "a"),
    ] {
        assert_eq!(found(&it, query).await.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn alternatives_blocks_and_order() {
    let it = population().await;
    for (query, expected) in [
        ("state=2^ORstate=3^short_descriptionISEMPTY", "d"),
        ("state=1^short_descriptionLIKEbeta^NQstate=3", "b d"),
        ("ORDERBYDESCcorrelation_id", "d c b a"),
        ("ORDERBYpriority^ORDERBYDESCcorrelation_id", "a c d b"),
        ("state=1^ORDERBYDESCshort_description^EQ", "b a"),
    ] {
        assert_eq!(found(&it, query).await.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn an_invalid_term_widens_the_result() {
    let it = population().await;
    for query in ["bogus=1", "^^^", "caller_id.bogus=1", "correlation_id~a"] {
        assert_eq!(found(&it, query).await.len(), 4, "{query}");
    }
    assert_eq!(found(&it, "bogus=1^correlation_id=a").await, ["a"]);
}

#[tokio::test]
async fn plain_filters_take_values_and_display_values() {
    let it = population().await;
    for (filter, expected) in
        [("state=1", "a b"), ("state=In%20Progress", "c"), ("assignment_group=Network%20Operations", "b")]
    {
        let rows = it.get(&format!("/api/now/table/incident?{filter}")).await;
        assert_eq!(column(&rows, "correlation_id").join(" "), expected, "{filter}");
    }
    let user = it.get("/api/now/table/sys_user?sysparm_query=email=build.requester@example.com").await;
    assert_eq!(user[0]["user_name"], "build.requester");
}
