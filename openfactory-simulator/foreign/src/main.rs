//! `servicenow_rs` creates, reads, queries by every operator that it has, pages, follows relations, aggregates, updates,
//! approves and deletes: `BASE_URL USER PASSWORD`. It has no attachments.

use serde_json::json;
use servicenow_rs::error::Error;
use servicenow_rs::model::{DisplayValue, Record};
use servicenow_rs::prelude::{BasicAuth, ServiceNowClient};
use servicenow_rs::query::{Operator, Order};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(user), Some(password)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: servicenow-rs-client BASE_URL USER PASSWORD".into());
    };
    let auth = BasicAuth::new(&user, &password);
    let client = ServiceNowClient::builder()
        .instance(url)
        .auth(auth)
        .schema_release("xanadu")
        .max_retries(0)
        .build()
        .await?;
    records(&client).await?;
    queries(&client).await?;
    pages(&client).await?;
    changes(&client, &user).await?;
    println!("all passed");
    Ok(())
}

/// Creates, reads, changes, writes notes and deletes.
async fn records(client: &ServiceNowClient) -> Outcome {
    let incidents = || client.table("incident");
    let made = incidents()
        .display_value(DisplayValue::Both)
        .create(json!({ "short_description": "rs", "impact": "1", "urgency": "1" }))
        .await?;
    assert_eq!((made.get_raw("priority"), made.get_display("priority")), (Some("1"), Some("1 - Critical")));
    let number = made.get_raw("number").unwrap_or_default();
    assert!(number.starts_with("INC"), "{number}");

    let read = incidents().fields(&["number", "state"]).get(&made.sys_id).await?;
    assert_eq!((read.get_raw("number"), read.get_raw("state")), (Some(number), Some("1")));
    assert!(!read.has_field("impact"));
    let found = client.get_by_number(number).await?.ok_or("not found by number")?;
    assert_eq!(found.sys_id, made.sys_id);

    let changed = client.set_state("incident", &made.sys_id, "2", Some("begun")).await?;
    assert_eq!((changed.get_raw("state"), changed.get_display("state")), (Some("2"), Some("In Progress")));
    client.add_work_note("incident", &made.sys_id, "going on").await?;
    let notes = client.journal("incident", &made.sys_id, "work_notes").execute().await?;
    let texts: Vec<_> = notes.iter().filter_map(|note| note.get_str("value")).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    let inline = client.journal_inline("incident", &made.sys_id, &["sys_id", "work_notes"]).first().await?;
    let text = inline.as_ref().and_then(|record| record.get_str("work_notes")).unwrap_or_default();
    assert!(text.contains("(Work notes)\ngoing on") && text.contains("(Work notes)\nbegun"), "{text}");

    let walked = incidents()
        .equals("sys_id", &made.sys_id)
        .dot_walk(&["opened_by.user_name", "opened_by.email"])
        .first()
        .await?
        .ok_or("not found again")?;
    assert_eq!(walked.get_str("opened_by.user_name"), Some("root"));

    incidents().delete(&made.sys_id).await?;
    match incidents().get(&made.sys_id).await {
        Err(Error::Api { status: 404, message, .. }) => assert_eq!(message, "No Record found"),
        other => return Err(format!("a deleted record answers {other:?}").into()),
    }
    match client.table("no_such_table").first().await {
        Err(Error::Api { status: 400, message, .. }) => assert_eq!(message, "Invalid table no_such_table"),
        other => return Err(format!("an unknown table answers {other:?}").into()),
    }
    Ok(())
}

/// Every operator, alternatives, order, counts and aggregates.
async fn queries(client: &ServiceNowClient) -> Outcome {
    for (key, text, impact, urgency) in
        [("rs-a", "Alpha disk", "1", "2"), ("rs-b", "beta DISK", "2", "2"), ("rs-c", "", "3", "2")]
    {
        let row =
            json!({ "correlation_id": key, "short_description": text, "impact": impact, "urgency": urgency });
        client.table("incident").create(row).await?;
    }
    let own = || client.table("incident").starts_with("correlation_id", "rs-");
    use Operator::{
        Between, Contains, EndsWith, Equals, GreaterThan, GreaterThanOrEqual, In, InstanceOf, IsEmpty,
        IsNotEmpty, LessThan, LessThanOrEqual, NotContains, NotEquals, NotIn, StartsWith,
    };
    for (field, operator, value, expected) in [
        ("correlation_id", Equals, "rs-b", "b"),
        ("correlation_id", NotEquals, "rs-b", "a c"),
        ("correlation_id", In, "rs-a,rs-c", "a c"),
        ("correlation_id", NotIn, "rs-a,rs-c", "b"),
        ("short_description", Contains, "disk", "a b"),
        ("short_description", NotContains, "disk", "c"),
        ("short_description", StartsWith, "beta", "b"),
        ("short_description", EndsWith, "disk", "a b"),
        ("short_description", IsEmpty, "", "c"),
        ("short_description", IsNotEmpty, "", "a b"),
        ("impact", LessThan, "2", "a"),
        ("impact", LessThanOrEqual, "2", "a b"),
        ("impact", GreaterThan, "2", "c"),
        ("impact", GreaterThanOrEqual, "2", "b c"),
        ("impact", Between, "2@3", "b c"),
        ("sys_class_name", InstanceOf, "task", "a b c"),
        ("bogus", Equals, "1", "a b c"),
    ] {
        let rows =
            own().filter(field, operator, value).order_by("correlation_id", Order::Asc).execute().await?;
        assert_eq!(keys(rows.iter()), expected, "{field} {operator:?} {value}");
    }
    let either = own().equals("impact", "1").or_filter("impact", Equals, "3");
    let rows = either.order_by("correlation_id", Order::Desc).execute().await?;
    assert_eq!(keys(rows.iter()), "c a");

    assert_eq!(own().count().await?, 3);
    let sums = client
        .aggregate("incident")
        .filter("correlation_id", StartsWith, "rs-")
        .count()
        .sum("impact")
        .execute();
    let sums = sums.await?;
    // This client looks for `sum.impact`, where the documented answer has `sum` with `impact` in it.
    assert_eq!((sums.count(), sums.sum("impact"), sums.stat_value("sum")), (3, None, Some("")));
    let groups = client
        .aggregate("incident")
        .filter("correlation_id", StartsWith, "rs-")
        .count()
        .group_by("impact")
        .execute()
        .await?;
    let counts: Vec<_> =
        groups.groups().iter().map(|group| (group.field_value("impact"), group.count())).collect();
    assert_eq!(counts, [("1", 1), ("2", 1), ("3", 1)]);
    Ok(())
}

