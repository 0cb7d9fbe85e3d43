//! A site with its keys, a ServiceNow, and routers that can be started on it again and again.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use openfactory_attest::BuildRecipe;
use openfactory_attest::audit::{self, VerifierKey};
use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::intent::BuildIntent;
use openfactory_attest::key::{Ed25519Key, KeyKind, Signer as _};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_examples::config;
use openfactory_examples::router::config::{DEFAULTS, RouterConfig};
use openfactory_examples::router::{Running, StartError, start};
use openfactory_examples::shutdown::Shutdown;
use openfactory_examples::state::SqliteStateStore;
use openfactory_examples::tls::http_client;
use openfactory_simulator::{OAuthClient, Simulator};
use openfactory_sn::SysId;
use openfactory_sn::lifecycle::cloud_event::CloudEvent;
use openfactory_sn::lifecycle::correlation;
use openfactory_sn::lifecycle::entity::Entity;
use openfactory_sn::lifecycle::event::build::BuildRequested;
use openfactory_sn::lifecycle::event::{Event, EventBody, PAYLOAD_TYPE};
use openfactory_sn::lifecycle::id::{BuildId, EventId, FleetId};
use openfactory_sn::lifecycle::state::StateStore as _;
use openfactory_sn::lifecycle::state::commit::{Commit, CommitOutcome, Write};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const STRUCTURED: &str = "application/cloudevents+json";
pub(crate) const SECRET: &str = "the-right-secret";
pub(crate) const TOKEN: &str = "an operator's token";
pub(crate) const ORIGIN: &str = "openfactory.example/test";

pub(crate) struct World {
    folder: TempDir,
    pub(crate) platform: Ed25519Key,
    pub(crate) device: Ed25519Key,
    pub(crate) other_device: Ed25519Key,
    pub(crate) operator: Ed25519Key,
    pub(crate) webhook: Ed25519Key,
    log: Ed25519Key,
    pub(crate) simulator: Simulator,
}

