//! The services of the story, each as it would be deployed: its own configuration file, its own socket, TLS, its
//! own state on disk. Only that they share one process is the demo's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openfactory_simulator::faults::{Fault, FaultKind};
use openfactory_simulator::{ADMIN_USER, CHANGE_MANAGER_USER, OAuthClient, Simulator, Webhook};
use openfactory_sn::lifecycle::id::DeviceId;
use openfactory_sn::{Auth, Client, Secret};

use super::error::{DemoError, During as _};
use super::overlay;
use super::site::{CLIENT_ID, LOG, Site};
use crate::agent::config::AgentConfig;
use crate::config;
use crate::event_client::EventClient;
use crate::router::edges::Edges;
use crate::router::{self, config::RouterConfig};
use crate::shutdown::Shutdown;
use crate::webhook::{self, config::WebhookConfig};
use crate::write_once::write_atomically;

/// Seconds for which a device on the test bench may be silent.
const BENCH_SILENCE_S: u64 = 3;

/// Everything that runs.
pub(crate) struct Services {
    simulator: Simulator,
    router: router::Running,
    webhook: webhook::Running,
    stop: Shutdown,
    http: reqwest::Client,
    /// Posts events to the router.
    pub(crate) events: EventClient,
    /// Reads and writes ServiceNow as its administrator, to look what is there.
    pub(crate) servicenow: Client,
    /// Reads and writes ServiceNow as the change manager.
    pub(crate) approver: Client,
    site: Site,
    /// The configuration of each device's agent.
    agents: BTreeMap<DeviceId, AgentConfig>,
}

impl Services {
    /// Starts ServiceNow, the router and the webhook receiver, and introduces them to each other.
    pub(crate) async fn start(site: &Site, edges: Arc<dyn Edges>) -> Result<Self, DemoError> {
        let secret = site.secret("servicenow.secret", "")?;
        let simulator = Simulator::builder()
            .profile(site.profile)
            .prepared_for_the_guide()
            .tls_dir(site.path("simulator/tls"))
            .state(site.path("simulator/state.sqlite"))
            .client(OAuthClient::new(CLIENT_ID, secret))
            .start()
            .await
            .during("start the ServiceNow simulator")?;
        let ca = simulator.ca_pem().unwrap_or_default().to_owned();
        let ca_file = site.path("simulator/ca.pem");
        write_atomically(&ca_file, ca.as_bytes(), 0o644).during("write the simulator's CA")?;

        let stop = Shutdown::new();
        let config = router_config(site, simulator.base_url(), &ca_file)?;
        let router = router::start_with(&config, &stop, edges).await.during("start the event router")?;
        let router_ca = site.path("router/tls/ca.pem");

        let config = webhook_config(site, &router.local_url, &router_ca)?;
        let webhook = webhook::start(&config, &stop).await.during("start the webhook receiver")?;
        introduce(site, &simulator, &webhook)?;

        let timeout = Duration::from_secs(70);
        let http = crate::tls::http_client(Some(&router_ca), timeout).during("set up an HTTP client")?;
        let events = EventClient::new(&router.local_url, Some(&router_ca), Duration::from_secs(10))
            .during("set up the client of the event router")?;
        let agents =
            site.devices.iter().chain([&site.bench]).map(|device| {
                Ok((device.clone(), agent_config(site, device, &router.local_url, &router_ca)?))
            });
        let agents = agents.collect::<Result<_, DemoError>>()?;
        let servicenow = client_of(&simulator, ADMIN_USER)?;
        let approver = client_of(&simulator, CHANGE_MANAGER_USER)?;
        Ok(Self {
            simulator,
            router,
            webhook,
            stop,
            http,
            events,
            servicenow,
            approver,
            agents,
            site: site.clone(),
        })
    }

