//! What no good client sends: malformed, nested, enormous, or meant to lead astray. It is refused, and the instance
//! goes on.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Instance, builder, id, instance, refusal, result, started};

/// Each door that takes JSON.
const DOORS: [(&str, &str); 13] = [
    ("POST", "/api/now/table/incident"),
    ("POST", "/api/now/v1/batch"),
    ("POST", "/api/now/import/imp_user"),
    ("POST", "/api/now/import/imp_user/insertMultiple"),
    ("POST", "/api/now/identifyreconcile"),
    ("POST", "/api/now/identifyreconcile/enhanced"),
    ("POST", "/api/now/identifyreconcile/query"),
    ("POST", "/api/now/cmdb/instance/cmdb_ci_linux_server"),
    ("POST", "/api/sn_chg_rest/change"),
    ("POST", "/api/sn_chg_rest/v1/change/normal"),
    ("POST", "/api/now/tinyurl"),
    ("POST", "/simulator/faults"),
    ("POST", "/api/now/attachment/upload"),
];

async fn sent(it: &Instance, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Response {
    let method: Method = method.parse().unwrap();
    it.request("admin", method, path).header("content-type", kind).body(body).send().await.unwrap()
}

#[tokio::test]
async fn bodies_that_are_not_what_they_claim_are_refused() {
    let it = instance().await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let bodies: [Vec<u8>; 9] = [
        deep("[", "]").into(),
        deep("{\"a\":", "}").into(),
        format!("{{\"items\":{}}}", deep("[", "]")).into(),
        "[".repeat(1_000_000).into(),
        b"{\"short_description\":".to_vec(),
        b"{\"short_description\":\"\xff\xfe\"}".to_vec(),
        b"{\"short_description\":\"\\ud800\"}".to_vec(),
        b"7".to_vec(),
        Vec::from(&[0; 64]),
    ];
    for (method, path) in DOORS {
        for body in &bodies {
            let told = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
            let answer = sent(&it, method, path, "application/json", body.clone()).await;
            let (status, message, _) = refusal(answer).await;
            assert!((400..500).contains(&status), "{path} {told}: {status} {message}");
        }
    }
    let nested = format!("<a>{}</a>", "<b>".repeat(15_000));
    let closed = format!("<a>{}{}</a>", "<b>".repeat(15_000), "</b>".repeat(15_000));
    let declared = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a><short_description>&c;</short_description></a>";
    for (body, status) in [(nested.as_str(), 400), (declared, 400), ("<a", 400), ("", 201), (&closed, 201)] {
        let answer = sent(&it, "POST", "/api/now/table/incident", "application/xml", body.into()).await;
        assert_eq!(answer.status(), status, "{}", &body[..body.len().min(30)]);
    }
    let boundary = "multipart/form-data; boundary=x";
    for body in [
        "",
        "--x",
        "--x\r\n",
        "--x\r\n\r\n--x--",
        "--x--",
        "--x\r\nContent-Disposition: form-data\r\n\r\n--x--",
    ] {
        let answer = sent(&it, "POST", "/api/now/attachment/upload", boundary, body.into()).await;
        assert_eq!(refusal(answer).await.0, 400, "{body:?}");
    }
    it.get("/api/now/table/incident").await;
}

#[tokio::test]
async fn the_items_of_a_batch_are_as_bounded_as_calls() {
    let it = instance().await;
    let item =
        |id: usize, url: String, body: &str| json!({ "id": id, "method": "POST", "url": url, "body": body });
    let long = format!("/api/now/table/incident?sysparm_query={}", "^OR".repeat(400_000));
    let items = [
        item(0, "/api/now/v1/batch".into(), ""),
        item(1, "/simulator/faults".into(), ""),
        item(2, "/page".into(), ""),
        item(3, "/api/now/table/incident".into(), "not base64!"),
        item(4, "/api/../simulator/faults".into(), ""),
        item(5, long, ""),
        json!({ "id": 6, "url": "/api/now/table/incident", "headers": [{ "name": "a\r\nb", "value": "c" }] }),
        json!({ "id": 7, "url": "/api/now/table/incident", "method": "G T" }),
    ];
    let body = json!({ "batch_request_id": "1", "rest_requests": items });
    let answer: Value = it.send("ada", Method::POST, "/api/now/v1/batch", body).await.json().await.unwrap();
    let statuses: Vec<_> =
        answer["serviced_requests"].as_array().unwrap().iter().map(|item| &item["status_code"]).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 400, 414, 400, 405], "{answer}");
}

