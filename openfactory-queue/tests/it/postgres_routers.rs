//! Several routers on one PostgreSQL schema, and a server that is not as it should be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openfactory_queue::backend::postgres::{PostgresConfig, PostgresQueue};
use openfactory_queue::backend::tls::Tls;
use openfactory_queue::capabilities::Durability;
use openfactory_queue::lease::Settled;
use openfactory_queue::{ErrorKind, LeaseRequest, Message, Settlement, SyncQueue, SyncQueueExt};
use tokio_postgres::NoTls;

use crate::postgres::{config, shared};
use crate::postgres_server::{PASSWORD, address, root};
use crate::shared_server::SharedServer;

const LONG: Duration = Duration::from_secs(3600);

/// A connection apart from the queue's, as the superuser.
async fn superuser(server: &SharedServer) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&address(server), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn keyed(id: &str, key: &str) -> Message {
    Message::new(id, "k", id.to_owned()).with_key(key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_routers_keep_the_order_of_every_key_under_failures() {
    const KEYS: usize = 7;
    const EACH: usize = 30;
    let Some(server) = shared("four_routers_keep_the_order_of_every_key_under_failures") else { return };
    let config = config(server);
    let seen: Arc<Mutex<BTreeMap<String, Vec<usize>>>> = Arc::default();
    let mut tasks = Vec::new();
    for router in 0..4 {
        let queue = PostgresQueue::open(config.clone()).await.unwrap();
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
                let leased =
                    queue.lease(LeaseRequest::new(format!("r{router}")).max(3).wait(wait)).await.unwrap();
                for one in leased {
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

/// One router has drawn a place of the key and is held up; another must not come past it with a later place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_was_drawn_first_is_filled_first() {
    let Some(server) = shared("a_place_that_was_drawn_first_is_filled_first") else { return };
    let name = format!("held{}", std::process::id());
    let config = PostgresConfig::new(&address(server)).unwrap().schema(&name).unwrap();
    let (one, other) =
        (PostgresQueue::open(config.clone()).await.unwrap(), PostgresQueue::open(config).await.unwrap());
    let superuser = superuser(server).await;
    // Nobody knows yet whether this id will be known, so that its publish has to wait.
    let hold = format!("BEGIN; INSERT INTO {name}.known (id, digest, seq, at) VALUES ('a', '', 0, 0)");
    superuser.batch_execute(&hold).await.unwrap();
    let publish = |queue: &PostgresQueue, id: &'static str| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.publish(vec![keyed(id, "key")]).await })
    };
    let first = publish(&one, "a");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = publish(&other, "b");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!first.is_finished(), "the publish of a is held up");
    let early = other.lease(LeaseRequest::new("w")).await.unwrap();
    assert!(early.is_empty(), "b has overtaken a: {early:?}");
    superuser.batch_execute("ROLLBACK").await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    for id in ["a", "b"] {
        let leased = one.lease(LeaseRequest::new("w")).await.unwrap().remove(0);
        assert_eq!(leased.message.id, id);
        one.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_on_one_router_wakes_a_lease_on_another() {
    let Some(server) = shared("a_publish_on_one_router_wakes_a_lease_on_another") else { return };
    let config = config(server).poll(LONG);
    let one = PostgresQueue::open(config.clone()).await.unwrap();
    let other = PostgresQueue::open(config).await.unwrap();
    for n in 0..3 {
        let waiting = tokio::spawn({
            let other = other.clone();
            async move { other.lease(LeaseRequest::new("w").wait(LONG)).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let id = format!("m{n}");
        one.send(Message::new(id.clone(), "k", "")).await.unwrap();
        let leased = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().unwrap();
        assert_eq!(leased[0].message.id, id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_outlives_its_router_and_is_settled_by_the_next() {
    let Some(server) = shared("a_lease_outlives_its_router_and_is_settled_by_the_next") else { return };
    let config = config(server);
    let first = PostgresQueue::open(config.clone()).await.unwrap();
    first.publish(vec![keyed("1", "key"), keyed("2", "key")]).await.unwrap();
    let leased = first.lease(LeaseRequest::new("w")).await.unwrap().remove(0);
    first.close().await.unwrap();
    let second = PostgresQueue::open(config).await.unwrap();
    assert_eq!(second.lease(LeaseRequest::new("w")).await.unwrap().len(), 0);
    assert_eq!(second.settle(vec![(leased.token, Settlement::Ack)]).await.unwrap(), [Settled::Done]);
    assert_eq!(second.lease(LeaseRequest::new("w")).await.unwrap()[0].message.id, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_made_again_and_nothing_is_lost() {
    let Some(server) = shared("connections_that_are_cut_are_made_again_and_nothing_is_lost") else { return };
    let mut cut = 0;
    let name = format!("cut{}", std::process::id());
    let config = PostgresConfig::new(&format!("{} application_name={name}", address(server))).unwrap();
    let queue = PostgresQueue::open(config.schema(&name).unwrap().poll(LONG)).await.unwrap();
    let knife = superuser(server).await;
    for n in 0..10 {
        let id = format!("m{n}");
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
        let killed: i64 = knife.query_one(sql, &[&name]).await.unwrap().get(0);
        cut += killed;
        loop {
            match queue.send(Message::new(id.clone(), "k", "")).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(cut >= 10, "{cut} connections were cut");
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.lease(LeaseRequest::new("w").max(20).wait(LONG)).await }
    });
    assert_eq!(waiting.await.unwrap().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_newer_or_of_something_else_is_refused() {
    let Some(server) = shared("a_schema_that_is_newer_or_of_something_else_is_refused") else { return };
    let superuser = superuser(server).await;
    let open =
        async |config: PostgresConfig| PostgresQueue::open(config).await.map(drop).map_err(|e| e.kind());
    let name = format!("other{}", std::process::id());
    superuser
        .batch_execute(&format!("CREATE SCHEMA {name}; CREATE TABLE {name}.messages (a int)"))
        .await
        .unwrap();
    let foreign = PostgresConfig::new(&address(server)).unwrap().schema(&name).unwrap();
    assert_eq!(open(foreign).await, Err(ErrorKind::Invalid));
    let name = format!("newer{}", std::process::id());
    let newer = PostgresConfig::new(&address(server)).unwrap().schema(&name).unwrap();
    assert_eq!(open(newer.clone()).await, Ok(()));
    let note = format!("INSERT INTO {name}.migrations VALUES (1000, 0, 'later')");
    superuser.batch_execute(&note).await.unwrap();
    assert_eq!(open(newer).await, Err(ErrorKind::SchemaVersion));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_commit_survives_is_what_the_server_says() {
    let Some(server) = shared("what_a_commit_survives_is_what_the_server_says") else { return };
    let config = config(server);
    let queue = PostgresQueue::open(config.clone()).await.unwrap();
    assert_eq!(queue.capabilities().durability, Durability::PowerLoss);
    // An administrator's default does not weaken it.
    let superuser = superuser(server).await;
    let name = format!("lax{}", std::process::id());
    let make = format!("CREATE ROLE {name} LOGIN SUPERUSER; ALTER ROLE {name} SET synchronous_commit TO off");
    superuser.batch_execute(&make).await.unwrap();
    let lax = address(server).replace("user=postgres", &format!("user={name}"));
    let lax = PostgresConfig::new(&lax).unwrap().schema(&name).unwrap();
    let queue = PostgresQueue::open(lax).await.unwrap();
    queue.send(Message::new("1", "k", "")).await.unwrap();
    assert_eq!(queue.capabilities().durability, Durability::PowerLoss);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_checks_the_root_and_the_password_is_asked_for() {
    let Some(server) = shared("tls_checks_the_root_and_the_password_is_asked_for") else { return };
    let superuser = superuser(server).await;
    let make = format!(
        "DO $$ BEGIN CREATE ROLE queue LOGIN PASSWORD '{PASSWORD}'; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         GRANT CREATE ON DATABASE postgres TO queue"
    );
    superuser.batch_execute(&make).await.unwrap();
    let config = |password: &str| {
        let url =
            format!("host=localhost hostaddr=127.0.0.1 port={} user=queue dbname=postgres", server.port);
        let config = PostgresConfig::new(&format!("{url} password='{password}'")).unwrap();
        config.schema(format!("tls{}", std::process::id())).unwrap().connections(2)
    };
    let trusting = config(PASSWORD).tls(Tls::Roots(root(server)));
    let queue = PostgresQueue::open(trusting).await.unwrap();
    queue.send(Message::new("1", "k", "")).await.unwrap();
    let open = async |config| PostgresQueue::open(config).await.map(drop).map_err(|error| error.kind());
    let wrong = config("wrong").tls(Tls::Roots(root(server)));
    assert_eq!(open(wrong).await, Err(ErrorKind::Invalid));
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let suspicious = config(PASSWORD).tls(Tls::Roots(other.pem().into_bytes()));
    assert_eq!(open(suspicious).await, Err(ErrorKind::Unavailable));
    // Without TLS the server lets nobody in from the network.
    assert_eq!(open(config(PASSWORD).tls(Tls::Off)).await, Err(ErrorKind::Invalid));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let socket = tempfile::tempdir().unwrap();
    let config = PostgresConfig::new(&format!("host={} user=q", socket.path().display())).unwrap();
    let error = PostgresQueue::open(config).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable(), error.outcome_known()),
        (ErrorKind::Unavailable, true, true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_the_server_cannot_hold_is_refused_or_replaced() {
    let Some(server) = shared("text_that_the_server_cannot_hold_is_refused_or_replaced") else { return };
    let queue = PostgresQueue::open(config(server)).await.unwrap();
    for bad in [
        Message::new("a\0", "k", ""),
        Message::new("a", "k\0", ""),
        keyed("a", "\0"),
        Message::new("a", "k", "").with_attribute("destination", "\0"),
    ] {
        assert_eq!(queue.send(bad).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(queue.find("a\0").await.unwrap(), None);
    let odd = Message::new("a", "k", "\0").with_attribute("odd", "\0");
    queue.send(odd.clone()).await.unwrap();
    let leased = queue.lease(LeaseRequest::new("w\0")).await.unwrap().remove(0);
    assert_eq!(leased.message, odd);
    queue.settle(vec![(leased.token, Settlement::Dead { reason: "bad \0 byte".into() })]).await.unwrap();
    let found = queue.find("a").await.unwrap().unwrap();
    assert_eq!(found.history[0].reason, "bad \u{FFFD} byte");
}
