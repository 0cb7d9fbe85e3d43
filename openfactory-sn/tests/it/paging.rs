//! What a page can hold and how one leads to the next, beside the paging by key that `listing` tests.

use openfactory_sn::testing::{Expected, Reply, ScriptedTransport};
use openfactory_sn::{ErrorKind, Query};
use serde_json::json;

use crate::support::{INCIDENT, client, row};

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
