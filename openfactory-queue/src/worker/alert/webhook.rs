//! Alarms as HTTP calls, by whatever HTTP client the program has.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Alarm, Alert};
use crate::clock::{Clock, SystemClock};

/// So many alarms wait to be posted; what comes beyond is told to the log alone.
const WAITING: usize = 256;

/// Posts one call. The program brings it: this crate has no HTTP client.
#[async_trait]
pub trait Post: fmt::Debug + Send + Sync + 'static {
    /// Posts a body of `application/json` once, within a time of its own, and returns if the receiver took it.
    ///
    /// # Errors
    /// Why it did not, as a fragment for the log, without secrets.
    async fn post(&self, call: &Call) -> Result<(), String>;
}

/// An alarm to be posted, as [Standard Webhooks](https://www.standardwebhooks.com/) has it; whoever posts it signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The header `webhook-id`: the same for each try of one alarm.
    pub id: String,
    /// The header `webhook-timestamp`, of this try, in whole seconds.
    pub at: SystemTime,
    /// The object `{"type": "queue.dead_letter", "timestamp": 1764082752, "data": {...}}`: `type` as
    /// [`Alarm::name`] behind `queue.`, the time of the alarm in seconds since 1970, and in `data` the text of the alarm
    /// (`text`), its `severity` (`error`, `warning` or `info`) and, of a dead letter, `dead_letter` with `id`, `kind`, `key`,
    /// `reason` and `blocking`.
    pub body: Bytes,
}

/// Posts alarms in a task of its own, in their order, each tried a few times; `raise` never waits for the receiver.
/// What can't be posted goes to the log as an error.
#[derive(Debug)]
pub struct WebhookAlert {
    waiting: mpsc::Sender<(Alarm, SystemTime)>,
    clock: Arc<dyn Clock>,
    task: JoinHandle<()>,
}

/// How alarms are posted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// Precedes a number in each id, which must not come again after a restart.
    pub prefix: String,
    /// Tries of one alarm, at least 1.
    pub tries: u32,
    /// The pause before the second try, which doubles with each one.
    pub pause: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl WebhookConfig {
    /// 5 tries, 2 s apart at first: given up after half a minute. The prefix is drawn at random.
    #[must_use]
    pub fn new() -> Self {
        let prefix = format!("alarm_{:032x}", rand::random::<u128>());
        Self { prefix, tries: 5, pause: Duration::from_secs(2), clock: Arc::new(SystemClock) }
    }
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl WebhookAlert {
    /// Starts to post by `post`, on the runtime of the caller.
    #[must_use]
    pub fn start(post: Arc<dyn Post>, config: WebhookConfig) -> Self {
        let (waiting, next) = mpsc::channel(WAITING);
        let clock = Arc::clone(&config.clock);
        Self { waiting, clock, task: tokio::spawn(deliver(next, post, config)) }
    }

    /// Posts what still waits, and ends; what is not posted within `grace` goes to the log.
    pub async fn stop(self, grace: Duration) {
        let Self { waiting, clock, mut task } = self;
        drop(waiting);
        tokio::select! {
            _ = &mut task => {}
            () = clock.sleep(grace) => {
                task.abort();
                tracing::error!("alarms were not posted before the stop");
            }
        }
    }
}

#[async_trait]
impl Alert for WebhookAlert {
    async fn raise(&self, alarm: &Alarm) {
        if self.waiting.try_send((alarm.clone(), self.clock.now())).is_err() {
            tracing::error!("an alarm can't be posted, too many wait: {alarm}");
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    timestamp: u64,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    text: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<Letter<'a>>,
}

#[derive(Serialize)]
struct Letter<'a> {
    id: &'a str,
    kind: &'a str,
    key: Option<&'a str>,
    reason: &'a str,
    blocking: bool,
}

fn body(alarm: &Alarm, at: SystemTime) -> Result<Bytes, serde_json::Error> {
    let dead_letter = match alarm {
        Alarm::DeadLetter { id, kind, key, reason, blocking } => {
            Some(Letter { id, kind, key: key.as_deref(), reason, blocking: *blocking })
        }
        _ => None,
    };
    let timestamp = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let data = Data { text: alarm.to_string(), severity: alarm.severity().name(), dead_letter };
    let body = Body { r#type: format!("queue.{}", alarm.name()), timestamp, data };
    serde_json::to_vec(&body).map(Bytes::from)
}

async fn deliver(mut next: mpsc::Receiver<(Alarm, SystemTime)>, post: Arc<dyn Post>, config: WebhookConfig) {
    let mut number = 0u64;
    while let Some((alarm, at)) = next.recv().await {
        number += 1;
        let body = match body(&alarm, at) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "an alarm can't be written as JSON: {alarm}");
                continue;
            }
        };
        let id = format!("{}_{number}", config.prefix);
        if let Err(reason) = try_some(&*post, &config, id, body).await {
            tracing::error!("an alarm was not posted ({reason}): {alarm}");
        }
    }
}

async fn try_some(post: &dyn Post, config: &WebhookConfig, id: String, body: Bytes) -> Result<(), String> {
    let mut call = Call { id, at: config.clock.now(), body };
    let mut pause = config.pause;
    for _ in 1..config.tries.max(1) {
        match post.post(&call).await {
            Ok(()) => return Ok(()),
            Err(reason) => tracing::debug!(reason, "an alarm is posted again"),
        }
        config.clock.sleep(pause).await;
        pause = pause.saturating_mul(2);
        call.at = config.clock.now();
    }
    post.post(&call).await
}
