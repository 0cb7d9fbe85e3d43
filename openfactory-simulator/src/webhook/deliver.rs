//! Makes the calls that business rules queued, with a few tries each.
//!
//! An instance itself does not retry; here a call stays in the state until it is made or lost, so that neither a kill
//! nor a receiver that starts later makes a test depend on luck.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::manner::Payload;
use super::{Webhook, WebhookError};
use crate::instant;
use crate::record::Record;
use crate::rules::notify;
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

    /// How calls tell values; none where there is nobody to call.
    pub(crate) fn payload(&self) -> Option<Payload> {
        let target = self.target.read().unwrap_or_else(PoisonError::into_inner);
        target.as_ref().map(|(webhook, _)| webhook.manner.payload)
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
    mut pending: Pending,
) -> Result<(), StoreError> {
    let manner = &webhook.manner;
    if pending.is_fresh() {
        if manner.loses(pending.seq) {
            return blocking(store, move |store| {
                store.write(|session| session.lose_delivery(pending.seq, "lost on request"))
            })
            .await;
        }
        let held = manner.holds(pending.seq);
        if held > 0 {
            return blocking(store, move |store| {
                let due = instant::unix_seconds(store.clock.now()) + held;
                store.write(|session| session.hold_delivery(pending.seq, due))
            })
            .await;
        }
    }
    if manner.asynchronous {
        pending.body = as_it_stands(store, pending.body, manner.payload).await?;
    }
    let mut outcome = call(store, webhook, client, &pending).await;
    if outcome.is_ok() && manner.doubles(pending.seq) {
        outcome = call(store, webhook, client, &pending).await;
    }
    let tries = if manner.retries { TRIES } else { 1 };
    if let Err(reason) = &outcome {
        tracing::warn!(id = %pending.id, attempt = pending.attempts + 1, reason, "the webhook did not take a call");
    }
    blocking(store, move |store| {
        let now = instant::unix_seconds(store.clock.now());
        let wait = LONGEST_WAIT.min(1 << pending.attempts.min(5));
        let (state, error) = match outcome {
            Ok(()) => (DeliveryState::Delivered, String::new()),
            Err(reason) if pending.attempts + 1 >= tries => (DeliveryState::Lost, reason),
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
    let proof = webhook.proof(&pending.id, timestamp, &pending.body).map_err(|error| error.to_string())?;
    let request = client.post(&webhook.url).header("content-type", "application/json");
    let answer = proof
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value))
        .body(pending.body.clone())
        .send()
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("answered {}", status.as_u16())) }
}

/// The body anew, of the record as it stands now; as it was if the record is gone.
async fn as_it_stands(store: &Arc<Store>, body: String, payload: Payload) -> Result<String, StoreError> {
    blocking(store, move |store| {
        store.read(|session| {
            let told: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let text = |name: &str| told.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let record: Option<Record> = session.find(text("table"), text("sys_id"))?;
            match record {
                Some(record) => notify::body(session, &record, payload),
                None => Ok(body),
            }
        })
    })
    .await
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
