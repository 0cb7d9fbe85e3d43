//! An operator looks after a running router's queue, over the command line and over HTTP.

use std::path::Path;
use std::process::{Command, Output};

use openfactory_attest::envelope::Envelope;
use openfactory_sn::lifecycle::event::PAYLOAD_TYPE;
use openfactory_sn::lifecycle::timestamp;
use serde_json::{Value, json};

use crate::world::{Answer, Router, STRUCTURED, TOKEN, World, now, write_private};

/// Has the router keep an event of a type that it does not know: a dead letter.
pub(crate) async fn dead_letter(world: &World, router: &Router, id: &str) {
    let event = json!({
        "id": id, "source": "/test", "type": "tech.openfactory.future.thing.v1",
        "time": timestamp::format(now()), "data": { "number": 7 },
    });
    let envelope = Envelope::sign(PAYLOAD_TYPE, event.to_string().as_bytes(), &world.platform).unwrap();
    let cloud = json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": event["type"], "time": event["time"],
        "datacontenttype": "application/json",
        "data": serde_json::to_value(&envelope).unwrap(),
    });
    let answer = router.post(STRUCTURED, cloud.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

/// `event-router queue ...`, off the runtime's threads.
async fn queue(world: &World, router: &Router, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_event-router"));
    command.arg("queue").args(arguments).arg("--config").arg(world.path("event-router.toml"));
    command.args(["--url", &router.url("")]).env("USER", "ada");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn told(world: &World, router: &Router, arguments: &[&str], status: i32) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    let output = queue(world, router, &all).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn as_operator(router: &Router, method: &str, path: &str) -> Answer {
    router.ask(method, path, &[("authorization", format!("Bearer {TOKEN}"))]).await
}

#[tokio::test]
async fn dead_letters_are_listed_shown_sent_again_and_given_up() {
    let world = World::new().await;
    let router = world.start().await;
    for id in ["e-1", "e-2", "e-3"] {
        dead_letter(&world, &router, id).await;
    }
    router.until("queue_dead", 3).await;

    let stats = told(&world, &router, &["stats"], 0).await;
    assert_eq!((&stats["dead"], &stats["ready"]), (&json!(3), &json!(0)), "{stats}");
    let listed = told(&world, &router, &["dead-letters"], 0).await;
    let listed = listed["dead_letters"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0]["kind"], "tech.openfactory.future.thing.v1");
    let first = listed[0]["place"].to_string();
    let second = told(&world, &router, &["dead-letters", "--limit", "1", "--after", &first], 0).await;
    assert_eq!(second["dead_letters"][0]["id"], listed[1]["id"]);
    let none = told(&world, &router, &["dead-letters", "--cause", "expired"], 0).await;
    assert_eq!(none["dead_letters"], json!([]));

    let ids: Vec<&str> = listed.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let shown = told(&world, &router, &["show", ids[0]], 0).await;
    assert_eq!(shown["state"], "dead");
    assert_eq!(shown["payload"]["data"]["number"], 7, "its bytes are kept: {shown}");
    assert_eq!(told(&world, &router, &["show", "no-such"], 1).await, Value::Null);
    let text = queue(&world, &router, &["dead-letters"]).await;
    assert!(String::from_utf8_lossy(&text.stdout).contains(ids[2]), "a person sees them too");

    let would = told(&world, &router, &["redrive", "--all", "--dry-run", "--reason", "to see"], 0).await;
    assert_eq!(would["ids"], json!(ids));
    assert!(!world.tells_of("queue.redrive"), "a dry run does nothing that need be told");
    let some =
        told(&world, &router, &["redrive", "--all", "--limit", "1", "--reason", "newer router"], 0).await;
    assert_eq!((&some["ids"], &some["remaining"]), (&json!([ids[0]]), &json!(2)), "{some}");
    let gone = told(&world, &router, &["discard", ids[1], "no-such", "--reason", "a test rig's"], 1).await;
    assert_eq!((&gone["ids"], &gone["missing"]), (&json!([ids[1]]), &json!(["no-such"])), "{gone}");
    // The redriven one is tried again, and this router still does not know its type.
    router.until("queue_dead", 2).await;
    let shown = told(&world, &router, &["show", ids[0]], 0).await;
    let happened: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert!(happened.contains(&"redriven"), "{shown}");
    assert_eq!(told(&world, &router, &["show", ids[1]], 1).await, Value::Null, "given up for good");

    router.stop().await;
    for what in ["queue.redrive", "queue.redrive.done", "queue.discard", "queue.discard.done"] {
        assert!(world.tells_of(what), "{what} is in the audit log");
    }
    for text in ["newer router", "a test rig's", "\"who\":\"ada\""] {
        assert!(world.audit_says(text), "{text} is in the audit log");
    }
    world.audited();
}

#[tokio::test]
async fn what_is_paused_waits_and_still_waits_after_a_restart() {
    let world = World::new().await;
    let router = world.start().await;
    told(&world, &router, &["pause", "--for", "2h", "--reason", "maintenance"], 0).await;
    assert_eq!(router.send(&world.request("b-1"), &world.platform).await.status, 202);
    router.stop().await;

    let router = world.start().await;
    let stats = told(&world, &router, &["stats"], 0).await;
    assert_eq!(stats["ready"], 1, "{stats}");
    let pause = &stats["pauses"][0];
    assert_eq!((&pause["scope"], &pause["actor"]), (&json!("queue"), &json!("ada")), "{stats}");
    assert!(pause["until"].is_string(), "{stats}");
    assert_eq!(world.count("change_request"), 0);
    assert_eq!(told(&world, &router, &["resume", "--key", "x", "--reason", "r"], 1).await["changed"], false);
    assert_eq!(told(&world, &router, &["resume", "--reason", "done"], 0).await["changed"], true);
    world.change_request("b-1").await;
    router.stop().await;
    world.audited();
}

#[tokio::test]
async fn only_an_operator_who_says_why_may() {
    let world = World::new().await;
    let router = world.start().await;
    let get = ["/v1/queue", "/v1/queue/dead-letters", "/v1/queue/messages/x"];
    let post = ["/v1/queue/redrive", "/v1/queue/discard", "/v1/queue/pause", "/v1/queue/resume"];
    for (method, path) in get.iter().map(|path| ("GET", path)).chain(post.iter().map(|path| ("POST", path))) {
        assert_eq!(router.ask(method, path, &[]).await.status, 401, "{path}");
        let guess = router.ask(method, path, &[("authorization", "Bearer a guess".to_owned())]).await;
        assert_eq!(guess.status, 401, "{path}");
    }
    for path in post {
        assert_eq!(as_operator(&router, "POST", path).await.status, 400, "{path} without a body");
    }
    assert_eq!(as_operator(&router, "GET", "/v1/queue/dead-letters?limit=0").await.status, 400);
    assert_eq!(as_operator(&router, "GET", "/v1/queue/dead-letters?limit=1001").await.status, 400);
    assert_eq!(as_operator(&router, "GET", "/v1/queue/dead-letters?cause=bad").await.status, 400);

    write_private(&world.path("wrong.token"), b"a guess");
    let wrong = world.path("wrong.token");
    let refused = queue(&world, &router, &["stats", "--token-file", wrong.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("401"), "{refused:?}");
    let blank = queue(&world, &router, &["pause", "--reason", " "]).await;
    assert_eq!(blank.status.code(), Some(2), "{blank:?}");
    let nobody = Command::new(env!("CARGO_BIN_EXE_event-router"))
        .args(["queue", "stats", "--url", "https://127.0.0.1:1", "--config"])
        .arg(world.path("event-router.toml"))
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("does it run"), "{nobody:?}");
    router.stop().await;
    assert!(!world.tells_of("queue.pause"));
    assert!(Path::new(&world.path("audit")).exists());
}
