//! The switches about APIs, queries, limits and logins: each in both positions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::switches::{MethodRefusal, PageBody, Switches};
use openfactory_simulator::{Builder, OAuthClient, Profile};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Instance, builder, column, id, refusal, result, started};

const INCIDENTS: &str = "/api/now/table/incident";

/// An instance as it is by default, and one with a switch thrown.
pub(crate) async fn both_of(builder: fn() -> Builder, throw: impl FnOnce(&mut Switches)) -> [Instance; 2] {
    let mut switches = Switches::of(Profile::Guide);
    throw(&mut switches);
    assert_ne!(switches, Switches::of(Profile::Guide), "nothing was thrown");
    [started(builder()).await, started(builder().switches(switches)).await]
}

pub(crate) async fn both(throw: impl FnOnce(&mut Switches)) -> [Instance; 2] {
    both_of(builder, throw).await
}

async fn get(it: &Instance, user: &str, path: &str) -> Response {
    it.request(user, Method::GET, path).send().await.unwrap()
}

async fn status(it: &Instance, user: &str, path: &str) -> u16 {
    get(it, user, path).await.status().as_u16()
}

/// Makes incidents with these correlation ids.
async fn incidents(it: &Instance, names: &[&str]) {
    for name in names {
        it.create("incident", json!({ "correlation_id": name })).await;
    }
}

/// The correlation ids that a query finds.
async fn found(it: &Instance, query: &str) -> Vec<String> {
    let answer = it.request("ada", Method::GET, INCIDENTS).query(&[("sysparm_query", query)]).send().await;
    column(&result(answer.unwrap()).await, "correlation_id")
}

async fn batch(it: &Instance, items: Value) -> Response {
    it.send("ada", Method::POST, "/api/now/v1/batch", json!({ "rest_requests": items })).await
}

#[tokio::test]
async fn who_says_not_what_it_accepts_gets_json_or_is_refused() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.accept_required = true).await {
        // The items of a batch have the headers that they are given, and no others.
        let answer = batch(&it, json!([{ "id": "a", "url": INCIDENTS }])).await;
        let body: Value = answer.json().await.unwrap();
        statuses.push(body["serviced_requests"][0]["status_code"].clone());
        assert_eq!(status(&it, "ada", INCIDENTS).await, 200);
    }
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn an_offset_below_nothing_is_refused_or_nothing() {
    let [it, lenient] = both(|switches| switches.negative_offset_is_zero = true).await;
    let path = format!("{INCIDENTS}?sysparm_offset=-1");
    assert_eq!(status(&it, "ada", &path).await, 400);
    incidents(&lenient, &["a"]).await;
    let rows = result(get(&lenient, "ada", &path).await).await;
    assert_eq!(column(&rows, "correlation_id"), ["a"]);
    assert_eq!(status(&lenient, "ada", &format!("{INCIDENTS}?sysparm_offset=x")).await, 400);
}

#[tokio::test]
async fn without_a_count_there_is_a_last_page_or_none() {
    let mut last = Vec::new();
    for it in both(|switches| switches.last_link_without_count = true).await {
        incidents(&it, &["a", "b", "c"]).await;
        let answer = get(&it, "ada", &format!("{INCIDENTS}?sysparm_limit=1&sysparm_no_count=true")).await;
        let links = answer.headers()["link"].to_str().unwrap();
        assert!(links.contains("rel=\"next\""), "{links}");
        last.push(links.contains("rel=\"last\""));
        let counted = get(&it, "ada", &format!("{INCIDENTS}?sysparm_limit=1")).await;
        assert!(counted.headers()["link"].to_str().unwrap().contains("rel=\"last\""));
    }
    assert_eq!(last, [false, true]);
}

#[tokio::test]
async fn an_unknown_path_is_400_or_404() {
    for (it, expected) in both(|switches| switches.unknown_path_status = 404).await.iter().zip([400, 404]) {
        for path in ["/api/now/nothing", "/api/nothing"] {
            let (status, message, _) = refusal(get(it, "ada", path).await).await;
            assert_eq!(
                (status, message.as_str()),
                (expected, "Requested URI does not represent any resource")
            );
        }
        // What is there is refused as ever.
        assert_eq!(status(it, "ada", "/api/now/table/nonsense").await, 400);
    }
}