fn keys<'a>(rows: impl Iterator<Item = &'a Record>) -> String {
    let keys = rows.filter_map(|row| row.get_str("correlation_id")?.strip_prefix("rs-"));
    keys.collect::<Vec<_>>().join(" ")
}

/// Pages, one by one and all at once.
async fn pages(client: &ServiceNowClient) -> Outcome {
    for count in 0..25 {
        client.table("problem").create(json!({ "correlation_id": format!("rs-p{count:02}") })).await?;
    }
    let all = || {
        let own = client.table("problem").starts_with("correlation_id", "rs-p");
        own.order_by("correlation_id", Order::Asc).limit(10)
    };
    let mut pages = all().paginate()?;
    let mut sizes = Vec::new();
    while let Some(page) = pages.next_page().await? {
        sizes.push(page.len());
    }
    assert_eq!((sizes, pages.total_count()), (vec![10, 10, 5], Some(25)));
    let rows = all().execute_all(None).await?;
    assert_eq!(rows.len(), 25);
    assert_eq!(rows.iter().last().and_then(|row| row.get_str("correlation_id")), Some("rs-p24"));
    assert_eq!(all().execute_all(Some(12)).await?.len(), 12);
    Ok(())
}

/// A change with the records that hang on it, approved by its group and then by the board.
async fn changes(client: &ServiceNowClient, user: &str) -> Outcome {
    let me = client.table("sys_user").equals("user_name", user).first().await?.ok_or("no such user")?;
    let manager =
        client.table("sys_user").equals("user_name", "change.manager").first().await?.ok_or("no manager")?;
    let board =
        client.table("sys_user_group").equals("name", "CAB Approval").first().await?.ok_or("no board")?;
    let peers = client.table("sys_user_group").create(json!({ "name": "rs" })).await?;
    for group in [&board, &peers] {
        client.table("sys_user_grmember").create(json!({ "user": me.sys_id, "group": group.sys_id })).await?;
    }

    let change = json!({ "short_description": "rs", "type": "normal", "assignment_group": peers.sys_id });
    let change = client.table("change_request").create(change).await?;
    let task = json!({ "change_request": change.sys_id, "short_description": "step" });
    client.table("change_task").create(task).await?;
    client.set_state("change_request", &change.sys_id, "-4", None).await?;

    let seen = client
        .table("change_request")
        .equals("sys_id", &change.sys_id)
        .include_related(&["change_task", "approvals", "affected_cis"])
        .display_value(DisplayValue::Both)
        .execute()
        .await?;
    assert!(seen.is_ok(), "{:?}", seen.errors);
    let seen = seen.first().ok_or("no change")?;
    assert_eq!(seen.related("change_task").len(), 1);
    let asked: Vec<_> = seen.related("approvals").iter().filter_map(|row| row.get_raw("approver")).collect();
    assert_eq!(asked, [&me.sys_id]);

    // By the group; then by each of the board.
    for (approver, stands) in
        [(&me, ("requested", "-3")), (&me, ("requested", "-3")), (&manager, ("approved", "-2"))]
    {
        let answer = client.approve("change_request", &change.sys_id, &approver.sys_id);
        let answer = answer.comment("looked at").execute().await?;
        assert_eq!(answer.get_str("state"), Some("Approved"));
        let after = client.table("change_request").get(&change.sys_id).await?;
        assert_eq!((after.get_raw("approval"), after.get_raw("state")), (Some(stands.0), Some(stands.1)));
    }
    match client.approve("change_request", &change.sys_id, &me.sys_id).execute().await {
        Err(Error::Api { status: 404, .. }) => Ok(()),
        other => Err(format!("a second approval answers {other:?}").into()),
    }
}
