//! Operators are told by a webhook, signed, and told when it is over.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use openfactory_examples::router::StartError;
use openfactory_sn::webhook::{Verifier, WebhookSecret};
use serde_json::Value;

use crate::queue_control::dead_letter;
use crate::world::{World, write_private};

/// What was posted: its id, and its body.
type Posted = Arc<Mutex<Vec<(String, Value)>>>;

/// A receiver that refuses the first call, and takes only what is signed.
pub(crate) struct Receiver {
    pub(crate) secret: String,
    posted: Posted,
    refused: Arc<Mutex<Option<String>>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let secret = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([7u8; 32]));
        Self { secret, posted: Posted::default(), refused: Arc::default() }
    }

    pub(crate) async fn serve(&self) -> SocketAddr {
        let verifier = Verifier::new([WebhookSecret::parse(&self.secret).unwrap()]);
        let (posted, refused) = (Arc::clone(&self.posted), Arc::clone(&self.refused));
        let take = move |State(()): State<()>, headers: HeaderMap, body: Bytes| async move {
            let verified = verifier.verify(&headers, &body, SystemTime::now()).expect("signed");
            let id = verified.id().to_owned();
            let mut first = refused.lock().unwrap();
            if first.is_none() {
                *first = Some(id);
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            assert_eq!(headers["content-type"], "application/json");
            posted.lock().unwrap().push((id, serde_json::from_slice(&body).unwrap()));
            StatusCode::NO_CONTENT
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().route("/hook", post(take)).with_state(());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        address
    }

    /// Waits for an alarm of this type.
    pub(crate) async fn told(&self, name: &str) -> Value {
        self.told_that(name, |_| true).await
    }

    /// Waits for one of this type of which something holds.
    pub(crate) async fn told_that(&self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..400 {
            let is_it = |(_, body): &&(String, Value)| body["type"] == name && holds(body);
            let found = self.posted.lock().unwrap().iter().find(is_it).cloned();
            if let Some((_, body)) = found {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} was not posted: {:?}", self.posted.lock().unwrap());
    }
}

#[tokio::test]
async fn a_dead_letter_and_a_full_disk_are_posted_signed_and_again_until_they_are_taken() {
    let (world, receiver) = (World::new().await, Receiver::new());
    let address = receiver.serve().await;
    write_private(&world.path("alerts.secret"), receiver.secret.as_bytes());
    let router = world
        .start_changed(world.servicenow(), |config| {
            config.alerts.webhook_url = Some(format!("http://{address}/hook"));
            config.alerts.webhook_secret_file = Some(world.path("alerts.secret"));
            // No disk is so large.
            config.alerts.free_mib = u64::MAX >> 21;
            config.alerts.look_s = 1;
        })
        .await;
    let full = receiver.told("queue.disk_nearly_full").await;
    assert_eq!(full["data"]["severity"], "error");
    let first = receiver.posted.lock().unwrap()[0].0.clone();
    assert_eq!(receiver.refused.lock().unwrap().as_ref(), Some(&first), "posted again under the same id");

    dead_letter(&world, &router, "e-1").await;
    let dead = receiver.told("queue.dead_letter").await;
    assert_eq!(dead["data"]["dead_letter"]["kind"], "tech.openfactory.future.thing.v1");
    assert!(dead["timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000), "{dead}");
    router.stop().await;
    let of_type =
        |name: &str| receiver.posted.lock().unwrap().iter().filter(|(_, body)| body["type"] == name).count();
    assert_eq!(of_type("queue.disk_nearly_full"), 1, "told once while it lasts");
    assert_eq!(of_type("queue.dead_letter"), 1);
    assert!(world.tells_of("event.dead_lettered"), "and the audit log has it as before");
}

#[tokio::test]
async fn a_webhook_by_halves_or_without_tls_is_refused_at_the_start() {
    let world = World::new().await;
    write_private(&world.path("alerts.secret"), b"whsec_c2hvcnQ=");
    let secret = Some(world.path("alerts.secret"));
    for (url, secret) in [
        (Some("https://alerts.example.com/"), None),
        (None, secret.clone()),
        (Some("http://alerts.example.com/"), secret.clone()),
        (Some("alerts"), secret.clone()),
    ] {
        let refused = world
            .refused(|config| {
                config.alerts.webhook_url = url.map(str::to_owned);
                config.alerts.webhook_secret_file.clone_from(&secret);
            })
            .await;
        assert!(matches!(refused, StartError::Webhook { .. }), "{refused:?}");
        assert!(refused.to_string().starts_with("[alerts] webhook_url"), "{refused}");
    }
    let short = world
        .refused(|config| {
            config.alerts.webhook_url = Some("https://alerts.example.com/".to_owned());
            config.alerts.webhook_secret_file.clone_from(&secret);
        })
        .await;
    assert!(matches!(short, StartError::WebhookSecret(_)), "{short:?}");
}