#[tokio::test]
async fn a_method_is_refused_in_one_wording_or_the_other() {
    let [it, other] = both(|switches| switches.method_refusal = MethodRefusal::NotAllowed).await;
    let refused = |it| refused_method(it);
    let own = "PUT method not supported for API".to_owned();
    assert_eq!(refused(&it).await, (405, "Method not supported".to_owned(), own));
    assert_eq!(refused(&other).await, (405, "Method Not Allowed".to_owned(), String::new()));
}

async fn refused_method(it: &Instance) -> crate::support::Refused {
    it.refused("ada", Method::PUT, INCIDENTS, json!({})).await
}

#[tokio::test]
async fn a_refused_login_names_its_scheme_or_does_not() {
    let mut named = Vec::new();
    for it in both(|switches| switches.names_realm = false).await {
        let answer = it.client.get(it.url(INCIDENTS)).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        named.push(answer.headers().contains_key("www-authenticate"));
    }
    assert_eq!(named, [true, false]);
}

#[tokio::test]
async fn a_doubled_caret_is_one_or_ends_the_value() {
    let [it, plain] = both(|switches| switches.doubled_caret_escapes = false).await;
    for it in [&it, &plain] {
        incidents(it, &["a^state=7", "a"]).await;
    }
    assert_eq!(found(&it, "correlation_id=a^^state=7").await, ["a^state=7"]);
    // Two conditions, and an empty term between them.
    assert_eq!(found(&plain, "correlation_id=a^^state=7").await, Vec::<String>::new());
    assert_eq!(found(&plain, "correlation_id=a^^state=1").await, ["a"]);
}

#[tokio::test]
async fn grouping_is_ignored_or_brings_groups_together() {
    let [it, grouping] = both(|switches| switches.group_by_orders = true).await;
    for it in [&it, &grouping] {
        incidents(it, &["b", "a", "b"]).await;
    }
    let query = "correlation_idISNOTEMPTY^GROUPBYcorrelation_id";
    assert_eq!(found(&it, query).await, ["b", "a", "b"]);
    assert_eq!(found(&grouping, query).await, ["a", "b", "b"]);
}

#[tokio::test]
async fn a_list_without_order_is_as_it_was_made_or_shuffled() {
    let [it, shuffled] = both(|switches| switches.lists_without_order_are_shuffled = true).await;
    let names: Vec<String> = (10..40).map(|number| number.to_string()).collect();
    let made: Vec<&str> = names.iter().map(String::as_str).collect();
    for it in [&it, &shuffled] {
        incidents(it, &made).await;
    }
    let query = "correlation_idISNOTEMPTY";
    assert_eq!(found(&it, query).await, made);
    // Thirty rows come twice in one order as good as never.
    let mut seen = found(&shuffled, query).await;
    assert_ne!(seen, found(&shuffled, query).await);
    seen.sort();
    assert_eq!(seen, made);
    assert_eq!(found(&shuffled, "correlation_idISNOTEMPTY^ORDERBYcorrelation_id").await, made);
}

#[tokio::test]
async fn operators_that_not_every_instance_has_are_there_or_dropped() {
    for (without, operator) in [
        ("relative_siblings", "opened_atRELATIVELE@hour@ago@1"),
        ("relative_siblings", "closed_atRELATIVEGE@hour@ago@1"),
        ("relative_siblings", "closed_atRELATIVEEE@hour@ago@1"),
        ("instance_of", "sys_class_nameINSTANCEOFcmdb_ci"),
    ] {
        let text = json!({ without: false }).to_string();
        let switches = Switches::from_json(Profile::Guide, text.as_bytes()).unwrap();
        let [it, lacking] = both(|own| *own = switches).await;
        for it in [&it, &lacking] {
            incidents(it, &["a"]).await;
        }
        // A term that is dropped widens.
        assert_eq!(found(&it, operator).await, Vec::<String>::new(), "{operator}");
        assert_eq!(found(&lacking, operator).await, ["a"], "{operator}");
    }
}