pub(crate) struct Router {
    running: Running,
    stop: Shutdown,
    http: reqwest::Client,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let simulator = Simulator::builder()
            .client(OAuthClient::new("router", SECRET))
            .client(OAuthClient::new("app", SECRET).redirect_uri("http://127.0.0.1:1/back"))
            .start()
            .await
            .unwrap();
        let [platform, device, webhook, log, other_device, operator, signing] =
            [1, 2, 3, 4, 5, 6, 7].map(|seed| Ed25519Key::from_seed(&[seed; 32]));
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, platform, device, other_device, operator, webhook, log, simulator };
        let mut trust = TrustStore::new();
        for (name, kind, key) in [
            ("platform", KeyKind::BuildPlatformSigning, &world.platform),
            ("edge-1", KeyKind::DeviceAttestation, &world.device),
            ("edge-2", KeyKind::DeviceAttestation, &world.other_device),
            ("ada", KeyKind::Operator, &world.operator),
            ("router", KeyKind::Integration, &signing),
            ("webhook", KeyKind::Integration, &world.webhook),
        ] {
            trust.add(TrustedKey::new(name, kind, key.public_key().clone())).unwrap();
        }
        std::fs::write(world.path("trust.json"), trust.to_json()).unwrap();
        std::fs::write(world.path("ca.pem"), world.simulator.ca_pem().unwrap()).unwrap();
        write_private(&world.path("audit.pem"), world.log.to_pem().unwrap().as_bytes());
        write_private(&world.path("signing.pem"), signing.to_pem().unwrap().as_bytes());
        write_private(&world.path("operator.token"), TOKEN.as_bytes());
        world.set_secret(SECRET);
        world
    }

    pub(crate) fn set_secret(&self, secret: &str) {
        write_private(&self.path("secret"), secret.as_bytes());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file that an operator would write.
    pub(crate) fn config_file(&self, servicenow: &str) -> PathBuf {
        let at = |name: &str| toml::Value::from(self.path(name).to_str().unwrap());
        let text = format!(
            "[listen]\naddress = \"127.0.0.1:0\"\nlocal_tls_directory = {}\n[trust]\nfile = {}\n\
             [state]\ndirectory = {}\n[audit]\ndirectory = {}\norigin = \"{ORIGIN}\"\nkey_file = {}\n\
             [servicenow]\nurl = \"{servicenow}\"\nca_file = {}\nclient_id = \"router\"\n\
             client_secret_file = {}\npoll_s = 1\n[platform]\nlocal_directory = {}\n\
             [signing]\nkey_file = {}\n[operator]\ntoken_file = {}\n[log]\nfilter = \"error\"\n",
            at("tls"),
            at("trust.json"),
            at("state"),
            at("audit"),
            at("audit.pem"),
            at("ca.pem"),
            at("secret"),
            at("platform"),
            at("signing.pem"),
            at("operator.token"),
        );
        let path = self.path("event-router.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Has the state store, whose router does not run, remember these: key and document.
    pub(crate) async fn plant(&self, documents: &[(String, Value)]) {
        std::fs::create_dir_all(self.path("state")).unwrap();
        let store = SqliteStateStore::open(&self.path("state/state.sqlite")).unwrap();
        let mut commit = Commit::new(EventId::new("planted").unwrap());
        for (key, document) in documents {
            let entity = Entity::parse_document(&document.to_string()).unwrap();
            commit.writes.push(Write::new(key.parse().unwrap(), 0, entity));
        }
        assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    }

    /// Plants a verified build and a device that runs it.
    pub(crate) async fn plant_device(&self, compliance: &str, known_good: &[&str], incidents: Value) {
        let manifest = Sha256Digest::of(b"manifest");
        let build = json!({
            "fleet": "line-7", "change_request": "6b566b0977684da34ed046d34287f7ec", "stage": "verified",
            "root_hash": manifest, "manifest_digest": manifest, "document_digest": manifest,
        });
        let device = json!({
            "fleet": "line-7", "build_id": "b-0", "compliance": compliance, "quarantined": false,
            "last_report": null, "reports_count_from": "2026-11-25T14:00:00.000Z", "awaiting_since": null,
            "recorded_at": null, "incidents": incidents, "order": null, "known_good": known_good,
            "supersedes": null,
        });
        let document = |kind: &str, data| json!({ "kind": kind, "format": 1, "data": data });
        self.plant(&[
            ("build/b-0".to_owned(), document("build", build)),
            ("device/edge-1".to_owned(), document("device", device)),
        ])
        .await;
    }

    /// A fleet on a bad day, for [`plant`](Self::plant): a device that drifted, one that is kept apart, one that is
    /// well, and a compromised key.
    pub(crate) fn bad_day() -> Vec<(String, Value)> {
        let device = |id: &str, compliance: &str, incidents: Value| {
            let data = json!({
                "fleet": "line-7", "build_id": "b-0", "compliance": compliance,
                "quarantined": compliance == "quarantined", "last_report": "2026-11-25T14:43:25.000Z",
                "reports_count_from": "2026-11-25T14:00:00.000Z", "awaiting_since": null, "recorded_at": null,
                "incidents": incidents, "order": null, "known_good": [], "supersedes": null,
            });
            (format!("device/{id}"), json!({ "kind": "device", "format": 1, "data": data }))
        };
        let open = |incident: &str, priority: &str| json!([{ "incident": incident, "cause": "00".repeat(32), "priority": priority }]);
        let key = "11".repeat(32);
        let data = json!({
            "key": {
                "key_id": key, "kind": "build-platform-signing", "name": "platform",
                "window": { "log": ORIGIN, "from": 7 },
            },
            "incident": "incident/key/platform", "detected_at": "2026-11-25T14:43:25.000Z",
            "stage": "containing", "revocation": null, "radius": {}, "resigned": [],
            "devices": ["edge-1", "edge-2"], "converged": ["edge-2"], "review": null,
        });
        vec![
            device("edge-1", "drifted", open("incident/edge-1/drift", "P3")),
            device("edge-2", "compliant", json!([])),
            device("edge-3", "quarantined", open("incident/edge-3/tampered", "P1")),
            (format!("compromise/{key}"), json!({ "kind": "compromise", "format": 1, "data": data })),
        ]
    }

    pub(crate) async fn start(&self) -> Router {
        self.start_for(self.simulator.base_url()).await
    }

    pub(crate) async fn start_for(&self, servicenow: &str) -> Router {
        self.start_changed(servicenow, |_| {}).await
    }

    /// Starts a router of another configuration.
    pub(crate) async fn start_changed(
        &self,
        servicenow: &str,
        change: impl FnOnce(&mut RouterConfig),
    ) -> Router {
        let file = self.config_file(servicenow);
        let mut config: RouterConfig = config::load(DEFAULTS, Some(&file), []).unwrap();
        change(&mut config);
        let stop = Shutdown::new();
        let running = start(&config, &stop).await.unwrap();
        let http = http_client(Some(&self.path("tls/ca.pem")), Duration::from_secs(30)).unwrap();
        Router { running, stop, http }
    }

    /// A request for a build, signed by the platform.
    /// Why a router of this configuration does not start.
    pub(crate) async fn refused(&self, change: impl FnOnce(&mut RouterConfig)) -> StartError {
        let file = self.config_file(self.servicenow());
        let mut config: RouterConfig = config::load(DEFAULTS, Some(&file), []).unwrap();
        change(&mut config);
        start(&config, &Shutdown::new()).await.unwrap_err()
    }

    pub(crate) fn servicenow(&self) -> &str {
        self.simulator.base_url()
    }

    pub(crate) fn request(&self, build: &str) -> Event {
        let recipe = json!({"name": "edge", "baseImage": "debian-trixie", "features": ["ssh"]});
        let recipe = BuildRecipe::from_json(recipe).unwrap();
        let intent = BuildIntent::new(recipe.recipe_hash(), "please", "ada@example.com", "13", now());
        let intent = intent.sign(&self.platform).unwrap();
        let (build, fleet) = (BuildId::new(build).unwrap(), FleetId::new("line-7").unwrap());
        let id = EventId::new(format!("{build}.requested")).unwrap();
        let body = BuildRequested::new(build, fleet, "13", "ada@example.com", "please", recipe, intent);
        Event::new(id, "/test", now(), EventBody::BuildRequested(Box::new(body)))
    }

    /// Waits until ServiceNow has the change request of a build, whole.
    pub(crate) async fn change_request(&self, build: &str) -> SysId {
        let sys_id = SysId::derived("change_request", &correlation::change(&BuildId::new(build).unwrap()));
        for _ in 0..600 {
            let row = self.simulator.store().record("change_request", sys_id.as_str()).unwrap();
            if row.is_some_and(|row| row.value("approval") == "requested") {
                return sys_id;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("ServiceNow never had the change request of {build}");
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        self.simulator.store().records(table).unwrap().len()
    }

    /// Whether the audit log tells of something of this kind, such as `event.refused`.
    pub(crate) fn tells_of(&self, what: &str) -> bool {
        let journal = std::fs::read_to_string(self.path("audit/journal")).unwrap();
        journal.contains(&format!("\"what\":\"{what}\""))
    }

    /// Whether the audit log holds this text.
    pub(crate) fn audit_says(&self, text: &str) -> bool {
        std::fs::read_to_string(self.path("audit/journal")).unwrap().contains(text)
    }

    /// Verifies the audit log from its files; gives how many entries it has.
    pub(crate) fn audited(&self) -> u64 {
        let key = VerifierKey::new(ORIGIN, self.log.public_key().clone()).unwrap();
        let report = audit::verify(&self.path("audit"), &key, None).unwrap();
        assert!(report.is_good(), "{report:?}");
        report.verified.size
    }
}

impl Router {
    pub(crate) async fn post(&self, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let url = format!("{}/v1/events", self.running.local_url);
        let request = self.http.post(url).header("content-type", media_type).body(body.into());
        Self::answer(request).await
    }

    pub(crate) async fn send(&self, event: &Event, key: &Ed25519Key) -> Answer {
        self.post(STRUCTURED, cloud(event, key)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Self::answer(self.request(path)).await
    }

    /// A GET that is still to be sent.
    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.local_url)
    }

    pub(crate) async fn binary(&self, headers: &[(&str, String)], body: Vec<u8>) -> Answer {
        let mut request = self.http.post(format!("{}/v1/events", self.running.local_url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Self::answer(request).await
    }

    async fn answer(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, retry_after) = (response.status(), response.headers().contains_key("retry-after"));
        let text = response.text().await.unwrap();
        Answer { status, retry_after, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// Asks for something with these headers.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, String)]) -> Answer {
        let url = format!("{}{path}", self.running.local_url);
        let mut request = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Self::answer(request).await
    }

    /// A gauge of `/metrics`.
    pub(crate) async fn gauge(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.body;
        let wanted = format!("event_router_{name} ");
        let line = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(&wanted)?.parse().ok());
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Waits until a gauge has this value.
    pub(crate) async fn until(&self, name: &str, value: u64) {
        for _ in 0..400 {
            if self.gauge(name).await == value {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is {}, never {value}", self.gauge(name).await);
    }

    pub(crate) async fn stop(self) {
        self.stop.trigger();
        self.running.stopped().await.unwrap();
    }
}

pub(crate) fn cloud(event: &Event, key: &Ed25519Key) -> Vec<u8> {
    let envelope = Envelope::sign(PAYLOAD_TYPE, &event.to_payload().unwrap(), key).unwrap();
    CloudEvent::of(event, envelope).to_json()
}

pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn write_private(path: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
