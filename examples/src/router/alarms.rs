//! Whom the router alarms: its log, the audit log and, where one is configured, a webhook. And what it looks out for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use openfactory_queue::worker::alert::Alert;
use openfactory_queue::worker::alert::watch::{FileSystem, Thresholds, Watch};
use openfactory_queue::worker::alert::webhook::{Call, Post, WebhookAlert, WebhookConfig};
use openfactory_sn::webhook::{WebhookSecret, sign};

use super::config::{AlertsConfig, RouterConfig};
use super::core::Core;
use super::handle::AuditedAlert;
use super::open::StartError;
use crate::config::read_secret_file;
use crate::told::told;

/// How long the receiver may take for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what still waits may take to be posted when the router stops.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The router's alarms.
pub(super) struct Alarms {
    webhook: Option<Arc<WebhookAlert>>,
    all: Arc<dyn Alert>,
}

impl Alarms {
    /// Starts to post, if there is somebody to post to.
    pub(super) fn start(post: Option<HttpPost>, core: Core) -> Self {
        let webhook = post.map(|post| Arc::new(WebhookAlert::start(Arc::new(post), WebhookConfig::new())));
        let mut all: Vec<Arc<dyn Alert>> = vec![Arc::new(AuditedAlert::new(core))];
        all.extend(webhook.clone().map(|webhook| webhook as Arc<dyn Alert>));
        Self { webhook, all: Arc::new(all) }
    }

    pub(super) fn alert(&self) -> Arc<dyn Alert> {
        Arc::clone(&self.all)
    }

    /// Looks at the queue, the breakers and the disk.
    pub(super) fn watch(&self, config: &RouterConfig, core: &Core) -> Watch {
        let seconds = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
        let mut thresholds = Thresholds::default();
        thresholds.ready = seconds(config.alerts.waiting_s);
        thresholds.lease = seconds(config.alerts.working_s);
        thresholds.breaker = seconds(config.alerts.down_s);
        thresholds.room =
            (config.alerts.free_mib > 0).then(|| config.alerts.free_mib.saturating_mul(1 << 20));
        Watch::on(core.queue.clone(), self.alert())
            .thresholds(thresholds)
            .breakers(core.breakers.clone())
            .room(Arc::new(FileSystem(config.state.directory.clone())))
            .clock(Arc::clone(&core.clock))
            .every(Duration::from_secs(config.alerts.look_s.max(1)))
    }

    /// Posts what still waits. Whoever alarms must have ended.
    pub(super) async fn stop(self) {
        drop(self.all);
        match self.webhook.map(Arc::try_unwrap) {
            Some(Ok(webhook)) => webhook.stop(LAST_WORDS).await,
            Some(Err(_)) => {
                tracing::warn!("somebody still alarms, so that the last alarms may not be posted")
            }
            None => {}
        }
    }
}

/// Posts to one receiver, signed as Standard Webhooks says.
pub(super) struct HttpPost {
    http: reqwest::Client,
    url: reqwest::Url,
    secret: WebhookSecret,
}

impl fmt::Debug for HttpPost {
    /// Shows no path: it may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPost").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl HttpPost {
    /// As configured; none if nothing is to be posted.
    pub(super) fn new(config: &AlertsConfig) -> Result<Option<Self>, StartError> {
        let refuse = |reason| StartError::Webhook { reason };
        let (url, secret) = match (&config.webhook_url, &config.webhook_secret_file) {
            (None, None) => return Ok(None),
            (Some(url), Some(secret)) => (url, secret),
            _ => return Err(refuse("webhook_url and webhook_secret_file go together")),
        };
        let url = reqwest::Url::parse(url).map_err(|_invalid| refuse("webhook_url is no URL"))?;
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
            return Err(refuse("webhook_url is not https, nor http to this machine"));
        }
        let secret = read_secret_file(secret)?;
        let secret = WebhookSecret::parse(secret.expose()).map_err(StartError::WebhookSecret)?;
        let http = crate::tls::http_client(config.webhook_ca_file.as_deref(), PATIENCE)?;
        Ok(Some(Self { http, url, secret }))
    }
}

#[async_trait]
impl Post for HttpPost {
    async fn post(&self, call: &Call) -> Result<(), String> {
        self.send(&call.id, call.at, call.body.clone()).await
    }
}

impl HttpPost {
    /// Posts a body, signed; why the receiver did not take it.
    pub(super) async fn send(&self, id: &str, at: SystemTime, body: Bytes) -> Result<(), String> {
        let headers = sign(&self.secret, id, at, &body).map_err(|error| told(&error))?;
        let request = self.http.post(self.url.clone()).headers(headers.to_map());
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the receiver answers {}", answer.status())),
            Err(error) => Err(told(&error.without_url())),
        }
    }
}
