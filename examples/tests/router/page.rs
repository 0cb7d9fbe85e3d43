//! The operator's page and its facts as JSON: what they tell, and whom.

use openfactory_attest::envelope::Envelope;
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::event::PAYLOAD_TYPE;
use serde_json::{Value, json};

use crate::world::{World, write_private};

#[tokio::test]
async fn it_tells_what_waits_what_died_and_what_is_in_the_log() {
    let world = World::new().await;
    let router = world.start().await;
    let before = router.get("/v1/overview").await.body;
    assert_eq!(before["builds"], json!({ "total": 0, "complete": true, "waiting": 0, "shown": [] }));
    assert_eq!(before["fleet"]["total"], 0);
    assert_eq!(before["destinations"][0]["breaker"], "closed");
    assert_eq!((&before["dead_letters"], &before["audit"]["entries"]), (&json!([]), &json!(0)));

    router.send(&world.request("b-1"), &world.platform).await;
    let change = world.change_request("b-1").await;
    router.until("queue_leased", 0).await;
    let after = router.get("/v1/overview").await.body;
    let build = &after["builds"]["shown"][0];
    assert_eq!(after["builds"]["waiting"], 1);
    assert_eq!((&build["build"], &build["gate"]), (&json!("b-1"), &json!("waiting")));
    assert_eq!((&build["stage"], &build["change_request"]), (&json!("requested"), &json!(change.as_str())));
    assert!(build["since"].as_str().unwrap().ends_with('Z'), "{build}");
    assert!(after["audit"]["entries"].as_u64().unwrap() >= 3);

    // A type that this version does not know becomes a dead letter; its name is shown, whatever it holds.
    let payload = json!({
        "id": "e-9", "source": "/test", "type": "tech.openfactory.<script>.v1", "time": "2026-11-25T14:43:25Z",
        "subject": "x", "data": {},
    });
    let sent = router.post("application/cloudevents+json", unknown(&world, &payload)).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    router.until("queue_dead", 1).await;
    let letters = router.get("/v1/overview").await.body["dead_letters"].clone();
    assert_eq!(letters[0]["kind"], "tech.openfactory.<script>.v1");
    assert!(!letters[0]["reason"].as_str().unwrap().is_empty());

    let page = router.request("/").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("1 waiting for approval") && text.contains("http-equiv=\"refresh\""), "{text}");
    let link = format!("{}/change_request.do?sys_id={change}", world.simulator.base_url());
    assert!(text.contains(&link), "{text}");
    assert!(text.contains("tech.openfactory.&#60;script&#62;.v1") && !text.contains("<script"), "{text}");
    assert!(!router.get("/?paused").await.body.as_str().unwrap().contains("http-equiv"));
    assert_eq!(router.get("/page.css").await.status, 200);
    router.stop().await;

    // The checkpoint that the router signed as it stopped covers all that it wrote.
    let router = world.start().await;
    let audit = router.get("/v1/overview").await.body["audit"].clone();
    assert_eq!(audit["checkpoint"]["entries"], audit["entries"]);
    // A part that can't be learnt says so, and is not taken for nothing; the others stand.
    std::fs::write(world.path("audit/checkpoint"), "forged").unwrap();
    let overview = router.get("/v1/overview").await.body;
    let error = overview["audit"]["error"].as_str().unwrap();
    assert!(error.starts_with("the audit log's checkpoint is not believed"), "{error}");
    assert_eq!(overview["builds"]["total"], 1);
    assert!(
        router.get("/").await.body.as_str().unwrap().contains("Not known: the audit log&#39;s checkpoint")
    );
    router.stop().await;
}

/// An event of the platform's own as the sender would write it, of whatever payload.
fn unknown(world: &World, payload: &Value) -> Vec<u8> {
    let bytes = serde_json::to_vec(payload).unwrap();
    let envelope = Envelope::sign(PAYLOAD_TYPE, &bytes, &world.platform).unwrap();
    let mut cloud: Value =
        serde_json::from_slice(&CloudEvent::of(&world.request("x"), envelope).to_json()).unwrap();
    for name in ["id", "source", "type"] {
        cloud[name] = payload[name].clone();
    }
    serde_json::to_vec(&cloud).unwrap()
}

