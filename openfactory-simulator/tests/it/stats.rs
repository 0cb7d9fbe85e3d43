//! The Aggregate API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Instance, instance, refusal};

async fn population() -> Instance {
    let it = instance().await;
    let group = it.get("/api/now/table/sys_user_group?name=Network%20Operations").await;
    for (impact, urgency, group) in
        [(1, 1, Some(&group[0]["sys_id"])), (1, 2, None), (2, 2, None), (3, 3, None)]
    {
        it.create("incident", json!({ "impact": impact, "urgency": urgency, "assignment_group": group }))
            .await;
    }
    it
}

async fn stats(it: &Instance, query: &str) -> Value {
    it.get(&format!("/api/now/stats/incident?{query}")).await
}

#[tokio::test]
async fn counts_and_aggregates_are_text() {
    let it = population().await;
    assert_eq!(stats(&it, "sysparm_count=true").await, json!({ "stats": { "count": "4" } }));
    assert_eq!(
        stats(&it, "sysparm_count=true&sysparm_query=impact=1").await,
        json!({ "stats": { "count": "2" } })
    );
    assert_eq!(stats(&it, "sysparm_count=true&impact=1%20-%20High").await["stats"]["count"], "2");
    assert_eq!(
        stats(
            &it,
            "sysparm_avg_fields=priority,bogus&sysparm_sum_fields=priority&sysparm_min_fields=number&sysparm_max_fields=number"
        )
        .await["stats"],
        json!({
            "avg": { "priority": "2.7500" }, "sum": { "priority": "11" },
            "min": { "number": "INC0010001" }, "max": { "number": "INC0010004" },
        })
    );
    assert_eq!(stats(&it, "").await, json!({ "stats": {} }));
    // Where nothing matches there is no average.
    let none = stats(&it, "sysparm_query=impact=9&sysparm_count=true&sysparm_avg_fields=priority").await;
    assert_eq!(none["stats"], json!({ "count": "0", "avg": { "priority": "" } }));
}

#[tokio::test]
async fn groups_are_kept_and_ordered_by_aggregates() {
    let it = population().await;
    let keys = |groups: Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let groups = groups.as_array().unwrap().clone();
        groups
            .iter()
            .map(|group| (text(&group["groupby_fields"][0]["value"]), text(&group["stats"]["count"])))
            .collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, count)| ((*key).to_owned(), (*count).to_owned())).collect()
    };
    let by = "sysparm_count=true&sysparm_group_by=impact";
    assert_eq!(keys(stats(&it, by).await), pairs(&[("1", "2"), ("2", "1"), ("3", "1")]));
    assert_eq!(
        keys(stats(&it, &format!("{by}&sysparm_order_by=COUNT,impact^DESC")).await),
        pairs(&[("3", "1"), ("2", "1"), ("1", "2")])
    );
    assert_eq!(
        keys(stats(&it, &format!("{by}&sysparm_order_by=AVG^priority^DESC")).await),
        pairs(&[("3", "1"), ("2", "1"), ("1", "2")])
    );
    assert_eq!(
        keys(stats(&it, &format!("{by}&sysparm_having=count^impact^>^1")).await),
        pairs(&[("1", "2")])
    );
    assert_eq!(
        keys(stats(&it, &format!("{by}&sysparm_having=avg^priority^>^1.5,count^x^<^2")).await),
        pairs(&[("2", "1"), ("3", "1")])
    );
    let named = stats(
        &it,
        "sysparm_count=true&sysparm_group_by=assignment_group,state&sysparm_display_value=all&sysparm_query=assignment_groupISNOTEMPTY",
    )
    .await;
    let fields = &named[0]["groupby_fields"];
    assert_eq!(fields[0]["display_value"], "Network Operations");
    assert_eq!(fields[1], json!({ "field": "state", "value": "1", "display_value": "New" }));
    // What is asked of the row referred to is its own.
    let walked = stats(&it, "sysparm_max_fields=assignment_group.name").await;
    assert_eq!(walked["stats"]["max"]["assignment_group.name"], "Network Operations");
    // What has no numbers comes to nothing, without a sign.
    let words = stats(&it, "sysparm_avg_fields=number&sysparm_sum_fields=number").await;
    assert_eq!(
        (&words["stats"]["avg"]["number"], &words["stats"]["sum"]["number"]),
        (&json!("0.0000"), &json!("0"))
    );
    let shown = stats(&it, "sysparm_count=true&sysparm_group_by=state&sysparm_display_value=true").await;
    assert_eq!(shown[0]["groupby_fields"][0], json!({ "field": "state", "value": "New" }));
}

#[tokio::test]
async fn who_may_not_read_is_told_no_figures() {
    let it = population().await;
    let ask = |user: &str, path: &str| it.request(user, Method::GET, path).send();
    let path = "/api/now/stats/incident?sysparm_count=true";
    let (status, message, _) = refusal(ask("nobody", path).await.unwrap()).await;
    assert_eq!((status, message.as_str()), (403, "Insufficient rights to query records"));
    let unknown = refusal(ask("ada", "/api/now/stats/nonsense").await.unwrap()).await;
    assert_eq!((unknown.0, unknown.1.as_str()), (400, "Invalid table nonsense"));
    assert_eq!(it.refused("ada", Method::POST, path, json!({})).await.0, 405);
}