    /// The configuration of a device's agent.
    pub(crate) fn agent(&self, device: &DeviceId) -> Result<AgentConfig, DemoError> {
        let config = self.agents.get(device);
        let mut config = config.cloned().ok_or_else(|| DemoError::new(format!("{device} has no agent")))?;
        if let Some(overlay) = overlay::config(&self.site, device) {
            config.overlay = overlay;
        }
        Ok(config)
    }

    /// The pages to look at, and as whom to log in there.
    pub(crate) fn pages(&self) -> Vec<String> {
        let login = self.simulator.user(ADMIN_USER);
        let login = login.map(|user| format!(" (log in as {} with {})", user.name(), user.password()));
        vec![
            format!("{}/page{}", self.simulator.base_url(), login.unwrap_or_default()),
            format!("{}/", self.router.local_url),
        ]
    }

    /// Has ServiceNow answer nothing but 503 from now on.
    pub(crate) fn take_servicenow_away(&self) {
        self.simulator.inject(Fault::new(FaultKind::Unavailable).on_path("/").until_cleared());
    }

    /// Has ServiceNow answer again.
    pub(crate) fn give_servicenow_back(&self) {
        self.simulator.clear_faults();
    }

    /// A GET at the router: its JSON or text.
    pub(crate) async fn ask_router(&self, path: &str) -> Result<Bytes, DemoError> {
        let url = format!("{}{path}", self.router.local_url);
        let response = self.http.get(url).send().await.during("ask the event router")?;
        let response = response.error_for_status().during("ask the event router")?;
        response.bytes().await.during("read the event router's answer")
    }

    /// How many messages the router still has to handle.
    pub(crate) async fn waiting(&self) -> Result<u64, DemoError> {
        self.sum_of(&["queue_ready", "queue_delayed", "queue_held", "queue_leased", "outbox"]).await
    }

    /// How many messages became dead letters.
    pub(crate) async fn dead(&self) -> Result<u64, DemoError> {
        self.sum_of(&["queue_dead"]).await
    }

    /// The sum of some of the router's gauges, at one scrape.
    async fn sum_of(&self, gauges: &[&str]) -> Result<u64, DemoError> {
        let text = self.ask_router("/metrics").await?;
        let text = String::from_utf8_lossy(&text);
        let value = |gauge: &&str| {
            let name = format!("event_router_{gauge} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse::<u64>().ok());
            line.ok_or_else(|| DemoError::new(format!("the event router shows no {gauge}")))
        };
        gauges.iter().map(value).sum()
    }

    /// Stops all of it in order.
    pub(crate) async fn stop(self) -> Result<(), DemoError> {
        self.stop.trigger();
        let (webhook, router) = tokio::join!(self.webhook.join, self.router.stopped());
        webhook.during("stop the webhook receiver")?.during("stop the webhook receiver")?;
        router.during("stop the event router")?;
        self.simulator.shutdown().await;
        Ok(())
    }
}

/// Tells the simulator's business rule where the webhook receiver is.
fn introduce(site: &Site, simulator: &Simulator, webhook: &webhook::Running) -> Result<(), DemoError> {
    let ca = site.path("webhook/tls/ca.pem");
    let ca = std::fs::read_to_string(&ca).during(&format!("read {}", ca.display()))?;
    let secret = site.secret("webhook.secret", "whsec_")?;
    let url = format!("{}{}", webhook.url, webhook::PATH);
    let target = Webhook::new(url, &secret).during("tell ServiceNow of the webhook")?.trusting(ca);
    simulator.set_webhook(target).during("tell ServiceNow of the webhook")
}

fn client_of(simulator: &Simulator, user: &str) -> Result<Client, DemoError> {
    let user = simulator.user(user).ok_or_else(|| DemoError::new(format!("ServiceNow knows no {user}")))?;
    let auth = Auth::basic(user.name(), Secret::new(user.password()));
    let mut builder = Client::builder(simulator.base_url()).auth(auth);
    if let Some(ca) = simulator.ca_pem() {
        builder = builder.root_certificate_pem(ca);
    }
    builder.build().during("set up a ServiceNow client")
}

fn router_config(site: &Site, servicenow: &str, ca: &Path) -> Result<RouterConfig, DemoError> {
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\nlocal_tls_directory = {}\n\
         [trust]\nfile = {}\n\
         [state]\ndirectory = {}\n\
         [vault]\ndirectory = {}\n\
         [audit]\ndirectory = {}\norigin = {}\nkey_file = {}\ncheckpoint_s = 5\n\
         [servicenow]\nurl = {}\nca_file = {}\nclient_id = {}\nclient_secret_file = {}\npoll_s = 5\n\
         [platform]\nlocal_directory = {}\n\
         [timing.fleets]\n{} = {BENCH_SILENCE_S}\n\
         [log]\nfilter = \"error\"\n",
        quoted(&site.path("router/tls")),
        quoted(&site.trust_file()),
        quoted(&site.path("router")),
        quoted(&site.path("vault")),
        quoted(&site.path("router/audit")),
        toml::Value::from(LOG),
        quoted(&site.key_file("audit")),
        toml::Value::from(servicenow),
        quoted(ca),
        toml::Value::from(CLIENT_ID),
        quoted(&site.path("servicenow.secret")),
        quoted(&site.path("platform")),
        toml::Value::from(site.bench_fleet.as_str()),
    );
    load(site, "event-router.toml", router::config::DEFAULTS, &text)
}