#[tokio::test]
async fn it_tells_of_a_fleet_on_a_bad_day_and_of_an_outage() {
    let world = World::new().await;
    world.plant(&World::bad_day()).await;
    let router = world.start().await;
    let overview = router.get("/v1/overview").await.body;
    let fleet = &overview["fleet"];
    let counted = json!({ "Compliant": 1, "Drifted": 1, "Quarantined": 1 });
    assert_eq!((&fleet["total"], &fleet["by_compliance"]), (&json!(3), &counted));
    let column = |rows: &Value, name: &str| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
    };
    // Who needs somebody comes first.
    assert_eq!(column(&fleet["shown"], "device"), ["edge-1", "edge-3", "edge-2"]);
    assert_eq!(column(&fleet["incidents"], "device"), ["edge-3", "edge-1"]);
    assert_eq!(fleet["shown"][0]["last_report"], "2026-11-25T14:43:25.000Z");
    let key = &overview["compromised_keys"][0];
    assert_eq!(
        (&key["stage"], &key["devices"], &key["converged"]),
        (&json!("containing"), &json!(2), &json!(1))
    );

    world.simulator.inject(Fault::new(FaultKind::Unavailable).until_cleared());
    router.send(&world.request("b-1"), &world.platform).await;
    let mut servicenow = Value::Null;
    for _ in 0..400 {
        servicenow = router.get("/v1/overview").await.body["destinations"][0].clone();
        if servicenow["breaker"] != "closed" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(servicenow["failures"].as_u64().unwrap() >= 1, "{servicenow}");
    assert!(servicenow["since"].is_string() && !servicenow["reason"].as_str().unwrap().is_empty());
    let text = router.get("/").await.body;
    let text = text.as_str().unwrap();
    assert!(text.contains(">breaker open<") || text.contains(">breaker half-open<"), "{text}");
    assert!(text.contains("1 of 2") && text.contains("kept apart"), "{text}");
    router.stop().await;
}

#[tokio::test]
async fn without_a_token_it_is_for_this_machine_alone() {
    let world = World::new().await;
    let router = world.start().await;
    for (header, value) in [("host", "evil.example"), ("x-forwarded-for", "192.0.2.1"), ("via", "1.1 proxy")]
    {
        for path in ["/", "/v1/overview"] {
            let answer = router.request(path).header(header, value).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{header} {path}");
            assert!(answer.text().await.unwrap().starts_with("without a token"));
        }
    }
    router.stop().await;

    let url = world.simulator.base_url();
    let router = world.start_changed(url, |config| config.page.enabled = false).await;
    assert_eq!(router.get("/").await.status, 404);
    router.stop().await;
    let everywhere =
        world.start_changed(url, |config| config.listen.address = ([0, 0, 0, 0], 0).into()).await;
    for path in ["/", "/v1/overview", "/page.css"] {
        assert_eq!(everywhere.get(path).await.status, 404, "{path}");
    }
    assert_eq!(everywhere.get("/healthz").await.status, 200);
    everywhere.stop().await;
}

#[tokio::test]
async fn with_a_token_it_is_for_whoever_has_it() {
    let world = World::new().await;
    write_private(&world.path("page.token"), b"correct horse\n");
    let router = world
        .start_changed(world.simulator.base_url(), |config| {
            config.page.token_file = Some(world.path("page.token"));
            config.listen.address = ([0, 0, 0, 0], 0).into();
        })
        .await;
    for path in ["/", "/v1/overview"] {
        let asked = router.request(path).send().await.unwrap();
        assert_eq!(asked.status(), 401);
        assert!(asked.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        let wrong = router.request(path).basic_auth("me", Some("wrong horse")).send().await.unwrap();
        assert_eq!(wrong.status(), 401);
        let right = router.request(path).basic_auth("me", Some("correct horse")).send().await.unwrap();
        assert_eq!(right.status(), 200);
        let bearer = router.request(path).bearer_auth("correct horse").header("host", "router.example");
        assert_eq!(bearer.send().await.unwrap().status(), 200);
    }
    router.stop().await;
}
