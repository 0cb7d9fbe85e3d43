//! Faults on demand.

use openfactory_simulator::faults::{Fault, FaultKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Instance, builder, instance, started};

const PATH: &str = "/api/now/table/incident";

async fn post(it: &Instance) -> Result<reqwest::Response, reqwest::Error> {
    it.request("ada", Method::POST, PATH).json(&json!({ "short_description": "x" })).send().await
}

fn rows(it: &Instance) -> usize {
    it.simulator.store().records("incident").unwrap().len()
}

#[tokio::test]
async fn each_kind_does_what_it_says_to_request_and_record() {
    let it = instance().await;
    let inject = |kind| it.simulator.inject(Fault::new(kind).on_path("/api/now/table").on_method("POST"));

    inject(FaultKind::Unavailable);
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(rows(&it), 0);

    inject(FaultKind::Drop);
    assert!(post(&it).await.unwrap_err().is_request());
    assert_eq!(rows(&it), 0);

    inject(FaultKind::DropAfterCommit);
    assert!(post(&it).await.unwrap_err().is_request());
    assert_eq!(rows(&it), 1);

    inject(FaultKind::ErrorAfterCommit);
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 500);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["message"], "Transaction cancelled: maximum execution time exceeded");
    assert_eq!(rows(&it), 2);

    inject(FaultKind::Truncate);
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert!(answer.json::<Value>().await.unwrap_err().is_decode());
    assert_eq!(rows(&it), 3);

    inject(FaultKind::Html);
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Log in"));
    for (kind, status, location) in
        [(FaultKind::NotFound, 404, None), (FaultKind::Redirect, 302, Some("/login.do"))]
    {
        inject(kind);
        let call = it.request("ada", Method::POST, PATH).json(&json!({})).build().unwrap();
        let ca = reqwest::Certificate::from_pem(it.simulator.ca_pem().unwrap().as_bytes()).unwrap();
        let straight =
            reqwest::Client::builder().tls_certs_only([ca]).redirect(reqwest::redirect::Policy::none());
        let answer = straight.no_proxy().build().unwrap().execute(call).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        assert_eq!(answer.headers().get("location").map(|to| to.to_str().unwrap()), location);
        assert_eq!(rows(&it), 3);
    }
    inject(FaultKind::Throttle);
    let answer = post(&it).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    assert_eq!(rows(&it), 3);

    assert_eq!(post(&it).await.unwrap().status(), 201);
}

#[tokio::test]
async fn an_administrator_injects_and_clears_them_over_http() {
    let it =
        started(builder().faults([Fault::new(FaultKind::Unavailable).on_path("/oauth").until_cleared()]))
            .await;
    let body = json!({ "faults": [{ "kind": "unavailable", "path_prefix": "/api", "until_cleared": true }] });
    let forbidden = it.send("ada", Method::POST, "/simulator/faults", body.clone()).await;
    assert_eq!(forbidden.status(), 403);
    let answer = it.send("admin", Method::POST, "/simulator/faults", body).await;
    let waiting: Value = answer.json().await.unwrap();
    assert_eq!(waiting["faults"].as_array().unwrap().len(), 2);
    for _ in 0..3 {
        assert_eq!(post(&it).await.unwrap().status(), 503);
    }
    let unknown =
        it.send("admin", Method::POST, "/simulator/faults", json!({ "faults": [{ "kind": "x" }] })).await;
    assert_eq!(unknown.status(), 400);
    let cleared = it.request("admin", Method::DELETE, "/simulator/faults").send().await.unwrap();
    assert_eq!(cleared.json::<Value>().await.unwrap(), json!({ "faults": [] }));
    assert_eq!(post(&it).await.unwrap().status(), 201);
}

#[tokio::test]
async fn what_goes_wrong_without_a_crash() {
    let it = instance().await;
    let inject = |fault: Fault| it.simulator.inject(fault.on_path("/api/now/table").on_method("POST"));
    for (kind, status) in [
        (FaultKind::Error, 500),
        (FaultKind::Accepted, 202),
        (FaultKind::Unauthorized, 401),
        (FaultKind::UriTooLong, 414),
    ] {
        inject(Fault::new(kind));
        assert_eq!(post(&it).await.unwrap().status(), status, "{kind:?}");
    }
    inject(Fault::new(FaultKind::Throttle).retry_after(0));
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().get("retry-after").is_none());
    assert_eq!(rows(&it), 0);

    inject(Fault::new(FaultKind::ErrorInSuccess));
    let answer = post(&it).await.unwrap();
    assert_eq!(answer.status(), 201);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["result"]["number"], "INC0010001");
    assert_eq!((&body["status"], body["error"]["message"].is_string()), (&json!("failure"), true));

    inject(Fault::new(FaultKind::Slow).delay_ms(1));
    assert_eq!(post(&it).await.unwrap().status(), 201);
    assert_eq!(rows(&it), 2);
    // As two clients that looked first, found nothing, and created both.
    inject(Fault::new(FaultKind::Twice));
    assert_eq!(post(&it).await.unwrap().status(), 201);
    assert_eq!(rows(&it), 4);

    inject(Fault::new(FaultKind::Error).until_cleared().one_in(3, 42));
    let mut failed = 0;
    for _ in 0..30 {
        failed += usize::from(post(&it).await.unwrap().status() == 500);
    }
    assert!((1..30).contains(&failed), "{failed}");
    it.simulator.clear_faults();
}