fn webhook_config(site: &Site, router: &str, ca: &Path) -> Result<WebhookConfig, DemoError> {
    site.key("webhook")?;
    let text = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\nlocal_tls_directory = {}\n\
         [servicenow]\nsecret_files = [{}]\n\
         [router]\nurl = {}\nca_file = {}\n\
         [signing]\nkey_file = {}\n\
         [queue]\nfile = {}\n\
         [log]\nfilter = \"error\"\n",
        quoted(&site.path("webhook/tls")),
        quoted(&site.path("webhook.secret")),
        toml::Value::from(router),
        quoted(ca),
        quoted(&site.key_file("webhook")),
        quoted(&site.path("webhook/queue.sqlite")),
    );
    load(site, "webhook.toml", webhook::config::DEFAULTS, &text)
}

fn agent_config(site: &Site, device: &DeviceId, router: &str, ca: &Path) -> Result<AgentConfig, DemoError> {
    let platform = site.platform()?;
    let (root, baseline) = (platform.rootfs(device), platform.baseline(device));
    let text = format!(
        "[device]\nid = {}\nroot = {}\nkey_file = {}\n\
         [baseline]\ndocument = {}\nmanifest = {}\ntrust = {}\n\
         [verity]\nprobe = \"file\"\nimage = {}\nhash_tree = {}\n\
         [router]\nurl = {}\nca_file = {}\n\
         [state]\ndirectory = {}\n\
         [log]\nfilter = \"error\"\n",
        toml::Value::from(device.as_str()),
        quoted(&root),
        quoted(&site.key_file(device.as_str())),
        quoted(&baseline.document),
        quoted(&baseline.manifest),
        quoted(&baseline.trust),
        quoted(&baseline.image),
        quoted(&baseline.hash_tree),
        toml::Value::from(router),
        quoted(ca),
        quoted(&site.path("agents").join(device.as_str())),
    );
    load(site, &format!("agent-{device}.toml"), crate::agent::config::DEFAULTS, &text)
}

/// Writes a configuration file and reads it the way the binary does.
fn load<T: serde::de::DeserializeOwned>(
    site: &Site,
    name: &str,
    defaults: &str,
    text: &str,
) -> Result<T, DemoError> {
    let path = site.path("config").join(name);
    write_atomically(&path, text.as_bytes(), 0o644).during(&format!("write {}", path.display()))?;
    config::load(defaults, Some(&path), std::iter::empty()).during(&format!("read {}", path.display()))
}

fn quoted(path: &Path) -> toml::Value {
    toml::Value::from(path.to_string_lossy().into_owned())
}
