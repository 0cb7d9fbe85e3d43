//! What a page can hold and how one leads to the next, beside the paging by key that `listing` tests.

use std::time::Duration;

use openfactory_sn::record::Field;
use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::transport::TransportErrorKind;
use openfactory_sn::{ErrorKind, Query, RetryPolicy};
use serde_json::json;

use crate::support::{INCIDENT, builder, client, row};

#[tokio::test]
async fn links_are_followed_as_they_are() {
    let next = "<https://other.example.com/api/now/table/incident?sysparm_offset=2&sysparm_limit=2>;rel=\"next\",\
        <https://other.example.com/api/now/table/incident?sysparm_offset=2>;rel=\"last\"";
    let script = ScriptedTransport::new()
        .on(
            Expected::get(INCIDENT).query("sysparm_query", ""),
            Reply::result(200, json!([row("a", "1"), row("b", "1")])).header("link", next),
        )
        .on(Expected::get(INCIDENT).query("sysparm_offset", "2"), Reply::result(200, json!([row("b", "1")])));
    let rows = client(&script).dynamic_table("incident").find(&Query::new().by_links()).await.unwrap();
    assert_eq!(rows.len(), 3, "shifted while it was read: by links, that shows");
    script.assert_done();
}

#[tokio::test]
async fn a_link_elsewhere_is_not_followed() {
    for next in ["<https://x/api/now/table/sys_user?sysparm_offset=2>;rel=\"next\"", "<::>;rel=\"next\""] {
        let script = ScriptedTransport::new()
            .on(Expected::get(INCIDENT), Reply::result(200, json!([row("a", "1")])).header("link", next));
        let error =
            client(&script).dynamic_table("incident").find(&Query::new().by_links()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        script.assert_done();
    }
}

#[tokio::test]
async fn one_bad_record_does_not_spoil_the_page() {
    let page = json!([row("a", "1"), {"number": "INC1"}, row("c", "1"), "x"]);
    let script = ScriptedTransport::new().on(Expected::get(INCIDENT), Reply::result(200, page));
    let mut listing = client(&script).dynamic_table("incident").list(&Query::new()).unwrap();
    let mut outcomes = Vec::new();
    loop {
        match listing.try_next().await {
            Ok(Some(row)) => outcomes.push(row.sys_id().to_string()),
            Ok(None) => break,
            Err(error) => outcomes.push(format!("{:?}", error.kind())),
        }
    }
    assert_eq!(outcomes, ["a", "Decode", "c", "Decode"]);
    script.assert_done();
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let next = "<https://x/api/now/table/incident?sysparm_offset=500>;rel=\"next\"";
    let endless = |rows: serde_json::Value, pages: usize| {
        (0..pages).fold(ScriptedTransport::new(), |script, _| {
            script.on(Expected::get(INCIDENT), Reply::result(200, rows.clone()).header("link", next))
        })
    };
    let script = endless(json!([]), 1_001);
    let error = client(&script).dynamic_table("incident").find(&Query::new()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Decode && error.to_string().contains("empty"), "{error}");
    script.assert_done();
    for query in [Query::new().newest_first(), Query::new().by_links()] {
        let script = endless(json!([row("a", "1"), row("b", "1")]), 2);
        let error = client(&script).dynamic_table("incident").find(&query).await.unwrap_err();
        assert!(
            error.kind() == ErrorKind::Decode && error.to_string().contains("does not advance"),
            "{error}"
        );
        script.assert_done();
    }
}

#[tokio::test]
async fn links_that_lead_in_a_circle_are_given_up() {
    let next = "<https://x/api/now/table/incident?sysparm_offset=1>;rel=\"next\"";
    let page = || Reply::result(200, json!([row("a", "1")])).header("link", next);
    let script =
        ScriptedTransport::new().on(Expected::get(INCIDENT), page()).on(Expected::get(INCIDENT), page());
    let error = client(&script).dynamic_table("incident").find(&Query::new().by_links()).await.unwrap_err();
    assert!(error.to_string().contains("does not advance"), "{error}");
    script.assert_done();
}

#[tokio::test]
async fn a_link_with_a_comparison_is_followed_whole() {
    let next = "<https://x/api/now/table/incident?sysparm_query=a>1&sysparm_offset=2>;rel=\"next\"";
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::result(200, json!([row("a", "1")])).header("link", next))
        .on(
            Expected::get(INCIDENT).query("sysparm_offset", "2").query("sysparm_query", "a>1"),
            Reply::result(200, json!([row("b", "1")])),
        );
    let rows = client(&script).dynamic_table("incident").find(&Query::new().by_links()).await.unwrap();
    assert_eq!(rows.len(), 2);
    script.assert_done();
}

