//! Hourly limits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use openfactory_simulator::switches::Switches;
use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{Instance, builder, refusal, started};

async fn limited(lag: bool) -> (Instance, Arc<ManualClock>) {
    // Ten minutes past a full hour.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * 400_000 + 600);
    let clock = Arc::new(ManualClock::starting_at(now));
    let mut switches = Switches::default();
    switches.limits_lag = lag;
    let it = started(builder().clock(clock.clone()).switches(switches)).await;
    let free = it.request("ada", Method::GET, "/api/now/table/incident").send().await.unwrap();
    assert!(free.headers().get("x-ratelimit-limit").is_none());
    let rule = json!({
        "name": "three", "role": "itil", "path_prefix": "/api/now/table", "rest_api": "Table API",
        "request_limit_per_hour": 3,
    });
    it.send("admin", Method::POST, "/api/now/table/sys_rate_limit_rules", rule).await;
    (it, clock)
}

async fn ask(it: &Instance) -> Response {
    it.request("ada", Method::GET, "/api/now/table/incident").send().await.unwrap()
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let (it, clock) = limited(false).await;
    for _ in 0..3 {
        let answer = ask(&it).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers()["x-ratelimit-reset"], (3600 * 400_001).to_string().as_str());
        assert_eq!(answer.headers()["x-ratelimit-rule"].len(), 32);
        assert!(answer.headers().get("x-ratelimit-remaining").is_none());
    }
    let beyond = ask(&it).await;
    assert_eq!(beyond.headers()["retry-after"], "3000");
    let (status, message, detail) = refusal(beyond).await;
    assert_eq!((status, message.as_str()), (429, "Rate limit exceeded"));
    assert_eq!(detail, "Rate limit of 3 requests per hour for Table API exceeded");
    // Others, and other paths, are not limited by it.
    assert_eq!(
        it.request("admin", Method::GET, "/api/now/table/incident").send().await.unwrap().status(),
        200
    );
    let other = it.request("ada", Method::GET, "/api/now/attachment").send().await.unwrap();
    assert!(other.headers().get("x-ratelimit-limit").is_none());
    clock.advance(Duration::from_secs(3000));
    assert_eq!(ask(&it).await.status(), 200);
}

#[tokio::test]
async fn enforcement_may_lag() {
    let (it, clock) = limited(true).await;
    for _ in 0..10 {
        assert_eq!(ask(&it).await.status(), 200);
    }
    clock.advance(Duration::from_secs(31));
    assert_eq!(ask(&it).await.status(), 429);
}
