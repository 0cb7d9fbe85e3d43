//! Several routers on one NATS queue, and a server that goes away, loses things, or is not as it should be.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream;
use openfactory_queue::backend::nats::{Login, NatsConfig, NatsQueue, ServerSync};
use openfactory_queue::backend::tls::Tls;
use openfactory_queue::capabilities::{Durability, Requirements};
use openfactory_queue::dead_letter::{DeadLetterFilter, DeadLetterPage, Redrive, Selection};
use openfactory_queue::lease::Settled;
use openfactory_queue::message::Published;
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};

use crate::nats::config;
use crate::nats_server::{OwnServer, Sync, address, shared};

const LONG: Duration = Duration::from_secs(3600);

fn keyed(id: &str, key: &str) -> Message {
    Message::new(id, "k", id.to_owned()).with_key(key)
}

/// Leases and acks until nothing comes any more.
async fn drain(queue: &NatsQueue) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let leased = queue.lease(LeaseRequest::new("drain")).await.unwrap();
        let Some(first) = leased.first() else { return ids };
        assert_eq!(first.message.payload, first.message.id.as_bytes());
        ids.push(first.message.id.clone());
        assert_eq!(queue.settle(vec![(first.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    }
}

async fn jetstream_of(port: u16) -> jetstream::Context {
    jetstream::new(async_nats::connect(address(port)).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_routers_keep_the_order_of_every_key_under_failures() {
    const KEYS: usize = 5;
    const EACH: usize = 12;
    let Some(server) = shared(Sync::Default, "two_routers_keep_the_order_of_every_key_under_failures") else {
        return;
    };
    let config = config(server.port);
    let seen: Arc<Mutex<BTreeMap<String, Vec<usize>>>> = Arc::default();
    let mut tasks = Vec::new();
    for router in 0..2 {
        let queue = NatsQueue::open(config.clone()).await.unwrap();
        let seen = Arc::clone(&seen);
        tasks.push(tokio::spawn(async move {
            // Each publishes the same, key by key: one of them is first.
            for n in 0..EACH {
                let batch = (0..KEYS).map(|key| keyed(&format!("{key}/{n}"), &format!("key{key}"))).collect();
                queue.publish(batch).await.unwrap();
            }
            let total = || seen.lock().unwrap().values().map(Vec::len).sum::<usize>();
            let mut calls = 0usize;
            while total() < KEYS * EACH {
                let wait = Duration::from_millis(50);
                let request = LeaseRequest::new(format!("r{router}")).max(3).wait(wait);
                for one in queue.lease(request).await.unwrap() {
                    calls += 1;
                    let key = one.message.key.clone().unwrap();
                    let n: usize = one.message.id.split('/').nth(1).unwrap().parse().unwrap();
                    let how = match calls % 5 {
                        0 => Settlement::Retry { after: Duration::ZERO, reason: "x".into(), counts: true },
                        1 => Settlement::Release,
                        _ => {
                            seen.lock().unwrap().entry(key).or_default().push(n);
                            Settlement::Ack
                        }
                    };
                    assert_eq!(queue.settle(vec![(one.token, how)]).await.unwrap(), [Settled::Done]);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), KEYS);
    for (key, order) in seen.iter() {
        assert_eq!(*order, (0..EACH).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_on_one_router_wakes_a_lease_on_another() {
    let Some(server) = shared(Sync::Default, "a_publish_on_one_router_wakes_a_lease_on_another") else {
        return;
    };
    let config = config(server.port).poll(LONG);
    let one = NatsQueue::open(config.clone()).await.unwrap();
    let other = NatsQueue::open(config).await.unwrap();
    // More than once: what is told is not always stored yet.
    for n in 0..100 {
        let other = other.clone();
        let waiting = tokio::spawn(async move { other.lease(LeaseRequest::new("w").wait(LONG)).await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        one.send(Message::new(format!("{n}"), "k", "")).await.unwrap();
        let leased = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().unwrap();
        assert_eq!(leased[0].message.id, format!("{n}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_fence_of_another_router_is_refused() {
    let Some(server) = shared(Sync::Default, "a_stale_fence_of_another_router_is_refused") else { return };
    let config = config(server.port);
    let (one, other) =
        (NatsQueue::open(config.clone()).await.unwrap(), NatsQueue::open(config).await.unwrap());
    one.publish(vec![keyed("1", "key"), keyed("2", "key")]).await.unwrap();
    let short = LeaseRequest::new("one").ttl(Duration::from_millis(30));
    let old = one.lease(short).await.unwrap().remove(0);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let new = other.lease(LeaseRequest::new("other")).await.unwrap().remove(0);
    assert_eq!((new.message.id.as_str(), new.lapses), ("1", 1));
    assert_eq!(one.settle(vec![(old.token, Settlement::Ack)]).await.unwrap(), [Settled::Stale]);
    assert_eq!(one.lease(LeaseRequest::new("one")).await.unwrap().len(), 0, "the key is the other's");
    assert_eq!(other.settle(vec![(new.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert_eq!(drain(&one).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_found_again_and_nothing_is_lost() {
    let test = "a_killed_server_is_found_again_and_nothing_is_lost";
    let Some(mut server) = OwnServer::start(test, Sync::Always, |_| String::new()) else { return };
    let queue = NatsQueue::open(config(server.port)).await.unwrap();
    queue.publish(vec![keyed("1", "key"), keyed("2", "key")]).await.unwrap();
    let leased = queue.lease(LeaseRequest::new("w").ttl(LONG)).await.unwrap().remove(0);
    server.down();
    // What is asked meanwhile is answered afterwards.
    let meanwhile = tokio::spawn({
        let queue = queue.clone();
        async move { queue.send(keyed("3", "key")).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.up();
    assert!(matches!(meanwhile.await.unwrap().unwrap(), Published::Stored { .. }));
    assert_eq!(queue.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert_eq!(drain(&queue).await, ["2", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_a_call_says_so_after_its_patience() {
    let test = "without_a_server_a_call_says_so_after_its_patience";
    let Some(mut server) = OwnServer::start(test, Sync::Default, |_| String::new()) else { return };
    let queue = NatsQueue::open(config(server.port).patience(Duration::from_millis(300))).await.unwrap();
    server.down();
    let error = queue.send(Message::new("a", "k", "")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    let refused = NatsQueue::open(config(server.port)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_log_begins_anew_with_what_a_router_knows() {
    let Some(server) = shared(Sync::Default, "a_deleted_log_begins_anew_with_what_a_router_knows") else {
        return;
    };
    let name = format!("log{}", std::process::id());
    let config = config(server.port).name(&name).unwrap();
    let (one, other) =
        (NatsQueue::open(config.clone()).await.unwrap(), NatsQueue::open(config).await.unwrap());
    one.publish(vec![keyed("1", "key"), keyed("2", "key"), keyed("3", "key")]).await.unwrap();
    let leased = one.lease(LeaseRequest::new("w").ttl(LONG)).await.unwrap().remove(0);
    other.stats().await.unwrap();
    let server = jetstream_of(server.port).await;
    server.delete_stream(format!("OPENFACTORY_{name}_LOG")).await.unwrap();
    server.delete_stream(format!("OPENFACTORY_{name}_SNAPSHOTS")).await.unwrap();
    assert!(matches!(other.send(keyed("1", "key")).await.unwrap(), Published::Duplicate { .. }));
    assert_eq!(one.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert!(matches!(one.send(keyed("4", "key")).await.unwrap(), Published::Stored { .. }));
    assert_eq!(drain(&other).await, ["2", "3", "4"]);
    assert_eq!(drain(&one).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_bytes_make_dead_letters_that_say_so_and_the_stream_is_made_again() {
    let test = "lost_bytes_make_dead_letters_that_say_so_and_the_stream_is_made_again";
    let Some(server) = shared(Sync::Default, test) else { return };
    let name = format!("work{}", std::process::id());
    let queue = NatsQueue::open(config(server.port).name(&name).unwrap()).await.unwrap();
    queue.send(Message::new("lost", "k", "lost")).await.unwrap();
    let server = jetstream_of(server.port).await;
    server.delete_stream(format!("OPENFACTORY_{name}_WORK")).await.unwrap();
    queue.send(Message::new("kept", "k", "kept")).await.unwrap();
    assert_eq!(drain(&queue).await, ["kept"]);
    let letters = queue.dead_letters(DeadLetterPage::first(DeadLetterFilter::all())).await.unwrap();
    assert_eq!((letters[0].message.id.as_str(), letters[0].message.payload.len()), ("lost", 0));
    assert!(letters[0].reason.contains("gone"), "{}", letters[0].reason);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_lie_in_a_stream_of_their_own_and_come_back_whole() {
    let test = "dead_letters_lie_in_a_stream_of_their_own_and_come_back_whole";
    let Some(server) = shared(Sync::Default, test) else { return };
    let name = format!("dead{}", std::process::id());
    let queue = NatsQueue::open(config(server.port).name(&name).unwrap()).await.unwrap();
    queue.publish(vec![keyed("a", "key"), keyed("b", "other")]).await.unwrap();
    let leased = queue.lease(LeaseRequest::new("w")).await.unwrap().remove(0);
    queue.settle(vec![(leased.token, Settlement::Dead { reason: "x".into() })]).await.unwrap();
    queue.maintain(100).await.unwrap();
    let server = jetstream_of(server.port).await;
    let count = async |part: &str| {
        let stream = server.get_stream(format!("OPENFACTORY_{name}_{part}")).await.unwrap();
        stream.get_info().await.unwrap().state.messages
    };
    // A move in the background may have made a second copy, which goes again.
    for _ in 0..500 {
        if (count("WORK").await, count("DEAD").await) == (1, 1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((count("WORK").await, count("DEAD").await), (1, 1));
    let found = queue.find("a").await.unwrap().unwrap();
    assert_eq!(found.message, keyed("a", "key"));
    let all = Selection::Matching(DeadLetterFilter::all());
    queue.redrive(Redrive::new(all, "op", "fixed")).await.unwrap();
    assert_eq!(drain(&queue).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_shortens_the_log_and_a_new_router_reads_it() {
    let Some(server) = shared(Sync::Default, "a_snapshot_shortens_the_log_and_a_new_router_reads_it") else {
        return;
    };
    let name = format!("snap{}", std::process::id());
    let config = config(server.port).name(&name).unwrap();
    let queue = NatsQueue::open(config.clone()).await.unwrap();
    queue.publish(vec![keyed("kept", "key"), keyed("later", "key")]).await.unwrap();
    let held = queue.lease(LeaseRequest::new("w").ttl(LONG)).await.unwrap().remove(0);
    for _ in 0..1100 {
        queue.extend(vec![held.token], LONG).await.unwrap();
    }
    let server = jetstream_of(server.port).await;
    let stream = server.get_stream(format!("OPENFACTORY_{name}_LOG")).await.unwrap();
    let entries = stream.get_info().await.unwrap().state.messages;
    assert!(entries < 1000, "the log has {entries} entries");
    let other = NatsQueue::open(config).await.unwrap();
    assert!(matches!(other.send(keyed("kept", "key")).await.unwrap(), Published::Duplicate { .. }));
    assert_eq!(other.settle(vec![(held.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert_eq!(drain(&queue).await, ["later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_told_to_sync_always_is_not_called_durable() {
    let test = "a_server_that_is_not_told_to_sync_always_is_not_called_durable";
    let Some(server) = shared(Sync::Default, test) else { return };
    let needed = Requirements::new().durability(Durability::PowerLoss).ordering().fencing();
    let queue = NatsQueue::open(config(server.port)).await.unwrap();
    assert_eq!(queue.capabilities().durability, Durability::ProcessCrash);
    assert_eq!(queue.require(&needed).unwrap_err().kind(), ErrorKind::Unsupported);
    let Some(server) = shared(Sync::Always, test) else { return };
    let queue = NatsQueue::open(config(server.port).sync(ServerSync::Always)).await.unwrap();
    queue.require(&needed).unwrap();
    let replicated = Requirements::new().durability(Durability::Replicated);
    assert_eq!(queue.require(&replicated).unwrap_err().kind(), ErrorKind::Unsupported, "one replica");
}

/// A server's part of a cluster, whose accounts are ours and the system's.
fn member(name: &str, port: u16, routes: &[u16]) -> String {
    let routes: Vec<String> = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
    format!(
        "server_name: {name}
         cluster {{ name: c, listen: \"127.0.0.1:{port}\", routes: [{}] }}
         accounts {{
           SYS {{ users: [{{ user: system, password: s }}] }}
           OURS {{ jetstream: enabled, users: [{{ user: ours, password: o }}] }}
         }}
         system_account: SYS",
        routes.join(", ")
    )
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn user(name: &str, password: &str) -> Login {
    Login::User { name: name.to_owned(), password: password.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_say_themselves_how_they_sync() {
    let test = "servers_say_themselves_how_they_sync";
    let account = |_: &std::path::Path| {
        "accounts {
           SYS { users: [{ user: system, password: s }] }
           OURS { jetstream: enabled, users: [{ user: ours, password: o }] }
         }
         system_account: SYS"
            .to_owned()
    };
    let Some(lazy) = OwnServer::start(test, Sync::Default, account) else { return };
    let asked = |port: u16| config(port).login(user("ours", "o")).system_login(user("system", "s"));
    let queue = NatsQueue::open(asked(lazy.port)).await.unwrap();
    assert_eq!(queue.capabilities().durability, Durability::ProcessCrash);
    let told = NatsQueue::open(asked(lazy.port).sync(ServerSync::Always)).await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Unsupported, "{told}");
    for stranger in [user("ours", "o"), user("system", "wrong")] {
        let error = NatsQueue::open(asked(lazy.port).system_login(stranger)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let Some(eager) = OwnServer::start(test, Sync::Always, account) else { return };
    let queue = NatsQueue::open(asked(eager.port)).await.unwrap();
    assert_eq!(queue.capabilities().durability, Durability::PowerLoss);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_that_does_not_sync_spoils_a_cluster() {
    let test = "one_server_that_does_not_sync_spoils_a_cluster";
    let (a, b) = (free_port(), free_port());
    let Some(eager) = OwnServer::start(test, Sync::Always, |_| member("eager", a, &[b])) else { return };
    let Some(lazy) = OwnServer::start(test, Sync::Default, |_| member("lazy", b, &[a])) else { return };
    for port in [eager.port, lazy.port] {
        let config = config(port).login(user("ours", "o")).system_login(user("system", "s"));
        let queue = NatsQueue::open(config.clone()).await.unwrap();
        assert_eq!(queue.capabilities().durability, Durability::ProcessCrash);
        let told = NatsQueue::open(config.sync(ServerSync::Always)).await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Unsupported);
        assert!(told.to_string().contains("lazy") && !told.to_string().contains("eager"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_can_not_keep_is_refused_at_once() {
    let Some(server) = shared(Sync::Default, "what_the_server_can_not_keep_is_refused_at_once") else {
        return;
    };
    let large = NatsQueue::open(config(server.port).max_payload(1024 * 1024)).await;
    assert_eq!(large.unwrap_err().kind(), ErrorKind::Unsupported);
    let name = format!("odd{}", std::process::id());
    let foreign = jetstream::stream::Config {
        name: format!("OPENFACTORY_{name}_WORK"),
        subjects: vec![format!("openfactory.{name}.work.>")],
        max_age: LONG,
        ..Default::default()
    };
    jetstream_of(server.port).await.create_stream(foreign).await.unwrap();
    let error = NatsQueue::open(config(server.port).name(&name).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let one = NatsQueue::open(config(server.port).max_messages(1)).await.unwrap();
    one.send(Message::new("a", "k", "")).await.unwrap();
    assert_eq!(one.send(Message::new("b", "k", "")).await.unwrap_err().kind(), ErrorKind::Full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_known_by_its_own_root_and_by_no_other() {
    let test = "a_server_is_known_by_its_own_root_and_by_no_other";
    let (root, pem, key) = certificates();
    let more = |dir: &std::path::Path| {
        fs::write(dir.join("server.pem"), &pem).unwrap();
        fs::write(dir.join("server.key"), &key).unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        format!("tls {{ cert_file: \"{}\"\nkey_file: \"{}\" }}", path("server.pem"), path("server.key"))
    };
    let Some(server) = OwnServer::start(test, Sync::Default, more) else { return };
    let config = || NatsConfig::new(&address(server.port)).unwrap();
    let queue = NatsQueue::open(config().tls(Tls::Roots(root.into_bytes()))).await.unwrap();
    queue.send(Message::new("a", "k", "a")).await.unwrap();
    assert_eq!(drain(&queue).await, ["a"]);
    let (foreign, ..) = certificates();
    for stranger in [Tls::Roots(foreign.into_bytes()), Tls::Platform] {
        let refused = NatsQueue::open(config().tls(stranger)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
    }
}

/// A root, and a certificate of it for localhost with its key.
fn certificates() -> (String, String, String) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let pem = server.signed_by(&key, &rcgen::Issuer::new(root, root_key)).unwrap().pem();
    (root_pem, pem, key.serialize_pem())
}
