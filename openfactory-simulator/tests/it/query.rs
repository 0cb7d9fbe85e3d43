//! Encoded queries over the API.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, instance, result, started};

async fn found(it: &Instance, query: &str) -> Vec<String> {
    let path = "/api/now/table/incident";
    let answer = it
        .request("ada", Method::GET, path)
        .query(&[("sysparm_query", query), ("sysparm_fields", "correlation_id")])
        .send()
        .await
        .unwrap();
    column(&result(answer).await, "correlation_id")
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
async fn rows_are_compared_within_themselves_with_the_present_and_with_other_tables() {
    // Wednesday, 2026-02-25 10:30:00.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_015_400);
    let it = started(builder().clock(Arc::new(ManualClock::starting_at(now)))).await;
    let users = it.get("/api/now/table/sys_user?user_name=ada").await;
    let problem = it.create("problem", json!({ "short_description": "P" })).await;
    let parent = it.create("incident", json!({ "correlation_id": "a", "impact": 1, "urgency": 2 })).await;
    it.create(
        "incident",
        json!({ "correlation_id": "b", "impact": 2, "urgency": 2, "due_date": "2026-02-25 09:45:00",
                "parent_incident": id(&parent), "description": "the red disk of the fox" }),
    )
    .await;
    it.create(
        "incident",
        json!({ "correlation_id": "c", "impact": 3, "urgency": 2, "due_date": "2026-02-27 23:00:00",
                "assigned_to": id(&users[0]), "problem_id": id(&problem), "parent_incident": id(&parent) }),
    )
    .await;
    for (query, expected) in [
        ("impactSAMEASurgency", "b"),
        ("impactNSAMEASurgency", "a c"),
        ("impactGT_FIELDurgency", "c"),
        ("impactLT_FIELDurgency", "a"),
        ("impactGT_OR_EQUALS_FIELDurgency", "b c"),
        ("impactLT_OR_EQUALS_FIELDurgency", "a b"),
        ("due_dateRELATIVEGT@hour@ago@1", "b c"),
        ("due_dateRELATIVELT@hour@ahead@1", "b"),
        ("due_dateRELATIVEEE@dayofweek@ahead@2", "c"),
        ("due_dateONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()", "b"),
        ("due_dateNOTONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()", "a c"),
        (
            "due_dateBETWEENjavascript:gs.dateGenerate('2026-02-26','00:00:00')@javascript:gs.dateGenerate('2026-02-28','end')",
            "c",
        ),
        ("due_date<javascript:gs.beginningOfTomorrow()", "b"),
        ("due_dateDATEPARTFriday@javascript:gs.datePart('dayofweek','friday','EE')", "c"),
        ("due_dateMORETHANopened_at@hour@after@3", "c"),
        ("due_dateLESSTHANopened_at@hour@before@3", "b"),
        ("assigned_to=javascript:gs.getUserID()", "c"),
        ("assigned_toDYNAMIC90d1921e5f510100a9ad2572f2b477fe", "c"),
        ("RLQUERYincident.parent_incident,>=2^ENDRLQUERY", "a"),
        ("RLQUERYincident.parent_incident,>=1,m2m^impact=3^ENDRLQUERY^impact=1", "a"),
        ("RLQUERYincident.parent_incident,=0^ENDRLQUERY", "b c"),
        ("JOINincident.problem_id=problem.sys_id!short_description=P", "c"),
        ("JOINincident.problem_id=problem.sys_id!short_description=Q", ""),
        ("123TEXTQUERY321=fox DISK", "b"),
        ("GOTO123TEXTQUERY321=fox", "b"),
        ("GOTOcorrelation_idLIKEc", "c"),
        ("short_descriptionEMPTYSTRING", "a b c"),
    ] {
        assert_eq!(found(&it, query).await.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn hierarchies_are_followed_and_the_strict_property_is_heeded() {
    let it = instance().await;
    let mut below = String::new();
    for name in ["top", "middle", "leaf"] {
        let body = json!({ "name": name, "parent": below });
        let made = it.send("admin", Method::POST, "/api/now/table/sys_user_group", body).await;
        below = id(&result(made).await).to_owned();
        it.create("incident", json!({ "correlation_id": name, "assignment_group": below })).await;
    }
    let top = it.get("/api/now/table/sys_user_group?name=top").await;
    assert_eq!(found(&it, &format!("assignment_groupIN_HIERARCHY{}", id(&top[0]))).await.len(), 3);
    assert_eq!(found(&it, &format!("assignment_groupIN_HIERARCHY{below}")).await, ["leaf"]);

    // By a dynamic filter option: the groups of whoever asks.
    let ada = it.get("/api/now/table/sys_user?user_name=ada").await;
    let membership = json!({ "user": id(&ada[0]), "group": id(&top[0]) });
    it.send("admin", Method::POST, "/api/now/table/sys_user_grmember", membership).await;
    let dynamic = "assignment_groupIN_HIERARCHY_DYNAMICd6435e965f510100a9ad2572f2b477fe";
    assert_eq!(found(&it, dynamic).await.len(), 3);

    assert_eq!(found(&it, "bogus=1").await.len(), 3);
    let strict = json!({ "name": "glide.invalid_query.returns_no_rows", "value": "true" });
    it.send("admin", Method::POST, "/api/now/table/sys_properties", strict).await;
    assert_eq!(found(&it, "bogus=1").await.len(), 0);
    assert_eq!(found(&it, "bogus=1^ORcorrelation_id=top").await.len(), 0);
    assert_eq!(found(&it, "correlation_id=top").await.len(), 1);
}

#[tokio::test]
async fn deeply_nested_conditions_on_other_tables_are_dropped() {
    let it = instance().await;
    it.create("incident", json!({ "correlation_id": "a" })).await;
    let list = "RLQUERYincident.parent_incident,>=1^";
    assert_eq!(found(&it, &format!("{}ENDRLQUERY", list.repeat(100))).await.len(), 0);
    let url = format!("/api/now/table/incident?sysparm_query={}", list.repeat(20_000));
    let items = json!([{ "id": "1", "method": "GET", "url": url }]);
    let answer = it.send("ada", Method::POST, "/api/now/v1/batch", json!({ "rest_requests": items })).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["serviced_requests"][0]["status_code"], 200);
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

#[tokio::test]
async fn dynamic_options_are_rows() {
    let it = instance().await;
    let people = it.get("/api/now/table/sys_user?sysparm_query=user_nameINada,change.manager").await;
    let (ada, boss) = match people[0]["user_name"] == "ada" {
        true => (&people[0], &people[1]),
        false => (&people[1], &people[0]),
    };
    it.patch("admin", "sys_user", ada, json!({ "manager": id(boss) })).await;
    it.create("incident", json!({ "short_description": "mine", "assigned_to": id(ada) })).await;
    it.create("incident", json!({ "short_description": "theirs", "assigned_to": id(boss) })).await;
    let find = async |option: &str| {
        let path = format!("/api/now/table/incident?sysparm_query=assigned_toDYNAMIC{option}");
        column(&it.get(&path).await, "short_description")
    };
    let options =
        it.get("/api/now/table/sys_filter_option_dynamic?sysparm_query=labelLIKEM^ORDERBYlabel").await;
    assert_eq!(column(&options, "label"), ["Me", "My Manager", "One of My Groups"]);
    assert_eq!(find(id(&options[0])).await, ["mine"]);
    assert_eq!(find(id(&options[1])).await, ["theirs"]);
    let own = json!({ "label": "Nobody", "script": "gs.getProperty('no.such')" });
    let own = it.send("admin", Method::POST, "/api/now/table/sys_filter_option_dynamic", own).await;
    let own = result(own).await;
    assert_eq!(find(id(&own)).await, [] as [&str; 0]);
    // One that is switched off is not known, and neither is one with a script that no value may hold.
    for values in [json!({ "active": false }), json!({ "active": true, "script": "new Nobody()" })] {
        it.patch("admin", "sys_filter_option_dynamic", &own, values).await;
        assert_eq!(find(id(&own)).await.len(), 2);
    }
}

#[tokio::test]
async fn a_row_is_found_by_an_index_as_by_looking_through_all() {
    let it = instance().await;
    // One of the fields is indexed.
    for text in ["ÄRGER mit ÉTÉ", "second"] {
        it.create("incident", json!({ "correlation_id": text, "short_description": text })).await;
    }
    for field in ["correlation_id", "short_description"] {
        for (query, count) in [
            ("=ärger MIT été", 1),
            ("=arger mit ete", 0),
            ("LIKEärger", 1),
            ("INnothing, second , ärger mit été", 2),
            ("NOT INsecond , x", 1),
        ] {
            let query = format!("{field}{query}");
            assert_eq!(found(&it, &query).await.len(), count, "{query}");
        }
    }
}