#[tokio::test]
async fn a_page_that_is_too_much_is_asked_for_in_parts() {
    let of = |size: &str| Expected::get(INCIDENT).query("sysparm_limit", size);
    let rows = |from: usize, count: usize| {
        let rows = (from..from + count).map(|n| row(&format!("{n:032x}"), "1"));
        Reply::result(200, rows.collect())
    };
    let large = || Reply::failure(TransportErrorKind::TooLarge);
    let script = ScriptedTransport::new()
        .on(of("500"), large())
        .on(of("250"), large())
        .on(of("125"), rows(0, 125))
        .on(of("125").query("sysparm_query", format!("sys_id>{:032x}^ORDERBYsys_id", 124)), rows(125, 3));
    assert_eq!(client(&script).dynamic_table("incident").find(&Query::new()).await.unwrap().len(), 128);
    script.assert_done();

    let expired = || Reply::fault(500, "Transaction cancelled: maximum execution time exceeded", "");
    let hopeless =
        (0..20).fold(ScriptedTransport::new(), |script, _| script.on(Expected::get(INCIDENT), expired()));
    let sn = builder(&hopeless).total_timeout(Duration::from_secs(1)).build().unwrap();
    let error = sn.dynamic_table("incident").find(&Query::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "ends with the deadline");
    assert!(hopeless.requests().len() < 20);

    let script = ScriptedTransport::new().on(of("500"), large()).on(of("250"), rows(0, 1));
    let sn = builder(&script).retry(RetryPolicy::never()).build().unwrap();
    let mut listing = sn.dynamic_table("incident").list(&Query::new()).unwrap();
    assert_eq!(listing.try_next().await.unwrap_err().kind(), ErrorKind::Decode);
    assert!(listing.try_next().await.unwrap().is_some(), "the next call asks for less");
    script.assert_done();
}

#[tokio::test]
async fn a_field_that_one_record_hides_does_not_stop_the_list() {
    let line = Query::new().and(Field::<String>::named("u_line").is("4"));
    let shows = |n: usize| json!({"sys_id": format!("{n:032x}"), "u_line": "4"});
    let full: Vec<_> = (0..500).map(shows).collect();
    let script = ScriptedTransport::new()
        .on(Expected::get(INCIDENT), Reply::result(200, full.into()))
        .on(Expected::get(INCIDENT), Reply::result(200, json!([{"sys_id": "ff"}])));
    assert_eq!(client(&script).dynamic_table("incident").find(&line).await.unwrap().len(), 501);
    script.assert_done();
    let mixed = json!([{"sys_id": "a"}, {"sys_id": "b", "u_line": "4"}]);
    let script = ScriptedTransport::new().on(Expected::get(INCIDENT), Reply::result(200, mixed));
    assert_eq!(client(&script).dynamic_table("incident").find(&line).await.unwrap().len(), 2);
    let none = json!([{"sys_id": "a"}, {"sys_id": "b"}]);
    let script = ScriptedTransport::new().on(Expected::get(INCIDENT), Reply::result(200, none));
    let error = client(&script).dynamic_table("incident").find(&line).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "no such field: every record of the table");
}
