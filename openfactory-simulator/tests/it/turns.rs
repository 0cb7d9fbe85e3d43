//! Semaphores, sessions, quotas.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use openfactory_simulator::clock::ManualClock;
use openfactory_simulator::faults::{Fault, FaultKind};
use reqwest::Method;

use crate::support::{Instance, builder, instance, refusal, started};

const PATH: &str = "/api/now/table/incident";

fn slow(milliseconds: u64) -> Fault {
    Fault::new(FaultKind::Slow).on_path("/api/now").delay_ms(milliseconds).until_cleared()
}

/// Asks so many times at once, with a cookie if there is one.
async fn statuses(it: &Instance, times: usize, cookie: Option<&str>) -> Vec<u16> {
    let calls = (0..times).map(|_| {
        let call = it.request("ada", Method::GET, PATH);
        let call = cookie.iter().fold(call, |call, cookie| call.header("cookie", *cookie));
        tokio::spawn(call.send())
    });
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn beyond_the_semaphores_calls_wait_and_beyond_their_queue_they_are_refused() {
    let it = started(builder().semaphores(1, 2)).await;
    it.simulator.inject(slow(300));
    assert_eq!(statuses(&it, 5, None).await, [200, 200, 200, 429, 429]);
    it.simulator.clear_faults();
    let answer = it.request("ada", Method::GET, PATH).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_calls_of_a_session_run_one_after_another() {
    let it = instance().await;
    let first = it.request("ada", Method::GET, PATH).send().await.unwrap();
    let cookie = first.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("JSESSIONID=") && cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let again = it.request("ada", Method::GET, PATH).header("cookie", &cookie).send().await.unwrap();
    assert!(again.headers().get("set-cookie").is_none());
    // Where two run at once, one that waits is refused: but those of a session do not reach the semaphores together.
    let it = started(builder().semaphores(1, 0)).await;
    it.simulator.inject(slow(100));
    assert_eq!(statuses(&it, 4, Some(&cookie)).await, [200; 4]);
    assert!(statuses(&it, 4, None).await.contains(&429));
}

#[tokio::test]
async fn what_queues_behind_a_call_that_holds_its_session_up_is_answered_202_and_not_handled() {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    let it = started(builder().clock(clock.clone()).quota(Duration::from_secs(600))).await;
    it.simulator.inject(Fault::new(FaultKind::Slow).delay_ms(2_000));
    let call = |at: u64| {
        let call = it.request("ada", Method::POST, PATH).header("cookie", "JSESSIONID=ABC");
        tokio::spawn(call.json(&serde_json::json!({ "short_description": at.to_string() })).send())
    };
    let waiting: Vec<_> = (0..11).map(call).collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    clock.advance(Duration::from_secs(31));
    let put_off = call(99).await.unwrap().unwrap();
    assert_eq!((put_off.status().as_u16(), put_off.bytes().await.unwrap().len()), (202, 0));
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().status(), 201);
    }
    let made = it.simulator.store().records("incident").unwrap();
    assert_eq!(made.len(), 11);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled() {
    let it = started(builder().quota(Duration::from_millis(100))).await;
    it.simulator.inject(slow(200));
    let answer = it.request("ada", Method::GET, PATH).send().await.unwrap();
    let (status, message, _) = refusal(answer).await;
    assert_eq!((status, message.as_str()), (500, "Transaction cancelled: maximum execution time exceeded"));
    it.simulator.clear_faults();
    it.get(PATH).await;
}