/// The short form of a query on incidents.
async fn tiny(it: &Instance, query: &str) -> String {
    let url = format!("/api/now/table/incident?sysparm_query={query}");
    let answer = it.send("ada", Method::POST, "/api/now/tinyurl", json!({ "url": url })).await;
    assert_eq!(answer.status(), 200);
    result(answer).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn queries_of_very_many_terms_are_answered_or_cancelled() {
    let it = started(builder().quota(Duration::from_millis(500))).await;
    for number in 0..50 {
        it.create("incident", json!({ "short_description": format!("number {number}") })).await;
    }
    // A mebibyte of nothing at all.
    let empty = tiny(&it, &"%5EOR".repeat(200_000)).await;
    assert_eq!(it.get(&empty).await.as_array().unwrap().len(), 50);
    let too_long = json!({ "url": "x".repeat(1024 * 1024 + 1) });
    assert_eq!(it.refused("ada", Method::POST, "/api/now/tinyurl", too_long).await.0, 400);

    // Each of these would take long: very many terms, lists, words, other tables, fields.
    let terms = "short_descriptionLIKEx%5EOR".repeat(30_000);
    let below = format!("assigned_toIN_HIERARCHY{}", "x,".repeat(400_000));
    let elsewhere = "RLQUERYincident.short_description,>=1%5EENDRLQUERY%5EOR".repeat(2_000);
    let fields = format!("x&sysparm_fields={}", "caller_id.manager.manager.name,number,".repeat(20_000));
    for (what, query) in [("terms", terms), ("below", below), ("elsewhere", elsewhere), ("fields", fields)] {
        let short = tiny(&it, &query).await;
        let answer = it.request("ada", Method::GET, &short).send().await.unwrap();
        let (status, message, _) = refusal(answer).await;
        let cancelled = "Transaction cancelled: maximum execution time exceeded";
        assert_eq!((status, message.as_str()), (500, cancelled), "{what}");
    }
    // What a cancelled call had written is gone; who asks for little is answered.
    assert_eq!(it.get("/api/now/table/incident?sysparm_limit=1").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn numbers_beyond_all_bounds_are_numbers() {
    let it = instance().await;
    it.create("incident", json!({})).await;
    let most = usize::MAX;
    for (query, status) in [
        (format!("sysparm_offset={most}&sysparm_limit={most}"), 200),
        (format!("sysparm_offset=1&sysparm_limit={most}"), 200),
        (format!("sysparm_offset={most}0"), 400),
        ("sysparm_query=sys_created_onRELATIVEGT@year@ago@99999999999999999999".into(), 200),
        ("sysparm_query=sys_created_on>javascript:gs.daysAgo(99999999)".into(), 200),
        ("sysparm_query=sys_created_on>javascript:gs.quartersAgoEnd(-9223372036854775808)".into(), 200),
        ("sysparm_query=sys_created_onMORETHANopened_at@hour@after@9223372036854775807".into(), 200),
        ("sysparm_query=RLQUERYincident.parent,>=99999999999999999999999".into(), 200),
    ] {
        for path in ["/api/now/table/incident", "/api/now/stats/incident"] {
            let answer = it.request("ada", Method::GET, &format!("{path}?{query}")).send().await.unwrap();
            let expected = if path.contains("stats") { 200 } else { status };
            assert_eq!(answer.status(), expected, "{path}?{query}");
        }
    }
    let page = it.request("ada", Method::GET, &format!("/page/table/incident?offset={most}")).send().await;
    assert_eq!(page.unwrap().status(), 200);
}

/// Sends a request line as it stands, which a good client's library would tidy up first.
async fn raw(it: &Instance, line: &str) -> String {
    let address = it.simulator.base_url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let ask =
        format!("{line} HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRhOnB3\r\nconnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn paths_that_lead_elsewhere_lead_nowhere() {
    let simulator = builder().plain_http().start().await.unwrap();
    let it = Instance { client: reqwest::Client::builder().no_proxy().build().unwrap(), simulator };
    let incident = it.create("incident", json!({})).await;
    for path in [
        "/api/now/table/../../../simulator/faults",
        "/api/now/table/..%2f..%2f..%2fetc%2fpasswd",
        "/api/now/table/%2e%2e/%2e%2e/etc/passwd",
        "/api/now/table/....//....//etc/passwd",
        "/api/now/attachment/..%2f..%2f..%2fetc%2fpasswd/file",
        "/api/now/attachment/%00/file",
        "/page/attachment/..%2f..%2fetc%2fpasswd",
        "/page/table/..%2f..%2fetc%2fpasswd",
        "/page/record/incident/..%2f..%2fx",
        "/page/..%2f..%2fetc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/api//now/table/incident",
        "/api/now/table/incident%2f",
        "/api/now/table/incident/",
        "/api/now/table/incident;/x",
        "/api/now/table/INCIDENT",
        "/api\\now\\table\\incident",
    ] {
        let answer = raw(&it, &format!("GET {path}")).await;
        assert!(["HTTP/1.1 400", "HTTP/1.1 404"].iter().any(|no| answer.starts_with(no)), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
    let whole = format!("/api/now/table/incident%2f{}", id(&incident));
    assert!(raw(&it, &format!("GET {whole}")).await.starts_with("HTTP/1.1 400"));
    for line in [
        "GET http://elsewhere/api/now/table/sys_user",
        "GET *",
        "CONNECT x:1",
        "TRACE /api/now/table/incident",
        "G@T /",
    ] {
        let answer = raw(&it, line).await;
        assert!(!answer.starts_with("HTTP/1.1 5"), "{line}: {answer}");
    }
    it.get("/api/now/table/incident").await;
}

#[tokio::test]
async fn a_table_is_sorted_whatever_was_sent_for_its_numbers() {
    let it = instance().await;
    let sent = ["9", "10", "1x", "100", "1e", "7a", "", "2", "3b", "-1"];
    for number in 0..60 {
        let cost = sent[number * 7 % sent.len()];
        it.create("cmdb_ci_server", json!({ "name": format!("n{number}"), "cost": cost })).await;
    }
    let rows = it.get("/api/now/table/cmdb_ci_server?sysparm_query=costISNOTEMPTY^ORDERBYcost").await;
    let mut costs = crate::support::column(&rows, "cost");
    costs.dedup();
    assert_eq!(costs, ["-1", "2", "9", "10", "100"]);
}
