//! Makes the calls that business rules queued, with a few tries each.
//!
//! An instance itself does not retry; here a call stays in the state until it is made or lost, so that neither a kill
//! nor a receiver that starts later makes a test depend on luck.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Webhook, WebhookError};
use crate::instant;
use crate::store::{DeliveryState, Pending, Store, StoreError};

/// How often a call is tried.
const TRIES: u32 = 12;

/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 30;

/// How long the receiver has for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often the state is looked at without being woken.
const PACE: Duration = Duration::from_millis(250);

/// The webhook in force, with the client that calls it.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    target: RwLock<Option<(Webhook, reqwest::Client)>>,
    /// Wakes the loop when something may have been queued.
    pub(crate) wake: Notify,
}

impl Outbound {
    pub(crate) fn set(&self, webhook: Webhook) -> Result<(), WebhookError> {
        let client = client(&webhook)?;
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = Some((webhook, client));
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn is_set(&self) -> bool {
        self.target.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn target(&self) -> Option<(Webhook, reqwest::Client)> {
        self.target.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn client(webhook: &Webhook) -> Result<reqwest::Client, WebhookError> {
    let fault = |source: reqwest::Error| WebhookError::Client { source: source.into() };
    let mut builder = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("ServiceNow/1.0");
    if let Some(pem) = &webhook.ca_pem {
        let ca = reqwest::Certificate::from_pem(pem.as_bytes()).map_err(fault)?;
        builder = builder.tls_certs_only([ca]);
    }
    builder.build().map_err(fault)
}

/// Makes calls until the task is aborted.
pub(crate) async fn run(store: Arc<Store>, outbound: Arc<Outbound>) {
    loop {
        let Some((webhook, client)) = outbound.target() else {
            outbound.wake.notified().await;
            continue;
        };
        match next_due(&store).await {
            Ok(Some(pending)) => {
                if let Err(error) = attempt(&store, &webhook, &client, pending).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "a webhook call was not noted");
                    tokio::time::sleep(PACE).await;
                }
            }
            Ok(None) => {
                // Either something new was queued, or it is time to look whether a retry is due.
                tokio::select! {
                    () = outbound.wake.notified() => {}
                    () = tokio::time::sleep(PACE) => {}
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "webhook calls could not be read");
                tokio::time::sleep(PACE).await;
            }
        }
    }
}

async fn next_due(store: &Arc<Store>) -> Result<Option<Pending>, StoreError> {
    blocking(store, |store| {
        let now = instant::unix_seconds(store.clock.now());
        store.read(|session| session.due_delivery(now))
    })
    .await
}

async fn attempt(
    store: &Arc<Store>,
    webhook: &Webhook,
    client: &reqwest::Client,
    pending: Pending,
) -> Result<(), StoreError> {
    let outcome = call(store, webhook, client, &pending).await;
    if let Err(reason) = &outcome {
        tracing::warn!(id = %pending.id, attempt = pending.attempts + 1, reason, "the webhook did not take a call");
    }
    blocking(store, move |store| {
        let now = instant::unix_seconds(store.clock.now());
        let wait = LONGEST_WAIT.min(1 << pending.attempts.min(5));
        let (state, error) = match outcome {
            Ok(()) => (DeliveryState::Delivered, String::new()),
            Err(reason) if pending.attempts + 1 >= TRIES => (DeliveryState::Lost, reason),
            Err(reason) => (DeliveryState::Pending, reason),
        };
        store.write(|session| session.settle_delivery(pending.seq, state, now + wait, &error))
    })
    .await
}

async fn call(
    store: &Store,
    webhook: &Webhook,
    client: &reqwest::Client,
    pending: &Pending,
) -> Result<(), String> {
    let timestamp = instant::unix_seconds(store.clock.now());
    let signature = webhook.sign(&pending.id, timestamp, &pending.body).map_err(|error| error.to_string())?;
    let answer = client
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("webhook-id", &pending.id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", signature)
        .body(pending.body.clone())
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("answered {}", status.as_u16())) }
}

async fn blocking<T: Send + 'static>(
    store: &Arc<Store>,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || work(&store))
        .await
        .map_err(|source| StoreError::Interrupted { source: source.into() })?
}