#[tokio::test]
async fn an_unknown_script_widens_or_finds_nothing() {
    let [it, strict] = both(|switches| switches.unknown_scripts_find_nothing = true).await;
    for it in [&it, &strict] {
        incidents(it, &["a"]).await;
        assert_eq!(found(it, "opened_at>javascript:gs.daysAgo(1)").await, ["a"]);
    }
    let query = "correlation_id=a^category=javascript:new Thing().value()";
    assert_eq!(found(&it, query).await, ["a"]);
    assert_eq!(found(&strict, query).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_may_not_be_read_is_not_counted_or_counted() {
    let [it, counting] = both(|switches| switches.stats_count_unreadable = true).await;
    let path = "/api/now/stats/incident?sysparm_count=true&sysparm_query=correlation_id=a";
    assert_eq!(status(&it, "nobody", path).await, 403);
    incidents(&counting, &["a"]).await;
    let told = result(get(&counting, "nobody", path).await).await;
    assert_eq!(told["stats"]["count"], "1");
}

#[tokio::test]
async fn an_attachment_that_is_too_large_is_413_or_400() {
    for (it, expected) in both(|switches| switches.large_attachment_status = 400).await.iter().zip([413, 400])
    {
        let change = it.create("change_request", json!({})).await;
        let property = json!({ "name": "com.glide.attachment.max_size", "value": "1" });
        it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
        let call = it
            .request("ada", Method::POST, "/api/now/attachment/file")
            .query(&[("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", "x")])
            .header("content-type", "text/plain")
            .body(vec![0; 1024 * 1024 + 1]);
        // The client is either answered, or cut off while it is still sending.
        match call.send().await {
            Ok(answer) => assert_eq!(refusal(answer).await.0, expected),
            Err(error) => assert!(error.is_request(), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_of_a_kind_that_is_not_allowed_is_400_or_403() {
    for (it, expected) in both(|switches| switches.refused_file_status = 403).await.iter().zip([400, 403]) {
        let change = it.create("change_request", json!({})).await;
        let property = json!({ "name": "glide.attachment.extensions", "value": "txt, pdf" });
        it.send("admin", Method::POST, "/api/now/table/sys_properties", property).await;
        let attach = async |name: &str| {
            let about =
                [("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", name)];
            let call = it.request("ada", Method::POST, "/api/now/attachment/file").query(&about);
            call.header("content-type", "text/plain").body("x").send().await.unwrap()
        };
        let made = attach("a.b.TXT").await;
        assert_eq!(made.status(), 201);
        let path = format!("/api/now/attachment/{}", id(&result(made).await));
        for name in ["a.exe", "txt", "pdf.", ".txt.exe"] {
            assert_eq!(refusal(attach(name).await).await.0, expected, "{name}");
            let renamed = it.refused("ada", Method::PATCH, &path, json!({ "file_name": name })).await;
            assert_eq!(renamed.0, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn attachments_tell_their_hash_or_do_not() {
    let mut told = Vec::new();
    for it in both(|switches| switches.attachment_hash = false).await {
        let change = it.create("change_request", json!({})).await;
        let call = it
            .request("ada", Method::POST, "/api/now/attachment/file")
            .query(&[("table_name", "change_request"), ("table_sys_id", id(&change)), ("file_name", "x")])
            .header("content-type", "text/plain")
            .body("text");
        told.push(result(call.send().await.unwrap()).await.get("hash").is_some());
    }
    assert_eq!(told, [true, false]);
}

#[tokio::test]
async fn a_batch_has_any_number_of_items_or_a_few() {
    let [it, small] = both(|switches| switches.batch_items = Some(2)).await;
    let items = |count: usize| -> Value {
        (0..count).map(|n| json!({ "id": n, "url": "/api/now/table/sys_user" })).collect()
    };
    assert_eq!(batch(&it, items(3)).await.status(), 200);
    assert_eq!(batch(&small, items(2)).await.status(), 200);
    assert_eq!(refusal(batch(&small, items(3)).await).await.0, 400);
}

#[tokio::test]
async fn the_items_of_a_batch_are_not_counted_or_are() {
    let mut statuses = Vec::new();
    for it in both(|switches| switches.batch_items_are_limited = true).await {
        let rule = json!({ "name": "one", "path_prefix": "/api/now/table", "request_limit_per_hour": 1 });
        it.send("admin", Method::POST, "/api/now/table/sys_rate_limit_rules", rule).await;
        let items = json!([{ "id": "a", "url": INCIDENTS }, { "id": "b", "url": INCIDENTS }]);
        let answer: Value = batch(&it, items).await.json().await.unwrap();
        statuses.push([0, 1].map(|at: usize| answer["serviced_requests"][at]["status_code"].clone()));
    }
    assert_eq!(statuses, [[200, 200], [200, 429]]);
}

#[tokio::test]
async fn what_is_said_in_front_of_the_instance_is_html_nothing_or_json() {
    for (body, starts) in
        [(PageBody::Html, "<!DOCTYPE"), (PageBody::Empty, ""), (PageBody::Json, "{\"error\"")]
    {
        let mut switches = Switches::default();
        (switches.full_queue, switches.unavailable_body) = (body, body);
        let it = started(builder().switches(switches).semaphores(1, 0)).await;
        let told = async |call: Response, status: u16| {
            assert_eq!(call.status(), status);
            let text = call.text().await.unwrap();
            assert!(text.starts_with(starts) && text.is_empty() == starts.is_empty(), "{text}");
        };
        it.simulator.inject(Fault::new(FaultKind::Slow).delay_ms(400));
        let held = tokio::spawn(it.request("ada", Method::GET, INCIDENTS).send());
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        told(get(&it, "ada", INCIDENTS).await, 429).await;
        assert_eq!(held.await.unwrap().unwrap().status(), 200);
        it.simulator.inject(Fault::new(FaultKind::Unavailable));
        told(get(&it, "ada", INCIDENTS).await, 503).await;
    }
    assert_eq!(Switches::default().full_queue, PageBody::Html);
    assert_eq!(Switches::default().unavailable_body, PageBody::Html);
}

fn with_client() -> Builder {
    builder().client(OAuthClient::new("id", "secret"))
}

async fn token(it: &Instance, form: &[(&str, &str)]) -> (u16, Value) {
    let answer = it.client.post(it.url("/oauth_token.do")).form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

const SECRET: [(&str, &str); 2] = [("client_id", "id"), ("client_secret", "secret")];

#[tokio::test]
async fn client_credentials_give_no_refresh_token_or_one() {
    let mut given = Vec::new();
    for it in both_of(with_client, |switches| switches.client_credentials_refresh = true).await {
        let (status, told) = token(&it, &[SECRET[0], SECRET[1], ("grant_type", "client_credentials")]).await;
        assert_eq!(status, 200);
        given.push(told.get("refresh_token").is_some());
    }
    assert_eq!(given, [false, true]);
}

#[tokio::test]
async fn refused_tokens_read_the_same_or_are_told_apart() {
    let [it, telling] = both_of(with_client, |switches| switches.oauth_errors_differ = true).await;
    let wrong = [("client_id", "id"), ("client_secret", "x"), ("grant_type", "client_credentials")];
    let stale = [SECRET[0], SECRET[1], ("grant_type", "refresh_token")];
    let bogus = [SECRET[0], SECRET[1], ("grant_type", "bogus")];
    let forms = [(wrong, "invalid_client"), (stale, "invalid_grant"), (bogus, "unsupported_grant_type")];
    for (form, name) in forms {
        assert_eq!(token(&it, &form).await.1["error"], "server_error");
        let (status, told) = token(&telling, &form).await;
        assert_eq!((status, told["error"].as_str()), (401, Some(name)));
    }
}

#[tokio::test]
async fn a_client_proves_itself_in_the_form_alone_or_by_a_header() {
    let mut statuses = Vec::new();
    for it in both_of(with_client, |switches| switches.oauth_client_by_header = true).await {
        let call = it.client.post(it.url("/oauth_token.do")).form(&[("grant_type", "client_credentials")]);
        let header = format!("Basic {}", STANDARD.encode("id:secret"));
        statuses.push(call.header("authorization", header).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [401, 200]);
}

#[tokio::test]
async fn tokens_are_revoked_at_a_path_or_there_is_none() {
    let mut statuses = Vec::new();
    for it in both_of(with_client, |switches| switches.token_revocation = false).await {
        let (_, told) = token(&it, &[SECRET[0], SECRET[1], ("grant_type", "client_credentials")]).await;
        let token = told["access_token"].as_str().unwrap();
        let revoked = it.client.post(it.url("/oauth_revoke.do")).form(&[("token", token)]).send().await;
        let ask = it.client.get(it.url(INCIDENTS)).bearer_auth(token).send().await.unwrap();
        statuses.push((revoked.unwrap().status().as_u16(), ask.status().as_u16()));
    }
    assert_eq!(statuses, [(200, 401), (400, 200)]);
}
